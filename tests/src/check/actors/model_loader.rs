//! model/loader: every request in every phase, every answer to every command.
use super::{Actor, NOW, TICKETS, faults, must};
use weighbridge_loader::actors::model_loader::{
    Advise, Close, Command, Evict, Files, Load, ModelLoader, Open, Outcome, Output, Parsed, Provide, Release, Selected,
};
use weighbridge_loader::actors::{Answered, Fault, Finding, Noted};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;

const FOUND: Finding = Finding { item: Some(7), noted: Noted(3) };

/// What may be found of a request: each alone, all, and nothing.
fn found<const N: usize>() -> impl Iterator<Item = [Option<Finding>; N]> {
    let alone = (0..N).map(|only| std::array::from_fn(|at| (at == only).then_some(FOUND)));
    alone.chain([[Some(FOUND); N], [None; N]])
}

/// What may be sent.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is an event of the machine")]
pub enum Event {
    Open(Open),
    Provide(Provide),
    Load(Load),
    Release(Release),
    Evict(Evict),
    Advise(Advise),
    Close,
    Parsed(Parsed),
    Answered(Answered),
}

/// How far the model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Whole {
    No,
    FilesMissing,
    Bound,
    Closed,
}

/// The request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Work {
    /// The command that is out.
    out: Command,
    /// What the load is to check.
    structure: bool,
    architecture: bool,
    /// Cause the load failed, while it is undone.
    failure: Option<Fault>,
}

/// What the neighbours keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Loader {
    actor: ModelLoader,
    whole: Whole,
    work: Option<Work>,
}

impl Default for Loader {
    fn default() -> Self {
        Self { actor: ModelLoader::default().counting_from(NOW), whole: Whole::No, work: None }
    }
}

enum Next {
    Command(Command),
    Done(Whole),
    Incomplete,
    Refused(Fault),
}

impl Loader {
    /// What a request should be answered with.
    fn request(&self, event: Event) -> Next {
        if self.work.is_some() {
            return Next::Refused(Fault::new(Cause::Busy));
        }
        let begin = |findings: &[(Option<Finding>, Cause)], command: Command| {
            let first = findings.iter().find_map(|(finding, cause)| Some(finding.as_ref()?.fault(*cause)));
            first.map_or(Next::Command(command), Next::Refused)
        };
        let files = |files: Files| [(files.none, Cause::InvalidRequest), (files.repeated, Cause::InvalidRequest)];
        let selected = |found: Selected| {
            [
                (found.malformed, Cause::InvalidRequest),
                (found.unknown, Cause::NotFound),
                (found.unmatched, Cause::NotFound),
            ]
        };
        match (event, self.whole) {
            (Event::Open(open), Whole::No) => begin(&files(open.files), Command::ReadHeader(NOW)),
            (Event::Provide(provide), Whole::FilesMissing) => begin(&files(provide.files), Command::ReadHeader(NOW)),
            (Event::Load(load), Whole::Bound) => {
                let strided = [(load.strided, Cause::UnsupportedFormat)];
                let more = [load.no_strategy, load.strategy_repeated, load.extent_empty];
                let more = more.map(|finding| (finding, Cause::InvalidRequest));
                begin(&[&selected(load.selected)[..], &strided, &more].concat(), Command::Plan(NOW))
            }
            (Event::Release(release), Whole::Bound) => {
                let more = [(release.not_mapped, Cause::NotMapped)];
                begin(&[&selected(release.selected)[..], &more].concat(), Command::Release(NOW))
            }
            (Event::Evict(evict), Whole::Bound) => {
                let more = [(evict.mapped, Cause::InvalidRequest), (evict.not_resident, Cause::NotResident)];
                begin(&[&selected(evict.selected)[..], &more].concat(), Command::Evict(NOW))
            }
            (Event::Advise(advise), Whole::Bound) => {
                begin(&[(advise.unknown, Cause::NotFound), (advise.not_mapped, Cause::NotMapped)], Command::Advise(NOW))
            }
            (Event::Close, Whole::Bound) => Next::Command(Command::Close(NOW)),
            (Event::Close, _) => Next::Done(Whole::Closed),
            (_, Whole::FilesMissing) => Next::Refused(Fault::new(Cause::NotFound)),
            _ => Next::Refused(Fault::new(Cause::InvalidRequest)),
        }
    }

    /// What should follow an answer to the command that is out.
    fn answer(&self, work: &mut Work, fault: Option<Fault>) -> Next {
        let end = Next::Done(self.whole);
        if let (Some(fault), Command::FailPlan(_) | Command::Undo(_)) = (work.failure, work.out) {
            return Next::Refused(fault);
        }
        match (work.out, fault) {
            (Command::Transfer(_), Some(_)) => {
                work.failure = fault;
                Next::Command(Command::FailPlan(NOW))
            }
            (
                Command::Apply(_) | Command::MapLayers(_) | Command::CheckStructure(_) | Command::CheckArchitecture(_),
                Some(_),
            ) => {
                work.failure = fault;
                Next::Command(Command::Undo(NOW))
            }
            (_, Some(fault)) => Next::Refused(fault),
            (Command::Bind(_), None) => Next::Done(Whole::Bound),
            (Command::Close(_), None) => Next::Done(Whole::Closed),
            (Command::Plan(_), None) => Next::Command(Command::Transfer(NOW)),
            (Command::Transfer(_), None) => Next::Command(Command::Apply(NOW)),
            (Command::Apply(_), None) if work.structure || work.architecture => Next::Command(Command::MapLayers(NOW)),
            (Command::MapLayers(_), None) if work.structure => Next::Command(Command::CheckStructure(NOW)),
            (Command::MapLayers(_), None) => Next::Command(Command::CheckArchitecture(NOW)),
            (Command::CheckStructure(_), None) if work.architecture => Next::Command(Command::CheckArchitecture(NOW)),
            _ => end,
        }
    }

    fn follow(&mut self, next: Next, work: Option<Work>, output: Output) -> Result<(), String> {
        must!(!output.stray, "an event was put aside");
        let outcome = match next {
            Next::Command(wanted) => {
                let Some(command) = output.command else { return Err(format!("{output:?} in place of {wanted:?}")) };
                must!(command.name() == wanted.name(), "{command:?} in place of {wanted:?}");
                must!(format!("{command:?}").ends_with("(Ticket(2))"), "a command has another number: {command:?}");
                must!(output.outcome.is_none(), "a command and an outcome");
                self.actor = self.actor.clone().counting_from(NOW);
                let fresh = Work { out: wanted, structure: false, architecture: false, failure: None };
                self.work = Some(work.map_or(fresh, |work| Work { out: wanted, ..work }));
                return Ok(());
            }
            Next::Done(whole) => {
                self.whole = whole;
                Outcome::Done
            }
            Next::Incomplete => {
                self.whole = Whole::FilesMissing;
                Outcome::Incomplete
            }
            Next::Refused(fault) => Outcome::Refused(fault),
        };
        must!(output.outcome == Some(outcome) && output.command.is_none(), "{output:?} in place of {outcome:?}");
        Ok(())
    }

    fn aside(&self, output: Output, before: &ModelLoader) -> Result<(), String> {
        must!(output == Output { stray: true, ..Output::default() }, "{output:?}");
        must!(self.actor == *before, "an answer that nobody waits for changed something");
        Ok(())
    }
}

impl Actor for Loader {
    type Event = Event;
    type Key = Self;

    const NAME: &'static str = ModelLoader::NAME;

    fn key(&self) -> Self {
        self.clone()
    }

    fn stands(&self) -> String {
        self.actor.state()
    }

    fn events(&self) -> Vec<Event> {
        let mut all = vec![Event::Close];
        for [none, repeated] in found() {
            let files = Files { none, repeated };
            all.extend([Event::Open(Open { files }), Event::Provide(Provide { files })]);
            all.push(Event::Advise(Advise { unknown: none, not_mapped: repeated }));
        }
        for [malformed, unknown, unmatched, first, second, third, fourth] in found() {
            let selected = Selected { malformed, unknown, unmatched };
            all.push(Event::Release(Release { selected, not_mapped: first }));
            all.push(Event::Evict(Evict { selected, mapped: first, not_resident: second }));
            // What is refused is refused whatever would be checked afterwards.
            let checks = [(false, false), (true, false), (false, true), (true, true)];
            let refused = [malformed, unknown, unmatched, first, second, third, fourth].iter().any(Option::is_some);
            for (structure, architecture) in checks.into_iter().take(if refused { 1 } else { 4 }) {
                let (strided, no_strategy, strategy_repeated, extent_empty) = (first, second, third, fourth);
                let found = Load { strided, no_strategy, strategy_repeated, extent_empty, ..Load::default() };
                let load = Load { selected, structure, architecture, ..found };
                all.push(Event::Load(load));
            }
        }
        for ticket in TICKETS {
            for fault in faults(ticket) {
                all.push(Event::Answered(Answered { ticket, fault }));
                for (more, missing) in [(false, false), (true, false), (false, true), (true, true)] {
                    all.push(Event::Parsed(Parsed { ticket, fault, more, missing }));
                }
            }
        }
        all
    }

    fn send(&mut self, event: Event, watch: &Watch) -> Result<(), String> {
        let before = self.actor.clone();
        let output = match event {
            Event::Open(e) => self.actor.dispatch(e, watch),
            Event::Provide(e) => self.actor.dispatch(e, watch),
            Event::Load(e) => self.actor.dispatch(e, watch),
            Event::Release(e) => self.actor.dispatch(e, watch),
            Event::Evict(e) => self.actor.dispatch(e, watch),
            Event::Advise(e) => self.actor.dispatch(e, watch),
            Event::Close => self.actor.dispatch(Close, watch),
            Event::Parsed(e) => self.actor.dispatch(e, watch),
            Event::Answered(e) => self.actor.dispatch(e, watch),
        };
        match (event, self.work) {
            (Event::Parsed(Parsed { ticket: NOW, fault, more, missing }), Some(mut work))
                if matches!(work.out, Command::ReadHeader(_)) =>
            {
                let next = match fault {
                    Some(fault) => Next::Refused(fault),
                    None if more => Next::Command(Command::ReadHeader(NOW)),
                    None if missing => Next::Incomplete,
                    None => Next::Command(Command::Bind(NOW)),
                };
                self.work = None;
                work.failure = None;
                self.follow(next, Some(work), output)?;
            }
            (Event::Answered(Answered { ticket: NOW, fault }), Some(mut work))
                if !matches!(work.out, Command::ReadHeader(_)) =>
            {
                let next = self.answer(&mut work, fault);
                self.work = None;
                self.follow(next, Some(work), output)?;
            }
            (Event::Parsed(_) | Event::Answered(_), _) => self.aside(output, &before)?,
            (request, under_way) => {
                let next = self.request(request);
                let refused = matches!(next, Next::Refused(_));
                let work = match request {
                    Event::Load(Load { structure, architecture, .. }) => {
                        Some(Work { out: Command::Plan(NOW), structure, architecture, failure: None })
                    }
                    _ => None,
                };
                self.follow(next, work, output)?;
                if refused {
                    must!(self.actor == before, "refused, and something changed");
                    self.work = under_way;
                }
            }
        }
        let rests = ["idle", "incomplete", "bound", "closed"].contains(&self.stands().as_str());
        must!(rests == self.work.is_none(), "it stands in {}", self.stands());
        let wanted = match self.whole {
            Whole::No => "idle",
            Whole::FilesMissing => "incomplete",
            Whole::Bound => "bound",
            Whole::Closed => "closed",
        };
        must!(!rests || self.stands() == wanted, "it stands in {}, not in {wanted}", self.stands());
        Ok(())
    }
}
