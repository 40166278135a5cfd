//! A part of a file that is in memory without a copy.
use crate::source::Mapped;
use std::ops::Deref;

/// A mapping of the system, or memory that the embedder has anyway.
#[derive(Debug)]
pub enum Mapping {
    File(memmap2::Mmap),
    Memory(Mapped),
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File(map) => map,
            Self::Memory(mapped) => mapped,
        }
    }
}
