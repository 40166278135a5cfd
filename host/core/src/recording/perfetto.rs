//! A recording as trace events, the JSON that Perfetto (<https://ui.perfetto.dev>) and Chrome read. The format is described in
//! "Trace Event Format" of the Chromium project. Exports, storage calls and the host's own work are tracks of slices; every
//! machine is a group of tracks, one for each instance, whose slices are its states.
use super::compare::bytes;
use super::header::Recording;
use super::names::Names;
use crate::trace::{Call, Outcome, Record, What};
use crate::types::{Entry, Happening};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

const EXPORTS: u32 = 1;
const STORAGE: u32 = 2;
const HOST: u32 = 3;

/// Writes the recording as trace events.
///
/// # Errors
/// What `out` answers.
pub fn perfetto(recording: &Recording, mut out: impl Write) -> io::Result<()> {
    let mut trace =
        Trace { out: &mut out, first: true, names: Names::new(recording.header.names.clone()), open: BTreeMap::new() };
    trace.out.write_all(b"{\"displayTimeUnit\":\"ns\",\"otherData\":")?;
    let other = json!({"component": recording.header.component, "weighbridge": recording.header.weighbridge});
    serde_json::to_writer(&mut trace.out, &other)?;
    trace.out.write_all(b",\"traceEvents\":[")?;
    trace.meta("process_name", 0, "weighbridge")?;
    trace.meta("thread_name", EXPORTS, "exports of the component")?;
    trace.meta("thread_name", STORAGE, "storage calls")?;
    trace.meta("thread_name", HOST, "host")?;
    let mut call: Option<(&Call, u64)> = None;
    let mut totals = Totals::default();
    for record in &recording.records {
        trace.names.learn(record);
        match &record.what {
            What::Call(made) => call = Some((made, record.at)),
            What::Return { answer, ns } => {
                let Some((made, since)) = call.take() else { continue };
                let moved = bytes(made, answer);
                let args = json!({"seq": record.seq, "call": made, "ok": answer.is_ok(), "bytes": moved});
                trace.slice(STORAGE, made.name(), since, *ns, &args)?;
                if let Some(counters) = totals.add(made, moved) {
                    trace
                        .event(&json!({"ph": "C", "pid": 1, "ts": us(record.at), "name": "bytes", "args": counters}))?;
                }
            }
            _ => trace.record(record)?,
        }
    }
    trace.close(recording.records.last().map_or(0, |record| record.at))?;
    out.write_all(b"\n]}\n")?;
    out.flush()
}

#[derive(Default)]
struct Totals {
    header: u64,
    mapped: u64,
    moved: u64,
}

impl Totals {
    fn add(&mut self, call: &Call, bytes: u64) -> Option<Value> {
        match call {
            Call::Read { .. } => self.header = self.header.saturating_add(bytes),
            Call::MapRange { .. } => self.mapped = self.mapped.saturating_add(bytes),
            Call::ReadInto { .. } => self.moved = self.moved.saturating_add(bytes),
            _ => return None,
        }
        Some(json!({"header": self.header, "mapped": self.mapped, "moved": self.moved}))
    }
}

/// Characters of a name that are written for each event, of which there are millions.
const NAME: usize = 96;

/// As much of a name as tells what it is.
fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", name.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(name),
    }
}

/// Microseconds, the unit of the format.
#[allow(clippy::cast_precision_loss, reason = "exact to a nanosecond for 104 days")]
fn us(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

struct Trace<W> {
    out: W,
    first: bool,
    names: Names,
    /// The state that each instance is in.
    open: BTreeMap<(u32, Option<u32>), u32>,
}

impl<W: Write> Trace<W> {
    fn event(&mut self, event: &Value) -> io::Result<()> {
        self.out.write_all(if self.first { b"\n" } else { b",\n" })?;
        self.first = false;
        serde_json::to_writer(&mut self.out, event)?;
        Ok(())
    }

    fn meta(&mut self, what: &str, tid: u32, name: &str) -> io::Result<()> {
        self.event(&json!({"ph": "M", "pid": 1, "tid": tid, "name": what, "args": {"name": name}}))
    }

    fn slice(&mut self, tid: u32, name: &str, since: u64, ns: u64, args: &Value) -> io::Result<()> {
        self.event(&json!({
            "ph": "X", "pid": 1, "tid": tid, "name": name, "ts": us(since), "dur": us(ns), "args": args,
        }))
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        let ts = us(record.at);
        match &record.what {
            What::Enter(export) => self.event(&json!({
                "ph": "B", "pid": 1, "tid": EXPORTS, "name": export.name(), "ts": ts,
                "args": {"seq": record.seq, "export": export},
            })),
            What::Leave(outcome) => {
                let outcome = match &**outcome {
                    Outcome::Ok(_) => json!("ok"),
                    Outcome::Failed(error) => json!({"failed": error}),
                    Outcome::Trapped(why) => json!({"trapped": why}),
                };
                self.event(&json!({"ph": "E", "pid": 1, "tid": EXPORTS, "ts": ts, "args": {"outcome": outcome}}))
            }
            What::Host { part, ns } => {
                self.slice(HOST, part, record.at.saturating_sub(*ns), *ns, &json!({"seq": record.seq}))
            }
            What::Step(entry) => self.step(entry, record.at),
            What::Names { .. } | What::Call(_) | What::Return { .. } => Ok(()),
        }
    }

    fn step(&mut self, entry: &Entry, at: u64) -> io::Result<()> {
        let who = (entry.machine, entry.instance);
        let (name, args) = match entry.what {
            Happening::Transition((from, to)) => {
                let before = self.open.insert(who, to);
                if before != Some(to) {
                    if before.is_some() {
                        self.instance("e", who, &self.names.get(from), at, &json!({}))?;
                    }
                    self.instance("b", who, &self.names.get(to), at, &json!({}))?;
                }
                return Ok(());
            }
            Happening::Event(name) => (format!("event {}", self.names.get(name)), json!({})),
            Happening::Guard((name, held)) => (format!("guard {}", self.names.get(name)), json!({"held": held})),
            Happening::Action(name) => (format!("action {}", self.names.get(name)), json!({})),
            Happening::Command(name) => (format!("command {}", self.names.get(name)), json!({})),
            Happening::Answer((name, ok)) => (format!("answer {}", self.names.get(name)), json!({"ok": ok})),
            Happening::Outcome((name, ok)) => (format!("outcome {}", self.names.get(name)), json!({"ok": ok})),
        };
        self.instance("n", who, &name, at, &args)
    }

    /// An event of the track of one instance of a machine.
    fn instance(&mut self, ph: &str, who: (u32, Option<u32>), name: &str, at: u64, args: &Value) -> io::Result<()> {
        let machine = self.names.get(who.0);
        let machine = shortened(&machine);
        let id = who.1.map_or_else(|| machine.clone().into_owned(), |instance| format!("{machine}[{instance}]"));
        let name = shortened(name);
        let event = json!({
            "ph": ph, "pid": 1, "tid": 0, "cat": machine, "id": id, "name": name, "ts": us(at), "args": args,
        });
        self.event(&event)
    }

    /// Ends every state that is still open.
    fn close(&mut self, at: u64) -> io::Result<()> {
        for (who, state) in std::mem::take(&mut self.open) {
            let name = self.names.get(state);
            self.instance("e", who, &name, at, &json!({}))?;
        }
        Ok(())
    }
}
