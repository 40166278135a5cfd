//! safetensors: a length, a JSON header, tensor data without holes. The rules are those of the crate safetensors 0.8,
//! and a few that its JSON library does not enforce: no name twice, no unknown field, nothing before the `{`.
pub(super) mod build;
mod dtypes;
mod format;
mod handler;
mod header;
mod index;
mod json;
mod layout;
mod reader;
mod rewrite;
#[cfg(test)]
mod tests;

pub(super) use dtypes::dtype;
pub(super) use handler::HANDLER;
