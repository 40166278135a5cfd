//! GGUF, versions 2 and 3, little-endian. The format: ggml's `docs/gguf.md`; what real readers take: `ggml/src/gguf.cpp`.
mod arrays;
mod entries;
mod item;
mod layout;
mod machine;
mod tensors;

pub(crate) use arrays::ArrayWalk;
pub(crate) use item::{Bounds, little};
pub(crate) use machine::Gguf;

/// The file's first bytes.
pub(crate) const MAGIC: &[u8; 4] = b"GGUF";
