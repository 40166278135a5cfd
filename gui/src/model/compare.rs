//! Two loads side by side: aligned by actor, event and tensor, with what differs and where the routes part.
use super::names::is_working;
use super::row::{Kind, NONE, OPEN};
use super::run::Run;
use std::collections::BTreeMap;

/// Rows of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// First row.
    pub from: u64,
    /// The row after the last.
    pub to: u64,
    /// What it is.
    pub label: String,
}

/// What one side did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// How often.
    pub count: u64,
    /// Nanoseconds in all.
    pub ns: u64,
    /// Bytes in all.
    pub bytes: u64,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The machine, or `call`, `export`, `host`.
    pub actor: String,
    /// The event and the route, or the call.
    pub event: String,
    /// Left.
    pub a: Side,
    /// Right.
    pub b: Side,
}

/// Two loads compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Table, those that differ most in time first.
    pub rows: Vec<Delta>,
    /// The row of each side at which the routes part.
    pub parts: Option<(u64, u64)>,
    /// Tensors that came to another state: instance, left, right.
    pub tensors: Vec<(u32, String, String)>,
}

type Key = (String, String);

fn tally(run: &Run, slice: &Slice) -> BTreeMap<Key, Side> {
    let store = &run.store;
    let mut by_edge: BTreeMap<u32, Side> = BTreeMap::new();
    for id in slice.from.max(store.first())..slice.to.min(store.end()) {
        let Some(row) = store.row(id) else { continue };
        let side = by_edge.entry(row.edge).or_default();
        side.count += 1;
        // A machine at rest takes no time, however long it rests.
        let counts = row.kind != Kind::Transition || is_working(store.name(store.edge(row).to));
        if row.dur != OPEN && counts {
            // Tensors load side by side: the longest counts, not their sum.
            let side_by_side = store.lanes.get(usize::from(row.lane)).is_some_and(|l| l.machine.pooled);
            side.ns = if side_by_side { side.ns.max(row.dur) } else { side.ns.saturating_add(row.dur) };
        }
        side.bytes = side.bytes.saturating_add(store.detail(row).map_or(0, |d| d.bytes));
    }
    let mut out: BTreeMap<Key, Side> = BTreeMap::new();
    for (edge, side) in by_edge {
        let edge = store.edges[edge as usize];
        let Some(lane) = store.lanes.get(usize::from(edge.lane)) else { continue };
        let key = if lane.kind == Kind::Transition {
            let event = format!("{}: {} → {}", store.name(edge.event), store.name(edge.from), store.name(edge.to));
            (store.name(lane.name).to_owned(), event)
        } else {
            (lane.kind.name().to_owned(), store.name(edge.event).to_owned())
        };
        let sum = out.entry(key).or_default();
        sum.count += side.count;
        sum.ns = sum.ns.saturating_add(side.ns);
        sum.bytes = sum.bytes.saturating_add(side.bytes);
    }
    out
}

/// The route of transitions, by name, so that two stores can be compared.
fn route<'a>(run: &'a Run, slice: &Slice) -> impl Iterator<Item = (u64, [&'a str; 4], u32)> {
    let store = &run.store;
    (slice.from.max(store.first())..slice.to.min(store.end())).filter_map(move |id| {
        let row = store.row(id)?;
        if row.kind != Kind::Transition {
            return None;
        }
        let edge = store.edge(row);
        let lane = store.lanes.get(usize::from(edge.lane))?;
        let names = [lane.name, edge.event, edge.from, edge.to].map(|n| store.name(n));
        Some((id, names, row.instance))
    })
}

fn ends(run: &Run, slice: &Slice) -> BTreeMap<u32, String> {
    let store = &run.store;
    let Some(lane) = store.machine_lane("model/tensor") else { return BTreeMap::new() };
    let standing = store.standing(slice.to);
    store.lanes[usize::from(lane)]
        .instances
        .keys()
        .filter(|&&i| i != NONE)
        .filter_map(|&i| Some((i, store.name(store.state_of(&standing, lane, i)?).to_owned())))
        .collect()
}

/// Compares.
#[must_use]
pub fn compare(a: (&Run, &Slice), b: (&Run, &Slice)) -> Comparison {
    let mut rows: BTreeMap<Key, (Side, Side)> = BTreeMap::new();
    for (key, side) in tally(a.0, a.1) {
        rows.entry(key).or_default().0 = side;
    }
    for (key, side) in tally(b.0, b.1) {
        rows.entry(key).or_default().1 = side;
    }
    let mut rows: Vec<Delta> = rows.into_iter().map(|((actor, event), (a, b))| Delta { actor, event, a, b }).collect();
    rows.sort_by_key(|d| std::cmp::Reverse((d.a.count.abs_diff(d.b.count) > 0, d.a.ns.abs_diff(d.b.ns))));
    let (mut left, mut right) = (route(a.0, a.1), route(b.0, b.1));
    let parts = loop {
        match (left.next(), right.next()) {
            (None, None) => break None,
            (Some(x), Some(y)) if x.1 == y.1 && x.2 == y.2 => {}
            (x, y) => break Some((x.map_or(a.1.to, |x| x.0), y.map_or(b.1.to, |y| y.0))),
        }
    };
    let (left, right) = (ends(a.0, a.1), ends(b.0, b.1));
    let all: std::collections::BTreeSet<u32> = left.keys().chain(right.keys()).copied().collect();
    let state = |side: &BTreeMap<u32, String>, i| side.get(&i).cloned().unwrap_or_else(|| "unbound".into());
    let tensors = all
        .into_iter()
        .map(|i| (i, state(&left, i), state(&right, i)))
        .filter(|(_, l, r)| l != r)
        .take(10_000)
        .collect();
    Comparison { rows, parts, tensors }
}
