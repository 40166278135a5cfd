//! Memory that takes tensor bytes: of this process, or the embedder's.
use crate::external::Memory;
use weighbridge_core::StorageError;

/// From this size on memory comes from the system, which gives it zeroed without touching it.
const LARGE: usize = 1 << 20;

/// Host memory.
pub struct Buffer(Block);

enum Block {
    Small(Vec<u8>),
    Large(memmap2::MmapMut),
    External(Box<dyn Memory>),
}

impl Buffer {
    /// Fresh zeroed memory. No memory is an answer, never an abort.
    pub(crate) fn new(len: u64) -> Result<Self, StorageError> {
        let size = usize::try_from(len).map_err(|_| StorageError::Exhausted)?;
        Ok(Self(if size < LARGE {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(size).map_err(|_| StorageError::Exhausted)?;
            bytes.resize(size, 0);
            Block::Small(bytes)
        } else {
            Block::Large(memmap2::MmapMut::map_anon(size).map_err(|_| StorageError::Exhausted)?)
        }))
    }

    /// Memory that the embedder registered.
    pub(crate) fn external(memory: Box<dyn Memory>) -> Self {
        Self(Block::External(memory))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Block::Small(bytes) => bytes,
            Block::Large(bytes) => bytes,
            Block::External(memory) => memory.bytes(),
        }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Block::Small(bytes) => bytes,
            Block::Large(bytes) => bytes,
            Block::External(memory) => memory.bytes_mut(),
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer").field("len", &self.bytes().len()).finish()
    }
}
