//! Memory of the embedder as the place where tensor bytes go (strategy `external-buffer`).
use crate::types::StorageError;

/// Memory that an embedder registers for one tensor.
pub(crate) trait Memory: Send + Sync {
    fn bytes(&self) -> &[u8];
    fn bytes_mut(&mut self) -> &mut [u8];
}

impl<T: AsRef<[u8]> + AsMut<[u8]> + Send + Sync> Memory for T {
    fn bytes(&self) -> &[u8] {
        self.as_ref()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.as_mut()
    }
}

/// Takes chunks of tensors: (index of the tensor, byte offset in it, bytes). The buffer is lent and comes back.
pub(crate) type Consumer = Box<dyn FnMut(u32, u64, Vec<u8>) -> (Vec<u8>, Result<(), StorageError>) + Send>;

/// Buffers that the embedder registered, by the exact name of the tensor.
///
/// - A buffer takes one tensor, from its first byte. It may be larger than the tensor; one that is too small is refused
///   before any byte moves.
/// - The session owns the buffer, so nothing else can write to it, and no two tensors can share bytes. While a
///   [`Tensor`](crate::Tensor) shows it, it is not written to: such a load is answered `busy`.
/// - A buffer must answer the same memory each time that it is asked; one that got shorter is `out-of-bounds`.
/// - When a tensor is evicted its buffer stays registered and can take the tensor again.
#[derive(Default)]
pub struct External {
    pub(crate) buffers: Vec<(String, Box<dyn Memory>)>,
}

impl External {
    /// Nothing registered.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers `memory` for the tensor `name`. Of two for one name the later counts.
    #[must_use]
    pub fn buffer(
        mut self,
        name: impl Into<String>,
        memory: impl AsRef<[u8]> + AsMut<[u8]> + Send + Sync + 'static,
    ) -> Self {
        self.buffers.push((name.into(), Box::new(memory)));
        self
    }
}

impl std::fmt::Debug for External {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.buffers.iter().map(|(name, memory)| (name, memory.bytes().len()))).finish()
    }
}
