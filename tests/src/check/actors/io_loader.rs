//! io/loader: every ordered policy, up to three extents, every answer. What it should do next is worked out here a second
//! time, from the rules in words: extents in order, given back in reverse, then the next strategy unless the failure is
//! final.
use super::{Actor, NOW, TICKETS, faults, must};
use weighbridge_loader::actors::io_loader::{Command, IoLoader, Load, Outcome, Output, Policy};
use weighbridge_loader::actors::{Answered, Fault, Ticket};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::{Cause, Strategy};

const STRATEGIES: [Strategy; 4] =
    [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead, Strategy::ExternalBuffer];
const EXTENTS: u32 = 3;

/// What may be sent.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A request.
    Load(Load),
    /// An answer.
    Answered(Answered),
}

/// The load under way, as the neighbours see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Work {
    policy: Policy,
    flexible: bool,
    extents: u32,
    /// Index of the strategy at work.
    at: usize,
    /// Extents that the neighbours hold.
    held: u32,
    /// Of these, those that stay mapped while the others are copied.
    kept: u32,
    /// Extents at the end that are not to be mapped.
    aside: u32,
    /// The last failure is one that no other strategy mends.
    is_final: bool,
    out: Command,
}

/// What the neighbours keep.
#[derive(Clone, Debug)]
pub struct Loader {
    actor: IoLoader,
    work: Option<Work>,
    /// The faults of the strategies that were given up.
    refused: Vec<(Strategy, Fault)>,
}

/// What should come next.
enum Next {
    Command(Command),
    Outcome(Outcome),
}

impl Default for Loader {
    fn default() -> Self {
        Self { actor: IoLoader::default().counting_from(NOW), work: None, refused: Vec::new() }
    }
}

fn policies() -> Vec<Policy> {
    let mut all = vec![[None; 4]];
    let mut from = 0;
    while from < all.len() {
        let base = all[from];
        let len = base.iter().flatten().count();
        for strategy in STRATEGIES.into_iter().filter(|strategy| len < 4 && !base.contains(&Some(*strategy))) {
            let mut longer = base;
            longer[len] = Some(strategy);
            all.push(longer);
        }
        from += 1;
    }
    all
}

const fn first(strategy: Strategy) -> Command {
    match strategy {
        Strategy::MappedFile => Command::Map(NOW, 0),
        Strategy::ReadCopy | Strategy::StagedRead => Command::Allocate(NOW, 0),
        Strategy::ExternalBuffer => Command::Registered(NOW),
    }
}

/// Failures of the work itself, or of the file, which no other strategy mends or may hide.
const FINAL: [Cause; 6] =
    [Cause::Cancelled, Cause::Deadline, Cause::SourceChanged, Cause::EndOfSource, Cause::AccessDenied, Cause::Internal];

impl Work {
    fn next_strategy(&self) -> Option<Strategy> {
        self.policy.get(self.at + 1).copied().flatten().filter(|_| !self.is_final)
    }

    fn copies_next(&self) -> bool {
        matches!(self.next_strategy(), Some(Strategy::ReadCopy | Strategy::StagedRead))
    }

    /// An extent could not be mapped: it is divided where memory is short and that is possible, else set aside where others
    /// are mapped and the next strategy copies.
    fn other_extents(&mut self, why: Cause, whole: bool) -> Option<Next> {
        if !self.flexible || self.policy[self.at] != Some(Strategy::MappedFile) {
            return None;
        }
        if matches!(why, Cause::OutOfMemory | Cause::LimitExceeded) && !whole {
            return Some(Next::Command(Command::Divide(NOW, self.held)));
        }
        (self.extents > 1 && self.copies_next()).then(|| {
            self.aside += 1;
            Next::Command(Command::SetAside(NOW, self.held))
        })
    }
}

impl Loader {
    /// What should follow a valid answer; the books are kept on the way.
    fn next(work: &mut Work, refused: &mut Vec<(Strategy, Fault)>, fault: Option<Fault>) -> Next {
        let strategy = work.policy[work.at].unwrap();
        match (work.out, fault) {
            (Command::GiveBack(..), _) => work.held -= 1,
            (Command::Divide(..), None) => {
                work.extents += 1;
                return Next::Command(Command::Map(NOW, work.held));
            }
            (Command::Divide(..), Some(_)) => {
                let why = refused.last().unwrap().1.cause;
                if let Some(next) = work.other_extents(why, true) {
                    return next;
                }
            }
            (Command::SetAside(..), _) if work.held + work.aside < work.extents => {
                return Next::Command(Command::Map(NOW, work.held));
            }
            (Command::SetAside(..), _) => work.kept = work.held,
            (_, Some(fault)) => {
                work.is_final = FINAL.contains(&fault.cause);
                refused.retain(|(other, _)| *other != strategy);
                refused.push((strategy, fault));
                if let Some(next) = work.other_extents(fault.cause, false) {
                    return next;
                }
            }
            (Command::Map(..), None) if work.held + 1 + work.aside == work.extents && work.aside > 0 => {
                work.held += 1;
                work.kept = work.held;
            }
            (Command::Map(..) | Command::Allocate(..), None) => {
                work.held += 1;
                return match (strategy, work.held < work.extents) {
                    (Strategy::MappedFile, true) => Next::Command(Command::Map(NOW, work.held)),
                    (Strategy::MappedFile, false) => Next::Outcome(Outcome::Done(Some(strategy))),
                    (_, true) => Next::Command(Command::Allocate(NOW, work.held)),
                    (Strategy::ReadCopy, false) => Next::Command(Command::Read(NOW)),
                    (_, false) => Next::Command(Command::Stage(NOW)),
                };
            }
            (Command::Registered(_), None) => return Next::Command(Command::Stage(NOW)),
            (Command::Read(_) | Command::Stage(_), None) => return Next::Outcome(Outcome::Done(Some(strategy))),
        }
        if !work.copies_next() {
            work.kept = 0;
        }
        if work.held > work.kept {
            return Next::Command(Command::GiveBack(NOW, work.held - 1));
        }
        match work.next_strategy() {
            Some(next) => {
                work.at += 1;
                if work.kept == 0 {
                    work.aside = 0;
                }
                Next::Command(match first(next) {
                    Command::Allocate(ticket, _) => Command::Allocate(ticket, work.held),
                    other => other,
                })
            }
            None => {
                let (strategy, fault) = *refused.last().unwrap();
                Next::Outcome(Outcome::Refused(Some(strategy), fault))
            }
        }
    }

    fn asked(&mut self, load: Load, output: Output, before: &IoLoader) -> Result<(), String> {
        must!(!output.stray, "a request was taken for an answer");
        if self.work.is_some() {
            let busy = Some(Outcome::Refused(None, Fault::new(Cause::Busy)));
            must!(output.outcome == busy && output.command.is_none(), "answered {output:?}");
            must!(self.actor == *before, "refused, and something changed");
            return Ok(());
        }
        // What the load before left behind makes no difference.
        let mut fresh = IoLoader::default().counting_from(NOW);
        let quiet = Watch::new(weighbridge_loader::types::Level::Off, Box::new(()));
        must!(fresh.dispatch(load, &quiet) == output && fresh == self.actor, "the load before makes a difference");
        self.refused.clear();
        match load.policy[0].filter(|_| load.extents > 0) {
            None => {
                let empty = Outcome::Refused(None, Fault::new(Cause::InvalidRequest));
                let wanted = if load.extents == 0 { Outcome::Done(None) } else { empty };
                must!(output.outcome == Some(wanted) && output.command.is_none(), "answered {output:?}");
            }
            Some(strategy) => {
                let Load { policy, extents, flexible } = load;
                let (at, held, kept, aside, is_final, out) = (0, 0, 0, 0, false, first(strategy));
                self.work = Some(Work { policy, flexible, extents, at, held, kept, aside, is_final, out });
                self.commanded(output, first(strategy))?;
            }
        }
        Ok(())
    }

    /// Counts from [`NOW`] again, and sees that it is the right command.
    fn commanded(&mut self, output: Output, wanted: Command) -> Result<(), String> {
        let Some(command) = output.command else { return Err(format!("{output:?} in place of {wanted:?}")) };
        must!(output.outcome.is_none(), "a command and an outcome");
        must!(command.ticket() == NOW.next(), "a command has number {:?}", command.ticket());
        let same = match (command, wanted) {
            (Command::Map(_, a), Command::Map(_, b))
            | (Command::Allocate(_, a), Command::Allocate(_, b))
            | (Command::GiveBack(_, a), Command::GiveBack(_, b))
            | (Command::Divide(_, a), Command::Divide(_, b))
            | (Command::SetAside(_, a), Command::SetAside(_, b)) => a == b,
            (a, b) => std::mem::discriminant(&a) == std::mem::discriminant(&b),
        };
        must!(same, "{command:?} in place of {wanted:?}");
        self.actor = self.actor.clone().counting_from(NOW);
        if let Some(work) = &mut self.work {
            work.out = wanted;
        }
        Ok(())
    }

    fn answered(&mut self, answered: Answered, output: Output, before: &IoLoader) -> Result<(), String> {
        let Some(work) = self.work.as_mut().filter(|_| answered.ticket == NOW) else {
            must!(output.stray && output.outcome.is_none() && output.command.is_none(), "{output:?}");
            must!(self.actor == *before, "an answer that nobody waits for changed something");
            return Ok(());
        };
        must!(!output.stray, "an answer was put aside");
        match Self::next(work, &mut self.refused, answered.fault) {
            Next::Command(wanted) => {
                let work = work.clone();
                self.commanded(output, wanted)?;
                must!(self.actor.context().strategy() == work.policy[work.at], "another strategy is at work");
            }
            Next::Outcome(wanted) => {
                must!(output.outcome == Some(wanted) && output.command.is_none(), "{output:?} in place of {wanted:?}");
                if let Outcome::Refused(..) = wanted {
                    must!(work.held == 0, "{} extents were not given back", work.held);
                    self.refused.pop();
                }
                must!(self.actor.context().held() == work.held, "{} extents are held", work.held);
                must!(self.actor.context().refused() == self.refused, "other refusals are told");
                self.work = None;
                self.refused.clear();
            }
        }
        Ok(())
    }
}

impl Actor for Loader {
    type Event = Event;
    /// Faults are told by whether they are final, and what is kept of a load that is over makes no difference.
    type Key = Option<(Work, Vec<Strategy>, Option<Cause>)>;

    const NAME: &'static str = IoLoader::NAME;

    fn key(&self) -> Self::Key {
        let strategies = self.refused.iter().map(|(strategy, _)| *strategy).collect();
        // Whether an extent that could not be divided is set aside depends on why it could not be mapped.
        let dividing = self.work.as_ref().is_some_and(|work| matches!(work.out, Command::Divide(..)));
        let why = self.refused.last().map(|(_, fault)| fault.cause).filter(|_| dividing);
        self.work.clone().map(|work| (work, strategies, why))
    }

    fn stands(&self) -> String {
        self.actor.state()
    }

    fn events(&self) -> Vec<Event> {
        let mut all = Vec::new();
        for policy in policies() {
            let loads = (0..=EXTENTS)
                .flat_map(|extents| [false, true].map(|flexible| Event::Load(Load { policy, extents, flexible })));
            all.extend(loads);
        }
        let answers = TICKETS.into_iter().flat_map(|ticket| faults(ticket).map(move |fault| (ticket, fault)));
        // An extent has so many tensors, and can be divided so often.
        let finest =
            self.work.as_ref().is_some_and(|work| matches!(work.out, Command::Divide(..)) && work.extents > EXTENTS);
        let answers = answers.filter(|(ticket, fault)| !finest || fault.is_some() || *ticket != NOW);
        all.extend(answers.map(|(ticket, fault): (Ticket, _)| Event::Answered(Answered { ticket, fault })));
        all
    }

    fn send(&mut self, event: Event, watch: &Watch) -> Result<(), String> {
        let before = self.actor.clone();
        match event {
            Event::Load(load) => {
                let output = self.actor.dispatch(load, watch);
                self.asked(load, output, &before)
            }
            Event::Answered(answered) => {
                let output = self.actor.dispatch(answered, watch);
                self.answered(answered, output, &before)
            }
        }?;
        must!((self.actor.state() == "ready") == self.work.is_none(), "it stands in {}", self.actor.state());
        Ok(())
    }
}
