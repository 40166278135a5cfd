//! io/read: batches of up to three spans, cut into commands of every size, every answer at every span.
use super::{Actor, NOW, TICKETS, faults, must};
use weighbridge_loader::actors::Fault;
use weighbridge_loader::actors::io_read::{Command, IoRead, Outcome, Output, Read, Submit};
use weighbridge_loader::actors::spans::{Span, Wrong, WrongSpan};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;

const SPANS: u32 = 3;
const BYTES: u64 = 5;

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
    /// So many spans, in place of the batch before.
    Stage(u32),
    /// A request.
    Submit(Submit),
    /// An answer.
    Read(Read),
}

/// What the neighbours keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reader {
    actor: IoRead,
    spans: u32,
    out: Option<Command>,
    /// Most spans of a command, and spans that were moved.
    most: u32,
    moved: u32,
}

impl Default for Reader {
    fn default() -> Self {
        Self { actor: IoRead::default().counting_from(NOW), spans: 0, out: None, most: 0, moved: 0 }
    }
}

impl Reader {
    fn commanded(&mut self, output: Output) -> Result<(), String> {
        let Some(command) = output.command else { return Err(format!("{output:?} in place of a command")) };
        must!(output.outcome.is_none() && !output.stray, "{output:?}");
        must!(command.ticket == NOW.next(), "a command has number {:?}", command.ticket);
        must!(command.first == self.moved, "span {} is read after {} spans", command.first, self.moved);
        let count = self.most.min(self.spans - self.moved);
        must!(command.count == count && count > 0, "{} spans at once, not {count}", command.count);
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
        (self.most, self.moved) = (0, 0);
        Ok(())
    }
}

impl Actor for Reader {
    type Event = Event;
    type Key = Self;

    const NAME: &'static str = IoRead::NAME;

    fn key(&self) -> Self {
        self.clone()
    }

    fn stands(&self) -> String {
        self.actor.state()
    }

    fn events(&self) -> Vec<Event> {
        let mut all: Vec<Event> = (0..=SPANS).map(Event::Stage).collect();
        for max_batch in 0..=SPANS + 1 {
            for wrong in
                [None, Some(Wrong::TooLong), Some(Wrong::PastTarget), Some(Wrong::PastSource), Some(Wrong::Overlaps)]
            {
                let wrong = wrong.map(|wrong| WrongSpan { span: 1, wrong });
                all.push(Event::Submit(Submit { max_batch, wrong }));
            }
        }
        for ticket in TICKETS {
            for fault in faults(ticket) {
                let items = [None, Some(0), Some(SPANS - 1), Some(u32::MAX)];
                let items = &items[..if fault.is_some() { 4 } else { 1 }];
                all.extend(items.iter().map(|item| {
                    Event::Read(Read { ticket, fault: fault.map(|fault| Fault { item: *item, ..fault }) })
                }));
            }
        }
        all
    }

    fn send(&mut self, event: Event, watch: &Watch) -> Result<(), String> {
        let before = self.actor.clone();
        match event {
            Event::Stage(spans) => {
                let span = |n: u32| Span { source: 0, offset: 0, len: BYTES, target: n, target_offset: 0 };
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
                } else {
                    submit.wrong.map(refused)
                };
                if let Some(fault) = refusal {
                    must!(output.outcome == Some(Outcome::Refused(fault)) && output.command.is_none(), "{output:?}");
                    must!(self.actor == before, "refused, and something changed");
                } else {
                    self.most = submit.max_batch;
                    self.commanded(output)?;
                }
            }
            Event::Read(read) => {
                let output = self.actor.dispatch(read, watch);
                let Some(command) = self.out.filter(|_| read.ticket == NOW) else {
                    must!(output == Output { stray: true, ..Output::default() }, "{output:?}");
                    must!(self.actor == before, "an answer that nobody waits for changed something");
                    return Ok(());
                };
                match read.fault {
                    Some(fault) => {
                        let item = fault.item.map(|item| item.saturating_add(command.first));
                        self.ended(output, Outcome::Refused(Fault { item, ..fault }))?;
                    }
                    None => {
                        self.moved += command.count;
                        if self.moved < self.spans {
                            self.commanded(output)?;
                        } else {
                            self.ended(output, Outcome::Done(u64::from(self.spans) * BYTES))?;
                        }
                    }
                }
            }
        }
        must!((self.actor.state() == "ready") == self.out.is_none(), "it stands in {}", self.actor.state());
        Ok(())
    }
}
