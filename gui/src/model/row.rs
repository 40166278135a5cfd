//! One line of the timeline: a transition, a call, an export or a part of the host's work.
use super::NameId;

/// No such thing.
pub const NONE: u32 = u32::MAX;

/// A duration that has not ended.
pub const OPEN: u64 = u64::MAX;

/// Times past this (52 days, in nanoseconds) are of no load: they read as this, so that sums and pictures of times stay exact.
pub const MOST_NS: u64 = 1 << 52;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A machine moved.
    Transition,
    /// The guest called the host.
    Call,
    /// The host called the guest.
    Export,
    /// The host did something of its own.
    Host,
}

impl Kind {
    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transition => "transition",
            Self::Call => "call",
            Self::Export => "export",
            Self::Host => "host",
        }
    }
}

/// Whether it went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ok3 {
    /// Nothing was said.
    Unknown,
    /// Yes.
    Yes,
    /// No.
    No,
}

impl From<bool> for Ok3 {
    fn from(ok: bool) -> Self {
        if ok { Self::Yes } else { Self::No }
    }
}

/// Where a transition goes, seen once and counted. For calls, exports and host work only `event` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The lane.
    pub lane: u16,
    /// From.
    pub from: NameId,
    /// The event, or the name of the call.
    pub event: NameId,
    /// The action.
    pub action: NameId,
    /// To.
    pub to: NameId,
}

/// One row: 64 bytes, whatever it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Number of the record that completed it.
    pub seq: u64,
    /// Nanoseconds since the session began.
    pub at: u64,
    /// Nanoseconds in the state that was reached, or that the call took; [`OPEN`] while it lasts.
    pub dur: u64,
    /// Position of the first guard in the arena.
    pub guards: u64,
    /// Which edge.
    pub edge: u32,
    /// Tensor or slot; [`NONE`] where there is one machine only.
    pub instance: u32,
    /// Number of its detail; [`NONE`] for transitions.
    pub detail: u32,
    /// The command that it left.
    pub command: NameId,
    /// The outcome that it gave.
    pub outcome: NameId,
    /// The lane.
    pub lane: u16,
    /// Guards tried.
    pub guard_count: u8,
    /// What it is.
    pub kind: Kind,
    /// Whether it went well.
    pub ok: Ok3,
}
