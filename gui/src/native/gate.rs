//! Where the guest is held: pause, step and breakpoints, at the observer's call.
use crate::backend::Breakpoint;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use weighbridge::trace::{Record, What};
use weighbridge::types::Happening;

/// The gate between the guest and its next step.
#[derive(Default)]
pub(super) struct Gate {
    inside: Mutex<Inside>,
    wake: Condvar,
}

#[derive(Default)]
struct Inside {
    hold: bool,
    steps: u32,
    open_for_good: bool,
    breaks: Vec<Breakpoint>,
    names: Vec<String>,
    events: HashMap<(u32, Option<u32>), u32>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds at the next step.
    pub(super) fn pause(&self) {
        self.lock().hold = true;
    }

    /// Lets go.
    pub(super) fn go_on(&self) {
        let mut inside = self.lock();
        (inside.hold, inside.steps) = (false, 0);
        self.wake.notify_all();
    }

    /// Lets one step through.
    pub(super) fn step(&self) {
        let mut inside = self.lock();
        (inside.hold, inside.steps) = (true, inside.steps.saturating_add(1));
        self.wake.notify_all();
    }

    /// Never holds again: the program ends.
    pub(super) fn give_up(&self) {
        let mut inside = self.lock();
        inside.open_for_good = true;
        self.wake.notify_all();
    }

    pub(super) fn set_breaks(&self, breaks: Vec<Breakpoint>) {
        self.lock().breaks = breaks;
    }

    /// Another session gives its names anew.
    pub(super) fn forget_names(&self) {
        let mut inside = self.lock();
        inside.names.clear();
        inside.events.clear();
    }

    /// Passes records; holds the caller where it is to be held. `held` is called with the reason, and `resumed` when it is over.
    pub(super) fn pass(&self, records: &[Record], held: impl FnOnce(String), resumed: impl FnOnce()) {
        let mut inside = self.lock();
        let mut why = None;
        let mut moved = None;
        for record in records {
            inside.learn(record);
            if let Some(words) = inside.stop_point(record) {
                moved = Some(words);
            }
            if let Some(hit) = inside.hit(record) {
                why = Some(hit);
            }
        }
        if why.is_some() {
            (inside.hold, inside.steps) = (true, 0);
        }
        if !inside.hold || inside.open_for_good {
            return;
        }
        let Some(moved) = why.or(moved) else { return };
        held(moved);
        while inside.hold && inside.steps == 0 && !inside.open_for_good {
            inside = self.wake.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        inside.steps = inside.steps.saturating_sub(1);
        let gone_on = !inside.hold;
        drop(inside);
        if gone_on {
            resumed();
        }
    }
}

impl Inside {
    fn learn(&mut self, record: &Record) {
        match &record.what {
            What::Names { first, names } if *first as usize <= self.names.len() => {
                self.names.truncate(*first as usize);
                self.names.extend(names.iter().map(|n| crate::text::escape(n)));
            }
            What::Step(entry) => {
                if let Happening::Event(event) = entry.what {
                    self.events.insert((entry.machine, entry.instance), event);
                }
            }
            _ => {}
        }
    }

    fn name(&self, id: u32) -> &str {
        self.names.get(id as usize).map_or("?", |n| n)
    }

    /// Whether the guest can be held at this record, and what it did.
    fn stop_point(&self, record: &Record) -> Option<String> {
        match &record.what {
            What::Step(entry) => match entry.what {
                Happening::Transition((from, to)) => {
                    Some(format!("{}: {} → {}", self.name(entry.machine), self.name(from), self.name(to)))
                }
                Happening::Command(command) => {
                    Some(format!("{} asks to {}", self.name(entry.machine), self.name(command)))
                }
                _ => None,
            },
            What::Call(call) => Some(format!("before {}", call.name())),
            _ => None,
        }
    }

    fn hit(&self, record: &Record) -> Option<String> {
        let on_error = self.breaks.contains(&Breakpoint::Error);
        match &record.what {
            What::Return { answer, .. } if on_error && !answer.is_ok() => {
                Some("the host did not do what was asked".into())
            }
            What::Step(entry) => match entry.what {
                Happening::Answer((name, false)) if on_error => Some(format!("{} was answered badly", self.name(name))),
                Happening::Outcome((name, false)) if on_error => Some(format!("{} ended badly", self.name(name))),
                Happening::Transition((from, to)) => {
                    let (machine, from, to) = (self.name(entry.machine), self.name(from), self.name(to));
                    let hit = self.breaks.iter().any(|b| match b {
                        Breakpoint::State { machine: m, state } => m == machine && state == to && from != to,
                        Breakpoint::Edge { machine: m, from: f, to: t } => m == machine && f == from && t == to,
                        Breakpoint::Error => false,
                    });
                    hit.then(|| format!("breakpoint at {machine}: {from} → {to}"))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use weighbridge::types::Entry;

    fn transition() -> Vec<Record> {
        let names = ["m", "a", "b"].map(String::from).to_vec();
        let step = Entry { machine: 0, instance: None, what: Happening::Transition((1, 2)) };
        vec![
            Record { seq: 0, at: 0, what: What::Names { first: 0, names } },
            Record { seq: 1, at: 1, what: What::Step(step) },
        ]
    }

    #[test]
    fn a_breakpoint_holds_until_it_is_let_go() {
        let gate = Arc::new(Gate::default());
        gate.set_breaks(vec![Breakpoint::State { machine: "m".into(), state: "b".into() }]);
        let (held, past) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (gate, held, past) = (gate.clone(), held.clone(), past.clone());
            move || {
                gate.pass(&transition(), |why| held.store(why.contains("a → b"), Ordering::SeqCst), || {});
                past.store(true, Ordering::SeqCst);
            }
        });
        while !held.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        assert!(!past.load(Ordering::SeqCst));
        gate.go_on();
        assert!(thread.join().is_ok());
        gate.set_breaks(Vec::new());
        gate.pass(&transition(), |_| unreachable!(), || {});
    }
}
