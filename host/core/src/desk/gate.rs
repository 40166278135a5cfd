//! Where the guest is held: pause, steps and breakpoints, at the observer's call. The waiting itself is the host's
//! ([`Link::hold`](super::Link::hold)).
use super::control::Breakpoint;
use crate::{
    trace::{Record, What},
    types::{Happening, escape},
};

/// The gate between the guest and its next step.
#[derive(Debug, Default)]
pub(super) struct Gate {
    hold: bool,
    steps: u32,
    open_for_good: bool,
    breaks: Vec<Breakpoint>,
    names: Vec<String>,
}

impl Gate {
    /// Holds at the next step.
    pub(super) const fn pause(&mut self) {
        self.hold = true;
    }

    /// Lets go.
    pub(super) const fn go_on(&mut self) {
        (self.hold, self.steps) = (false, 0);
    }

    /// Lets one step through.
    pub(super) const fn step(&mut self) {
        (self.hold, self.steps) = (true, self.steps.saturating_add(1));
    }

    /// Never holds again: the program ends.
    pub(super) const fn give_up(&mut self) {
        self.open_for_good = true;
    }

    pub(super) fn set_breaks(&mut self, breaks: Vec<Breakpoint>) {
        self.breaks = breaks;
    }

    /// Another session gives its names anew.
    pub(super) fn forget_names(&mut self) {
        self.names.clear();
    }

    /// Whether who stands at the gate has to wait.
    pub(super) const fn is_held(&self) -> bool {
        self.hold && self.steps == 0 && !self.open_for_good
    }

    /// Records come to the gate. Where they are to be held until [`Self::is_held`] says no, it says why; then they leave.
    pub(super) fn arrive(&mut self, records: &[Record]) -> Option<String> {
        let (mut why, mut moved) = (None, None);
        for record in records {
            self.learn(record);
            moved = self.stop_point(record).or(moved);
            why = self.hit(record).or(why);
        }
        if why.is_some() {
            (self.hold, self.steps) = (true, 0);
        }
        why.or(moved).filter(|_| self.hold && !self.open_for_good)
    }

    /// They leave, which takes a step. Whether the gate is open from now on.
    pub(super) const fn leave(&mut self) -> bool {
        self.steps = self.steps.saturating_sub(1);
        !self.hold
    }

    fn learn(&mut self, record: &Record) {
        if let What::Names { first, names } = &record.what
            && *first as usize <= self.names.len()
        {
            self.names.truncate(*first as usize);
            self.names.extend(names.iter().map(|name| escape(name)));
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
