//! A part of a file that is in memory without a copy.
use crate::{
    platform::unsafe_ops::{self, Guard},
    source::Mapped,
};
use std::{fs::File, io, ops::Deref};

/// A mapping of the system, or memory that the embedder has anyway.
#[derive(Debug)]
pub enum Mapping {
    File(FileMap),
    Memory(Mapped),
}

/// A mapping of the system. Dropped in this order: the guard goes before what it guards.
#[derive(Debug)]
pub struct FileMap {
    guard: Option<Guard>,
    map: memmap2::Mmap,
}

impl FileMap {
    /// Maps a part of a file. A view of it reads zeros where the file has lost a page, unless its owner `promised` that it
    /// stays as it is.
    ///
    /// # Errors
    /// The system's; out of memory where no more mappings can be guarded.
    pub(super) fn new(file: &File, offset: u64, len: usize, promised: bool) -> io::Result<Self> {
        let map = unsafe_ops::map(file, offset, len)?;
        let guard = (!promised).then(|| Guard::of(&map).ok_or(io::ErrorKind::OutOfMemory)).transpose()?;
        Ok(Self { guard, map })
    }

    pub(super) const fn map(&self) -> &memmap2::Mmap {
        &self.map
    }
}

impl Mapping {
    /// Whether a read has found that the file has lost a page: from there on, zeros were shown.
    pub(crate) fn lost(&self) -> bool {
        match self {
            Self::File(FileMap { guard: Some(guard), .. }) => guard.lost(),
            Self::File(_) | Self::Memory(_) => false,
        }
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File(file) => &file.map,
            Self::Memory(mapped) => mapped,
        }
    }
}
