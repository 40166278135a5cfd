//! The gate, the faults, and the desk over an engine and media that are made up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod bounds;
mod diff;
mod fake;
mod faults;
mod gate;
mod requests;
