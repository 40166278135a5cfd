//! Everything that a session did, and the ring that keeps the last of it.
use crate::{
    media::Clock,
    observer::Observer,
    options::HostLimits,
    recording::NAME_BYTES,
    trace::{Answer, Call, Export, Outcome, Record, What},
};
use std::{collections::VecDeque, sync::Arc};
use weighbridge_wit::{BatchError, Entry, Happening, Selection, StorageError};

/// Everything that a session did, stamped, told to the observer and kept in the ring.
pub struct Log {
    clock: Clock,
    begin: u64,
    seq: u64,
    ring: VecDeque<Record>,
    capacity: usize,
    bytes: u64,
    max_bytes: u64,
    max_batch: usize,
    max_names: usize,
    observer: Option<Arc<dyn Observer>>,
    /// All names ever given, and how many of them the ring has lost.
    names: Vec<String>,
    names_lost: usize,
}

impl Log {
    /// A log that begins now, keeps the last `capacity` records and tells them to `observer`.
    #[must_use]
    pub fn new(clock: Clock, capacity: usize, observer: Option<Arc<dyn Observer>>, limits: &HostLimits) -> Self {
        Self {
            clock,
            begin: clock(),
            seq: 0,
            ring: VecDeque::new(),
            capacity,
            bytes: 0,
            max_bytes: limits.trace_bytes,
            max_batch: limits.trace_batch as usize,
            max_names: limits.trace_names as usize,
            observer,
            names: Vec::new(),
            names_lost: 0,
        }
    }

    /// Whether anybody listens; where not, no record is even made.
    pub(crate) fn on(&self) -> bool {
        self.capacity > 0 || self.observer.is_some()
    }

    pub(crate) fn record(&mut self, what: What) {
        let record = self.stamp(what);
        if let Some(observer) = &self.observer {
            observer.observe(std::slice::from_ref(&record));
        }
        self.keep(record);
    }

    /// A part of the host's own work that took `took`.
    pub fn host(&mut self, part: &str, ns: u64) {
        if self.on() {
            self.record(What::Host { part: part.to_owned(), ns });
        }
    }

    /// Names from the guest. Clamp: only so many, and none longer than an identifier gets.
    ///
    /// # Errors
    /// What it did that it may not.
    pub fn add_names(&mut self, names: Vec<String>) -> Result<(), &'static str> {
        if names.len() > self.max_names.saturating_sub(self.names.len()) {
            return Err("the component gave its observer more names than it may");
        }
        if names.iter().any(|name| name.len() > NAME_BYTES) {
            return Err("the component gave its observer a name that is too long");
        }
        let first = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.extend(names.iter().cloned());
        if self.on() {
            self.record(What::Names { first, names });
        }
        Ok(())
    }

    /// Entries from the guest. Clamp: only so many at once, and every index one of a name that it gave.
    ///
    /// # Errors
    /// What it did that it may not.
    pub fn emit(&mut self, entries: &[Entry]) -> Result<(), &'static str> {
        if entries.len() > self.max_batch {
            return Err("the component sent its observer more entries at once than it may");
        }
        let known = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let valid = |entry: &Entry| {
            let (one, other) = match entry.what {
                Happening::Event(name) | Happening::Action(name) | Happening::Command(name) => (name, name),
                Happening::Guard((name, _)) | Happening::Answer((name, _)) | Happening::Outcome((name, _)) => {
                    (name, name)
                }
                Happening::Transition((from, to)) => (from, to),
            };
            entry.machine < known && one < known && other < known
        };
        if !entries.iter().all(valid) {
            return Err("the component sent its observer the index of a name that it never gave");
        }
        if !self.on() {
            return Ok(());
        }
        // One time for all: they got here together, and when each happened the guest cannot say.
        let now = self.now();
        if let Some(observer) = self.observer.clone() {
            let records: Vec<Record> = entries.iter().map(|entry| self.stamp_at(now, What::Step(*entry))).collect();
            observer.observe(&records);
            records.into_iter().for_each(|record| self.keep(record));
        } else {
            for entry in entries {
                let record = self.stamp_at(now, What::Step(*entry));
                self.keep(record);
            }
        }
        Ok(())
    }

    /// The records that the ring still has.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.ring.iter().cloned().collect()
    }

    /// How many records the ring has lost, and the names that were in them.
    pub(crate) fn lost(&self) -> (u64, &[String]) {
        let lost = self.ring.front().map_or(self.seq, |record| record.seq);
        (lost, &self.names[..self.names_lost])
    }

    fn now(&self) -> u64 {
        (self.clock)().saturating_sub(self.begin)
    }

    fn stamp(&mut self, what: What) -> Record {
        self.stamp_at(self.now(), what)
    }

    fn stamp_at(&mut self, at: u64, what: What) -> Record {
        let seq = self.seq;
        self.seq += 1;
        Record { seq, at, what }
    }

    fn keep(&mut self, record: Record) {
        if self.capacity == 0 {
            return;
        }
        self.bytes += weight(&record);
        self.ring.push_back(record);
        while self.ring.len() > self.capacity || self.bytes > self.max_bytes {
            let Some(lost) = self.ring.pop_front() else { break };
            self.bytes -= weight(&lost);
            if let What::Names { names, .. } = &lost.what {
                self.names_lost += names.len();
            }
        }
    }
}

/// About how many bytes a record holds.
pub(crate) fn weight(record: &Record) -> u64 {
    let beyond = match &record.what {
        What::Step(_) => 0,
        What::Names { names, .. } => names.iter().map(|name| name.len() + 24).sum(),
        What::Call(call) => match &**call {
            Call::Registered { tensors } => 64 + tensors.iter().map(|name| name.len() + 24).sum::<usize>(),
            Call::ReadInto { sources, targets, batch } => {
                64 + sources.len() * 8 + targets.len() * 16 + batch.len() * 60
            }
            _ => 64,
        },
        What::Return { answer, .. } => match &**answer {
            Answer::Bytes(bytes) => 64 + bytes.len(),
            Answer::Targets(targets) => 64 + targets.len() * 40,
            Answer::Failed(StorageError::Other(text))
            | Answer::BatchFailed(BatchError { error: StorageError::Other(text), .. }) => 64 + text.len(),
            _ => 64,
        },
        What::Enter(export) => 512 + export_bytes(export),
        What::Leave(outcome) => 512 + outcome_bytes(outcome),
        What::Host { part, .. } => part.len(),
    };
    (std::mem::size_of::<Record>() + beyond) as u64
}

/// About how many bytes the arguments of an export hold.
fn export_bytes(export: &Export) -> usize {
    match export {
        Export::Open { sources, .. } | Export::Provide { sources } => sources.iter().map(|name| name.len() + 24).sum(),
        Export::Load { selection, .. } | Export::Release { selection } | Export::Evict { selection } => match selection
        {
            Selection::All => 0,
            Selection::Tensors(list) => list.len() * 4,
            Selection::Matching(glob) => glob.len(),
        },
        _ => 0,
    }
}

/// About how many bytes an outcome holds. It is the guest's, and can be long.
fn outcome_bytes(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Ok(value) => value_bytes(value),
        Outcome::Failed(error) => error.message.len() + error.field.as_ref().map_or(0, String::len),
        Outcome::Trapped(why) => why.len(),
    }
}

/// About how many bytes a value holds, with what an allocator and a tree add: a map has nodes of eleven entries, however few
/// there are in it, and at least five in each of many.
fn value_bytes(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    const ALLOCATED: usize = 16;
    const NODE: usize = 11 * (size_of::<String>() + size_of::<Value>()) + ALLOCATED;
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len() + ALLOCATED,
            Value::Array(list) => ALLOCATED + list.iter().map(value_bytes).sum::<usize>(),
            Value::Object(map) => {
                let entry =
                    |(key, value): (&String, &Value)| ALLOCATED + key.len() + value_bytes(value) - size_of::<Value>();
                map.len().div_ceil(5) * NODE + map.iter().map(entry).sum::<usize>()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn log(capacity: usize, limits: HostLimits) -> Log {
        Log::new(|| 0, capacity, None, &limits)
    }

    fn step(name: u32) -> Entry {
        Entry { machine: 0, instance: None, what: Happening::Event(name) }
    }

    #[test]
    fn the_ring_keeps_the_last_and_says_what_it_lost() {
        let mut log = log(3, HostLimits::default());
        log.add_names(vec!["a".into(), "b".into()]).unwrap();
        log.emit(&[step(0), step(1), step(0), step(1)]).unwrap();
        assert_eq!(log.records().iter().map(|record| record.seq).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(log.lost(), (2, &["a".to_owned(), "b".to_owned()][..]));
    }

    #[test]
    fn the_ring_is_bounded_in_bytes() {
        let mut log = log(usize::MAX, HostLimits { trace_bytes: 4096, ..HostLimits::default() });
        log.add_names(vec!["a".into()]).unwrap();
        (0..10_000).for_each(|_| log.emit(&[step(0)]).unwrap());
        assert!(log.bytes <= 4096 && log.ring.len() < 100);
    }

    #[test]
    fn emit_clamps_entries_and_indices() {
        let mut log = log(8, HostLimits { trace_batch: 2, ..HostLimits::default() });
        assert!(log.emit(&[step(0)]).is_err());
        log.add_names(vec!["a".into()]).unwrap();
        assert!(log.emit(&[step(1)]).is_err());
        assert!(log.emit(&[step(0); 3]).is_err());
        assert!(log.emit(&[step(0); 2]).is_ok());
    }

    #[test]
    fn add_names_clamps_count_and_length() {
        let mut log = log(8, HostLimits { trace_names: 2, ..HostLimits::default() });
        assert!(log.add_names(vec!["n".repeat(NAME_BYTES + 1)]).is_err());
        assert!(log.add_names(vec![String::new(); 3]).is_err());
        assert!(log.add_names(vec![String::new(); 2]).is_ok());
        assert!(log.add_names(vec![String::new()]).is_err());
    }

    #[test]
    fn nobody_listening_costs_nothing() {
        let mut log = log(0, HostLimits::default());
        log.add_names(vec!["a".into()]).unwrap();
        log.emit(&[step(0)]).unwrap();
        assert_eq!((log.seq, log.ring.len()), (0, 0));
    }
}
