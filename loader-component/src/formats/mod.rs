//! Headers of model files, read without I/O.
//!
//! [`Parser`] says which bytes it wants ([`Step::Read`]) and is given them as a [`Window`]; in the end it answers a
//! [`Header`] of compact tables. [`Catalogue`] puts the headers of all files of a model together. Nothing here trusts the
//! file: each count is checked against the bytes that remain before anything loops or allocates, absolute caps
//! ([`Limits`]) come second, and `tensor_bytes` is the only place where a tensor's size is computed.
//!
//! Tensor data is never read: only bytes that are certain to be of the header are asked for.
//!
//! A format is a folder, of which nothing but its `HANDLER` is seen, and a line in `registry.rs`: `gguf`, `safetensors`,
//! `npy`, `pytorch`, `npz`; `pickle` and `zip` are what the last two are made of. All other modules serve every format and know none.
#![allow(clippy::result_large_err)] // errors are the slow path, and the contract's error is wide
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod archives;
mod assembly;
pub mod build;
mod bytes;
mod catalogue;
mod dtype;
mod escape;
mod fault;
mod format;
mod gguf;
mod handler;
mod header;
mod identify;
mod kind;
mod limits;
mod metadata;
mod names;
mod noticed;
mod npy;
mod npz;
mod parser;
pub mod pickle;
pub mod pytorch;
pub mod reads;
mod registry;
mod rewrite;
mod safetensors;
mod shard_index;
mod table;
#[cfg(test)]
mod tests;
mod turn;
mod window;
pub mod zip;

pub(crate) use assembly::MOST_NAMED;
pub use catalogue::{Catalogue, CatalogueTensor};
pub use escape::escape;
pub use format::{Format, MultiFile};
pub use header::{Header, Part, Role};
pub use limits::Limits;
pub use metadata::{Budget, MetadataIndex};
pub(crate) use noticed::listed;
pub use parser::{Parser, Step};
pub use registry::formats;
pub use rewrite::rewrite;
pub use shard_index::ShardIndex;
pub use table::{TensorRef, TensorTable};
pub use turn::Turn;
pub use window::Window;
