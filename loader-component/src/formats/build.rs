//! Writes files for tests and benches: whole ones by default, and broken ones for whoever asks.
//!
//! Nothing here checks anything. What is given is written; counts and lengths can be given other values than the true ones.
pub use super::gguf::build::{GgufBuilder, Value};
pub use super::npy::build::NpyBuilder;
pub use super::safetensors::build::SafetensorsBuilder;
