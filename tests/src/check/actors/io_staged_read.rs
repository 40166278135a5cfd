//! io/staged_read: three spans of different lengths, chunks of every size, every answer after every chunk.
use super::{Actor, NOW, TICKETS, faults, must};
use weighbridge_loader::actors::Fault;
use weighbridge_loader::actors::io_staged_read::{Command, IoStagedRead, Outcome, Output, Staged, Submit};
use weighbridge_loader::actors::spans::{Span, Wrong, WrongSpan};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;

/// Bytes of the spans: one byte, several chunks, and in between.
const BYTES: [u64; 3] = [3, 1, 5];
const CHUNKS: [u64; 9] = [0, 1, 2, 3, 4, 5, 8, 9, u64::MAX];

/// What a batch is refused with.
const fn refused(found: WrongSpan) -> Fault {
    let cause = match found.wrong {
        Wrong::TooLong => Cause::LimitExceeded,
        Wrong::PastTarget => Cause::OutOfBounds,
        Wrong::PastSource => Cause::EndOfSource,
        Wrong::Unknown | Wrong::Empty | Wrong::Overlaps => Cause::InvalidRequest,
    };
    Fault::new(cause).at(found.span)
}

/// What may be sent.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// So many of the spans, in place of the batch before.
    Stage(usize),
    /// A request.
    Submit(Submit),
    /// An answer.
    Staged(Staged),
}

/// What the neighbours keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stager {
    actor: IoStagedRead,
    spans: usize,
    out: Option<Command>,
    chunk: u64,
    most: u32,
    /// Bytes of the batch that were moved, and those that the command which is out moves.
    moved: u64,
    moving: u64,
}

impl Default for Stager {
    fn default() -> Self {
        let actor = IoStagedRead::default().counting_from(NOW);
        Self { actor, spans: 0, out: None, chunk: 0, most: 0, moved: 0, moving: 0 }
    }
}

impl Stager {
    fn total(&self) -> u64 {
        BYTES[..self.spans].iter().sum()
    }

    /// Pieces follow one another without a gap, fill the chunk as far as they may, and are no more than a batch.
    fn commanded(&mut self, output: Output) -> Result<(), String> {
        let Some(command) = output.command else { return Err(format!("{output:?} in place of a command")) };
        must!(output.outcome.is_none() && !output.stray, "{output:?}");
        must!(command.ticket == NOW.next(), "a command has number {:?}", command.ticket);
        let (mut at, mut pieces) = (self.moved, 0);
        for piece in self.actor.context().pieces(command) {
            let before: u64 = BYTES[..piece.span as usize].iter().sum();
            must!(before + piece.offset == at && piece.len > 0, "{piece:?} after {at} bytes");
            must!(piece.offset + piece.len <= BYTES[piece.span as usize], "{piece:?} leaves its span");
            at += piece.len;
            pieces += 1;
        }
        self.moving = at - self.moved;
        must!(self.moving <= self.chunk && pieces <= self.most, "{} bytes in {pieces} pieces", self.moving);
        let full = self.moving == self.chunk || pieces == self.most || at == self.total();
        must!(full && pieces > 0, "{} bytes in {pieces} pieces, and there was room for more", self.moving);
        self.actor = self.actor.clone().counting_from(NOW);
        self.out = Some(Command { ticket: NOW, ..command });
        Ok(())
    }

    fn ended(&mut self, output: Output, wanted: Outcome) -> Result<(), String> {
        must!(
            output.outcome == Some(wanted) && output.command.is_none() && !output.stray,
            "{output:?}, not {wanted:?}"
        );
        self.out = None;
        (self.chunk, self.most, self.moved, self.moving) = (0, 0, 0, 0);
        Ok(())
    }
}

impl Actor for Stager {
    type Event = Event;
    type Key = Self;

    const NAME: &'static str = IoStagedRead::NAME;

    fn key(&self) -> Self {
        self.clone()
    }

    fn stands(&self) -> String {
        self.actor.state()
    }

    fn events(&self) -> Vec<Event> {
        let mut all: Vec<Event> = (0..=BYTES.len()).map(Event::Stage).collect();
        for chunk in CHUNKS {
            for max_batch in 0..=4 {
                for wrong in [
                    None,
                    Some(Wrong::TooLong),
                    Some(Wrong::PastTarget),
                    Some(Wrong::PastSource),
                    Some(Wrong::Overlaps),
                ] {
                    let wrong = wrong.map(|wrong| WrongSpan { span: 1, wrong });
                    all.push(Event::Submit(Submit { chunk, max_batch, wrong }));
                }
            }
        }
        for ticket in TICKETS {
            for fault in faults(ticket) {
                let items = [None, Some(0), Some(1), Some(u32::MAX)];
                let items = &items[..if fault.is_some() { 4 } else { 1 }];
                all.extend(items.iter().map(|item| {
                    Event::Staged(Staged { ticket, fault: fault.map(|fault| Fault { item: *item, ..fault }) })
                }));
            }
        }
        all
    }

    fn send(&mut self, event: Event, watch: &Watch) -> Result<(), String> {
        let before = self.actor.clone();
        match event {
            Event::Stage(spans) => {
                let span = |n: usize| {
                    let target = u32::try_from(n).unwrap();
                    Span { source: 0, offset: 0, len: BYTES[n], target, target_offset: 0 }
                };
                let taken = self.actor.stage((0..spans).map(span));
                must!(taken == self.out.is_none(), "a batch was taken while one is under way");
                if taken {
                    self.spans = spans;
                } else {
                    must!(self.actor == before, "refused, and something changed");
                }
            }
            Event::Submit(submit) => {
                let output = self.actor.dispatch(submit, watch);
                let refusal = if self.out.is_some() {
                    Some(Fault::new(Cause::Busy))
                } else if self.spans == 0 {
                    Some(Fault::new(Cause::InvalidRequest))
                } else if submit.max_batch == 0 {
                    Some(Fault::new(Cause::StrategyUnavailable))
                } else if submit.chunk == 0 {
                    Some(Fault::new(Cause::UnsupportedStrategy))
                } else {
                    submit.wrong.map(refused)
                };
                if let Some(fault) = refusal {
                    must!(output.outcome == Some(Outcome::Refused(fault)) && output.command.is_none(), "{output:?}");
                    must!(self.actor == before, "refused, and something changed");
                } else {
                    (self.chunk, self.most) = (submit.chunk, submit.max_batch);
                    self.commanded(output)?;
                }
            }
            Event::Staged(staged) => {
                let output = self.actor.dispatch(staged, watch);
                let Some(command) = self.out.filter(|_| staged.ticket == NOW) else {
                    must!(output == Output { stray: true, ..Output::default() }, "{output:?}");
                    must!(self.actor == before, "an answer that nobody waits for changed something");
                    return Ok(());
                };
                match staged.fault {
                    Some(fault) => {
                        let item = Some(command.from.span.saturating_add(fault.item.unwrap_or(0)));
                        self.ended(output, Outcome::Refused(Fault { item, ..fault }))?;
                    }
                    None => {
                        self.moved += self.moving;
                        if self.moved < self.total() {
                            self.commanded(output)?;
                        } else {
                            let total = self.total();
                            self.ended(output, Outcome::Done(total))?;
                        }
                    }
                }
            }
        }
        must!((self.actor.state() == "ready") == self.out.is_none(), "it stands in {}", self.actor.state());
        Ok(())
    }
}
