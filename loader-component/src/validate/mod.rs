//! Checks beyond the format, for those who ask: is every layer whole, and is there what the architecture needs.
#![allow(clippy::result_large_err)] // errors are the slow path, and the contract's error is wide
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod architecture;
mod registry;
mod structure;
#[cfg(test)]
mod tests;

pub use architecture::architecture;
pub use structure::{layers, structure};
