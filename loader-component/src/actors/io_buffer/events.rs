//! What io/buffer is asked and what it returns.
use crate::actors::{Fault, Ticket};

/// A buffer and the use of its number that is meant. An older use of the same number has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    /// Number of the buffer.
    pub buffer: u32,
    /// Which use of the number.
    pub generation: u32,
}

/// Memory that the host gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The host's name for it.
    pub target: u64,
    /// Capacity in bytes.
    pub len: u64,
}

/// Get memory of the host. Whoever asked holds a lease of it until [`Abandon`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Allocate {
    /// Bytes.
    pub len: u64,
}

/// The host's answer to [`Command::Allocate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Allocated {
    /// The command's own.
    pub ticket: Ticket,
    /// The memory, or why there is none.
    pub result: Result<Memory, Fault>,
}

/// Take in memory that the embedder registered for a tensor. Whoever asked holds a lease of it until [`Abandon`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Adopt {
    /// What was registered, if anything was.
    pub registered: Option<Memory>,
    /// Bytes that it has to hold.
    pub needed: u64,
}

/// So many more tensors are resident in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retain {
    /// Which buffer.
    pub handle: Handle,
    /// How many.
    pub tensors: u32,
}

/// So many tensors of the buffer go; with the last, and no lease, it is given back. On a failure they stay.
/// With none it is the retry of a free that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// Which buffer.
    pub handle: Handle,
    /// How many.
    pub tensors: u32,
}

/// The load that got the buffer is over; without tensors it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Abandon {
    /// Which buffer.
    pub handle: Handle,
}

/// The answer to [`Command::Free`] and [`Command::Drop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Freed {
    /// The command's own.
    pub ticket: Ticket,
    /// Cause the buffer is still there, if it is.
    pub fault: Option<Fault>,
}

/// What the driver has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Ask the host for memory, for this buffer.
    Allocate {
        /// Answer with it.
        ticket: Ticket,
        /// The reserved buffer.
        buffer: u32,
        /// Bytes.
        len: u64,
    },
    /// Give this buffer's memory back to the host.
    Free {
        /// Answer with it.
        ticket: Ticket,
        /// The buffer.
        buffer: u32,
    },
    /// Forget this buffer's memory, which stays the embedder's.
    Drop {
        /// Answer with it.
        ticket: Ticket,
        /// The buffer.
        buffer: u32,
    },
}

impl Command {
    /// The name that the observer is told.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Allocate { .. } => "allocate",
            Self::Free { .. } => "free",
            Self::Drop { .. } => "drop",
        }
    }

    /// The buffer that it is about.
    #[must_use]
    pub const fn buffer(&self) -> u32 {
        match *self {
            Self::Allocate { buffer, .. } | Self::Free { buffer, .. } | Self::Drop { buffer, .. } => buffer,
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The buffer is there, and leased to whoever asked.
    Got(Handle),
    /// Done, and the buffer stays.
    Kept,
    /// The buffer is gone; its number is free.
    Gone,
    /// Refused or failed; nothing changed.
    Refused(Fault),
}

/// What one dispatch left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Output {
    /// How the request ended, if it did.
    pub outcome: Option<Outcome>,
    /// What to do next, if anything.
    pub command: Option<Command>,
    /// An answer that nobody had asked for was put aside. One that brings memory has to be dropped.
    pub stray: bool,
}
