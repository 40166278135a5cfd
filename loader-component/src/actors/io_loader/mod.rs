//! Routes a load to a strategy, in the order of a policy, and falls back when one cannot be used. Owns neither mappings nor
//! residency; each strategy's own actor, or the driver, does the work.
mod context;
mod events;
mod machine;

pub use context::Context;
pub use events::{Command, Load, Outcome, Output, Policy};
pub use machine::{IoLoader, TABLE};
