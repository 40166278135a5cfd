//! Owns residency: one small flat machine per tensor, pooled over one table.
mod context;
mod events;
mod machine;

pub use context::{Hold, Tensor};
pub use events::{Apply, Bind, BindEmpty, Command, Ended, Evict, Fail, Outcome, Output, Plan, Release};
pub use machine::{ModelTensor, TABLE};
