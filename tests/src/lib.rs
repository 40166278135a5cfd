//! What the tests share: sample models, a storage double that counts and fails on demand, and scenarios that run on the
//! native driver and on the component alike.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by failing"
)]

pub mod check;
pub mod decisions;
pub mod dispatch;
pub mod double;
pub mod faults;
pub mod files;
pub mod fuzz;
pub mod harness;
pub mod native;
pub mod rows;
pub mod run;
pub mod script;
pub mod sweep;

#[cfg(feature = "component")]
pub mod component;
#[cfg(feature = "component")]
mod convert;
#[cfg(feature = "component")]
pub mod scripted;
