//! What this system does for the core: files, mappings and memory.
mod buffer;
mod descriptor;
mod mapping;
mod room;
mod source;
mod transfer;

pub(crate) use buffer::Buffer;
use mapping::FileMap;
pub(crate) use mapping::Mapping;
pub(crate) use source::{Folder, Source};

use crate::platform;
use room::Untouched;
use std::{io, ops::Range, sync::OnceLock, time::Instant};
use weighbridge_core::{
    Advice, AdviceEffect, BatchError, Control, Fill, Media, SourceStat, Span, StorageError, Strategy, Usage, nanos,
};

/// Files, mappings and memory of this machine.
#[derive(Debug)]
pub struct Native {
    threads: usize,
    /// The guest's memory. What of it was written to nobody knows here, so none counts as used.
    guest: Untouched,
}

impl Native {
    /// Moves the bytes of a batch on so many threads; 0 for as many as there are processors, at most 8.
    pub(crate) fn new(threads: usize) -> Self {
        let threads = if threads == 0 { processors().min(8) } else { threads };
        Self { threads, guest: Untouched::default() }
    }
}

/// Processors that this process may use. Asked once: the answer takes a dozen system calls, a tenth of what opening a small
/// model does.
fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// An error of the system in the words of the contract.
pub(crate) fn storage_error(error: &io::Error) -> StorageError {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::PermissionDenied, _) => StorageError::AccessDenied,
        (io::ErrorKind::OutOfMemory, _) => StorageError::Exhausted,
        (io::ErrorKind::UnexpectedEof, _) => StorageError::EndOfSource,
        (io::ErrorKind::Unsupported, _) => StorageError::Unsupported,
        (_, Some(code)) => StorageError::Io(code),
        _ => StorageError::Other(error.to_string()),
    }
}

/// A checked span as a range of memory that is there.
fn range(span: Span) -> Result<Range<usize>, StorageError> {
    let fits = |value: u64| usize::try_from(value).map_err(|_| StorageError::OutOfBounds);
    Ok(fits(span.offset())?..fits(span.end())?)
}

impl Media for Native {
    type Source = Source;
    type Mapping = Mapping;
    type Buffer = Buffer;

    fn now() -> u64 {
        static BEGIN: OnceLock<Instant> = OnceLock::new();
        nanos(BEGIN.get_or_init(Instant::now).elapsed())
    }

    fn busy() -> u64 {
        platform::thread_time().unwrap_or_else(Self::now)
    }

    fn has_room(&mut self, bytes: u64) -> bool {
        self.guest.grow(bytes)
    }

    /// Map, else read in chunks (with progress, and a point to cancel, between them), else read at once.
    fn auto(&self) -> &[Strategy] {
        &[Strategy::MappedFile, Strategy::StagedRead, Strategy::ReadCopy]
    }

    fn map_granularity(&self) -> u64 {
        platform::map_granularity()
    }

    fn size(&self, source: &Source) -> u64 {
        source.size()
    }

    fn stat(&mut self, source: &Source) -> Result<SourceStat, StorageError> {
        source.stat()
    }

    fn read(&mut self, source: &Source, span: Span) -> Result<Vec<u8>, StorageError> {
        source.read(span)
    }

    fn read_into(&mut self, source: &Source, span: Span, to: &mut [u8]) -> Result<(), StorageError> {
        source.read_exact(to, span.offset())
    }

    fn map(&mut self, source: &Source, span: Span) -> Result<Mapping, StorageError> {
        let size = usize::try_from(span.len()).map_err(|_| StorageError::Exhausted)?;
        source.check()?;
        let Some((file, base)) = source.file()? else {
            return source.memory(span.offset(), size).map(Mapping::Memory);
        };
        let mapped = FileMap::new(&file, base + span.offset(), size, source.is_promised());
        mapped.map(Mapping::File).map_err(|error| storage_error(&error))
    }

    fn is_private(mapping: &Mapping) -> bool {
        mapping.is_private()
    }

    fn advise(
        &mut self,
        source: &Source,
        mapping: &Mapping,
        mapping_offset: u64,
        span: Span,
        advice: Advice,
    ) -> Result<AdviceEffect, StorageError> {
        let Mapping::File(map) = mapping else { return Ok(AdviceEffect::Unsupported) };
        // The mapping outlives the name of its file, and advice for it does.
        let file = source.file().ok().flatten();
        let file = file.as_ref().map(|(file, base)| (&**file, base + mapping_offset));
        platform::advise(map.map(), file, range(span)?, advice).map_err(|error| storage_error(&error))
    }

    fn allocate(&mut self, len: u64) -> Result<Buffer, StorageError> {
        Buffer::new(len)
    }

    fn buffer_len(buffer: &Buffer) -> u64 {
        buffer.bytes().len() as u64
    }

    fn fill(&mut self, fills: Vec<Fill<'_, Self>>, control: &Control, usage: &Usage) -> Result<(), BatchError> {
        transfer::fill(fills, self.threads, control, usage)
    }
}

#[cfg(test)]
mod tests;
