//! Element types of tensors, by the names that safetensors has for them.
use super::super::dtype::{Dtype, tensor_bytes};

/// The element type of this name.
pub(super) fn dtype(name: &str) -> Option<Dtype> {
    Dtype::from_safetensors(name)
}

/// Bytes of an element.
pub(super) fn width(dtype: Dtype) -> u64 {
    tensor_bytes(dtype, &[1]).unwrap_or(1)
}
