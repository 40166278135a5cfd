//! Where tensor bytes are moved to: host memory, memory of the embedder, or a consumer of chunks.
use super::Buffer;
use crate::{
    media::Media,
    types::{StorageError, TensorInfo},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// What a target's id stands for.
pub(crate) enum Target<M: Media> {
    /// Memory of ours.
    Fresh(Arc<Buffer<M>>),
    /// Memory of the embedder, by the name it was registered for; it goes back there when the guest lets go of it.
    Registered { name: String, buffer: Arc<Buffer<M>> },
    /// A tensor of `len` bytes that goes to the consumer, and how many of its bytes from the first on did.
    Consumer { tensor: u32, len: u64, taken: u64 },
}

impl<M: Media> Target<M> {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Fresh(buffer) | Self::Registered { buffer, .. } => buffer.len(),
            Self::Consumer { len, .. } => *len,
        }
    }

    /// Whether no view of it is out.
    pub(crate) fn is_unused(&mut self) -> bool {
        match self {
            Self::Fresh(buffer) | Self::Registered { buffer, .. } => Arc::get_mut(buffer).is_some(),
            Self::Consumer { .. } => true,
        }
    }
}

/// Takes chunks of tensors: (index of the tensor, byte offset in it, bytes). The buffer is lent and comes back.
pub type Consumer = Box<dyn FnMut(u32, u64, Vec<u8>) -> (Vec<u8>, Result<(), StorageError>) + Send>;

/// The consumer of one load.
pub struct Sink {
    pub(super) chunk: usize,
    pub(super) tensors: HashMap<String, (u32, u64)>,
    pub(super) consumer: Consumer,
    /// Tensors that the consumer got from their first byte to their last.
    pub(super) whole: HashSet<u32>,
    /// The memory that chunks are staged in: the same for every batch of the load, so that there is never more of it.
    pub(super) staging: Vec<u8>,
}

impl Sink {
    /// `consumer` gets the bytes of `tensors`, which are all of the model in its order, in chunks of at most `chunk` bytes.
    #[must_use]
    pub fn new(chunk: u64, tensors: &[TensorInfo], consumer: Consumer) -> Self {
        let place = |(index, tensor): (usize, &TensorInfo)| {
            (tensor.name.clone(), (u32::try_from(index).unwrap_or(u32::MAX), tensor.bytes))
        };
        Self {
            chunk: usize::try_from(chunk).unwrap_or(usize::MAX).max(1),
            tensors: tensors.iter().enumerate().map(place).collect(),
            consumer,
            whole: HashSet::new(),
            staging: Vec::new(),
        }
    }

    /// Tensors that the consumer got from their first byte to their last; those that have no bytes are not among them.
    #[must_use]
    pub(crate) const fn whole(&self) -> &HashSet<u32> {
        &self.whole
    }
}
