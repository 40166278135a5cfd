//! What io/staged_read is asked and what it answers.
use crate::actors::spans::WrongSpan;
use crate::actors::{Fault, Ticket};

/// Move the spans that were staged, in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Submit {
    /// Most bytes in one command.
    pub chunk: u64,
    /// Most pieces of spans in one command.
    pub max_batch: u32,
    /// The lowest span that cannot be moved, from [`crate::actors::spans::first_wrong`].
    pub wrong: Option<WrongSpan>,
}

/// The host's answer to [`Command`]. A fault's item counts from the command's first piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Staged {
    /// The command's own.
    pub ticket: Ticket,
    /// What went wrong, if anything did.
    pub fault: Option<Fault>,
}

/// A place in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The span.
    pub span: u32,
    /// Bytes of it that lie before.
    pub done: u64,
}

/// Move what lies between two places of the batch in one crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    /// Answer with it.
    pub ticket: Ticket,
    /// From here.
    pub from: Cursor,
    /// To here; at most `chunk` bytes on.
    pub to: Cursor,
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
