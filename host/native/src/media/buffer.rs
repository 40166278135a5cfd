//! Memory that takes tensor bytes: of this process, or the embedder's.
use super::room::Untouched;
use crate::external::Memory;
use weighbridge_core::StorageError;

/// From this size on memory comes from the system, which gives it zeroed without touching it.
const LARGE: usize = 1 << 20;

/// Host memory.
pub struct Buffer {
    block: Block,
    untouched: Option<Untouched>,
}

enum Block {
    Small(Vec<u8>),
    Large(memmap2::MmapMut),
    External(Box<dyn Memory>),
}

impl Buffer {
    /// Fresh zeroed memory. No memory is an answer, never an abort.
    pub(crate) fn new(len: u64) -> Result<Self, StorageError> {
        let size = usize::try_from(len).map_err(|_| StorageError::Exhausted)?;
        let mut untouched = Untouched::take(len).ok_or(StorageError::Exhausted)?;
        let block = if size < LARGE {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(size).map_err(|_| StorageError::Exhausted)?;
            bytes.resize(size, 0);
            untouched.touch(len);
            Block::Small(bytes)
        } else {
            Block::Large(memmap2::MmapMut::map_anon(size).map_err(|_| StorageError::Exhausted)?)
        };
        Ok(Self { block, untouched: Some(untouched) })
    }

    /// So many bytes of it are about to be written to.
    pub(super) fn touch(&mut self, bytes: u64) {
        if let Some(untouched) = &mut self.untouched {
            untouched.touch(bytes);
        }
    }

    /// Memory that the embedder registered.
    pub(crate) fn external(memory: Box<dyn Memory>) -> Self {
        Self { block: Block::External(memory), untouched: None }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.block {
            Block::Small(bytes) => bytes,
            Block::Large(bytes) => bytes,
            Block::External(memory) => memory.bytes(),
        }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.block {
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
