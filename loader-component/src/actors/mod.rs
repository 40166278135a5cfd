//! The state machines. Each is one flat transition table (`stateforward-sml`) over plain data: it takes an event, moves,
//! and leaves at most one command and at most one outcome in its output. None does I/O, reads a clock, blocks, or
//! allocates in a transition. The driver performs commands and brings the answers back as events.
//!
//! Refusals are guards, tried in the order in which they take precedence; the last row of an event has no guard, so every
//! decision is total. What a state does not expect, it answers with a row of its own that loses nothing.
pub mod io_buffer;
pub mod io_loader;
pub mod io_mmap;
pub mod io_read;
pub mod io_staged_read;
pub mod model_loader;
pub mod model_tensor;

mod fault;
mod machine;
mod plain;
mod pool;
pub mod spans;
mod table;

pub use fault::{Fault, Finding, Noted};
pub(crate) use machine::{KeepsStateOutside, actor, dispatch, machine, refusals, rows, strays};
pub(crate) use pool::pooled;
pub use table::{Row, Table, snake, tables};

/// Counts commands, so that an answer finds the command that asked for it. Stray and late answers carry another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ticket(pub u32);

impl Ticket {
    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// What the driver has to say of a command that it performed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answered {
    /// The command's own.
    pub ticket: Ticket,
    /// What went wrong, if anything did.
    pub fault: Option<Fault>,
}
