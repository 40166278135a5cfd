//! Pause, steps and breakpoints.
use crate::{
    desk::{AtOnce, Controls, Request, control::Breakpoint, gate::Gate},
    trace::{Answer, Call, Record, What},
    types::{Entry, Happening, StorageError},
};

fn record(what: What) -> Record {
    Record { seq: 0, at: 0, what }
}

fn names() -> Record {
    record(What::Names { first: 0, names: ["m", "a", "b\u{202e}"].map(String::from).to_vec() })
}

fn transition() -> Record {
    record(What::Step(Entry { machine: 0, instance: None, what: Happening::Transition((1, 2)) }))
}

#[test]
fn a_breakpoint_holds_until_it_is_let_go() {
    let mut gate = Gate::default();
    assert_eq!(gate.arrive(&[names(), transition()]), None);
    gate.set_breaks(vec![Breakpoint::State { machine: "m".into(), state: "b\\u{202e}".into() }]);
    assert_eq!(gate.arrive(&[transition()]).as_deref(), Some("breakpoint at m: a → b\\u{202e}"));
    assert!(gate.is_held());
    gate.go_on();
    assert!(!gate.is_held());
    assert!(gate.leave());
    gate.set_breaks(vec![Breakpoint::Edge { machine: "m".into(), from: "b".into(), to: "a".into() }]);
    assert_eq!(gate.arrive(&[transition()]), None);
}

#[test]
fn a_pause_holds_at_each_step_and_nowhere_else() {
    let mut gate = Gate::default();
    gate.pause();
    assert_eq!(gate.arrive(&[names()]), None);
    for _ in 0..2 {
        let call = record(What::Call(Box::new(Call::Unmap { mapping: 1 })));
        assert_eq!(gate.arrive(&[call]).as_deref(), Some("before unmap"));
        assert!(gate.is_held());
        gate.step();
        assert!(!gate.is_held());
        assert!(!gate.leave(), "the next step holds again");
    }
    gate.give_up();
    assert_eq!(gate.arrive(&[transition()]), None);
}

#[test]
fn an_error_holds_where_it_is_to() {
    let failed = || {
        let answer = Box::new(Answer::Failed(StorageError::Busy));
        record(What::Return { answer, ns: 0 })
    };
    let mut gate = Gate::default();
    assert_eq!(gate.arrive(&[failed()]), None);
    gate.set_breaks(vec![Breakpoint::Error]);
    assert_eq!(gate.arrive(&[failed()]).as_deref(), Some("the host did not do what was asked"));
}

#[test]
fn names_that_leave_a_gap_are_not_taken() {
    let mut gate = Gate::default();
    gate.pause();
    let gap = record(What::Names { first: u32::MAX, names: vec!["x".into()] });
    assert_eq!(gate.arrive(&[gap, transition()]).as_deref(), Some("?: ? → ?"));
}

#[test]
fn a_host_that_cannot_hold_says_so_and_does_the_rest_at_once() {
    let controls = Controls::new(false);
    for request in [Request::Pause, Request::Step, Request::SetBreakpoints(vec![Breakpoint::Error])] {
        assert_eq!(controls.at_once(request), AtOnce::CannotHold);
    }
    assert!(!controls.is_held());
    for request in [Request::SetBreakpoints(Vec::new()), Request::Continue, Request::Cancel] {
        assert_eq!(controls.at_once(request), AtOnce::Done);
    }
    assert!(controls.cancel().is_cancelled());
    assert_eq!(controls.at_once(Request::Replay), AtOnce::Later(Request::Replay));
}
