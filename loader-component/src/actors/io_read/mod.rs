//! Moves a batch of tensors by positional reads straight into host memory. Owns the batch while it is under way.
mod context;
mod events;
mod machine;

pub use context::Context;
pub use events::{Command, Outcome, Output, Read, Submit};
pub use machine::{IoRead, TABLE};
