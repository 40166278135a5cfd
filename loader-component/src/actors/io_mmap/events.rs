//! What io/mmap is asked and what it answers.
use crate::actors::{Fault, Ticket};
use crate::types::{Advice, AdviceEffect};

/// A slot and the use of it that is meant. An older use of the same slot has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    /// Number of the slot.
    pub slot: u32,
    /// Which use of it.
    pub generation: u32,
}

/// Map an extent, or share the one that is there. The answer holds a lease until [`Abandon`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Map {
    /// Number of the source.
    pub source: u32,
    /// First byte that is wanted; the extent begins at or before it, on the host's granularity.
    pub offset: u64,
    /// Bytes that are wanted.
    pub len: u64,
    /// Bytes of the source.
    pub source_len: u64,
}

/// The host's answer to [`Command::Map`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mapped {
    /// The command's own.
    pub ticket: Ticket,
    /// The host's name for the mapping, or why there is none.
    pub result: Result<u64, Fault>,
}

/// So many more tensors are resident in the extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retain {
    /// Which extent.
    pub handle: Handle,
    /// How many.
    pub tensors: u32,
}

/// So many tensors of the extent go; with the last, and no lease, it is unmapped. On a failure they stay.
/// With none it is the retry of an unmap that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// Which extent.
    pub handle: Handle,
    /// How many.
    pub tensors: u32,
}

/// The load that mapped the extent is over; without tensors it is unmapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Abandon {
    /// Which extent.
    pub handle: Handle,
}

/// The host's answer to [`Command::Unmap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unmapped {
    /// The command's own.
    pub ticket: Ticket,
    /// Cause the mapping is still there, if it is.
    pub fault: Option<Fault>,
}

/// Advice for a range of an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Advise {
    /// Which extent.
    pub handle: Handle,
    /// First byte, from the extent's beginning.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// What.
    pub advice: Advice,
}

/// The host's answer to [`Command::Advise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Advised {
    /// The command's own.
    pub ticket: Ticket,
    /// What became of it.
    pub result: Result<AdviceEffect, Fault>,
}

/// What the driver has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Map this span for this slot.
    Map {
        /// Answer with it.
        ticket: Ticket,
        /// The reserved slot.
        slot: u32,
        /// Number of the source.
        source: u32,
        /// Aligned offset.
        offset: u64,
        /// Bytes from there.
        len: u64,
    },
    /// End this slot's mapping.
    Unmap {
        /// Answer with it.
        ticket: Ticket,
        /// The slot.
        slot: u32,
    },
    /// Advise a range of this slot's mapping.
    Advise {
        /// Answer with it.
        ticket: Ticket,
        /// The slot.
        slot: u32,
        /// From the mapping's beginning.
        offset: u64,
        /// Bytes.
        len: u64,
        /// What.
        advice: Advice,
    },
}

impl Command {
    /// The name that the observer is told.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Map { .. } => "map-range",
            Self::Unmap { .. } => "unmap",
            Self::Advise { .. } => "advise",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The extent is mapped, and leased to whoever asked.
    Mapped {
        /// Its handle.
        handle: Handle,
        /// The host's name for the mapping.
        mapping: u64,
        /// Where the mapping begins in the source.
        offset: u64,
    },
    /// Done, and the mapping stays.
    Kept,
    /// The mapping ended; the slot is free.
    Unmapped,
    /// What became of the advice.
    Advised(AdviceEffect),
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
    /// An answer that nobody had asked for was put aside. One that brings a mapping has to be dropped.
    pub stray: bool,
}
