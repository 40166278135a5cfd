//! Headers of GGUF and safetensors files, read without I/O.
//!
//! [`Parser`] says which bytes it wants ([`Step::Read`]) and is given them as a [`Window`]; in the end it answers a
//! [`Header`] of compact tables. [`Catalogue`] puts the headers of all files of a model together. Nothing here trusts the
//! file: each count is checked against the bytes that remain before anything loops or allocates, absolute caps
//! ([`Limits`]) come second, and [`tensor_bytes`] is the only place where a tensor's size is computed.
//!
//! Tensor data is never read: only bytes that are certain to be of the header are asked for.
#![allow(clippy::result_large_err)] // errors are the slow path, and the contract's error is wide
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod build;
mod catalogue;
mod dtype;
mod escape;
mod fault;
mod gguf;
mod kind;
mod limits;
mod metadata;
mod names;
mod parser;
pub mod pickle;
pub mod pytorch;
mod safetensors;
mod table;
#[cfg(test)]
mod tests;
mod turn;
mod window;
pub mod zip;

pub(crate) use catalogue::MOST_NAMED;
pub use catalogue::{Catalogue, CatalogueTensor};
pub use dtype::{Dtype, SizeError, tensor_bytes};
pub use escape::escape;
pub use limits::Limits;
pub use metadata::{Budget, MetadataIndex};
pub use parser::{Format, Header, Parser, Split, Step};
pub use safetensors::ShardIndex;
pub use table::{TensorRef, TensorTable};
pub use turn::Turn;
pub use window::Window;
