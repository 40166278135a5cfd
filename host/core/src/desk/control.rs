//! Where the guest is held, and what goes wrong on purpose.
use crate::types::StorageError;
use serde::{Deserialize, Serialize};

/// Where the guest is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Breakpoint {
    /// On the way into a state.
    State {
        /// The machine.
        machine: String,
        /// The state.
        state: String,
    },
    /// On a transition.
    Edge {
        /// The machine.
        machine: String,
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// On an answer or an outcome that is not good.
    Error,
}

/// Which call a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FaultCall {
    /// `source.map-range`.
    Map,
    /// `mapping.unmap`.
    Unmap,
    /// `source.read`: header bytes.
    Read,
    /// `read-into`: tensor bytes.
    ReadInto,
    /// `allocate`.
    Allocate,
    /// `mapping.advise`.
    Advise,
    /// `source.stat`.
    Stat,
}

impl FaultCall {
    /// Every case.
    pub const ALL: &[Self] =
        &[Self::Map, Self::Unmap, Self::Read, Self::ReadInto, Self::Allocate, Self::Advise, Self::Stat];

    /// As the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "map-range",
            Self::Unmap => "unmap",
            Self::Read => "read",
            Self::ReadInto => "read-into",
            Self::Allocate => "allocate",
            Self::Advise => "advise",
            Self::Stat => "stat",
        }
    }
}

/// What the host does in place of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FaultKind {
    /// Answers this error.
    Fail(StorageError),
    /// Answers half of the bytes that were asked for; only header reads have such an answer.
    Short,
}

/// A fault that is armed: the `nth` such call from now on (1 = the next).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// One call.
    Call {
        /// Which function.
        call: FaultCall,
        /// Which of them, from 1.
        nth: u32,
        /// What happens.
        kind: FaultKind,
    },
    /// Every source ends at this byte from now on.
    Truncate {
        /// Bytes that are left.
        at: u64,
    },
}
