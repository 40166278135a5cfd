//! The rows of a machine's table, with how often each was taken.
use crate::command::Command;
use crate::model::store::{Machine, Standing, Store};
use crate::model::{Edge, Kind};
use crate::state::State;
use crate::text::{count, escape};
use egui::{Sense, Ui};
use std::collections::HashMap;
use weighbridge_core::types::{MachineRow, MachineTable};

/// How often each transition of a table was taken.
pub(super) struct Counts {
    pub(super) by_route: HashMap<(String, String), u64>,
    pub(super) by_row: HashMap<(String, String, String, String), u64>,
    pub(super) lane: Option<u16>,
}

pub(super) fn counts(store: &Store, standing: &Standing, machine: &str) -> Counts {
    let lane = store.machine_lane(machine);
    let mut out = Counts { by_route: HashMap::new(), by_row: HashMap::new(), lane };
    for (i, edge) in store.edges.iter().enumerate() {
        if Some(edge.lane) != lane {
            continue;
        }
        let n = u64::from(standing.counts.get(i).copied().unwrap_or(0));
        let name = |id| store.name(id).to_owned();
        *out.by_route.entry((name(edge.from), name(edge.to))).or_default() += n;
        *out.by_row.entry((name(edge.from), name(edge.event), name(edge.action), name(edge.to))).or_default() += n;
    }
    out
}

/// Tables of the component; for machines that have none, what was seen of them.
pub(super) fn tables(state: &State) -> Vec<MachineTable> {
    let store = &state.run.store;
    let mut tables = state.host.tables.clone();
    for (i, lane) in store.lanes.iter().enumerate().filter(|(_, l)| l.kind == Kind::Transition) {
        let name = store.name(lane.name);
        if tables.iter().any(|t| t.machine == name) {
            continue;
        }
        let seen: Vec<&Edge> = store.edges.iter().filter(|e| usize::from(e.lane) == i).collect();
        let row = |e: &&Edge| MachineRow {
            section: String::new(),
            source: store.name(e.from).into(),
            event: store.name(e.event).into(),
            completion: false,
            guard: String::new(),
            action: store.name(e.action).into(),
            target: store.name(e.to).into(),
            refuses: false,
        };
        let initial = seen.first().map_or_else(String::new, |e| store.name(e.from).into());
        let rows = seen.iter().map(row).collect();
        let Machine { pooled, owns, order } = lane.machine;
        tables.push(MachineTable { machine: name.into(), initial, rows, order, pooled, owns });
    }
    tables
}

/// The machine that a load meets first.
pub(super) fn first(tables: &[MachineTable]) -> String {
    tables.iter().min_by_key(|table| table.order).map_or_else(String::new, |t| t.machine.clone())
}

pub(super) fn words(row: &MachineRow) -> String {
    let guard = if row.guard.is_empty() { String::new() } else { format!(" [{}]", escape(&row.guard)) };
    let action = if row.action.is_empty() { String::new() } else { format!(" / {}", escape(&row.action)) };
    format!("{}{guard}{action}", escape(&row.event))
}

pub(super) fn taken(counts: &Counts, row: &MachineRow) -> u64 {
    let key = (row.source.clone(), row.event.clone(), row.action.clone(), row.target.clone());
    counts.by_row.get(&key).copied().unwrap_or(0)
}

/// The table itself.
pub(super) fn rows(ui: &mut Ui, table: &MachineTable, counts: &Counts, out: &mut Vec<Command>) {
    use egui_extras::{Column, TableBuilder};
    let columns = [("From", 110.0), ("Event", 100.0), ("Guard", 140.0), ("Action", 130.0), ("To", 110.0)];
    ui.spacing_mut().item_spacing.y = 1.0;
    let mut builder = TableBuilder::new(ui).striped(true).sense(Sense::click()).column(Column::exact(56.0));
    for (_, width) in columns {
        builder = builder.column(Column::initial(width).clip(true).resizable(true));
    }
    builder
        .header(20.0, |mut header| {
            header.col(|ui| drop(ui.strong("Taken")));
            for (name, _) in columns {
                header.col(|ui| drop(ui.strong(name)));
            }
        })
        .body(|body| {
            body.rows(20.0, table.rows.len(), |mut line| {
                let row = &table.rows[line.index()];
                let n = taken(counts, row);
                line.col(|ui| drop(if n > 0 { ui.label(count(n)) } else { ui.weak("never") }));
                for text in [&row.source, &row.event, &row.guard, &row.action, &row.target] {
                    let text = escape(text);
                    line.col(|ui| drop(if n > 0 { ui.label(text) } else { ui.weak(text) }));
                }
                if line.response().clicked() {
                    out.push(Command::Query(format!(
                        "actor:{} event:{} edge:{}>{}",
                        table.machine, row.event, row.source, row.target
                    )));
                }
            });
        });
}
