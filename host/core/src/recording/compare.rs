//! Two recordings side by side, aligned by actor, event and tensor (or slot, or file).
use super::header::Recording;
use super::name::Name;
use super::names::Names;
use crate::trace::{Answer, Call, What};
use crate::types::Happening;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// What one recording has of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Side {
    /// How often it happened.
    pub count: u64,
    /// Nanoseconds in all. For an export and for a storage call, from call to answer; for an event of a machine, until the
    /// next event of the same machine, or to the end of the export.
    pub ns: u64,
    /// Bytes in all: of reads the bytes answered, of mappings their length, of batches the bytes moved.
    pub bytes: u64,
}

/// One row of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delta {
    /// `export`, `storage`, or the name of a machine.
    pub actor: Name,
    /// The export, the storage function, or the event.
    pub event: Name,
    /// Of a machine that there are many of, which one: the tensor's index, or the slot's. Of a storage call, the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<u32>,
    /// The first recording.
    pub a: Side,
    /// The second.
    pub b: Side,
}

/// Two recordings, row by row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Sorted by actor, event and instance.
    pub rows: Vec<Delta>,
}

impl Side {
    fn add(&mut self, ns: u64, bytes: u64) {
        self.count += 1;
        self.ns = self.ns.saturating_add(ns);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.ns = self.ns.saturating_add(other.ns);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Delta {
    /// By how much the second is above the first, as a fraction: the largest of count, bytes and time. Times below
    /// `floor_ns` on both sides are noise and do not count. Infinite where the first has nothing.
    #[must_use]
    pub fn growth(&self, floor_ns: u64) -> f64 {
        let time = if self.a.ns.max(self.b.ns) < floor_ns { 0.0 } else { growth(self.a.ns, self.b.ns) };
        growth(self.a.count, self.b.count).max(growth(self.a.bytes, self.b.bytes)).max(time)
    }

    /// Whether the two did the same, whatever the time it took.
    #[must_use]
    pub fn same_work(&self) -> bool {
        self.a.count == self.b.count && self.a.bytes == self.b.bytes
    }
}

/// Relative growth: 0.1 is ten per cent more.
#[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
fn growth(a: u64, b: u64) -> f64 {
    match (a, b) {
        (0, 0) => 0.0,
        (0, _) => f64::INFINITY,
        _ => (b as f64 - a as f64) / a as f64,
    }
}

impl Comparison {
    /// The same without instances: one row for each event of an actor, with the sums.
    #[must_use]
    pub fn by_event(&self) -> Self {
        let mut rows: Vec<Delta> = Vec::new();
        for row in &self.rows {
            match rows.last_mut().filter(|last| last.actor == row.actor && last.event == row.event) {
                Some(sum) => {
                    sum.a.merge(row.a);
                    sum.b.merge(row.b);
                }
                None => rows.push(Delta { instance: None, ..row.clone() }),
            }
        }
        Self { rows }
    }

    /// The rows that grew by more than `limit` (0.1 is ten per cent), the worst first.
    #[must_use]
    pub fn over(&self, limit: f64, floor_ns: u64) -> Vec<&Delta> {
        let mut rows: Vec<_> = self.rows.iter().filter(|row| row.growth(floor_ns) > limit).collect();
        rows.sort_by(|x, y| y.growth(floor_ns).total_cmp(&x.growth(floor_ns)));
        rows
    }
}

/// Aligns two recordings.
#[must_use]
pub fn compare(a: &Recording, b: &Recording) -> Comparison {
    let mut rows: BTreeMap<Key, (Side, Side)> = BTreeMap::new();
    for (key, side) in tally(a) {
        rows.entry(key).or_default().0 = side;
    }
    for (key, side) in tally(b) {
        rows.entry(key).or_default().1 = side;
    }
    let rows = rows.into_iter().map(|((actor, event, instance), (a, b))| Delta { actor, event, instance, a, b });
    Comparison { rows: rows.collect() }
}

type Key = (Name, Name, Option<u32>);

/// What happened how often, and how long it took.
fn tally(recording: &Recording) -> BTreeMap<Key, Side> {
    let names = Names::of(recording);
    let mut sides: BTreeMap<Key, Side> = BTreeMap::new();
    let mut export: Option<(&str, u64)> = None;
    let (exports, storage) = (Name::from("export"), Name::from("storage"));
    let mut call: Option<&Call> = None;
    // The event that each machine handled last, and when.
    let mut running: HashMap<(u32, Option<u32>), (u32, u64)> = HashMap::new();
    let close = |sides: &mut BTreeMap<Key, Side>, who: (u32, Option<u32>), event: (u32, u64), at: u64| {
        let key = (names.get(who.0), names.get(event.0), who.1);
        sides.entry(key).or_default().add(at.saturating_sub(event.1), 0);
    };
    for record in &recording.records {
        match &record.what {
            What::Enter(entered) => export = Some((entered.name(), record.at)),
            What::Leave(_) => {
                for (who, event) in running.drain() {
                    close(&mut sides, who, event, record.at);
                }
                if let Some((name, since)) = export.take() {
                    let side = sides.entry((exports.clone(), name.into(), None)).or_default();
                    side.add(record.at.saturating_sub(since), 0);
                }
            }
            What::Call(made) => call = Some(made),
            What::Return { answer, ns } => {
                if let Some(made) = call.take() {
                    let key = (storage.clone(), made.name().into(), source(made));
                    sides.entry(key).or_default().add(*ns, bytes(made, answer));
                }
            }
            What::Step(entry) => {
                if let Happening::Event(event) = entry.what {
                    let who = (entry.machine, entry.instance);
                    if let Some(before) = running.insert(who, (event, record.at)) {
                        close(&mut sides, who, before, record.at);
                    }
                }
            }
            What::Names { .. } | What::Host { .. } => {}
        }
    }
    let end = recording.records.last().map_or(0, |record| record.at);
    for (who, event) in running {
        close(&mut sides, who, event, end);
    }
    sides
}

/// The file that a call is about, where it is about one.
fn source(call: &Call) -> Option<u32> {
    match call {
        Call::Stat { source } | Call::Read { source, .. } | Call::MapRange { source, .. } => Some(*source),
        _ => None,
    }
}

/// Bytes that a call moved or mapped.
pub(super) fn bytes(call: &Call, answer: &Answer) -> u64 {
    match (call, answer) {
        (_, answer) if !answer.is_ok() => 0,
        (Call::Read { .. }, Answer::Bytes(bytes)) => bytes.len() as u64,
        (Call::MapRange { len, .. }, _) => *len,
        (Call::ReadInto { batch, .. }, _) => batch.iter().fold(0, |sum, span| span.len.saturating_add(sum)),
        _ => 0,
    }
}
