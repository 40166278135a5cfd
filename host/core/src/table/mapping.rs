//! A read-only mapping of a part of a file.
use crate::{
    media::{Media, Span},
    stats::Usage,
};
use std::sync::Arc;

/// Lives as long as the table of the session or any view has it.
pub struct Mapping<M: Media> {
    inner: M::Mapping,
    source: Arc<M::Source>,
    span: Span,
    usage: Arc<Usage>,
}

impl<M: Media> Mapping<M> {
    /// Of a mapping that `usage` has taken already.
    pub(crate) fn new(inner: M::Mapping, source: Arc<M::Source>, span: Span, usage: &Arc<Usage>) -> Self {
        usage.mapped(M::is_private(&inner));
        Self { inner, source, span, usage: usage.clone() }
    }

    /// The system's own mapping.
    #[must_use]
    pub const fn inner(&self) -> &M::Mapping {
        &self.inner
    }

    /// The file that is mapped.
    #[must_use]
    pub const fn source(&self) -> &Arc<M::Source> {
        &self.source
    }

    /// Where in its file it begins.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.span.offset()
    }

    /// Its bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no mapping is empty")]
    pub const fn len(&self) -> u64 {
        self.span.len()
    }
}

impl<M: Media> Drop for Mapping<M> {
    fn drop(&mut self) {
        self.usage.unmapped(self.span.len(), M::is_private(&self.inner));
    }
}
