//! The ring of rows and its indexes. Memory is bounded: a row is 72 bytes, its place in a lane 16, its guards 2 each and its
//! state snapshots less than a byte, so the default ring of 1,048,576 rows takes at most about 110 MiB. Details of calls
//! (262,144) and spans (262,144) come on top, at most about 60 MiB. When the ring is full the oldest 16,384 rows go at once.
use super::io::Io;
use super::names::{NameId, Names};
use super::pending::Ingest;
use super::row::{Edge, Kind, MOST_NS, NONE, OPEN, Ok3, Row};
use std::collections::{HashMap, HashSet, VecDeque};
use weighbridge_core::types::{MachineTable, Pool};

/// Rows between two snapshots, and rows that leave the ring at once.
pub const CHUNK: usize = 16_384;
/// Rows in the ring.
pub const ROWS: usize = 1 << 20;
/// Details kept.
const DETAILS: usize = 262_144;
/// Rows that went wrong, of which the order is kept.
const BAD: usize = 65_536;
/// Bytes of snapshots kept.
const SNAPSHOT_BYTES: usize = 64 << 20;

/// The words of a call or an export.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// Its arguments.
    pub text: Box<str>,
    /// Its answer.
    pub answer: Box<str>,
    /// Bytes that it moved.
    pub bytes: u64,
}

/// What a machine says of itself beside its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Whether there is one for each tensor, so that each has a state of its own.
    pub pooled: bool,
    /// What it keeps many of.
    pub owns: Option<Pool>,
    /// Its place among the machines.
    pub order: u32,
}

impl Machine {
    /// A machine that nobody described.
    const UNKNOWN: Self = Self { pooled: false, owns: None, order: u32::MAX };
}

/// Machines whose descriptions are kept.
const MACHINES: usize = 64;

/// One line of the timeline's picture: a machine, a host call, the exports or the host.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Its name.
    pub name: NameId,
    /// What its rows are.
    pub kind: Kind,
    /// What its machine says of itself.
    pub machine: Machine,
    /// Time and number of each row.
    pub rows: VecDeque<(u64, u64)>,
    /// Rows that did not go well.
    pub bad: VecDeque<u64>,
    /// Dense numbers of the instances.
    pub instances: HashMap<u32, u32>,
    /// Calls by duration: bucket k has those below 2^k ns.
    pub histogram: [u32; 40],
    /// The instance that moved last.
    pub latest: u32,
}

/// Where every machine stands, and how often each edge was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Per lane, per dense instance, the state.
    pub states: Vec<Vec<NameId>>,
    /// Per edge, how often.
    pub counts: Vec<u32>,
    /// Per lane, the state that was reached last.
    pub last: Vec<NameId>,
}

impl Standing {
    pub(super) fn apply(&mut self, row: &Row, edge: Edge, dense: usize) {
        let lane = usize::from(row.lane);
        if self.states.len() <= lane {
            self.states.resize_with(lane + 1, Vec::new);
            self.last.resize(lane + 1, 0);
        }
        let at = row.edge as usize;
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] = self.counts[at].saturating_add(1);
        if row.kind == Kind::Transition && edge.to != 0 {
            let states = &mut self.states[lane];
            if states.len() <= dense {
                states.resize(dense + 1, 0);
            }
            states[dense] = edge.to;
            self.last[lane] = edge.to;
        }
    }

    fn bytes(&self) -> usize {
        self.states.iter().map(|s| s.len() * 2).sum::<usize>() + self.counts.len() * 4 + 64
    }
}

/// Rows with their indexes.
#[derive(Clone, Debug)]
pub struct Store {
    /// Names of machines, states, events, …
    pub names: Names,
    /// Edges, each once.
    pub edges: Vec<Edge>,
    /// Lanes in the order in which they were seen.
    pub lanes: Vec<Lane>,
    /// Where everything stands now.
    pub now: Standing,
    /// Files and slots.
    pub io: Io,
    /// Rows that changed after they were added; the search looks at them again.
    pub dirty: Vec<u64>,
    /// Rows that did not go well, in the order in which that was known: of several the first is the cause.
    pub bad_order: VecDeque<u64>,
    pub(super) rows: VecDeque<Row>,
    pub(super) first: u64,
    pub(super) guards: VecDeque<u16>,
    pub(super) guards_first: u64,
    pub(super) details: VecDeque<Detail>,
    pub(super) details_first: u32,
    pub(super) edge_index: HashMap<Edge, u32>,
    pub(super) lane_index: HashMap<(Kind, NameId), u16>,
    pub(super) snapshots: VecDeque<(u64, Standing)>,
    pub(super) capacity: usize,
    pub(super) last_at: u64,
    pub(super) ingest: Ingest,
    machines: HashMap<Box<str>, Machine>,
    refusing: HashSet<(Box<str>, Box<str>)>,
}

impl Default for Store {
    fn default() -> Self {
        Self::with_capacity(ROWS)
    }
}

impl Store {
    /// A ring of so many rows, at least two chunks.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            names: Names::default(),
            edges: Vec::new(),
            lanes: Vec::new(),
            now: Standing::default(),
            io: Io::default(),
            dirty: Vec::new(),
            bad_order: VecDeque::new(),
            rows: VecDeque::new(),
            first: 0,
            guards: VecDeque::new(),
            guards_first: 0,
            details: VecDeque::new(),
            details_first: 0,
            edge_index: HashMap::new(),
            lane_index: HashMap::new(),
            snapshots: VecDeque::from([(0, Standing::default())]),
            capacity: rows.max(2 * CHUNK),
            last_at: 0,
            ingest: Ingest::default(),
            machines: HashMap::new(),
            refusing: HashSet::new(),
        }
    }

    /// Takes what the machines say of themselves. Lanes that are there already keep the number of their machines.
    pub fn describe(&mut self, tables: &[MachineTable]) {
        self.machines.clear();
        self.refusing.clear();
        for table in tables.iter().take(MACHINES) {
            let machine = Machine { pooled: table.pooled, owns: table.owns, order: table.order };
            self.machines.insert(table.machine.as_str().into(), machine);
            let refusing = table.rows.iter().filter(|row| row.refuses);
            self.refusing.extend(refusing.map(|row| (table.machine.as_str().into(), row.action.as_str().into())));
        }
        for lane in &mut self.lanes {
            let found = self.machines.get(self.names.get(lane.name)).copied().unwrap_or(Machine::UNKNOWN);
            let pooled = if lane.rows.is_empty() { found.pooled } else { lane.machine.pooled };
            lane.machine = Machine { pooled, ..found };
        }
    }

    /// Whether an action of a machine refuses its request, or ends it as failed.
    #[must_use]
    pub fn refuses(&self, machine: &str, action: &str) -> bool {
        self.refusing.contains(&(machine.into(), action.into()))
    }

    /// Number of the oldest row that is kept.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Number of the row to come.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    /// Rows kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The time of the last record.
    #[must_use]
    pub fn last_at(&self) -> u64 {
        self.last_at
    }

    /// A row by its number.
    #[must_use]
    pub fn row(&self, id: u64) -> Option<&Row> {
        self.rows.get(usize::try_from(id.checked_sub(self.first)?).ok()?)
    }

    pub(super) fn row_mut(&mut self, id: u64) -> Option<&mut Row> {
        self.rows.get_mut(usize::try_from(id.checked_sub(self.first)?).ok()?)
    }

    /// The edge of a row.
    #[must_use]
    pub fn edge(&self, row: &Row) -> Edge {
        self.edges[row.edge as usize]
    }

    /// A name, unescaped.
    #[must_use]
    pub fn name(&self, id: NameId) -> &str {
        self.names.get(id)
    }

    /// Guards that were tried, with their results.
    pub fn guards(&self, row: &Row) -> impl Iterator<Item = (NameId, bool)> {
        let from = row.guards.saturating_sub(self.guards_first) as usize;
        let from = from.min(self.guards.len());
        let to = (from + usize::from(row.guard_count)).min(self.guards.len());
        self.guards.range(from..to).map(|g| (g >> 1, g & 1 == 1))
    }

    /// The words of a call.
    #[must_use]
    pub fn detail(&self, row: &Row) -> Option<&Detail> {
        if row.detail == NONE {
            return None;
        }
        self.details.get(row.detail.checked_sub(self.details_first)? as usize)
    }

    /// The lane of a machine.
    #[must_use]
    pub fn machine_lane(&self, machine: &str) -> Option<u16> {
        self.lane_index.get(&(Kind::Transition, self.names.find(machine)?)).copied()
    }

    /// The last row at or before a time.
    #[must_use]
    pub fn row_at(&self, at: u64) -> Option<u64> {
        let n = self.rows.partition_point(|r| r.at <= at);
        (n > 0).then(|| self.first + n as u64 - 1)
    }

    /// The last row of a lane before row `end`.
    #[must_use]
    pub fn last_in_lane(&self, lane: u16, end: u64) -> Option<&Row> {
        let lane = self.lanes.get(usize::from(lane))?;
        let n = lane.rows.partition_point(|&(_, id)| id < end);
        self.row(lane.rows.get(n.checked_sub(1)?)?.1)
    }

    pub(super) fn lane_id(&mut self, kind: Kind, name: NameId) -> u16 {
        if let Some(&lane) = self.lane_index.get(&(kind, name)) {
            return lane;
        }
        // A trace has a few machines; a broken recording could name thousands, which share the last lane.
        if self.lanes.len() >= 64 {
            return 63;
        }
        #[allow(clippy::cast_possible_truncation)]
        let id = self.lanes.len() as u16;
        self.lanes.push(Lane {
            name,
            kind,
            machine: self.machines.get(self.names.get(name)).copied().unwrap_or(Machine::UNKNOWN),
            rows: VecDeque::new(),
            bad: VecDeque::new(),
            instances: HashMap::new(),
            histogram: [0; 40],
            latest: NONE,
        });
        self.lane_index.insert((kind, name), id);
        id
    }

    /// The dense number of the instance of a row.
    #[must_use]
    pub fn dense(&self, lane: u16, instance: u32) -> Option<usize> {
        let lane = self.lanes.get(usize::from(lane))?;
        if !lane.machine.pooled {
            return Some(0);
        }
        lane.instances.get(&instance).map(|&d| d as usize)
    }

    pub(super) fn edge_id(&mut self, edge: Edge) -> u32 {
        if let Some(&id) = self.edge_index.get(&edge) {
            return id;
        }
        // Edges are rows of tables. A broken recording could make millions: they share the last.
        if self.edges.len() >= 65_536 {
            return 65_535;
        }
        #[allow(clippy::cast_possible_truncation)]
        let id = self.edges.len() as u32;
        self.edges.push(edge);
        self.edge_index.insert(edge, id);
        id
    }

    pub(super) fn add_detail(&mut self, detail: Detail) -> u32 {
        if self.details.len() >= DETAILS {
            self.details.pop_front();
            self.details_first += 1;
        }
        self.details.push_back(detail);
        #[allow(clippy::cast_possible_truncation)]
        let id = self.details_first + self.details.len() as u32 - 1;
        id
    }

    pub(super) fn add_row(&mut self, row: Row) -> u64 {
        if self.rows.len() >= self.capacity {
            self.drop_oldest();
        }
        let id = self.end();
        let edge = self.edge(&row);
        let lane = &mut self.lanes[usize::from(row.lane)];
        lane.rows.push_back((row.at, id));
        lane.latest = row.instance;
        let dense = if lane.machine.pooled {
            let next = lane.instances.len();
            #[allow(clippy::cast_possible_truncation)]
            let dense = *lane.instances.entry(row.instance).or_insert(next as u32);
            dense as usize
        } else {
            0
        };
        self.now.apply(&row, edge, dense);
        self.rows.push_back(row);
        if (id + 1).is_multiple_of(CHUNK as u64) {
            self.snapshots.push_back((id + 1, self.now.clone()));
            self.thin_snapshots();
        }
        id
    }

    fn thin_snapshots(&mut self) {
        let mut total: usize = self.snapshots.iter().map(|(_, s)| s.bytes()).sum();
        // Every second one goes; the first stays, since the ring begins there.
        while total > SNAPSHOT_BYTES && self.snapshots.len() > 3 {
            let mut keep = false;
            self.snapshots.retain(|_| {
                keep = !keep;
                keep
            });
            total = self.snapshots.iter().map(|(_, s)| s.bytes()).sum();
        }
    }

    fn drop_oldest(&mut self) {
        let until = self.snapshots.get(1).map_or(self.end(), |s| s.0);
        if self.snapshots.len() > 1 {
            self.snapshots.pop_front();
        } else {
            self.snapshots[0] = (until, self.now.clone());
        }
        let n = usize::try_from(until - self.first).unwrap_or(0).min(self.rows.len());
        self.rows.drain(..n);
        self.first = until;
        let guards = self.rows.front().map_or(self.guards_first + self.guards.len() as u64, |r| r.guards);
        let gone = guards.saturating_sub(self.guards_first) as usize;
        self.guards.drain(..gone.min(self.guards.len()));
        self.guards_first = guards;
        for lane in &mut self.lanes {
            let n = lane.rows.partition_point(|&(_, id)| id < until);
            lane.rows.drain(..n);
            let n = lane.bad.partition_point(|&id| id < until);
            lane.bad.drain(..n);
        }
    }

    pub(super) fn set_ok(&mut self, id: u64, ok: bool) {
        let Some(row) = self.row_mut(id) else { return };
        let was = row.ok;
        row.ok = ok.into();
        let lane = usize::from(row.lane);
        if !ok && was != Ok3::No {
            let bad = &mut self.lanes[lane].bad;
            let at = bad.partition_point(|&b| b < id);
            bad.insert(at, id);
            if self.bad_order.len() >= BAD {
                self.bad_order.pop_front();
            }
            self.bad_order.push_back(id);
        }
        self.dirty.push(id);
    }

    pub(super) fn set_dur(&mut self, id: u64, dur: u64) {
        let Some(row) = self.row_mut(id) else { return };
        if row.dur != OPEN {
            return;
        }
        let dur = dur.min(MOST_NS);
        row.dur = dur;
        let (lane, kind) = (usize::from(row.lane), row.kind);
        self.dirty.push(id);
        if kind == Kind::Call {
            let bucket = (64 - dur.leading_zeros() as usize).min(39);
            let count = &mut self.lanes[lane].histogram[bucket];
            *count = count.saturating_add(1);
        }
    }
}
