//! The guest: headers of model files are parsed and tensor residency is kept here, by state machines that do no
//! I/O, read no clock and name no path. Built for wasm32-unknown-unknown it is the component of `wit/`; built natively it
//! is the same code for tests, the model checker and the fuzzers.
pub mod actors;
pub mod bindings;
pub mod driver;
pub mod error;
pub mod formats;
pub mod glob;
#[cfg(target_arch = "wasm32")]
mod guest;
pub mod observe;
pub mod storage;
pub mod validate;

pub use bindings::exports::weighbridge::loader::loader as api;
pub use bindings::weighbridge::loader::types;
