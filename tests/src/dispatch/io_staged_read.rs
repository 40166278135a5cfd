//! io/staged_read: chunks of a batch, each a crossing.
use super::cases;
use crate::rows::watch;
use weighbridge_loader::actors::io_staged_read::{Command, IoStagedRead, Outcome, Output, Piece, Staged, Submit};
use weighbridge_loader::actors::spans::{Span, Wrong, WrongSpan};
use weighbridge_loader::actors::{Fault, Ticket};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;

cases! {
    chunks_of_every_size_move_every_byte_once
    refusals_in_their_order
    the_failing_span_is_named
    strays_change_nothing
    requests_in_between_are_busy
}

struct Stager {
    actor: IoStagedRead,
    watch: Watch,
}

impl Stager {
    fn new(lens: &[u64]) -> Self {
        let mut actor = IoStagedRead::default();
        let span = |(at, len): (usize, &u64)| Span {
            source: 0,
            offset: 1000 * at as u64,
            len: *len,
            target: at as u32,
            target_offset: 0,
        };
        assert!(actor.stage(lens.iter().enumerate().map(span)));
        Self { actor, watch: watch("io/staged_read", None, "ready") }
    }

    fn submit(&mut self, chunk: u64, max_batch: u32, wrong: Option<WrongSpan>) -> Output {
        self.actor.dispatch(Submit { chunk, max_batch, wrong }, &self.watch)
    }

    fn staged(&mut self, ticket: Ticket, fault: Option<Fault>) -> Output {
        self.actor.dispatch(Staged { ticket, fault }, &self.watch)
    }
}

fn chunks_of_every_size_move_every_byte_once() {
    let lens = [48, 1, 17, 64, 2];
    let total: u64 = lens.iter().sum();
    for chunk in (1..=total + 1).chain([u64::MAX]) {
        for max_batch in [1, 2, 100] {
            let mut stager = Stager::new(&lens);
            let mut moved = vec![0; lens.len()];
            let mut output = stager.submit(chunk, max_batch, None);
            while let Some(command) = output.command {
                let pieces: Vec<Piece> = stager.actor.context().pieces(command).collect();
                assert!(!pieces.is_empty() && pieces.len() <= max_batch as usize, "chunk {chunk}");
                assert!(pieces.iter().map(|piece| piece.len).sum::<u64>() <= chunk, "chunk {chunk}");
                for piece in pieces {
                    assert_eq!(moved[piece.span as usize], piece.offset, "chunk {chunk}: in order, without a gap");
                    moved[piece.span as usize] += piece.len;
                }
                output = stager.staged(command.ticket, None);
            }
            assert_eq!(output.outcome, Some(Outcome::Done(total)));
            assert_eq!(moved, lens, "chunk {chunk}");
        }
    }
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
        let output = Stager::new(&[9]).submit(1, 1, found);
        assert_eq!(output.outcome, Some(Outcome::Refused(Fault::new(cause).at(4))), "{wrong:?}");
    }
    let bad = Some(WrongSpan { span: 1, wrong: Wrong::PastTarget });
    let refused = |output: Output| match (output.outcome, output.command) {
        (Some(Outcome::Refused(fault)), None) => fault,
        _ => panic!("{output:?}"),
    };
    assert_eq!(refused(Stager::new(&[]).submit(0, 0, bad)), Fault::new(Cause::InvalidRequest));
    let mut stager = Stager::new(&[8, 8]);
    assert_eq!(refused(stager.submit(0, 0, bad)), Fault::new(Cause::StrategyUnavailable));
    assert_eq!(refused(stager.submit(0, 1, bad)), Fault::new(Cause::UnsupportedStrategy));
    assert_eq!(refused(stager.submit(1, 1, bad)), Fault::new(Cause::OutOfBounds).at(1));
    assert!(stager.submit(1, 1, None).command.is_some());
}

fn the_failing_span_is_named() {
    // Chunks of 10 over spans of 8: the second chunk begins inside the second span and ends inside the third.
    for (item, named) in [(Some(0), 1), (Some(1), 2), (None, 1)] {
        let mut stager = Stager::new(&[8, 8, 8]);
        let first: Command = stager.submit(10, 9, None).command.unwrap();
        let second = stager.staged(first.ticket, None).command.unwrap();
        let fault = Fault { item, os_code: Some(5), ..Fault::new(Cause::Io) };
        let output = stager.staged(second.ticket, Some(fault));
        assert_eq!(output.outcome, Some(Outcome::Refused(Fault { item: Some(named), ..fault })));
        assert_eq!(stager.actor.state(), "ready");
        assert!(stager.submit(10, 9, None).command.is_some());
    }
}

fn strays_change_nothing() {
    let mut stager = Stager::new(&[8, 8]);
    let before = stager.actor.clone();
    assert!(stager.staged(Ticket(0), None).stray);
    assert_eq!(stager.actor, before);
    let command = stager.submit(8, 9, None).command.unwrap();
    for ticket in [Ticket(0), command.ticket.next()] {
        let before = stager.actor.clone();
        let output = stager.staged(ticket, Some(Fault::new(Cause::Io)));
        assert!(output.stray && output.outcome.is_none() && output.command.is_none());
        assert_eq!(stager.actor, before);
    }
    let second = stager.staged(command.ticket, None).command.unwrap();
    assert!(stager.staged(command.ticket, None).stray, "a late answer");
    assert_eq!(stager.staged(second.ticket, None).outcome, Some(Outcome::Done(16)));
}

fn requests_in_between_are_busy() {
    let mut stager = Stager::new(&[8]);
    let command = stager.submit(8, 9, None).command.unwrap();
    let before = stager.actor.clone();
    assert_eq!(stager.submit(8, 9, None).outcome, Some(Outcome::Refused(Fault::new(Cause::Busy))));
    assert!(!stager.actor.stage([]));
    assert_eq!(stager.actor, before);
    assert_eq!(stager.staged(command.ticket, None).outcome, Some(Outcome::Done(8)));
}
