//! Turns records into rows: an event, the guards tried for it, the action and the transition are one row; a call and its
//! return are one row.
use super::io::{SlotOp, Span, SpanKind};
use super::row::{Edge, Kind, MOST_NS, NONE, OPEN, Ok3, Row};
use super::store::{Detail, Store};
use super::{NameId, words};
use weighbridge_core::trace::{Answer, Call, Outcome, Record, What};
use weighbridge_core::types::{Entry, Error, Happening, Pool, SlotStatus};

/// Slots are numbered by the trace; a broken recording could name any.
const MOST_SLOTS: u32 = 65_536;
/// Most instances of a machine: the contract's bound on tensors. Those past it share one.
const MOST_INSTANCES: u32 = 4_194_304;
/// Mappings remembered at once.
const MOST_MAPPINGS: usize = 65_536;
/// Guards remembered for one row.
const MOST_GUARDS: usize = 200;

impl Store {
    /// Adds records in their order.
    pub fn push_all(&mut self, records: &[Record]) {
        for record in records {
            self.push(record);
        }
    }

    /// Adds a record.
    pub fn push(&mut self, record: &Record) {
        self.last_at = self.last_at.max(record.at.min(MOST_NS));
        let at = self.last_at;
        match &record.what {
            What::Names { first, names } => self.names.announce(*first, names),
            What::Step(entry) => self.step(record.seq, at, entry),
            What::Enter(export) => {
                let detail = self.add_detail(Detail { text: words::export(export).into(), ..Detail::default() });
                let id = self.simple(Kind::Export, "exports", export.name(), record.seq, at, OPEN, detail);
                if self.ingest.exports.len() < 16 {
                    self.ingest.exports.push(id);
                }
            }
            What::Leave(outcome) => self.leave(at, outcome),
            What::Call(call) => self.call(record.seq, at, call),
            What::Return { answer, ns } => self.answer(at, answer, *ns),
            What::Host { part, ns } => {
                let detail = self.add_detail(Detail::default());
                let id = self.simple(Kind::Host, "host", part, record.seq, at, OPEN, detail);
                self.set_dur(id, *ns);
            }
        }
    }

    /// The last error that an export gave, and the row of the export.
    #[must_use]
    pub fn error(&self) -> Option<&(u64, Error)> {
        self.ingest.error.as_ref()
    }

    #[allow(clippy::too_many_arguments)]
    fn simple(&mut self, kind: Kind, lane: &str, event: &str, seq: u64, at: u64, dur: u64, detail: u32) -> u64 {
        let lane_name = self.names.intern(lane);
        let lane = self.lane_id(kind, lane_name);
        let event = self.names.intern(event);
        let edge = self.edge_id(Edge { lane, from: 0, event, action: 0, to: 0 });
        self.add_row(Row {
            seq,
            at,
            dur,
            guards: self.guards_first + self.guards.len() as u64,
            edge,
            instance: NONE,
            detail,
            command: 0,
            outcome: 0,
            lane,
            guard_count: 0,
            kind,
            ok: Ok3::Unknown,
        })
    }

    fn step(&mut self, seq: u64, at: u64, entry: &Entry) {
        let machine = self.names.of_trace(entry.machine);
        let lane = self.lane_id(Kind::Transition, machine);
        let instance = entry.instance.filter(|&i| i < MOST_INSTANCES).unwrap_or(NONE);
        if self.lanes[usize::from(lane)].machine.owns == Some(Pool::Slots) && instance < MOST_SLOTS {
            self.ingest.slot = instance;
        }
        let key = if self.lanes[usize::from(lane)].machine.pooled { (lane, instance) } else { (lane, NONE) };
        match entry.what {
            Happening::Event(e) => {
                self.flush(key, instance, at, None);
                let event = self.names.of_trace(e);
                let p = self.ingest.machines.entry(key).or_default();
                (p.event, p.open, p.seq) = (event, true, seq);
            }
            Happening::Guard((g, held)) => {
                let guard = self.names.of_trace(g) & 0x7fff;
                let p = self.ingest.machines.entry(key).or_default();
                p.open = true;
                p.seq = seq;
                if p.guards.len() < MOST_GUARDS {
                    p.guards.push(guard << 1 | u16::from(held));
                }
            }
            Happening::Action(a) => {
                let action = self.names.of_trace(a);
                let p = self.ingest.machines.entry(key).or_default();
                (p.action, p.open, p.seq) = (action, true, seq);
            }
            Happening::Transition((from, to)) => {
                let route = (self.names.of_trace(from), self.names.of_trace(to));
                self.ingest.machines.entry(key).or_default().seq = seq;
                self.flush(key, instance, at, Some(route));
            }
            Happening::Command(c) => {
                let command = self.names.of_trace(c);
                self.flush(key, instance, at, None);
                if let Some(row) = self.last_row(key).and_then(|id| self.row_mut(id)) {
                    row.command = command;
                }
            }
            Happening::Answer((_, ok)) => {
                if let Some(id) = self.last_row(key) {
                    self.set_ok(id, ok);
                }
            }
            Happening::Outcome((o, ok)) => {
                let outcome = self.names.of_trace(o);
                self.flush(key, instance, at, None);
                if let Some(id) = self.last_row(key) {
                    if let Some(row) = self.row_mut(id) {
                        row.outcome = outcome;
                    }
                    self.set_ok(id, ok);
                }
            }
        }
    }

    fn last_row(&self, key: (u16, u32)) -> Option<u64> {
        self.ingest.machines.get(&key)?.last_row
    }

    /// Ends the row that is being made; without a route it is an internal transition.
    fn flush(&mut self, key: (u16, u32), instance: u32, at: u64, route: Option<(NameId, NameId)>) {
        let Some(p) = self.ingest.machines.get_mut(&key) else { return };
        if !p.open && route.is_none() {
            return;
        }
        let (event, action, seq, last) = (p.event, p.action, p.seq, p.last_row);
        let guards = self.guards_first + self.guards.len() as u64;
        #[allow(clippy::cast_possible_truncation)]
        let guard_count = p.guards.len() as u8;
        self.guards.extend(p.guards.drain(..));
        (p.open, p.action) = (false, 0);
        let stays = || last.and_then(|id| self.row(id)).map_or(0, |r| self.edge(r).to);
        let (from, to) = route.unwrap_or_else(|| (stays(), stays()));
        let edge = self.edge_id(Edge { lane: key.0, from, event, action, to });
        if let Some(before) = last {
            let began = self.row(before).map_or(at, |r| r.at);
            self.set_dur(before, at.saturating_sub(began));
        }
        let id = self.add_row(Row {
            seq,
            at,
            dur: OPEN,
            guards,
            edge,
            instance,
            detail: NONE,
            command: 0,
            outcome: 0,
            lane: key.0,
            guard_count,
            kind: Kind::Transition,
            ok: Ok3::Unknown,
        });
        if let Some(p) = self.ingest.machines.get_mut(&key) {
            p.last_row = Some(id);
        }
    }

    fn leave(&mut self, at: u64, outcome: &Outcome) {
        let Some(id) = self.ingest.exports.pop() else { return };
        let began = self.row(id).map_or(at, |r| r.at);
        self.set_dur(id, at.saturating_sub(began));
        self.set_ok(id, matches!(outcome, Outcome::Ok(_)));
        self.set_answer(id, words::outcome(outcome), 0);
        if let Outcome::Failed(error) = outcome {
            self.ingest.error = Some((id, error.clone()));
        }
    }

    fn set_answer(&mut self, id: u64, answer: String, bytes: u64) {
        let Some(detail) = self.row(id).map(|r| r.detail) else { return };
        let Some(at) = detail.checked_sub(self.details_first) else { return };
        if let Some(d) = self.details.get_mut(at as usize) {
            d.answer = answer.into();
            d.bytes = bytes;
        }
    }

    fn call(&mut self, seq: u64, at: u64, call: &Call) {
        let detail = self.add_detail(Detail { text: words::call(call).into(), ..Detail::default() });
        let id = self.simple(Kind::Call, call.name(), call.name(), seq, at, OPEN, detail);
        let span = |kind, file, offset, len| Span { row: id, kind, file, offset, len, ok: None };
        match call {
            Call::Read { source, offset, len } => {
                self.io.span(span(SpanKind::Header, *source, *offset, u64::from(*len)));
            }
            Call::MapRange { source, offset, len } => {
                self.io.span(span(SpanKind::Map, *source, *offset, *len));
                self.slot_op(id, self.ingest.slot, SlotStatus::Reserved, (*source, *offset, *len), at);
            }
            Call::Advise { mapping, offset, len, .. } => {
                if let Some(&(_, file, base, _)) = self.ingest.mappings.get(mapping) {
                    self.io.span(span(SpanKind::Advise, file, base.saturating_add(*offset), *len));
                }
            }
            Call::ReadInto { sources, batch, .. } => {
                for piece in batch {
                    let file = sources.get(piece.source as usize).copied().unwrap_or(NONE);
                    self.io.span(span(SpanKind::Copy, file, piece.offset, piece.len));
                }
            }
            _ => {}
        }
        self.ingest.call = Some((id, call.clone()));
    }

    fn slot_op(&mut self, row: u64, slot: u32, status: SlotStatus, (file, offset, len): (u32, u64, u64), at: u64) {
        self.io.slot(SlotOp { row, slot, status, file, offset, len, at });
    }

    fn answer(&mut self, at: u64, answer: &Answer, ns: u64) {
        let Some((id, call)) = self.ingest.call.take() else { return };
        let ok = answer.is_ok();
        self.set_dur(id, ns);
        self.set_ok(id, ok);
        for span in self.io.spans.iter_mut().rev().take_while(|s| s.row == id) {
            span.ok = Some(ok);
        }
        let mut bytes = 0;
        // A slot changes when the answer is there, so the operation belongs to the row after the call.
        let row = self.end();
        match (&call, answer) {
            (Call::Read { source, offset, .. }, Answer::Bytes(b)) => {
                bytes = b.len() as u64;
                self.io.window(*source, *offset, b);
            }
            (Call::ReadInto { batch, .. }, Answer::Done) => {
                bytes = batch.iter().map(|p| p.len).fold(0, u64::saturating_add)
            }
            (Call::MapRange { source, offset, len }, Answer::Mapping(mapping)) => {
                bytes = *len;
                let slot = self.ingest.slot;
                if self.ingest.mappings.len() < MOST_MAPPINGS {
                    self.ingest.mappings.insert(*mapping, (slot, *source, *offset, *len));
                }
                self.slot_op(row, slot, SlotStatus::Owned, (*source, *offset, *len), at);
            }
            (Call::MapRange { source, offset, len }, _) => {
                self.slot_op(row, self.ingest.slot, SlotStatus::Free, (*source, *offset, *len), at);
            }
            (Call::Unmap { mapping }, answer) => {
                let gone = matches!(answer, Answer::Done);
                let known = self.ingest.mappings.get(mapping).copied();
                if let Some((slot, file, offset, len)) = known {
                    let status = if gone { SlotStatus::Free } else { SlotStatus::UnmapPending };
                    self.slot_op(row, slot, status, (file, offset, len), at);
                    if gone {
                        self.ingest.mappings.remove(mapping);
                    }
                }
            }
            _ => {}
        }
        self.set_answer(id, words::answer(answer), bytes);
    }
}
