//! Two loads side by side, and the race of the strategies.
use crate::backend::{Origin, RaceRow};
use crate::command::Command;
use crate::model::compare::Side;
use crate::model::{Kind, Run, export};
use crate::state::{Compared, LoadAt, State};
use crate::text::{bytes, count, duration, escape, plural};
use crate::theme::{self, Tone};
use egui::{Align2, FontId, Rect, Role, Sense, Ui, pos2, vec2};
use egui_extras::{Column, TableBuilder};

#[derive(Default)]
pub(super) struct Compare {
    all: bool,
}

impl Compare {
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let loads = state.loads();
        if loads.len() < 2 && state.run.race.is_empty() {
            let text = "Load twice, under two strategies or before and after a change, or open a recording besides: the two are aligned by \
                        actor, event and tensor. A race loads under every strategy, cold and warm.";
            theme::empty(ui, "Nothing to compare yet", text);
            ui.vertical_centered(|ui| race_button(ui, state, out));
            return;
        }
        egui::ScrollArea::vertical().id_salt("compare").auto_shrink(false).show(ui, |ui| {
            choose(ui, state, &loads, out);
            if let Some(compared) = &state.compared {
                self.compared(ui, state, compared, out);
            } else if loads.len() >= 2 {
                ui.weak("Choose two loads");
            }
            race(ui, state, out);
        });
    }

    fn compared(&mut self, ui: &mut Ui, state: &State, compared: &Compared, out: &mut Vec<Command>) {
        let result = &compared.result;
        match result.parts {
            None => theme::badge(ui, Tone::Good, "Both took the same route"),
            Some((left, right)) => {
                let at = |run: usize, row: u64| {
                    let store = &state.run_at(run)?.store;
                    Some(export::sentence(store, store.row(row)?))
                };
                let (l, r) = (at(compared.a.run, left), at(compared.b.run, right));
                let said = |s: Option<String>| s.unwrap_or_else(|| "its end".into());
                ui.horizontal_wrapped(|ui| {
                    let badge = theme::badge(ui, Tone::Warn, "The routes part");
                    if compared.b.run == 0 && ui.link("Go there").clicked() {
                        out.push(Command::Scrub(Some(right)));
                    }
                    badge
                })
                .inner
                .on_hover_text("The first transition that differs");
                egui::Grid::new("parts").num_columns(2).spacing([10.0, 2.0]).show(ui, |ui| {
                    ui.weak("A goes to");
                    ui.label(said(l));
                    ui.end_row();
                    ui.weak("B goes to");
                    ui.label(said(r));
                    ui.end_row();
                });
                ui.label("")
            }
        };
        lanes(ui, state, compared);
        if !result.tensors.is_empty() {
            let first: Vec<String> = result
                .tensors
                .iter()
                .take(3)
                .map(|(i, a, b)| {
                    let name = state.run.names.get(*i as usize).map_or_else(|| i.to_string(), Clone::clone);
                    format!("{name}: {} / {}", escape(a), escape(b))
                })
                .collect();
            theme::badge(
                ui,
                Tone::Warn,
                &format!("{} in another state: {}", plural(result.tensors.len() as u64, "tensor"), first.join(", ")),
            );
        }
        ui.checkbox(&mut self.all, "Also rows that are equal");
        let rows: Vec<_> = result
            .rows
            .iter()
            .filter(|d| self.all || d.a.count != d.b.count || d.a.bytes != d.b.bytes || d.a.ns.abs_diff(d.b.ns) > 1000)
            .collect();
        let columns = [
            ("Actor", 100.0),
            ("Event", 230.0),
            ("A", 52.0),
            ("B", 52.0),
            ("A time", 72.0),
            ("B time", 72.0),
            ("Change", 70.0),
            ("A bytes", 76.0),
            ("B bytes", 76.0),
        ];
        ui.spacing_mut().item_spacing.y = 1.0;
        let mut table = TableBuilder::new(ui)
            .id_salt("deltas")
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .striped(true)
            .max_scroll_height(320.0)
            .auto_shrink([false, true]);
        for (name, width) in columns {
            let column = if name == "Event" {
                Column::remainder().at_least(width)
            } else {
                Column::initial(width).resizable(true)
            };
            table = table.column(column.clip(true));
        }
        table
            .header(20.0, |mut header| {
                for (name, _) in columns {
                    header.col(|ui| drop(ui.strong(name)));
                }
            })
            .body(|body| {
                body.rows(19.0, rows.len(), |mut line| {
                    let d = rows[line.index()];
                    line.col(|ui| drop(ui.label(escape(&d.actor))));
                    line.col(|ui| drop(ui.label(escape(&d.event))));
                    for side in [d.a, d.b] {
                        line.col(|ui| drop(if side.count == 0 { ui.weak("–") } else { ui.label(count(side.count)) }));
                    }
                    for side in [d.a, d.b] {
                        line.col(|ui| drop(if side.count == 0 { ui.weak("–") } else { ui.label(duration(side.ns)) }));
                    }
                    line.col(|ui| change(ui, d.a, d.b));
                    for side in [d.a, d.b] {
                        line.col(|ui| drop(ui.label(if side.bytes > 0 { bytes(side.bytes) } else { String::new() })));
                    }
                });
            });
    }
}

#[allow(clippy::cast_precision_loss)]
fn change(ui: &mut Ui, a: Side, b: Side) {
    match (a.count, b.count) {
        (0, _) => drop(theme::badge(ui, Tone::Warn, "only B")),
        (_, 0) => drop(theme::badge(ui, Tone::Warn, "only A")),
        _ if a.ns == 0 => drop(ui.weak("")),
        _ => drop(ui.label(format!("{:+.0} %", (b.ns as f64 / a.ns as f64 - 1.0) * 100.0))),
    }
}

fn choose(ui: &mut Ui, state: &State, loads: &[LoadAt], out: &mut Vec<Command>) {
    if loads.len() < 2 {
        return;
    }
    let find = |l: &LoadAt| loads.iter().position(|o| o.label == l.label);
    let (mut a, mut b) = state
        .compared
        .as_ref()
        .and_then(|c| Some((find(&c.a)?, find(&c.b)?)))
        .unwrap_or((loads.len() - 2, loads.len() - 1));
    let before = (a, b);
    for (name, which) in [("A", &mut a), ("B", &mut b)] {
        ui.horizontal(|ui| {
            let label = ui.strong(name).id;
            let text = format!(
                "{} · {}",
                loads[*which].label,
                loads[*which].load.ns.map_or_else(|| "under way".into(), duration)
            );
            egui::ComboBox::from_id_salt(name)
                .width(ui.available_width() - 16.0)
                .selected_text(text)
                .show_ui(ui, |ui| {
                    for (i, load) in loads.iter().enumerate() {
                        ui.selectable_value(which, i, &load.label);
                    }
                })
                .response
                .labelled_by(label);
        });
    }
    if (a, b) != before || state.compared.is_none() && ui.button("Compare these").clicked() {
        out.push(Command::CompareLoads(a, b));
    }
}

/// Both loads from the moment each was asked for, one above the other.
#[allow(clippy::cast_precision_loss)]
fn lanes(ui: &mut Ui, state: &State, compared: &Compared) {
    let dark = ui.visuals().dark_mode;
    let most = compared.a.load.ns.unwrap_or(0).max(compared.b.load.ns.unwrap_or(0)).max(1) as f32;
    let mut names: Vec<String> = Vec::new();
    for side in [&compared.a, &compared.b] {
        let Some(run) = state.run_at(side.run) else { continue };
        for lane in
            run.store.lanes.iter().filter(|l| l.kind == Kind::Call || (l.kind == Kind::Transition && !l.machine.pooled))
        {
            let from = lane.rows.partition_point(|&(_, id)| id < side.load.from);
            let name = run.store.name(lane.name).to_owned();
            if lane.rows.get(from).is_some_and(|&(_, id)| id < side.load.to) && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let height = names.len() as f32 * 30.0 + 4.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    theme::named(&response, Role::GraphicsObject, "Both loads, lane by lane");
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 4.0, theme::canvas(dark));
    let area = Rect::from_min_max(pos2(rect.min.x + 126.0, rect.min.y), rect.max);
    for (n, name) in names.iter().enumerate() {
        let top = rect.min.y + n as f32 * 30.0 + 3.0;
        theme::text_in(
            &painter,
            pos2(rect.min.x + 6.0, top + 13.0),
            Align2::LEFT_CENTER,
            &escape(name),
            FontId::proportional(12.0),
            ui.visuals().text_color(),
            98.0,
        );
        for (s, (side, label, color)) in
            [(&compared.a, "A", Tone::Good), (&compared.b, "B", Tone::Working)].into_iter().enumerate()
        {
            let y = top + s as f32 * 13.0;
            let color = color.color(dark);
            painter.text(
                pos2(area.min.x - 8.0, y + 6.0),
                Align2::CENTER_CENTER,
                label,
                FontId::proportional(10.0),
                color,
            );
            let strip = Rect::from_min_max(pos2(area.min.x, y), pos2(area.max.x, y + 11.0));
            if let Some(run) = state.run_at(side.run) {
                strip_of(&painter, run, side, name, strip, color, most);
            }
        }
    }
    response.on_hover_text("Time runs to the right from the start of each load; both have the same scale");
}

#[allow(clippy::cast_precision_loss)]
fn strip_of(
    painter: &egui::Painter,
    run: &Run,
    side: &LoadAt,
    name: &str,
    strip: Rect,
    color: egui::Color32,
    most: f32,
) {
    let store = &run.store;
    let Some(lane) = store.lanes.iter().find(|l| store.name(l.name) == name && l.kind != Kind::Export) else { return };
    let begin = store.row(side.load.from).map_or(0, |r| r.at);
    let a = lane.rows.partition_point(|&(_, id)| id < side.load.from);
    let b = lane.rows.partition_point(|&(_, id)| id < side.load.to);
    let mut last = f32::MIN;
    for row in lane.rows.range(a..b).filter_map(|&(_, id)| store.row(id)) {
        let x = strip.min.x + strip.width() * (row.at.saturating_sub(begin) as f32 / most).min(1.0);
        let resting = lane.kind == Kind::Transition && Tone::of_state(store.name(store.edge(row).to)) != Tone::Working;
        let lasts = if resting || row.dur == u64::MAX { 0 } else { row.dur };
        let width = (strip.width() * lasts as f32 / most).max(1.2);
        if x + width < last + 0.8 {
            continue;
        }
        last = x + width;
        painter.rect_filled(
            Rect::from_min_size(pos2(x, strip.min.y), vec2(width.min(strip.max.x - x).max(1.0), strip.height())),
            1.0,
            color,
        );
    }
}

fn race_button(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let info = Command::Race.info();
    let live = state.run.origin == Origin::Live && state.run.opened.is_some() && state.busy.is_none();
    if ui
        .add_enabled(live, egui::Button::new(info.label))
        .on_hover_text(info.tip)
        .on_disabled_hover_text("Open a model first")
        .clicked()
    {
        out.push(Command::Race);
    }
}

fn race(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    theme::section(ui, "Race of the strategies");
    race_button(ui, state, out);
    let rows = &state.run.race;
    if rows.is_empty() {
        return;
    }
    let best = |cold: bool| rows.iter().filter(|r| r.cold == cold).filter_map(total).min();
    egui::Grid::new("race").num_columns(7).spacing([16.0, 4.0]).striped(true).show(ui, |ui| {
        for name in ["Strategy", "Cache", "Load", "First touch", "Both", "Moved", "Calls"] {
            ui.strong(name);
        }
        ui.end_row();
        for row in rows {
            ui.label(escape(&row.strategy));
            ui.label(if row.cold { "cold" } else { "warm" });
            match &row.result {
                Ok(ns) => {
                    ui.label(duration(*ns));
                    ui.label(duration(row.touch_ns));
                    let total = ns.saturating_add(row.touch_ns);
                    if best(row.cold) == Some(total) {
                        theme::badge(ui, Tone::Good, &format!("{} fastest", duration(total)));
                    } else {
                        ui.label(duration(total));
                    }
                    ui.label(bytes(row.moved));
                    ui.label(count(row.calls));
                }
                Err(why) => drop(theme::badge(ui, Tone::Idle, &escape(why))),
            }
            ui.end_row();
        }
    });
    ui.weak("First touch reads every byte once, since a mapping is only paid for when it is used");
}

fn total(row: &RaceRow) -> Option<u64> {
    row.result.as_ref().ok().map(|ns| ns.saturating_add(row.touch_ns))
}
