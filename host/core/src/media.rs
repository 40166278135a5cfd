//! What a system does for a host: the bytes of files, mappings and memory. The trait where the core ends below.
use crate::{
    options::Control,
    stats::Usage,
    types::{Advice, AdviceEffect, BatchError, SourceStat, StorageError, Strategy},
};

/// Nanoseconds since some moment that does not change while the program runs; never runs backwards.
pub type Clock = fn() -> u64;

/// A span that the core has checked: it lies inside its file, its mapping or its buffer. Nobody else can make one, so no
/// medium ever sees a span that a guest has chosen alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    offset: u64,
    len: u64,
}

impl Span {
    /// The span, if it lies inside `size` bytes.
    ///
    /// # Errors
    /// `out-of-bounds` where it does not.
    pub(crate) fn within(offset: u64, len: u64, size: u64) -> Result<Self, StorageError> {
        match offset.checked_add(len) {
            Some(end) if end <= size => Ok(Self { offset, len }),
            _ => Err(StorageError::OutOfBounds),
        }
    }

    /// Its first byte.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Its bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The byte after its last.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset + self.len
    }

    /// The span of this and of the one that begins where it ends.
    pub(crate) fn joined(self, next: Self) -> Option<Self> {
        let len = self.len.checked_add(next.len).filter(|_| self.end() == next.offset)?;
        Some(Self { offset: self.offset, len })
    }

    /// The span in parts of at most `size` bytes, in order.
    pub fn chunks(self, size: u64) -> impl Iterator<Item = Self> {
        let size = size.max(1);
        (0..self.len.div_ceil(size)).map(move |number| {
            let done = number * size;
            Self { offset: self.offset + done, len: size.min(self.len - done) }
        })
    }
}

/// A piece of a batch: bytes of a file that go to a place of a buffer.
pub struct Piece<'a, M: Media> {
    /// Index of the span in the batch.
    pub index: u32,
    /// The file.
    pub source: &'a M::Source,
    /// Where in the file.
    pub from: Span,
    /// Where in the buffer.
    pub to: Span,
}

/// All that goes to one buffer. Its pieces are sorted by their place in the buffer, and no two share a byte of it.
pub struct Fill<'a, M: Media> {
    /// The buffer; no view of it is out.
    pub buffer: &'a mut M::Buffer,
    /// What goes to it.
    pub pieces: Vec<Piece<'a, M>>,
}

/// Files, mappings and memory of one system.
///
/// The core has checked every span, handle and quota before it calls; a medium does the work and says what the system
/// answered. It keeps no table of its own.
pub trait Media: Sized + 'static {
    /// A file that is open.
    type Source;
    /// A part of a file that is mapped. Ends when it is dropped.
    type Mapping;
    /// Memory that takes tensor bytes. Is given back when it is dropped.
    type Buffer;

    /// The clock of the system.
    fn now() -> u64;

    /// The clock of the processor: nanoseconds that this thread has computed since some moment. Where a system has no such
    /// clock it is [`Self::now`].
    #[must_use]
    fn busy() -> u64 {
        Self::now()
    }

    /// Whether the system has so many bytes of memory left for the guest, which may write to all of it from now on.
    #[must_use]
    fn has_room(&mut self, bytes: u64) -> bool {
        let _ = bytes;
        true
    }

    /// Whether the embedder asks by a way of the system's own that the work ends, such as a flag in shared memory.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// The order of `auto`: the strategy that suits this system best comes first.
    fn auto(&self) -> &[Strategy];

    /// Offsets of mappings are multiples of this many bytes; a power of two.
    fn map_granularity(&self) -> u64;

    /// Bytes of a file, as it was when it was granted.
    fn size(&self, source: &Self::Source) -> u64;

    /// What the file is now.
    ///
    /// # Errors
    /// `changed` where it is not what was granted.
    fn stat(&mut self, source: &Self::Source) -> Result<SourceStat, StorageError>;

    /// Header bytes. The answer has as many bytes as the span.
    ///
    /// # Errors
    /// `end-of-source`, `changed`, `io` and the like.
    fn read(&mut self, source: &Self::Source, span: Span) -> Result<Vec<u8>, StorageError>;

    /// Bytes for a consumer. `to` has as many as the span.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_into(&mut self, source: &Self::Source, span: Span, to: &mut [u8]) -> Result<(), StorageError>;

    /// Maps a part of a file, which is not empty and begins at a multiple of the granularity.
    ///
    /// # Errors
    /// `unsupported`, `exhausted`, `changed`, `io` and the like.
    fn map(&mut self, source: &Self::Source, span: Span) -> Result<Self::Mapping, StorageError>;

    /// Whether a mapping is private: its file system has no shared ones, and what others write to the file may never be seen in
    /// it.
    #[must_use]
    fn is_private(mapping: &Self::Mapping) -> bool {
        let _ = mapping;
        false
    }

    /// Advice for a part of a mapping, which is not empty; `mapping_offset` is where the mapping begins in its file.
    ///
    /// # Errors
    /// The system failed; that it has no such advice is an effect, not an error.
    fn advise(
        &mut self,
        source: &Self::Source,
        mapping: &Self::Mapping,
        mapping_offset: u64,
        span: Span,
        advice: Advice,
    ) -> Result<AdviceEffect, StorageError>;

    /// Fresh memory, all zeros.
    ///
    /// # Errors
    /// `exhausted`.
    fn allocate(&mut self, len: u64) -> Result<Self::Buffer, StorageError>;

    /// Bytes of a buffer. Registered memory is the embedder's and is asked again whenever it is used.
    fn buffer_len(buffer: &Self::Buffer) -> u64;

    /// Moves a batch of checked pieces: all of it counts, or nothing does and the error names the lowest span that failed. Looks at `control`
    /// at least once every few MiB, and counts what it moves in `usage` as it goes.
    ///
    /// # Errors
    /// The lowest span that failed, and why.
    fn fill(&mut self, fills: Vec<Fill<'_, Self>>, control: &Control, usage: &Usage) -> Result<(), BatchError>;
}
