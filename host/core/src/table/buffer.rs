//! Memory that takes tensor bytes.
use crate::{
    media::{Media, Span},
    stats::Usage,
};
use std::sync::Arc;

/// Bytes of a file that were moved to a place of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Number of the file.
    pub(super) source: u32,
    pub(super) from: Span,
    pub(super) to: Span,
}

/// Lives as long as the table of the session or any view has it.
pub struct Buffer<M: Media> {
    memory: M::Buffer,
    /// Bytes that count as the session's; none of the embedder's memory.
    counted: Option<u64>,
    /// What was moved here, sorted by its place; runs that go on in file and buffer are one.
    moved: Vec<Run>,
    usage: Arc<Usage>,
}

impl<M: Media> Buffer<M> {
    /// Of `len` bytes that `usage` has taken already.
    pub(crate) fn fresh(memory: M::Buffer, len: u64, usage: &Arc<Usage>) -> Self {
        Self { memory, counted: Some(len), moved: Vec::new(), usage: usage.clone() }
    }

    pub(crate) fn registered(memory: M::Buffer, usage: &Arc<Usage>) -> Self {
        Self { memory, counted: None, moved: Vec::new(), usage: usage.clone() }
    }

    /// The memory.
    #[must_use]
    pub const fn memory(&self) -> &M::Buffer {
        &self.memory
    }

    pub(crate) const fn memory_mut(&mut self) -> &mut M::Buffer {
        &mut self.memory
    }

    /// Remembers what was moved here. What was there before is forgotten, and runs that go on in one another become one.
    pub(super) fn remember(&mut self, run: Run) {
        let appended = self.moved.last().is_none_or(|last| last.to.end() <= run.to.offset());
        let place = if appended {
            self.moved.len()
        } else {
            self.moved.retain(|kept| kept.to.end() <= run.to.offset() || run.to.end() <= kept.to.offset());
            self.moved.partition_point(|kept| kept.to.offset() < run.to.offset())
        };
        self.moved.insert(place, run);
        self.join(place);
        if let Some(before) = place.checked_sub(1) {
            self.join(before);
        }
    }

    /// Makes one of the run at a place and of the next one, where that goes on from it.
    fn join(&mut self, at: usize) {
        let (Some(run), Some(next)) = (self.moved.get(at), self.moved.get(at + 1)) else { return };
        if run.source != next.source {
            return;
        }
        if let (Some(from), Some(to)) = (run.from.joined(next.from), run.to.joined(next.to)) {
            let source = run.source;
            self.moved[at] = Run { source, from, to };
            self.moved.remove(at + 1);
        }
    }

    /// Whether `span` of this buffer holds the bytes that file `source` has from `offset` on.
    pub(crate) fn holds(&self, source: u32, offset: u64, span: Span) -> bool {
        if span.is_empty() {
            return true;
        }
        let after = self.moved.partition_point(|run| run.to.offset() <= span.offset());
        after.checked_sub(1).and_then(|at| self.moved.get(at)).is_some_and(|run| {
            run.source == source
                && span.end() <= run.to.end()
                && run.from.offset().checked_add(span.offset() - run.to.offset()) == Some(offset)
        })
    }

    /// Its bytes.
    pub(crate) fn len(&self) -> u64 {
        M::buffer_len(&self.memory)
    }
}

impl<M: Media> Drop for Buffer<M> {
    fn drop(&mut self) {
        if let Some(bytes) = self.counted {
            self.usage.give_buffer(bytes);
        }
    }
}
