//! Where tensor bytes are moved to: host memory, memory of the embedder, or a consumer of chunks.
use crate::{
    external::{Consumer, Memory},
    stats::Usage,
    types::StorageError,
};
use std::sync::{Arc, Mutex};

/// From this size on memory comes from the system, which gives it zeroed without touching it.
const LARGE: usize = 1 << 20;

/// Host memory. Lives as long as the table of the session or any view has it.
pub(crate) struct Buffer {
    block: Block,
    usage: Arc<Usage>,
}

enum Block {
    Small(Vec<u8>),
    Large(memmap2::MmapMut),
    External(Box<dyn Memory>),
}

impl Buffer {
    /// Fresh zeroed memory. Clamp: it must fit into what may be allocated at once, and no memory is an answer, never an
    /// abort.
    pub(crate) fn new(len: u64, max_bytes: u64, usage: &Arc<Usage>) -> Result<Self, StorageError> {
        if len > max_bytes.saturating_sub(usage.buffer_bytes()) {
            return Err(StorageError::Exhausted);
        }
        let size = usize::try_from(len).map_err(|_| StorageError::Exhausted)?;
        let block = if size < LARGE {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(size).map_err(|_| StorageError::Exhausted)?;
            bytes.resize(size, 0);
            Block::Small(bytes)
        } else {
            Block::Large(memmap2::MmapMut::map_anon(size).map_err(|_| StorageError::Exhausted)?)
        };
        usage.allocated(len);
        Ok(Self { block, usage: usage.clone() })
    }

    /// Memory that the embedder registered.
    pub(crate) fn external(memory: Box<dyn Memory>, usage: &Arc<Usage>) -> Self {
        Self { block: Block::External(memory), usage: usage.clone() }
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

impl Drop for Buffer {
    fn drop(&mut self) {
        if !matches!(self.block, Block::External(_)) {
            self.usage.freed(self.bytes().len() as u64);
        }
    }
}

/// What a target's id stands for.
pub(crate) enum Target {
    /// Memory of ours.
    Fresh(Arc<Buffer>),
    /// Memory of the embedder, by the name it was registered for; it goes back there when the guest lets go of it.
    Registered { name: String, buffer: Arc<Buffer> },
    /// A tensor of so many bytes that goes to the consumer.
    Consumer { tensor: u32, len: u64 },
}

impl Target {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Fresh(buffer) | Self::Registered { buffer, .. } => buffer.bytes().len() as u64,
            Self::Consumer { len, .. } => *len,
        }
    }

    /// The memory to write to, unless a view is out.
    pub(crate) fn writable(&mut self) -> Result<Option<&mut [u8]>, StorageError> {
        match self {
            Self::Fresh(buffer) | Self::Registered { buffer, .. } => {
                Arc::get_mut(buffer).map(|buffer| Some(buffer.bytes_mut())).ok_or(StorageError::Busy)
            }
            Self::Consumer { .. } => Ok(None),
        }
    }
}

/// The consumer of one load. The lock is never waited for: only the thread that works for the session takes it.
pub(crate) struct Sink {
    pub(crate) chunk: usize,
    pub(crate) tensors: std::collections::HashMap<String, (u32, u64)>,
    /// With the memory that chunks are staged in: the same for every batch of the load, so that there is never more of it.
    pub(crate) consumer: Mutex<(Consumer, Vec<u8>)>,
}
