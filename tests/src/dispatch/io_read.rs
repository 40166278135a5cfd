//! io/read: one batch in as few crossings as the host takes.
use super::cases;
use crate::rows::watch;
use weighbridge_loader::actors::io_read::{Command, IoRead, Outcome, Output, Read, Submit};
use weighbridge_loader::actors::spans::{Span, Wrong, WrongSpan};
use weighbridge_loader::actors::{Fault, Ticket};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;

cases! {
    a_batch_is_one_crossing
    small_batches_go_one_after_another
    refusals_in_their_order
    the_failing_span_counts_from_the_batch
    strays_change_nothing
    requests_in_between_are_busy
}

struct Reader {
    actor: IoRead,
    watch: Watch,
}

impl Reader {
    fn new(spans: u32) -> Self {
        let mut actor = IoRead::default();
        let span = |at: u32| Span { source: 0, offset: u64::from(at), len: 1, target: 0, target_offset: u64::from(at) };
        assert!(actor.stage((0..spans).map(span)));
        Self { actor, watch: watch("io/read", None, "ready") }
    }

    fn submit(&mut self, max_batch: u32, wrong: Option<WrongSpan>) -> Output {
        self.actor.dispatch(Submit { max_batch, wrong }, &self.watch)
    }

    fn read(&mut self, ticket: Ticket, fault: Option<Fault>) -> Output {
        self.actor.dispatch(Read { ticket, fault }, &self.watch)
    }
}

fn a_batch_is_one_crossing() {
    let mut reader = Reader::new(65_536);
    let Some(Command { ticket, first: 0, count: 65_536 }) = reader.submit(65_536, None).command else { panic!() };
    assert_eq!(reader.actor.state(), "reading");
    let output = reader.read(ticket, None);
    assert_eq!((output.outcome, output.command), (Some(Outcome::Done(65_536)), None));
    assert_eq!(reader.actor.state(), "ready");
}

fn small_batches_go_one_after_another() {
    let mut reader = Reader::new(7);
    let mut output = reader.submit(3, None);
    let mut crossings = Vec::new();
    while let Some(Command { ticket, first, count }) = output.command {
        crossings.push((first, count));
        output = reader.read(ticket, None);
    }
    assert_eq!(crossings, [(0, 3), (3, 3), (6, 1)]);
    assert_eq!(output.outcome, Some(Outcome::Done(7)));
}

fn refusals_in_their_order() {
    for (wrong, cause) in [
        (Wrong::Unknown, Cause::InvalidRequest),
        (Wrong::Empty, Cause::InvalidRequest),
        (Wrong::TooLong, Cause::LimitExceeded),
        (Wrong::PastTarget, Cause::OutOfBounds),
        (Wrong::PastSource, Cause::EndOfSource),
        (Wrong::Overlaps, Cause::InvalidRequest),
    ] {
        let found = Some(WrongSpan { span: 4, wrong });
        let output = Reader::new(2).submit(9, found);
        assert_eq!(output.outcome, Some(Outcome::Refused(Fault::new(cause).at(4))), "{wrong:?}");
    }
    let bad = Some(WrongSpan { span: 1, wrong: Wrong::PastSource });
    let refused = |output: Output| match (output.outcome, output.command) {
        (Some(Outcome::Refused(fault)), None) => fault,
        _ => panic!("{output:?}"),
    };
    assert_eq!(refused(Reader::new(0).submit(0, bad)), Fault::new(Cause::InvalidRequest));
    assert_eq!(refused(Reader::new(2).submit(0, bad)), Fault::new(Cause::StrategyUnavailable));
    let mut reader = Reader::new(2);
    for _ in 0..2 {
        assert_eq!(refused(reader.submit(9, bad)), Fault::new(Cause::EndOfSource).at(1));
    }
    assert!(reader.submit(9, None).command.is_some());
}

fn the_failing_span_counts_from_the_batch() {
    for (item, named) in [(Some(0), Some(3)), (Some(2), Some(5)), (None, None), (Some(u32::MAX), Some(u32::MAX))] {
        let mut reader = Reader::new(7);
        let first = reader.submit(3, None).command.unwrap();
        let second = reader.read(first.ticket, None).command.unwrap();
        let fault = Fault { os_code: Some(5), item, ..Fault::new(Cause::Io) };
        let output = reader.read(second.ticket, Some(fault));
        assert_eq!(output.outcome, Some(Outcome::Refused(Fault { item: named, ..fault })));
        assert_eq!(reader.actor.state(), "ready");
        assert!(reader.submit(9, None).command.is_some());
    }
}

fn strays_change_nothing() {
    let mut reader = Reader::new(2);
    let before = reader.actor.clone();
    assert!(reader.read(Ticket(0), None).stray);
    assert_eq!(reader.actor, before);
    let command = reader.submit(1, None).command.unwrap();
    for ticket in [Ticket(0), command.ticket.next(), Ticket(u32::MAX)] {
        for fault in [None, Some(Fault::new(Cause::Io))] {
            let before = reader.actor.clone();
            let output = reader.read(ticket, fault);
            assert!(output.stray && output.outcome.is_none() && output.command.is_none());
            assert_eq!(reader.actor, before);
        }
    }
    let second = reader.read(command.ticket, None).command.unwrap();
    assert!(reader.read(command.ticket, None).stray, "a late answer");
    assert_eq!(reader.read(second.ticket, None).outcome, Some(Outcome::Done(2)));
}

fn requests_in_between_are_busy() {
    let mut reader = Reader::new(2);
    let command = reader.submit(9, None).command.unwrap();
    let before = reader.actor.clone();
    assert_eq!(reader.submit(9, None).outcome, Some(Outcome::Refused(Fault::new(Cause::Busy))));
    assert!(!reader.actor.stage([]), "the batch under way is kept");
    assert_eq!(reader.actor, before);
    assert_eq!(reader.read(command.ticket, None).outcome, Some(Outcome::Done(2)));
}
