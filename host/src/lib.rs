//! Loads untrusted GGUF and safetensors files through a sandboxed WebAssembly component, at mmap speed.
pub mod recording;
pub mod trace;
pub mod types;
