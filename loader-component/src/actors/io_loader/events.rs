//! What io/loader is asked and what it answers.
use crate::actors::{Fault, Ticket};
use crate::types::Strategy;

/// Strategies in the order in which they may be used.
pub type Policy = [Option<Strategy>; 4];

/// Bring the planned extents in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    /// Which strategies, in which order.
    pub policy: Policy,
    /// How many extents were planned.
    pub extents: u32,
    /// Extents may be divided, and those that cannot be mapped may be left to the next strategy.
    pub flexible: bool,
}

/// What has to be done by the driver or by a strategy's actor. The answer is an [`crate::actors::Answered`] whose fault's
/// item is a tensor of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// io/mmap: map this extent.
    Map(Ticket, u32),
    /// The host: allocate a buffer for this extent.
    Allocate(Ticket, u32),
    /// The host: which targets did the embedder register?
    Registered(Ticket),
    /// io/read: move everything.
    Read(Ticket),
    /// io/staged_read: move everything in chunks.
    Stage(Ticket),
    /// Give this extent's mapping or buffer back.
    GiveBack(Ticket, u32),
    /// Cut this extent in two, which then have its number and the next.
    Divide(Ticket, u32),
    /// Put this extent behind all others; those behind it move up.
    SetAside(Ticket, u32),
}

impl Command {
    /// The name that the observer is told.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Map(..) => "map",
            Self::Allocate(..) => "allocate",
            Self::Registered(_) => "registered",
            Self::Read(_) => "read",
            Self::Stage(_) => "stage",
            Self::GiveBack(..) => "give-back",
            Self::Divide(..) => "divide",
            Self::SetAside(..) => "set-aside",
        }
    }

    /// What the answer has to carry.
    #[must_use]
    pub const fn ticket(&self) -> Ticket {
        match *self {
            Self::Map(ticket, _)
            | Self::Allocate(ticket, _)
            | Self::Registered(ticket)
            | Self::Read(ticket)
            | Self::Stage(ticket)
            | Self::GiveBack(ticket, _)
            | Self::Divide(ticket, _)
            | Self::SetAside(ticket, _) => ticket,
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The bytes are in place, by this strategy; by none where there was nothing to do.
    Done(Option<Strategy>),
    /// Refused or failed, everything given back. The strategy is the one that failed last.
    Refused(Option<Strategy>, Fault),
}

/// What one dispatch left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Output {
    /// How the request ended, if it did.
    pub outcome: Option<Outcome>,
    /// What to do next, if anything.
    pub command: Option<Command>,
    /// An answer that nobody had asked for was put aside.
    pub stray: bool,
}
