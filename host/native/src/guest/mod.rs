//! A loader component on wasmtime: what it may call, and what it is called with.
mod context;
mod ended;
mod imports;
mod loader;

pub use context::WeighbridgeCtx;
pub(crate) use ended::{not_the_contract, out_of_resources};
pub use imports::{NamedSource, add_to_linker};
pub(crate) use loader::Exports;
pub use loader::{Instance, Loader};
