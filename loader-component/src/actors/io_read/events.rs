//! What io/read is asked and what it answers.
use crate::actors::spans::WrongSpan;
use crate::actors::{Fault, Ticket};

/// Move the spans that were staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Submit {
    /// Most spans in one command.
    pub max_batch: u32,
    /// The lowest span that cannot be moved, from [`crate::actors::spans::first_wrong`].
    pub wrong: Option<WrongSpan>,
}

/// The host's answer to [`Command`]. A fault's item counts from the command's first span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Read {
    /// The command's own.
    pub ticket: Ticket,
    /// What went wrong, if anything did.
    pub fault: Option<Fault>,
}

/// Move these staged spans in one crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    /// Answer with it.
    pub ticket: Ticket,
    /// The first of them.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Every span is in place; so many bytes were moved.
    Done(u64),
    /// Refused or failed; nothing of the batch counts. The item is a span.
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
