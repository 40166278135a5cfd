//! The rows that answer the query, as a table: event, guards tried with their results, action, command, answer, duration.
use crate::command::Command;
use crate::model::row::OPEN;
use crate::model::store::Lane;
use crate::model::{Kind, NONE, Ok3, Row};
use crate::state::State;
use crate::text::{count, duration, escape, moment};
use crate::theme::{self, Tone};
use egui::{RichText, Ui};
use egui_extras::{Column, TableBuilder};

pub(super) fn show(ui: &mut Ui, state: &State, reveal: Option<u64>, out: &mut Vec<Command>) {
    let store = &state.run.store;
    let rows = state.search.len(store);
    if rows == 0 {
        theme::empty(ui, "No row answers this query", crate::model::query::HELP);
        return;
    }
    let columns = [
        ("Time", 92.0),
        ("Actor", 116.0),
        ("Event", 96.0),
        ("Guards", 168.0),
        ("Action", 100.0),
        ("Route", 184.0),
        ("Command and answer", 200.0),
        ("Lasted", 70.0),
    ];
    ui.spacing_mut().item_spacing.y = 1.0;
    let scale = ((ui.available_width() - 700.0) / 530.0).clamp(0.5, 1.0);
    let mut table = TableBuilder::new(ui)
        .striped(true)
        .sense(egui::Sense::click())
        .auto_shrink([false, false])
        .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
        .column(Column::exact(64.0));
    for (name, width) in columns {
        let column = if name == "Command and answer" {
            Column::remainder().at_least(90.0)
        } else {
            // Who it was and where it went are read in any window; the rest gives way first.
            let keeps = matches!(name, "Time" | "Actor" | "Route" | "Lasted");
            Column::initial(if keeps { width } else { (width * scale).round() }).resizable(true)
        };
        table = table.column(column.clip(true));
    }
    if let Some(id) = reveal {
        table = table.scroll_to_row(state.search.position(store, id).min(rows - 1), None);
    }
    table
        .header(20.0, |mut header| {
            header.col(|ui| drop(ui.strong("Row")));
            for (name, _) in columns {
                header.col(|ui| drop(ui.strong(name)));
            }
        })
        .body(|body| {
            body.rows(20.0, rows, |mut line| {
                let Some(id) = state.search.get(store, line.index()) else { return };
                let Some(row) = store.row(id) else { return };
                line.set_selected(state.cursor == Some(id));
                cells(&mut line, state, id, row);
                if line.response().clicked() {
                    out.push(Command::Scrub(Some(id)));
                }
            });
        });
}

fn cells(line: &mut egui_extras::TableRow<'_, '_>, state: &State, id: u64, row: &Row) {
    let store = &state.run.store;
    let edge = store.edge(row);
    let lane = store.lanes.get(usize::from(row.lane));
    line.col(|ui| drop(ui.weak(count(id))));
    line.col(|ui| drop(ui.label(moment(row.at))));
    line.col(|ui| actor(ui, state, row, lane));
    line.col(|ui| drop(ui.label(escape(store.name(edge.event)))));
    line.col(|ui| guards(ui, state, row));
    line.col(|ui| drop(ui.label(escape(store.name(edge.action)))));
    line.col(|ui| {
        if row.kind != Kind::Transition {
            ui.label(store.detail(row).map_or("", |d| &d.text));
        } else if edge.from == edge.to {
            ui.weak(format!("stays {}", escape(store.name(edge.to))));
        } else {
            let to = store.name(edge.to);
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.label(format!("{} →", escape(store.name(edge.from))));
            theme::badge(ui, Tone::of_state(to), &escape(to));
        }
    });
    line.col(|ui| answer(ui, state, row));
    line.col(|ui| drop(if row.dur == OPEN { ui.weak("…") } else { ui.label(duration(row.dur)) }));
}

fn actor(ui: &mut Ui, state: &State, row: &Row, lane: Option<&Lane>) {
    let name = lane.map_or("?", |lane| state.run.store.name(lane.name));
    let which = if row.kind != Kind::Transition { row.kind.name().to_owned() } else { escape(name) };
    if row.instance == NONE {
        ui.label(which);
        return;
    }
    let tensor = lane.is_some_and(|lane| lane.machine.pooled);
    let known = state.run.names.get(row.instance as usize).filter(|_| tensor);
    ui.label(format!("{which} {}", row.instance)).on_hover_ui(|ui| {
        ui.label(known.map_or_else(|| format!("Slot {}", row.instance), Clone::clone));
    });
}

/// Guards in the order in which they were tried, the ones that held with a tick.
fn guards(ui: &mut Ui, state: &State, row: &Row) {
    ui.spacing_mut().item_spacing.x = 6.0;
    let store = &state.run.store;
    let dark = ui.visuals().dark_mode;
    let mut all: Vec<(String, bool)> = store.guards(row).map(|(g, held)| (escape(store.name(g)), held)).collect();
    // The one that decided comes first: in a narrow column it is the one to see.
    if let Some((name, held)) = all.pop() {
        let (word, color) = if held { ("yes", Tone::Good.color(dark)) } else { ("no", ui.visuals().weak_text_color()) };
        let text = format!("{name}: {word}");
        let more = if all.is_empty() { String::new() } else { format!(" (+{})", all.len()) };
        ui.label(RichText::new(format!("{text}{more}")).color(color)).on_hover_ui(|ui| {
            for (name, held) in all.iter().chain([&(name.clone(), held)]) {
                ui.label(format!("{name}: {}", if *held { "yes" } else { "no" }));
            }
        });
    }
}

fn answer(ui: &mut Ui, state: &State, row: &Row) {
    ui.spacing_mut().item_spacing.x = 5.0;
    let store = &state.run.store;
    for id in [row.command, row.outcome] {
        if id != 0 {
            ui.label(escape(store.name(id)));
        }
    }
    let text = store.detail(row).map_or("", |d| &d.answer);
    match row.ok {
        Ok3::No => drop(theme::badge(ui, Tone::Bad, if text.is_empty() { "refused" } else { text })),
        Ok3::Yes => drop(theme::badge(ui, Tone::Good, if text.is_empty() { "ok" } else { text })),
        Ok3::Unknown if row.dur == OPEN && row.kind != Kind::Transition => {
            drop(theme::badge(ui, Tone::Working, "waiting"))
        }
        Ok3::Unknown => drop(ui.label(text)),
    }
}
