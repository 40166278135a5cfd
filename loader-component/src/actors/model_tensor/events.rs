//! What a tensor's machine is asked and what it answers.
use super::context::Hold;
use crate::actors::{Fault, Ticket};
use crate::types::Strategy;

/// Bind the tensor to its record again, as if it had never been loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bind;

/// The tensor has no bytes: it is resident without a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BindEmpty;

/// A load begins that includes this tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The load's own.
    pub ticket: Ticket,
}

/// The load brought the bytes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Apply {
    /// The load's own.
    pub ticket: Ticket,
    /// Where they are.
    pub hold: Hold,
    /// How they got there.
    pub strategy: Strategy,
}

/// The load failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fail {
    /// The load's own.
    pub ticket: Ticket,
}

/// End mapped residency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// The request's own.
    pub ticket: Ticket,
}

/// End copied residency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Evict {
    /// The request's own.
    pub ticket: Ticket,
}

/// The pool that holds the bytes has let go of them, or says why it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    /// The request's own.
    pub ticket: Ticket,
    /// Cause the bytes are still held, if they are.
    pub fault: Option<Fault>,
}

/// What the owner of the bytes has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Let go of what held this tensor, and answer with [`Ended`].
    LetGo(Hold),
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The tensor is where it was asked to go.
    Done,
    /// Refused; nothing changed.
    Refused(Fault),
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
