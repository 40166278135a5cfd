//! The batch of io/read, and what its guards and actions see and do of it.
use super::events::{Command, Outcome, Output, Read, Submit};
use super::machine::IoReadStateMachineContext;
use crate::actors::spans::{Span, span_findings};
use crate::actors::{Fault, Ticket, refusals, strays};
use crate::types::Cause;

/// What outlives a dispatch: the batch under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    spans: Vec<Span>,
    max_batch: u32,
    /// The spans of the command that is out.
    first: u32,
    count: u32,
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

    fn len(&self) -> u32 {
        u32::try_from(self.spans.len()).unwrap_or(u32::MAX)
    }

    fn send(&mut self, first: u32) {
        self.ticket = self.ticket.next();
        self.first = first;
        self.count = self.max_batch.min(self.len() - first);
        self.output.command = Some(Command { ticket: self.ticket, first, count: self.count });
    }

    fn refuse(&mut self, why: Cause) {
        self.output.outcome = Some(Outcome::Refused(Fault::new(why)));
    }
}

impl IoReadStateMachineContext for &mut Context {
    fn batch_empty(&self, _: &Submit) -> Result<bool, ()> {
        Ok(self.spans.is_empty())
    }

    fn host_takes_none(&self, submit: &Submit) -> Result<bool, ()> {
        Ok(submit.max_batch == 0)
    }

    span_findings! {}

    fn send_first(&mut self, submit: &Submit) -> Result<(), ()> {
        self.max_batch = submit.max_batch;
        self.send(0);
        Ok(())
    }

    fn read_stray(&self, read: &Read) -> Result<bool, ()> {
        Ok(read.ticket != self.ticket)
    }

    fn read_failed(&self, read: &Read) -> Result<bool, ()> {
        Ok(read.fault.is_some())
    }

    fn fail_batch(&mut self, read: &Read) -> Result<(), ()> {
        let first = self.first;
        self.output.outcome = read
            .fault
            .map(|fault| Outcome::Refused(Fault { item: fault.item.map(|item| first.saturating_add(item)), ..fault }));
        Ok(())
    }

    fn more_spans(&self, _: &Read) -> Result<bool, ()> {
        Ok(self.first + self.count < self.len())
    }

    fn send_next(&mut self, _: &Read) -> Result<(), ()> {
        self.send(self.first + self.count);
        Ok(())
    }

    fn complete(&mut self, _: &Read) -> Result<(), ()> {
        self.output.outcome = Some(Outcome::Done(self.spans.iter().map(|span| span.len).sum()));
        Ok(())
    }

    strays! { put_aside(Read) }

    refusals! {
        refuse_empty(Submit) => InvalidRequest,
        refuse_platform(Submit) => StrategyUnavailable,
    }

    fn refuse_busy(&mut self) -> Result<(), ()> {
        self.refuse(Cause::Busy);
        Ok(())
    }
}
