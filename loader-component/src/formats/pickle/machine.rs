//! The machine: reads one instruction after the other, asks the guards of its row, and acts.
use super::super::Limits;
use super::super::fault::{fault, over_limit};
use super::super::turn::Turn;
use super::super::window::{Buffer, Stop};
use super::arena::{Arena, Full, Ref};
use super::instruction::{Instruction, Place};
use super::memo::Memo;
use super::uses::{Global, OpcodeUse, Uses};
use crate::types::{Cause, Error};

/// Most bytes of a pickle unless the caller says otherwise, what is passed over unread not among them: 64 MiB.
const PICKLE: u64 = 64 << 20;
/// Most values on the stack, and most marks.
const MOST_STACKED: usize = 4 << 20;
/// Bytes that are read at once of a pickle whose length nothing tells.
const BLIND: u64 = 4_096;

/// A pickle that was read to its end.
#[derive(Clone, Debug)]
pub struct Pickle {
    /// Its values.
    pub values: Arena,
    /// Its own value.
    pub root: Ref,
    /// What it would have Python import, in the order in which it is first named.
    pub globals: Vec<Global>,
    /// The opcodes that name, call or change something, and how often they are there.
    pub opcodes: Vec<OpcodeUse>,
    /// The first opcode that the unpickler of `weights_only` does not know: where, and its name.
    pub unknown_to_weights_only: Option<(u64, &'static str)>,
    /// The protocol that it says it has; 0 where it does not say.
    pub protocol: u8,
    /// Where it begins.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}

/// Reads one pickle.
#[derive(Debug)]
pub struct PickleReader {
    /// What it is in the file, for the fields of errors.
    pub(super) label: &'static str,
    start: u64,
    pub(super) at: u64,
    pub(super) end: u64,
    bounded: bool,
    limit: u64,
    passed_over: u64,
    pub(super) arena: Arena,
    pub(super) stack: Vec<Ref>,
    /// How high the stack is at each mark.
    pub(super) marks: Vec<usize>,
    pub(super) memo: Memo,
    pub(super) uses: Uses,
    pub(super) protocol: u8,
    pub(super) scratch: Vec<Ref>,
}

impl PickleReader {
    /// A reader of the pickle in these bytes of the file, which have nothing else in them.
    #[must_use]
    pub fn within(label: &'static str, start: u64, end: u64, limits: Limits) -> Self {
        Self::new(label, start, end, true, limits)
    }

    /// A reader of the pickle that begins at `start` and ends where it says so, before `end`.
    #[must_use]
    pub fn stream(label: &'static str, start: u64, end: u64, limits: Limits) -> Self {
        Self::new(label, start, end, false, limits)
    }

    fn new(label: &'static str, start: u64, end: u64, bounded: bool, limits: Limits) -> Self {
        Self {
            label,
            start,
            at: start,
            end,
            bounded,
            limit: if limits.header_bytes == 0 { PICKLE } else { limits.header_bytes },
            passed_over: 0,
            arena: Arena::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Memo::default(),
            uses: Uses::default(),
            protocol: 0,
            scratch: Vec::new(),
        }
    }

    /// Reads as far as the window reaches.
    ///
    /// # Errors
    /// The pickle is damaged, does what no pickle of Python's would do and be read again, or exceeds a limit; with the
    /// opcode as field and its byte offset.
    pub(crate) fn advance(&mut self, buffer: &mut Buffer) -> Result<Turn<Pickle>, Error> {
        loop {
            match self.instruction(buffer) {
                Ok(None) => {}
                Ok(Some(root)) => return Ok(Turn::Done(self.finish(root))),
                Err(Stop::Fail(error)) => return Err(error),
                Err(Stop::Need(n)) => {
                    let left = self.end.saturating_sub(self.at);
                    let sure = if self.bounded { left } else { left.min(BLIND) };
                    return Ok(Turn::read(buffer.ask(self.at, n, sure.max(n))));
                }
            }
        }
    }

    /// What it would have had Python import so far.
    pub(crate) fn globals(&self) -> &[Global] {
        &self.uses.globals
    }

    fn finish(&mut self, root: Ref) -> Pickle {
        let uses = std::mem::take(&mut self.uses);
        Pickle {
            values: std::mem::take(&mut self.arena),
            root,
            opcodes: uses.opcodes(),
            unknown_to_weights_only: uses.unknown_to_weights_only,
            globals: uses.globals,
            protocol: self.protocol,
            start: self.start,
            end: self.at,
        }
    }

    /// Executes one instruction; the pickle's value, if that was the last.
    fn instruction(&mut self, buffer: &Buffer) -> Result<Option<Ref>, Stop> {
        let label = self.label;
        let place = Place { at: self.at, end: self.end, bytes: buffer.from(self.at) };
        let instruction = place.read(&|part| format!("{label}.{part}"))?;
        self.within_limit(&instruction)?;
        self.can(&instruction)?;
        self.uses.note(instruction.opcode, instruction.at);
        let root = self.act(&instruction)?;
        self.at = instruction.next;
        Ok(root)
    }

    fn within_limit(&mut self, instruction: &Instruction<'_>) -> Result<(), Error> {
        let len = instruction.next.saturating_sub(self.at);
        if matches!(instruction.operand, super::instruction::Operand::Unread) {
            self.passed_over = self.passed_over.saturating_add(len);
        }
        let read = instruction.next.saturating_sub(self.start).saturating_sub(self.passed_over);
        if read <= self.limit && self.stack.len().max(self.marks.len()) < MOST_STACKED {
            return Ok(());
        }
        let message =
            format!("The pickle has more than {} bytes, or more than {MOST_STACKED} values on its stack.", self.limit);
        Err(over_limit(instruction.at, self.field(instruction), message))
    }

    /// The two guards of every row: a mark, where everything down to one is taken, and as many values as are taken.
    fn can(&self, instruction: &Instruction<'_>) -> Result<(), Error> {
        let opcode = instruction.opcode;
        let (top, below) = match (opcode.to_mark, self.marks.split_last()) {
            (false, _) => (self.stack.len(), self.fence()),
            (true, Some((mark, lower))) => (*mark, lower.last().copied().unwrap_or(0)),
            (true, None) => return Err(self.bad(instruction, "takes everything down to a mark, and there is none")),
        };
        let there = top.saturating_sub(below);
        if there < usize::from(opcode.takes) {
            let what = format!("needs {} values, and {there} are there", opcode.takes);
            return Err(self.bad(instruction, &what));
        }
        Ok(())
    }

    /// How high the stack is at the last mark, below which nothing is taken.
    pub(super) fn fence(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn field(&self, instruction: &Instruction<'_>) -> String {
        format!("{}.{}", self.label, instruction.opcode.name)
    }

    pub(super) fn bad(&self, instruction: &Instruction<'_>, what: &str) -> Error {
        let message = format!("{} {what}.", instruction.opcode.name);
        fault(Cause::Malformed, instruction.at, self.field(instruction), message)
    }

    /// The error for too many values; made when it is needed, since this is asked for at each value.
    pub(super) fn full(&self, instruction: &Instruction<'_>) -> impl Fn(Full) -> Error + use<> {
        let (at, label, name) = (instruction.at, self.label, instruction.opcode.name);
        move |Full| over_limit(at, format!("{label}.{name}"), "The pickle has more values than are kept.")
    }
}
