//! A model as safetensors files: whatever format it has, its tensors, contiguous and in the order of the format's own writer.
mod dtypes;
mod header;
mod options;
mod plan;
mod write;

pub use options::{ConvertOptions, Converted, ConvertedFile};
