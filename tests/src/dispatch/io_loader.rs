//! io/loader: the order of strategies, and the way back.
use super::cases;
use crate::rows::watch;
use weighbridge_loader::actors::io_loader::{Command, IoLoader, Load, Outcome, Output, Policy};
use weighbridge_loader::actors::{Answered, Fault, Ticket};
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;
use weighbridge_loader::types::Strategy::{self, ExternalBuffer, MappedFile, ReadCopy, StagedRead};

cases! {
    nothing_to_load_comes_first
    an_empty_policy_is_refused
    every_strategy_asks_for_what_it_needs
    what_was_got_is_given_back_last_first
    a_failed_give_back_does_not_stop_the_way_back
    final_failures_end_the_load
    every_order_of_strategies
    an_extent_too_large_is_divided
    what_cannot_be_mapped_is_left_to_the_next_strategy
    a_part_that_cannot_be_copied_gives_the_mapped_one_back
    extents_stay_as_they_are_where_that_was_asked
    strays_change_nothing
    requests_in_between_are_busy
}

struct Route {
    actor: IoLoader,
    watch: Watch,
}

fn policy(strategies: &[Strategy]) -> Policy {
    let mut policy = Policy::default();
    for (place, strategy) in policy.iter_mut().zip(strategies) {
        *place = Some(*strategy);
    }
    policy
}

impl Route {
    fn new() -> Self {
        Self { actor: IoLoader::default(), watch: watch("io/loader", None, "ready") }
    }

    fn load(&mut self, strategies: &[Strategy], extents: u32) -> Output {
        self.actor.dispatch(Load { policy: policy(strategies), extents, flexible: false }, &self.watch)
    }

    fn load_flexibly(&mut self, strategies: &[Strategy], extents: u32) -> Output {
        self.actor.dispatch(Load { policy: policy(strategies), extents, flexible: true }, &self.watch)
    }

    fn answer(&mut self, ticket: Ticket, fault: Option<Fault>) -> Output {
        self.actor.dispatch(Answered { ticket, fault }, &self.watch)
    }

    /// Runs to the end; the commands that are named fail.
    fn run(
        &mut self,
        strategies: &[Strategy],
        extents: u32,
        fails: impl Fn(&str) -> Option<Cause>,
    ) -> (Vec<String>, Outcome) {
        let output = self.load(strategies, extents);
        self.go_on(output, fails)
    }

    /// As [`Self::run`], with extents that may be divided and set aside.
    fn run_flexibly(
        &mut self,
        strategies: &[Strategy],
        extents: u32,
        fails: impl Fn(&str) -> Option<Cause>,
    ) -> (Vec<String>, Outcome) {
        let output = self.load_flexibly(strategies, extents);
        self.go_on(output, fails)
    }

    fn go_on(&mut self, mut output: Output, fails: impl Fn(&str) -> Option<Cause>) -> (Vec<String>, Outcome) {
        let mut commands = Vec::new();
        while let Some(command) = output.command {
            assert_eq!(output.outcome, None);
            let shown = match command {
                Command::Map(_, n)
                | Command::Allocate(_, n)
                | Command::GiveBack(_, n)
                | Command::Divide(_, n)
                | Command::SetAside(_, n) => {
                    format!("{} {n}", command.name())
                }
                _ => command.name().to_owned(),
            };
            let fault = fails(&shown).map(Fault::new);
            commands.push(shown);
            output = self.answer(command.ticket(), fault);
        }
        assert_eq!(self.actor.state(), "ready");
        (commands, output.outcome.unwrap())
    }
}

fn nothing_to_load_comes_first() {
    assert_eq!(Route::new().load(&[], 0).outcome, Some(Outcome::Done(None)));
    assert_eq!(Route::new().load(&[MappedFile], 0).outcome, Some(Outcome::Done(None)));
}

fn an_empty_policy_is_refused() {
    let mut route = Route::new();
    let refused = Outcome::Refused(None, Fault::new(Cause::InvalidRequest));
    assert_eq!(route.load(&[], 1).outcome, Some(refused));
    let gap = [None, Some(ReadCopy), None, None];
    assert_eq!(
        route.actor.dispatch(Load { policy: gap, extents: 1, flexible: false }, &route.watch).outcome,
        Some(refused)
    );
    assert!(route.actor.context().refused().is_empty());
    assert!(route.load(&[ReadCopy], 1).command.is_some());
}

fn every_strategy_asks_for_what_it_needs() {
    let fine = |_: &str| None;
    for (strategy, wanted) in [
        (MappedFile, vec!["map 0", "map 1"]),
        (ReadCopy, vec!["allocate 0", "allocate 1", "read"]),
        (StagedRead, vec!["allocate 0", "allocate 1", "stage"]),
        (ExternalBuffer, vec!["registered", "stage"]),
    ] {
        let mut route = Route::new();
        assert_eq!(
            route.run(&[strategy], 2, fine),
            (wanted.iter().map(|w| (*w).to_owned()).collect(), Outcome::Done(Some(strategy)))
        );
        assert_eq!(route.actor.context().held(), if strategy == ExternalBuffer { 0 } else { 2 });
        assert!(route.actor.context().refused().is_empty());
    }
}

fn what_was_got_is_given_back_last_first() {
    let (commands, outcome) =
        Route::new().run(&[MappedFile], 4, |command| (command == "map 3").then_some(Cause::SlotsExhausted));
    assert_eq!(commands, ["map 0", "map 1", "map 2", "map 3", "give-back 2", "give-back 1", "give-back 0"]);
    assert_eq!(outcome, Outcome::Refused(Some(MappedFile), Fault::new(Cause::SlotsExhausted)));
    let (commands, _) = Route::new().run(&[ReadCopy], 2, |command| (command == "read").then_some(Cause::Io));
    assert_eq!(commands, ["allocate 0", "allocate 1", "read", "give-back 1", "give-back 0"]);
}

fn a_failed_give_back_does_not_stop_the_way_back() {
    let mut route = Route::new();
    let (commands, outcome) = route.run(&[MappedFile, ReadCopy], 2, |command| match command {
        "map 1" => Some(Cause::Io),
        "give-back 0" => Some(Cause::Busy),
        _ => None,
    });
    assert_eq!(commands, ["map 0", "map 1", "give-back 0", "allocate 0", "allocate 1", "read"]);
    assert_eq!(outcome, Outcome::Done(Some(ReadCopy)));
    assert_eq!(route.actor.context().refused(), [(MappedFile, Fault::new(Cause::Io))]);
}

fn final_failures_end_the_load() {
    let all = [
        Cause::InvalidRequest,
        Cause::NotFound,
        Cause::Busy,
        Cause::Malformed,
        Cause::UnsupportedStrategy,
        Cause::StrategyUnavailable,
        Cause::LimitExceeded,
        Cause::SlotsExhausted,
        Cause::StaleHandle,
        Cause::AlreadyResident,
        Cause::NotResident,
        Cause::NotMapped,
        Cause::OutOfBounds,
        Cause::AccessDenied,
        Cause::SourceChanged,
        Cause::EndOfSource,
        Cause::OutOfMemory,
        Cause::Cancelled,
        Cause::Deadline,
        Cause::Io,
        Cause::Internal,
        Cause::Other,
    ];
    let last = [
        Cause::AccessDenied,
        Cause::SourceChanged,
        Cause::EndOfSource,
        Cause::Cancelled,
        Cause::Deadline,
        Cause::Internal,
    ];
    for why in all {
        let (_, outcome) = Route::new().run(&[MappedFile, ReadCopy], 1, |command| (command == "map 0").then_some(why));
        if last.contains(&why) {
            assert_eq!(outcome, Outcome::Refused(Some(MappedFile), Fault::new(why)));
        } else {
            assert_eq!(outcome, Outcome::Done(Some(ReadCopy)), "{why:?}");
        }
    }
}

fn every_order_of_strategies() {
    let all = [MappedFile, ReadCopy, StagedRead, ExternalBuffer];
    for a in all {
        for b in all.into_iter().filter(|b| *b != a) {
            for c in all.into_iter().filter(|c| *c != a && *c != b) {
                let d = all.into_iter().find(|d| ![a, b, c].contains(d)).unwrap();
                let order = [a, b, c, d];
                let calls = std::cell::Cell::new(0);
                // Every strategy fails at its first command, but for the last.
                let mut route = Route::new();
                let (_, outcome) = route.run(&order, 1, |_| {
                    calls.set(calls.get() + 1);
                    (calls.get() <= 3).then_some(Cause::StrategyUnavailable)
                });
                assert_eq!(outcome, Outcome::Done(Some(d)));
                let refused: Vec<Strategy> =
                    route.actor.context().refused().iter().map(|(strategy, _)| *strategy).collect();
                assert_eq!(refused, [a, b, c]);
                let (_, outcome) = route.run(&order, 1, |command| (!command.starts_with("give")).then_some(Cause::Io));
                assert_eq!(outcome, Outcome::Refused(Some(d), Fault::new(Cause::Io)));
                assert_eq!(route.actor.context().refused().len(), 3);
            }
        }
    }
}

fn an_extent_too_large_is_divided() {
    let mut route = Route::new();
    let tries = std::cell::Cell::new(0);
    // The first two tries find no memory: the extent is divided twice, and then there are three.
    let (commands, outcome) = route.run_flexibly(&[MappedFile], 1, |command| {
        tries.set(tries.get() + u32::from(command.starts_with("map")));
        (command == "map 0" && tries.get() < 3).then_some(Cause::OutOfMemory)
    });
    assert_eq!(commands, ["map 0", "divide 0", "map 0", "divide 0", "map 0", "map 1", "map 2"]);
    assert_eq!(outcome, Outcome::Done(Some(MappedFile)));
    assert_eq!((route.actor.context().held(), route.actor.context().kept()), (3, 0));
    assert_eq!(route.actor.context().refused(), [(MappedFile, Fault::new(Cause::OutOfMemory))]);
    // One that cannot be divided, and is alone, is the next strategy's.
    let fails = |command: &str| (!command.starts_with("all") && command != "read").then_some(Cause::OutOfMemory);
    let (commands, outcome) = route.run_flexibly(&[MappedFile, ReadCopy], 1, fails);
    assert_eq!(commands, ["map 0", "divide 0", "allocate 0", "read"]);
    assert_eq!(outcome, Outcome::Done(Some(ReadCopy)));
    // However little can be mapped, there is an end to dividing.
    let (commands, outcome) =
        route.run_flexibly(&[MappedFile], 1, |command| command.starts_with("map").then_some(Cause::LimitExceeded));
    assert_eq!(commands.iter().filter(|command| command.starts_with("divide")).count(), 256);
    assert_eq!(outcome, Outcome::Refused(Some(MappedFile), Fault::new(Cause::LimitExceeded)));
}

fn what_cannot_be_mapped_is_left_to_the_next_strategy() {
    let mut route = Route::new();
    let order = [MappedFile, StagedRead, ReadCopy];
    // The second of three: it is put behind the third, and copied alone.
    let tries = std::cell::Cell::new(0);
    let (commands, outcome) = route.run_flexibly(&order, 3, |command| {
        tries.set(tries.get() + u32::from(command.starts_with("map")));
        (tries.get() == 2 && command == "map 1").then_some(Cause::StrategyUnavailable)
    });
    assert_eq!(commands, ["map 0", "map 1", "set-aside 1", "map 1", "allocate 2", "stage"]);
    assert_eq!(outcome, Outcome::Done(Some(StagedRead)));
    assert_eq!((route.actor.context().held(), route.actor.context().kept()), (3, 2));
    // The last of three.
    let (commands, _) = route.run_flexibly(&order, 3, |command| (command == "map 2").then_some(Cause::Io));
    assert_eq!(commands, ["map 0", "map 1", "map 2", "set-aside 2", "allocate 2", "stage"]);
    // All of them: nothing is left that is mapped.
    let (commands, outcome) =
        route.run_flexibly(&order, 2, |command| command.starts_with("map").then_some(Cause::SlotsExhausted));
    assert_eq!(commands, ["map 0", "set-aside 0", "map 0", "set-aside 0", "allocate 0", "allocate 1", "stage"]);
    assert_eq!((outcome, route.actor.context().kept()), (Outcome::Done(Some(StagedRead)), 0));
    // The strategy after it can do no part, or there is none, or the failure is final.
    for (order, why) in [
        (&[MappedFile, ExternalBuffer][..], Cause::Io),
        (&[MappedFile], Cause::Io),
        (&[MappedFile, ReadCopy], Cause::SourceChanged),
    ] {
        let (commands, _) = route.run_flexibly(order, 2, |command| (command == "map 1").then_some(why));
        assert_eq!(commands[..3], ["map 0", "map 1", "give-back 0"], "{order:?}");
    }
}

fn a_part_that_cannot_be_copied_gives_the_mapped_one_back() {
    let mut route = Route::new();
    let first_fails = |command: &str| match command {
        "map 1" => Some(Cause::Io),
        "stage" => Some(Cause::Other),
        _ => None,
    };
    // The next strategy copies as well: what is mapped stays.
    let (commands, outcome) = route.run_flexibly(&[MappedFile, StagedRead, ReadCopy], 2, first_fails);
    let staged = ["map 0", "map 1", "set-aside 1", "allocate 1", "stage", "give-back 1"];
    assert_eq!(commands, [&staged[..], &["allocate 1", "read"]].concat());
    assert_eq!((outcome, route.actor.context().kept()), (Outcome::Done(Some(ReadCopy)), 1));
    // None is left, or one that takes no part.
    let (commands, outcome) = route.run_flexibly(&[MappedFile, StagedRead], 2, first_fails);
    assert_eq!(commands, [&staged[..], &["give-back 0"]].concat());
    assert_eq!(outcome, Outcome::Refused(Some(StagedRead), Fault::new(Cause::Other)));
    assert_eq!(route.actor.context().held(), 0);
    let tries = std::cell::Cell::new(0);
    let (commands, outcome) = route.run_flexibly(&[MappedFile, StagedRead, ExternalBuffer], 2, |command| {
        tries.set(tries.get() + u32::from(command == "stage"));
        first_fails(command).filter(|_| tries.get() < 2)
    });
    assert_eq!(commands, [&staged[..], &["give-back 0", "registered", "stage"]].concat());
    assert_eq!(outcome, Outcome::Done(Some(ExternalBuffer)));
    let (commands, outcome) = route.run_flexibly(&[MappedFile, StagedRead, ReadCopy], 2, |command| match command {
        "map 1" => Some(Cause::Io),
        "stage" => Some(Cause::Cancelled),
        _ => None,
    });
    assert_eq!(commands, [&staged[..], &["give-back 0"]].concat());
    assert_eq!(outcome, Outcome::Refused(Some(StagedRead), Fault::new(Cause::Cancelled)));
}

fn extents_stay_as_they_are_where_that_was_asked() {
    let (commands, _) =
        Route::new().run(&[MappedFile, ReadCopy], 2, |command| (command == "map 1").then_some(Cause::OutOfMemory));
    assert_eq!(commands, ["map 0", "map 1", "give-back 0", "allocate 0", "allocate 1", "read"]);
}

/// The actor in each state, with the command that is out.
fn in_every_state() -> Vec<(Route, Option<Command>)> {
    let start = |strategy, steps: usize, fail: bool| {
        let mut route = Route::new();
        let mut output = route.load(&[strategy], 1);
        for _ in 0..steps {
            output = route.answer(output.command.unwrap().ticket(), None);
        }
        if fail {
            output = route.answer(output.command.unwrap().ticket(), Some(Fault::new(Cause::Io)));
        }
        (route, output.command)
    };
    let flexibly = |why| {
        let mut route = Route::new();
        let output = route.load_flexibly(&[MappedFile, ReadCopy], 2);
        let output = route.answer(output.command.unwrap().ticket(), Some(Fault::new(why)));
        (route, output.command)
    };
    vec![
        flexibly(Cause::OutOfMemory),
        flexibly(Cause::Io),
        (Route::new(), None),
        start(MappedFile, 0, false),
        start(ReadCopy, 0, false),
        start(ReadCopy, 1, false),
        start(StagedRead, 1, false),
        start(ExternalBuffer, 0, false),
        start(ReadCopy, 1, true),
    ]
}

fn strays_change_nothing() {
    for (mut route, command) in in_every_state() {
        let out = command.map_or(Ticket(7), |command| command.ticket());
        let mut strays = vec![Ticket(0), out.next(), Ticket(u32::MAX)];
        if command.is_none() {
            strays.push(out);
        }
        for ticket in strays {
            for fault in [None, Some(Fault::new(Cause::Cancelled))] {
                let before = route.actor.clone();
                let output = route.answer(ticket, fault);
                assert!(output.stray && output.outcome.is_none() && output.command.is_none(), "{}", before.state());
                assert_eq!(route.actor, before);
            }
        }
    }
}

fn requests_in_between_are_busy() {
    for (mut route, command) in in_every_state() {
        let Some(command) = command else { continue };
        let before = route.actor.clone();
        let output = route.load(&[ReadCopy], 3);
        assert_eq!(output.outcome, Some(Outcome::Refused(None, Fault::new(Cause::Busy))), "{}", before.state());
        assert_eq!(route.actor, before);
        let output = route.answer(command.ticket(), None);
        assert!(output.outcome.is_some() || output.command.is_some());
    }
}
