//! The recording as the storage of a replay, and as the judge of what the component does.
use super::report::{Last, ReplayError, ReplayReport};
use crate::observer::Observer;
use crate::recording::{Names, Recording};
use crate::trace::{Answer, Export, Record, What};
use crate::types::{Cause, Error, Happening, MachineStatus, Phase};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Machines that a report tells of at most.
const MACHINES: usize = 1 << 16;

/// A place in a recording.
pub(super) struct Script {
    /// What is compared: all but the host's own work.
    records: Vec<Record>,
    next: usize,
    until: Option<u64>,
    names: Names,
    /// The first difference.
    difference: Option<ReplayError>,
    exports: u64,
    calls: u64,
    steps: u64,
    bytes_read: u64,
    /// The state of every instance that has moved.
    states: BTreeMap<(u32, Option<u32>), u32>,
}

impl Script {
    pub(super) fn new(recording: &Recording, until: Option<u64>) -> Self {
        let compared = |record: &&Record| !matches!(record.what, What::Host { .. });
        Self {
            records: recording.records.iter().filter(compared).cloned().collect(),
            next: 0,
            until,
            names: Names::new(recording.header.names.clone()),
            difference: None,
            exports: 0,
            calls: 0,
            steps: 0,
            bytes_read: 0,
            states: BTreeMap::new(),
        }
    }

    fn peek(&self) -> Option<&Record> {
        self.records.get(self.next)
    }

    /// Whether nothing more is to be compared.
    fn is_over(&self) -> bool {
        let passed = |until| self.peek().is_none_or(|record| record.seq > until);
        self.difference.is_some() || self.peek().is_none() || self.until.is_some_and(passed)
    }

    /// Compares what happens with what was recorded. What happens after the end is nobody's affair.
    fn observe(&mut self, what: &What) {
        if self.is_over() || matches!(what, What::Host { .. }) {
            return;
        }
        let Some(expected) = self.records.get(self.next) else { return };
        if !same(&expected.what, what) {
            let (seq, expected) = (expected.seq, words(&self.names, &expected.what));
            let (expected, got) = shortened(&expected, &words(&self.names, what));
            self.difference = Some(ReplayError::Differs { seq, expected, got });
            return;
        }
        self.next += 1;
        match what {
            What::Enter(_) => self.exports += 1,
            What::Call(_) => self.calls += 1,
            What::Return { answer, .. } => {
                if let Answer::Bytes(bytes) = &**answer {
                    self.bytes_read += bytes.len() as u64;
                }
            }
            What::Step(entry) => {
                self.steps += 1;
                if let Happening::Transition((_, to)) = entry.what {
                    self.states.insert((entry.machine, entry.instance), to);
                }
            }
            What::Names { .. } => {
                if let Some(record) = self.records.get(self.next - 1) {
                    self.names.learn(record);
                }
            }
            What::Leave(_) | What::Host { .. } => {}
        }
    }

    /// The recorded answer to the call that was compared just now.
    fn answer(&self) -> Result<Answer, Error> {
        let over = || Error::new(Phase::Request, Cause::Cancelled, "the replay has ended");
        if self.is_over() {
            return Err(over());
        }
        match self.peek().map(|record| &record.what) {
            Some(What::Return { answer, .. }) => Ok((**answer).clone()),
            _ => Err(over()),
        }
    }
}

/// Whether two records are of the same action; time may pass as it likes.
fn same(a: &What, b: &What) -> bool {
    match (a, b) {
        (What::Return { answer: a, .. }, What::Return { answer: b, .. }) => a == b,
        _ => a == b,
    }
}

/// What a record says, in words.
fn words(names: &Names, what: &What) -> String {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    match what {
        What::Names { names, .. } => format!("the names {}", json(serde_json::to_string(names))),
        What::Step(entry) => names.step(entry),
        What::Enter(export) => format!("the export {}", json(serde_json::to_string(export))),
        What::Leave(outcome) => format!("the outcome {}", json(serde_json::to_string(outcome))),
        What::Call(call) => format!("the call {}", json(serde_json::to_string(call))),
        What::Return { answer, .. } => format!("the answer {}", json(serde_json::to_string(answer))),
        What::Host { part, .. } => format!("the host's {part}"),
    }
}

/// Two long texts from a little before where they differ.
fn shortened(a: &str, b: &str) -> (String, String) {
    const BEFORE: usize = 60;
    const MOST: usize = 240;
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let from = if a.len().max(b.len()) <= MOST { 0 } else { common.saturating_sub(BEFORE) };
    let cut = |text: &str| {
        let part: String = text.chars().skip(from).take(MOST).collect();
        let (before, after) = (from > 0, text.chars().count() > from + MOST);
        format!("{}{part}{}", if before { "…" } else { "" }, if after { "…" } else { "" })
    };
    (cut(a), cut(b))
}

/// The player as the storage and as the observer of the same session.
#[derive(Clone)]
pub(crate) struct Player(Arc<Mutex<Script>>);

impl Player {
    pub(super) fn new(recording: &Recording, until: Option<u64>) -> Self {
        Self(Arc::new(Mutex::new(Script::new(recording, until))))
    }

    /// The recorded answer to the call that was compared just now.
    pub(crate) fn answer(&self) -> Result<Answer, Error> {
        self.lock().answer()
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The export that comes next, and its record's number; none at the end.
    pub(super) fn next_export(&self) -> Result<Option<(u64, Export)>, ReplayError> {
        let player = self.lock();
        if player.is_over() {
            return Ok(None);
        }
        match player.peek() {
            None => Ok(None),
            Some(Record { seq, what: What::Enter(export), .. }) => Ok(Some((*seq, (**export).clone()))),
            Some(record) => Err(ReplayError::Differs {
                seq: record.seq,
                expected: words(&player.names, &record.what),
                got: "nothing, as no export is called".to_owned(),
            }),
        }
    }

    /// The export whose record is `seq` has been called.
    pub(super) fn settle(&self, seq: u64) -> Result<(), ReplayError> {
        let player = self.lock();
        if let Some(difference) = &player.difference {
            return Err(difference.clone());
        }
        match player.peek() {
            Some(record) if record.seq == seq => Err(ReplayError::Differs {
                seq,
                expected: words(&player.names, &record.what),
                got: "nothing, as the component has ended".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn report(&self, recording: &Recording, replayed_ns: u64) -> ReplayReport {
        let player = self.lock();
        let last = player.next.checked_sub(1).and_then(|last| player.records.get(last));
        let first = recording.records.first().map_or(0, |record| record.at);
        let machines = player.states.iter().map(|((machine, instance), state)| MachineStatus {
            machine: player.names.get(*machine).to_string(),
            instance: *instance,
            state: player.names.get(*state).to_string(),
        });
        // Each has its names as texts of its own; nobody reads more.
        let mut machines: Vec<_> = machines.take(MACHINES).collect();
        machines.sort_by(|a, b| (&a.machine, a.instance).cmp(&(&b.machine, b.instance)));
        ReplayReport {
            complete: player.peek().is_none(),
            compared: player.next as u64,
            exports: player.exports,
            calls: player.calls,
            steps: player.steps,
            bytes_read: player.bytes_read,
            recorded_ns: last.map_or(0, |last| last.at.saturating_sub(first)),
            replayed_ns,
            last: last.map(|last| Last { seq: last.seq, text: words(&player.names, &last.what) }),
            machines,
        }
    }
}

impl Observer for Player {
    fn observe(&self, records: &[Record]) {
        let mut player = self.lock();
        for record in records {
            player.observe(&record.what);
        }
    }
}
