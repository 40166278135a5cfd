//! One instance of a loader component on wasmtime: what it may call, and what it is called with.
mod ended;
mod exports;
mod imports;

pub(crate) use ended::not_the_contract;
pub(crate) use exports::Exports;
pub use exports::Instance;
pub(crate) use imports::{State, add_to_linker};
