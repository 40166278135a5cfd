//! GGUF, versions 2 and 3, little-endian. The format: ggml's `docs/gguf.md`; what real readers take: `ggml/src/gguf.cpp`.
mod arrays;
pub(super) mod build;
mod dtypes;
mod entries;
mod format;
mod handler;
mod item;
mod layout;
mod parts;
mod reader;
mod rewrite;
mod tensors;
#[cfg(test)]
mod tests;
mod values;

pub(super) use dtypes::dtype;
pub(super) use handler::HANDLER;
