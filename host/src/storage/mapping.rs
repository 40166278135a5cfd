//! A read-only mapping of a part of a file.
use super::{Source, end_within, storage_error};
use crate::{
    platform::{self, unsafe_ops},
    stats::Usage,
    types::{Advice, AdviceEffect, StorageError},
};
use std::sync::Arc;

/// Lives as long as the table of the session or any view has it.
pub(crate) struct Mapping {
    map: memmap2::Mmap,
    pub(crate) source: Source,
    pub(crate) offset: u64,
    usage: Arc<Usage>,
}

impl Mapping {
    /// Maps `[offset, offset + len)` of the file. Clamp: the offset must be a multiple of the granularity, the span must
    /// not be empty and must lie inside the file as it was granted, and it must fit into what may be mapped at once.
    pub(crate) fn new(
        source: &Source,
        offset: u64,
        len: u64,
        max_bytes: u64,
        usage: &Arc<Usage>,
    ) -> Result<Self, StorageError> {
        if len == 0 || !offset.is_multiple_of(platform::map_granularity()) {
            return Err(StorageError::OutOfBounds);
        }
        end_within(offset, len, source.size())?;
        if len > max_bytes.saturating_sub(usage.mapped_bytes()) {
            return Err(StorageError::Exhausted);
        }
        let size = usize::try_from(len).map_err(|_| StorageError::Exhausted)?;
        source.check()?;
        let map = unsafe_ops::map(&source.file, offset, size).map_err(|error| storage_error(&error))?;
        usage.mapped(len);
        Ok(Self { map, source: source.clone(), offset, usage: usage.clone() })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    pub(crate) fn len(&self) -> u64 {
        self.map.len() as u64
    }

    /// Advice for a part of it. Clamp: the span must lie inside the mapping; an empty one has nothing to be acted on.
    pub(crate) fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<AdviceEffect, StorageError> {
        let end = end_within(offset, len, self.len())?;
        if len == 0 {
            return Ok(AdviceEffect::Ignored);
        }
        // Both fit: they are at most the length of a mapping that exists.
        let (start, end) = (offset as usize, end as usize);
        platform::advise(&self.map, &self.source.file, self.offset, start..end, advice)
            .map_err(|error| storage_error(&error))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.usage.unmapped(self.map.len() as u64);
    }
}
