//! Writes files for tests and benches: whole ones by default, and broken ones for whoever asks.
//!
//! Nothing here checks anything. What is given is written; counts and lengths can be given other values than the true ones.
pub use super::gguf::build::{GgufBuilder, Value};
pub use super::npy::build::NpyBuilder;
pub use super::safetensors::build::SafetensorsBuilder;

/// Bytes of a tensor of this type (GGUF's number) and shape; none where there can be no such tensor.
#[must_use]
pub fn gguf_tensor_bytes(code: u32, shape: &[u64]) -> Option<u64> {
    super::dtype::tensor_bytes(super::gguf::dtype(code)?, shape).ok()
}

/// The same of safetensors, whose types have names.
#[must_use]
pub fn safetensors_tensor_bytes(name: &str, shape: &[u64]) -> Option<u64> {
    super::dtype::tensor_bytes(super::safetensors::dtype(name)?, shape).ok()
}
