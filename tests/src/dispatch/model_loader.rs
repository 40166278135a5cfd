//! model/loader: every phase, every request in every phase, every late answer.
use super::cases;
use crate::rows::watch;
use weighbridge_loader::actors::model_loader::{
    Advise, Close, Command, Event, Evict, Files, Load, ModelLoader, Open, Outcome, Output, Parsed, Provide, Release,
    Selected,
};
use weighbridge_loader::actors::{Answered, Fault, Finding, Noted, Ticket};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;

cases! {
    phases_in_their_order
    every_phase_fails_where_it_should
    bad_requests_are_refused_before_any_work
    strays_change_nothing
    requests_in_between_are_refused
    a_plan_that_fails_ends_the_load
}

struct Loader {
    actor: ModelLoader,
    watch: Watch,
}

impl Loader {
    fn new() -> Self {
        Self { actor: ModelLoader::default(), watch: watch("model/loader", None, "idle") }
    }

    fn send(&mut self, event: impl Into<Event>) -> Output {
        self.actor.dispatch(event, &self.watch)
    }

    /// Answers the command that is out; of `read-header` with no more to read.
    fn answer(&mut self, command: Command, fault: Option<Fault>) -> Output {
        let ticket = ticket_of(command);
        if matches!(command, Command::ReadHeader(_)) {
            return self.send(Parsed { ticket, fault, more: false, missing: false });
        }
        self.send(Answered { ticket, fault })
    }

    fn bound() -> Self {
        let mut loader = Self::new();
        let read = loader.send(Open::default()).command.unwrap();
        let bind = loader.answer(read, None).command.unwrap();
        assert_eq!(loader.answer(bind, None).outcome, Some(Outcome::Done));
        assert_eq!(loader.actor.state(), "bound");
        loader
    }

    fn incomplete() -> Self {
        let mut loader = Self::new();
        let read = loader.send(Open::default()).command.unwrap();
        let output = loader.send(Parsed { ticket: ticket_of(read), fault: None, more: false, missing: true });
        assert_eq!((output.outcome, loader.actor.state().as_str()), (Some(Outcome::Incomplete), "incomplete"));
        loader
    }
}

fn ticket_of(command: Command) -> Ticket {
    match command {
        Command::ReadHeader(t)
        | Command::Bind(t)
        | Command::Plan(t)
        | Command::Transfer(t)
        | Command::Apply(t)
        | Command::FailPlan(t)
        | Command::MapLayers(t)
        | Command::CheckStructure(t)
        | Command::CheckArchitecture(t)
        | Command::Undo(t)
        | Command::Release(t)
        | Command::Evict(t)
        | Command::Advise(t)
        | Command::Close(t) => t,
    }
}

fn load(structure: bool, architecture: bool) -> Load {
    Load { structure, architecture, ..Load::default() }
}

fn phases_in_their_order() {
    for (structure, architecture, checks) in [
        (false, false, vec![]),
        (true, false, vec!["map-layers", "check-structure"]),
        (false, true, vec!["map-layers", "check-architecture"]),
        (true, true, vec!["map-layers", "check-structure", "check-architecture"]),
    ] {
        let mut loader = Loader::bound();
        let mut output = loader.send(load(structure, architecture));
        let mut commands = Vec::new();
        while let Some(command) = output.command {
            assert_eq!(output.outcome, None, "one outcome, at the end");
            commands.push(command.name());
            output = loader.answer(command, None);
        }
        let wanted: Vec<&str> = ["plan", "transfer", "apply"].into_iter().chain(checks).collect();
        assert_eq!(commands, wanted);
        assert_eq!((output.outcome, loader.actor.state().as_str()), (Some(Outcome::Done), "bound"));
    }
    // Headers: window after window, file after file.
    let mut loader = Loader::new();
    let mut read = loader.send(Open::default()).command.unwrap();
    for _ in 0..3 {
        read =
            loader.send(Parsed { ticket: ticket_of(read), fault: None, more: true, missing: false }).command.unwrap();
        assert_eq!(read.name(), "read-header");
    }
    assert_eq!(loader.answer(read, None).command.unwrap().name(), "bind");
    // The missing files come later, and may not be all.
    let mut loader = Loader::incomplete();
    let read = loader.send(Provide::default()).command.unwrap();
    let read =
        loader.send(Parsed { ticket: ticket_of(read), fault: None, more: true, missing: false }).command.unwrap();
    let output = loader.send(Parsed { ticket: ticket_of(read), fault: None, more: false, missing: true });
    assert_eq!(output.outcome, Some(Outcome::Incomplete));
    let read = loader.send(Provide::default()).command.unwrap();
    let bind = loader.answer(read, None).command.unwrap();
    assert_eq!(loader.answer(bind, None).outcome, Some(Outcome::Done));
    for (event, name) in [
        (Event::from(Release::default()), "release"),
        (Evict::default().into(), "evict"),
        (Advise::default().into(), "advise"),
        (Close.into(), "close"),
    ] {
        let command = loader.send(event).command.unwrap();
        assert_eq!(command.name(), name);
        assert_eq!(loader.answer(command, None).outcome, Some(Outcome::Done));
    }
    assert_eq!(loader.actor.state(), "closed");
    assert_eq!(loader.send(Close).outcome, Some(Outcome::Done), "closing twice is fine");
}

fn every_phase_fails_where_it_should() {
    let fault = Fault { os_code: Some(5), ..Fault::new(Cause::Io) };
    let other = Fault::new(Cause::Busy);
    for (steps, way_back) in [(1, "fail-plan"), (2, "undo"), (3, "undo"), (4, "undo"), (5, "undo")] {
        // Whether or not the way back works, the first failure is the answer.
        for undone in [None, Some(other)] {
            let mut loader = Loader::bound();
            let mut command = loader.send(load(true, true)).command.unwrap();
            for _ in 0..steps {
                command = loader.answer(command, None).command.unwrap();
            }
            let back = loader.answer(command, Some(fault)).command.unwrap();
            assert_eq!(back.name(), way_back, "after {}", command.name());
            let output = loader.answer(back, undone);
            assert_eq!(output.outcome, Some(Outcome::Refused(fault)));
            assert_eq!(loader.actor.state(), "bound");
        }
    }
    for (event, after) in [
        (Event::from(Release::default()), "bound"),
        (Evict::default().into(), "bound"),
        (Advise::default().into(), "bound"),
        (Close.into(), "bound"),
    ] {
        let mut loader = Loader::bound();
        let command = loader.send(event).command.unwrap();
        assert_eq!(loader.answer(command, Some(fault)).outcome, Some(Outcome::Refused(fault)));
        assert_eq!(loader.actor.state(), after);
    }
    // Open and provide, in parsing and in binding.
    for mut loader in [Loader::new(), Loader::incomplete()] {
        let home = loader.actor.state();
        for binding in [false, true] {
            let first: Event = if home == "idle" { Open::default().into() } else { Provide::default().into() };
            let mut command = loader.send(first).command.unwrap();
            if binding {
                command = loader.answer(command, None).command.unwrap();
            }
            assert_eq!(loader.answer(command, Some(fault)).outcome, Some(Outcome::Refused(fault)));
            assert_eq!(loader.actor.state(), home);
        }
    }
    for mut loader in [Loader::new(), Loader::incomplete()] {
        // Nothing is bound, so nothing has to end, and nothing can fail.
        let output = loader.send(Close);
        assert_eq!((output.outcome, output.command), (Some(Outcome::Done), None));
        assert_eq!(loader.actor.state(), "closed");
    }
}

fn bad_requests_are_refused_before_any_work() {
    for (event, causes) in findings() {
        // The first that was found is the one that is refused, whatever else was.
        for (at, (event, cause)) in event.into_iter().zip(causes).enumerate() {
            let mut loader = match event {
                Event::Open(_) => Loader::new(),
                Event::Provide(_) => Loader::incomplete(),
                _ => Loader::bound(),
            };
            let before = loader.actor.clone();
            let output = loader.send(event);
            let item = Some(u32::try_from(at).unwrap());
            let noted = Some(Noted(u32::try_from(at).unwrap()));
            let fault = Fault { item, noted, ..Fault::new(cause) };
            assert_eq!((output.outcome, output.command), (Some(Outcome::Refused(fault)), None));
            assert_eq!(loader.actor, before);
        }
    }
}

/// Each request with all that can be found of it from the n-th finding on, for each n, and the causes of the n-th.
fn findings() -> Vec<(Vec<Event>, Vec<Cause>)> {
    use Cause::{InvalidRequest, NotFound, NotMapped, NotResident, UnsupportedFormat};
    type Make = fn(&dyn Fn(u32) -> Option<Finding>) -> Event;
    let selected = [InvalidRequest, NotFound, NotFound];
    fn select(found: &dyn Fn(u32) -> Option<Finding>) -> Selected {
        Selected { malformed: found(0), unknown: found(1), unmatched: found(2) }
    }
    fn files(found: &dyn Fn(u32) -> Option<Finding>) -> Files {
        Files { none: found(0), repeated: found(1) }
    }
    let requests: [(Make, Vec<Cause>); 6] = [
        (|found| Open { files: files(found) }.into(), vec![InvalidRequest; 2]),
        (|found| Provide { files: files(found) }.into(), vec![InvalidRequest; 2]),
        (
            |found| {
                let (strided, no_strategy, strategy_repeated, extent_empty) = (found(3), found(4), found(5), found(6));
                let load = Load { selected: select(found), strided, no_strategy, ..load(true, true) };
                Load { strategy_repeated, extent_empty, ..load }.into()
            },
            [&selected[..], &[UnsupportedFormat], &[InvalidRequest; 3]].concat(),
        ),
        (
            |found| Release { selected: select(found), not_mapped: found(3) }.into(),
            [&selected[..], &[NotMapped]].concat(),
        ),
        (
            |found| Evict { selected: select(found), mapped: found(3), not_resident: found(4) }.into(),
            [&selected[..], &[InvalidRequest, NotResident]].concat(),
        ),
        (|found| Advise { unknown: found(0), not_mapped: found(1) }.into(), vec![NotFound, NotMapped]),
    ];
    let each = |(make, causes): (Make, Vec<Cause>)| {
        let from = |first: u32| make(&|at| (at >= first).then_some(Finding { item: Some(at), noted: Noted(at) }));
        ((0..u32::try_from(causes.len()).unwrap()).map(from).collect(), causes)
    };
    requests.into_iter().map(each).collect()
}

/// The actor in each state, with the command that is out.
fn in_every_state() -> Vec<(Loader, Option<Command>)> {
    let mut states = vec![(Loader::new(), None), (Loader::incomplete(), None), (Loader::bound(), None)];
    let mut closed = Loader::bound();
    let command = closed.send(Close).command.unwrap();
    closed.answer(command, None);
    states.push((closed, None));
    for begin in [Loader::new, Loader::incomplete] {
        for steps in 0..2 {
            let mut loader = begin();
            let first: Event =
                if loader.actor.state() == "idle" { Open::default().into() } else { Provide::default().into() };
            let mut command = loader.send(first).command;
            for _ in 0..steps {
                command = loader.answer(command.unwrap(), None).command;
            }
            states.push((loader, command));
        }
    }
    for steps in 0..6 {
        let mut loader = Loader::bound();
        let mut command = loader.send(load(true, true)).command;
        for _ in 0..steps {
            command = loader.answer(command.unwrap(), None).command;
        }
        states.push((loader, command));
    }
    for steps in [1, 2] {
        let mut loader = Loader::bound();
        let mut command = loader.send(load(true, true)).command;
        for _ in 0..steps {
            command = loader.answer(command.unwrap(), None).command;
        }
        let back = loader.answer(command.unwrap(), Some(Fault::new(Cause::Io))).command;
        states.push((loader, back));
    }
    for event in [Event::from(Release::default()), Evict::default().into(), Advise::default().into(), Close.into()] {
        let mut loader = Loader::bound();
        let command = loader.send(event).command;
        states.push((loader, command));
    }
    states
}

fn strays_change_nothing() {
    let mut seen = std::collections::BTreeSet::new();
    for (mut loader, command) in in_every_state() {
        seen.insert(loader.actor.state());
        let out = command.map_or(Ticket(50), ticket_of);
        for ticket in [Ticket(0), out.next(), Ticket(u32::MAX)] {
            for fault in [None, Some(Fault::new(Cause::Cancelled))] {
                let strays: [Event; 2] =
                    [Parsed { ticket, fault, more: false, missing: false }.into(), Answered { ticket, fault }.into()];
                for stray in strays {
                    let before = loader.actor.clone();
                    let output = loader.send(stray);
                    assert!(output.stray && output.outcome.is_none() && output.command.is_none(), "{}", before.state());
                    assert_eq!(loader.actor, before);
                }
            }
        }
    }
    assert_eq!(seen.len(), 20, "{seen:?}");
}

fn requests_in_between_are_refused() {
    for (mut loader, command) in in_every_state() {
        let state = loader.actor.state();
        let requests: [Event; 7] = [
            Open::default().into(),
            Provide::default().into(),
            load(false, false).into(),
            Release::default().into(),
            Evict::default().into(),
            Advise::default().into(),
            Close.into(),
        ];
        for request in requests {
            let own = match state.as_str() {
                "idle" => matches!(request, Event::Open(_) | Event::Close(_)),
                "incomplete" => matches!(request, Event::Provide(_) | Event::Close(_)),
                "bound" => !matches!(request, Event::Open(_) | Event::Provide(_)),
                "closed" => matches!(request, Event::Close(_)),
                _ => false,
            };
            if own {
                continue;
            }
            let why = match state.as_str() {
                "idle" | "bound" | "closed" => Cause::InvalidRequest,
                "incomplete" => Cause::NotFound,
                _ => Cause::Busy,
            };
            let before = loader.actor.clone();
            let output = loader.send(request);
            assert_eq!(output.outcome, Some(Outcome::Refused(Fault::new(why))), "{state}");
            assert_eq!(output.command, None);
            assert_eq!(loader.actor, before, "{state}");
        }
        if let Some(command) = command {
            let output = loader.answer(command, None);
            assert!(output.outcome.is_some() || output.command.is_some(), "{state} goes on");
        }
    }
}

fn a_plan_that_fails_ends_the_load() {
    let mut loader = Loader::bound();
    let plan = loader.send(load(true, true)).command.unwrap();
    let fault = Fault::new(Cause::Internal);
    assert_eq!(loader.answer(plan, Some(fault)).outcome, Some(Outcome::Refused(fault)));
    assert_eq!(loader.actor.state(), "bound");
    assert!(loader.send(load(false, false)).command.is_some());
}
