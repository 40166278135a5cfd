//! The batch of io/staged_read, and what its guards and actions see and do of it.
use super::events::{Command, Cursor, Outcome, Output, Staged, Submit};
use super::machine::IoStagedReadStateMachineContext;
use crate::actors::spans::{Span, span_findings};
use crate::actors::{Fault, Ticket, refusals, strays};
use crate::types::Cause;

/// A part of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Piece {
    /// Number of the span.
    pub span: u32,
    /// Byte offset in the span.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
}

/// What outlives a dispatch: the batch under way and how far it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    spans: Vec<Span>,
    chunk: u64,
    max_batch: u32,
    from: Cursor,
    to: Cursor,
    pub(super) ticket: Ticket,
    output: Output,
}

impl Context {
    pub(super) fn stage(&mut self, spans: impl IntoIterator<Item = Span>) {
        self.spans.clear();
        self.spans.extend(spans);
    }

    pub(super) fn begin(&mut self) {
        self.output = Output::default();
    }

    pub(super) fn end(&mut self) -> Output {
        core::mem::take(&mut self.output)
    }

    /// The staged batch.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The pieces that a command moves, in order.
    pub fn pieces(&self, command: Command) -> impl Iterator<Item = Piece> {
        let spans = self.spans.iter().enumerate().skip(command.from.span as usize);
        spans.map_while(move |(index, span)| {
            let index = u32::try_from(index).ok()?;
            let begin = if index == command.from.span { command.from.done } else { 0 };
            let end = match index.cmp(&command.to.span) {
                core::cmp::Ordering::Less => span.len,
                core::cmp::Ordering::Equal => command.to.done,
                core::cmp::Ordering::Greater => return None,
            };
            (end > begin).then_some(Piece { span: index, offset: begin, len: end - begin })
        })
    }

    fn len(&self) -> u32 {
        u32::try_from(self.spans.len()).unwrap_or(u32::MAX)
    }

    /// The place at most a chunk, and at most a batch of pieces, further on.
    fn further(&self, from: Cursor) -> Cursor {
        let (mut at, mut room, mut pieces) = (from, self.chunk, self.max_batch);
        while let Some(span) = self.spans.get(at.span as usize).filter(|_| room > 0 && pieces > 0) {
            let rest = span.len - at.done;
            pieces -= 1;
            if rest > room {
                at.done += room;
                break;
            }
            room -= rest;
            at = Cursor { span: at.span + 1, done: 0 };
        }
        at
    }

    fn send(&mut self, from: Cursor) {
        self.ticket = self.ticket.next();
        self.from = from;
        self.to = self.further(from);
        self.output.command = Some(Command { ticket: self.ticket, from, to: self.to });
    }

    fn refuse(&mut self, why: Cause) {
        self.output.outcome = Some(Outcome::Refused(Fault::new(why)));
    }
}

impl IoStagedReadStateMachineContext for &mut Context {
    fn batch_empty(&self, _: &Submit) -> Result<bool, ()> {
        Ok(self.spans.is_empty())
    }

    fn host_takes_none(&self, submit: &Submit) -> Result<bool, ()> {
        Ok(submit.max_batch == 0)
    }

    fn chunk_empty(&self, submit: &Submit) -> Result<bool, ()> {
        Ok(submit.chunk == 0)
    }

    span_findings! {}

    fn send_first(&mut self, submit: &Submit) -> Result<(), ()> {
        self.chunk = submit.chunk;
        self.max_batch = submit.max_batch;
        self.send(Cursor::default());
        Ok(())
    }

    fn chunk_stray(&self, staged: &Staged) -> Result<bool, ()> {
        Ok(staged.ticket != self.ticket)
    }

    fn chunk_failed(&self, staged: &Staged) -> Result<bool, ()> {
        Ok(staged.fault.is_some())
    }

    fn fail_batch(&mut self, staged: &Staged) -> Result<(), ()> {
        // Every span of a chunk but the first begins with its own piece, so pieces count as spans do.
        let first = self.from.span;
        self.output.outcome = staged.fault.map(|fault| {
            Outcome::Refused(Fault { item: Some(first.saturating_add(fault.item.unwrap_or(0))), ..fault })
        });
        Ok(())
    }

    fn more_chunks(&self, _: &Staged) -> Result<bool, ()> {
        Ok(self.to.span < self.len())
    }

    fn send_next(&mut self, _: &Staged) -> Result<(), ()> {
        self.send(self.to);
        Ok(())
    }

    fn complete(&mut self, _: &Staged) -> Result<(), ()> {
        self.output.outcome = Some(Outcome::Done(self.spans.iter().map(|span| span.len).sum()));
        Ok(())
    }

    strays! { put_aside(Staged) }

    refusals! {
        refuse_empty(Submit) => InvalidRequest,
        refuse_platform(Submit) => StrategyUnavailable,
        refuse_chunk(Submit) => UnsupportedStrategy,
    }

    fn refuse_busy(&mut self) -> Result<(), ()> {
        self.refuse(Cause::Busy);
        Ok(())
    }
}
