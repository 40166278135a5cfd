//! Owns mappings and their slots, and nothing else: no residency, no choice of strategy.
mod context;
mod events;
mod idle;
mod machine;

pub use context::{Context, Slot};
pub use events::{Abandon, Advise, Advised, Command, Handle, Map, Mapped, Outcome, Output, Release, Retain, Unmapped};
pub use machine::{IoMmap, IoMmapEvents as Event, TABLE};
