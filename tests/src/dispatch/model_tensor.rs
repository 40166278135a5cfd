//! model/tensor: every event in every lifecycle.
use super::cases;
use crate::rows::watch;
use weighbridge_loader::actors::io_buffer;
use weighbridge_loader::actors::io_mmap::Handle;
use weighbridge_loader::actors::model_tensor::{
    Apply, Bind, BindEmpty, Command, Ended, Evict, Fail, Hold, ModelTensor, Outcome, Output, Plan, Release,
};
use weighbridge_loader::actors::{Fault, Ticket};
use weighbridge_loader::types::{Cause, Lifecycle, Strategy};

cases! {
    every_event_in_every_state
    a_rebind_never_touches_what_is_resident
    a_failed_load_goes_back_to_where_it_was
    a_failed_end_keeps_the_bytes
    strays_of_other_loads_are_put_aside
    the_lifecycle_of_each_state
    tensors_that_are_not_there
}

const MAPPED: Hold = Hold::Mapped { handle: Handle { slot: 1, generation: 2 }, mapping: 9, offset: 64 };
const COPIED: Hold = Hold::Copied { buffer: io_buffer::Handle { buffer: 3, generation: 0 }, target: 8, offset: 0 };
const MINE: Ticket = Ticket(5);
const OTHER: Ticket = Ticket(6);

/// Tensor 1 of three in a state; the others must stay as they are.
fn in_state(state: &str) -> ModelTensor {
    let mut pool = ModelTensor::bound(3);
    let watch = watch("model/tensor", Some(1), "unbound");
    let mut send = |event: Event| {
        let done = event.send(&mut pool, &watch);
        assert!(!matches!(done.outcome, Some(Outcome::Refused(_))), "{done:?}");
    };
    let load = |hold| [Event::Plan(MINE), Event::Apply(MINE, hold)];
    match state {
        "unbound" => {}
        "loading" => send(Event::Plan(MINE)),
        "reloading" => {
            load(COPIED).into_iter().for_each(&mut send);
            [Event::Evict(MINE), Event::Ended(MINE, None), Event::Plan(MINE)].into_iter().for_each(&mut send);
        }
        "resident" => load(COPIED).into_iter().for_each(&mut send),
        "evicting" => {
            load(COPIED).into_iter().for_each(&mut send);
            send(Event::Evict(MINE));
        }
        "mmap_resident" => load(MAPPED).into_iter().for_each(&mut send),
        "releasing" => {
            load(MAPPED).into_iter().for_each(&mut send);
            send(Event::Release(MINE));
        }
        "evicted" => {
            load(MAPPED).into_iter().for_each(&mut send);
            [Event::Release(MINE), Event::Ended(MINE, None)].into_iter().for_each(&mut send);
        }
        _ => panic!("{state}"),
    }
    let state = if state == "reloading" { "loading" } else { state };
    assert_eq!(pool.state(1).as_deref(), Some(state));
    pool
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Bind,
    BindEmpty,
    Plan(Ticket),
    Apply(Ticket, Hold),
    Fail(Ticket),
    Release(Ticket),
    Evict(Ticket),
    Ended(Ticket, Option<Fault>),
}

impl Event {
    fn send(self, pool: &mut ModelTensor, watch: &weighbridge_loader::observe::Watch) -> Output {
        let output = match self {
            Self::Bind => pool.dispatch(1, Bind, watch),
            Self::BindEmpty => pool.dispatch(1, BindEmpty, watch),
            Self::Plan(ticket) => pool.dispatch(1, Plan { ticket }, watch),
            Self::Apply(ticket, hold) => pool.dispatch(1, Apply { ticket, hold, strategy: Strategy::ReadCopy }, watch),
            Self::Fail(ticket) => pool.dispatch(1, Fail { ticket }, watch),
            Self::Release(ticket) => pool.dispatch(1, Release { ticket }, watch),
            Self::Evict(ticket) => pool.dispatch(1, Evict { ticket }, watch),
            Self::Ended(ticket, fault) => pool.dispatch(1, Ended { ticket, fault }, watch),
        };
        output.unwrap()
    }
}

/// For each state, what each event comes to: `state` it goes to, `!why` it is refused with, `?` for a stray.
/// Columns: bind, bind-empty, plan, apply mapped, apply copied, apply nothing,
/// apply of another load, fail, fail of another load, release, evict, ended, ended with a failure, ended of another request.
const MATRIX: &[(&str, &str)] = &[
    ("unbound", "unbound resident loading ? ? ? ? ? ? !NotMapped !NotResident ? ? ?"),
    ("loading", "!Busy !Busy !Busy mmap_resident resident !InvalidRequest ? unbound ? !Busy !Busy ? ? ?"),
    ("reloading", "!Busy !Busy !Busy mmap_resident resident !InvalidRequest ? evicted ? !Busy !Busy ? ? ?"),
    ("resident", "!AlreadyResident !AlreadyResident !AlreadyResident ? ? ? ? ? ? !NotMapped evicting ? ? ?"),
    ("evicting", "!Busy !Busy !Busy ? ? ? ? ? ? !NotMapped !Busy evicted !Io ?"),
    ("mmap_resident", "!InvalidRequest !InvalidRequest !AlreadyResident ? ? ? ? ? ? releasing !InvalidRequest ? ? ?"),
    ("releasing", "!InvalidRequest !InvalidRequest !Busy ? ? ? ? ? ? !Busy !InvalidRequest evicted !Io ?"),
    ("evicted", "unbound resident loading ? ? ? ? ? ? !NotMapped evicted ? ? ?"),
];

fn columns() -> [Event; 14] {
    let fault = Some(Fault::new(Cause::Io));
    [
        Event::Bind,
        Event::BindEmpty,
        Event::Plan(MINE),
        Event::Apply(MINE, MAPPED),
        Event::Apply(MINE, COPIED),
        Event::Apply(MINE, Hold::Nothing),
        Event::Apply(OTHER, COPIED),
        Event::Fail(MINE),
        Event::Fail(OTHER),
        Event::Release(MINE),
        Event::Evict(MINE),
        Event::Ended(MINE, None),
        Event::Ended(MINE, fault),
        Event::Ended(OTHER, None),
    ]
}

fn every_event_in_every_state() {
    for (state, row) in MATRIX {
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells.len(), columns().len());
        for (event, cell) in columns().into_iter().zip(cells) {
            let mut pool = in_state(state);
            let before = pool.clone();
            let rests = pool.state(1).unwrap();
            let output = event.send(&mut pool, &watch("model/tensor", Some(1), &rests));
            let after = pool.state(1).unwrap();
            let what = format!("{state} + {event:?}");
            if cell == "?" {
                assert!(output.stray && output.outcome.is_none() && output.command.is_none(), "{what}");
                assert_eq!(pool, before, "{what}");
            } else if let Some(why) = cell.strip_prefix('!') {
                let Some(Outcome::Refused(fault)) = output.outcome else { panic!("{what}: {output:?}") };
                assert_eq!(format!("{:?}", fault.cause).trim_start_matches("Cause::"), why, "{what}");
                // A refusal of the pool's own answer brings the tensor back to where its bytes are.
                let expected = match (*state, why) {
                    ("evicting", "Io") => "resident",
                    ("releasing", "Io") => "mmap_resident",
                    _ => {
                        assert_eq!(pool, before, "{what}");
                        rests.as_str()
                    }
                };
                assert_eq!(after, expected, "{what}");
            } else {
                assert!(!output.stray, "{what}");
                assert_eq!(after, cell, "{what}");
                let gone = ["unbound", "loading", "evicted"].contains(&cell);
                let hold = pool.get(1).unwrap().hold;
                assert_eq!(hold == Hold::Nothing, gone, "{what}: {hold:?}");
                let waits = ["evicting", "releasing"].contains(&cell);
                assert_eq!(output.outcome.is_none(), waits, "{what}");
                assert_eq!(matches!(output.command, Some(Command::LetGo(_))), waits, "{what}");
            }
            for other in [0, 2] {
                assert_eq!(pool.state(other).as_deref(), Some("unbound"), "{what}");
            }
        }
    }
}

fn a_rebind_never_touches_what_is_resident() {
    for (state, hold) in [("resident", COPIED), ("mmap_resident", MAPPED)] {
        for event in [Event::Bind, Event::BindEmpty, Event::Plan(MINE)] {
            let mut pool = in_state(state);
            let output = event.send(&mut pool, &watch("model/tensor", Some(1), state));
            assert!(matches!(output.outcome, Some(Outcome::Refused(_))) && output.command.is_none(), "{event:?}");
            assert_eq!(pool.get(1).unwrap().hold, hold, "{event:?}");
        }
    }
    let mut pool = in_state("unbound");
    Event::BindEmpty.send(&mut pool, &watch("model/tensor", Some(1), "unbound"));
    assert_eq!((pool.get(1).unwrap().hold, pool.get(1).unwrap().strategy), (Hold::NoBytes, None));
}

fn a_failed_load_goes_back_to_where_it_was() {
    for (state, back) in [("loading", "unbound"), ("reloading", "evicted")] {
        let mut pool = in_state(state);
        Event::Fail(MINE).send(&mut pool, &watch("model/tensor", Some(1), "loading"));
        assert_eq!(pool.state(1).as_deref(), Some(back));
        Event::Plan(OTHER).send(&mut pool, &watch("model/tensor", Some(1), back));
        assert_eq!(pool.state(1).as_deref(), Some("loading"));
    }
}

fn a_failed_end_keeps_the_bytes() {
    for (state, rests, hold) in [("evicting", "resident", COPIED), ("releasing", "mmap_resident", MAPPED)] {
        let mut pool = in_state(state);
        let watch = watch("model/tensor", Some(1), state);
        let fault = Fault { os_code: Some(16), ..Fault::new(Cause::Busy) };
        let output = Event::Ended(MINE, Some(fault)).send(&mut pool, &watch);
        assert_eq!(output.outcome, Some(Outcome::Refused(fault)));
        assert_eq!((pool.state(1).as_deref(), pool.get(1).unwrap().hold), (Some(rests), hold));
        let again = if state == "evicting" { Event::Evict(OTHER) } else { Event::Release(OTHER) };
        assert_eq!(again.send(&mut pool, &watch).command, Some(Command::LetGo(hold)));
        assert!(Event::Ended(MINE, None).send(&mut pool, &watch).stray, "the answer to the first request is late");
        Event::Ended(OTHER, None).send(&mut pool, &watch);
        assert_eq!(pool.lifecycle(1), Some(Lifecycle::Evicted));
    }
}

fn strays_of_other_loads_are_put_aside() {
    let mut pool = in_state("loading");
    let watch = watch("model/tensor", Some(1), "loading");
    for stray in [Event::Apply(OTHER, COPIED), Event::Fail(OTHER), Event::Ended(MINE, None)] {
        Event::send(stray, &mut pool, &watch);
        assert_eq!(pool.state(1).as_deref(), Some("loading"), "{stray:?} keeps the plan");
    }
    assert_eq!(Event::Apply(MINE, COPIED).send(&mut pool, &watch).outcome, Some(Outcome::Done));
    assert_eq!(pool.get(1).unwrap().strategy, Some(Strategy::ReadCopy));
}

fn the_lifecycle_of_each_state() {
    for (state, lifecycle) in [
        ("unbound", Lifecycle::Unbound),
        ("loading", Lifecycle::Loading),
        ("resident", Lifecycle::Resident),
        ("evicting", Lifecycle::Resident),
        ("mmap_resident", Lifecycle::MmapResident),
        ("releasing", Lifecycle::MmapResident),
        ("evicted", Lifecycle::Evicted),
    ] {
        assert_eq!(in_state(state).lifecycle(1), Some(lifecycle), "{state}");
    }
}

fn tensors_that_are_not_there() {
    let mut pool = ModelTensor::bound(2);
    let watch = watch("model/tensor", None, "unbound");
    for index in [2, 65_535, 65_536, u32::MAX] {
        assert_eq!(pool.dispatch(index, Bind, &watch), None);
        assert_eq!(pool.dispatch(index, Plan { ticket: MINE }, &watch), None);
        assert_eq!((pool.get(index), pool.state(index), pool.lifecycle(index)), (None, None, None));
    }
    assert_eq!((pool.len(), pool.is_empty()), (2, false));
    assert!(ModelTensor::bound(0).is_empty());
    assert_eq!(ModelTensor::bound(100_000).len(), 100_000);
}
