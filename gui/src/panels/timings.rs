//! Where the time went: phases, throughput, latency of each host call, against the load before.
use crate::command::Command;
use crate::model::row::OPEN;
use crate::model::{Kind, Run};
use crate::state::State;
use crate::text::{bytes, count, duration, escape};
use crate::theme::{self, Tone};
use egui::{Align2, FontId, Rect, Role, Sense, Ui, pos2, vec2};
use egui_plot::{Bar, BarChart, Line, Plot, PlotPoints};

/// A part of the run, with how long it took.
#[derive(Clone, Debug, PartialEq)]
struct Phase {
    name: String,
    ns: u64,
    tone: Tone,
}

#[derive(Default)]
pub(super) struct Timings {
    call: Option<String>,
    phases: Vec<Phase>,
    throughput: Vec<[f64; 2]>,
    key: Option<(u64, u64)>,
}

/// The parts of a run in order: the host's own, each export, and within a load what the loader's states took.
fn phases(run: &Run) -> Vec<Phase> {
    let store = &run.store;
    let mut out: Vec<Phase> = Vec::new();
    let mut add = |name: String, ns: u64, tone: Tone| match out.iter_mut().find(|p| p.name == name) {
        Some(p) => p.ns = p.ns.saturating_add(ns),
        None => out.push(Phase { name, ns, tone }),
    };
    for lane in store.lanes.iter().filter(|l| matches!(l.kind, Kind::Host | Kind::Export)) {
        for row in lane.rows.iter().take(5000).filter_map(|&(_, id)| store.row(id)).filter(|r| r.dur != OPEN) {
            let tone = if lane.kind == Kind::Host { Tone::Idle } else { Tone::Over };
            add(escape(store.name(store.edge(row).event)), row.dur, tone);
        }
    }
    if let Some(lane) = store.machine_lane("model/loader") {
        for row in store.lanes[usize::from(lane)].rows.iter().take(20_000).filter_map(|&(_, id)| store.row(id)) {
            let to = store.name(store.edge(row).to);
            if row.dur != OPEN && Tone::of_state(to) == Tone::Working {
                add(format!("loader: {}", escape(to)), row.dur, Tone::Working);
            }
        }
    }
    for lane in store.lanes.iter().filter(|l| l.kind == Kind::Call) {
        let total: u64 = lane
            .rows
            .iter()
            .take(50_000)
            .filter_map(|&(_, id)| store.row(id))
            .filter(|r| r.dur != OPEN)
            .map(|r| r.dur)
            .fold(0, u64::saturating_add);
        add(format!("host: {}", escape(store.name(lane.name))), total, Tone::Good);
    }
    out
}

/// MiB per second over time, in a hundred steps.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn throughput(run: &Run) -> Vec<[f64; 2]> {
    let store = &run.store;
    let since = run.loads().last().map_or(0, |l| l.from);
    let mut moved: Vec<(u64, u64)> = Vec::new();
    for lane in store.lanes.iter().filter(|l| l.kind == Kind::Call) {
        let name = store.name(lane.name);
        if !matches!(name, "read-into" | "map-range" | "read") {
            continue;
        }
        let rows =
            lane.rows.iter().rev().take_while(|r| r.1 >= since).take(100_000).filter_map(|&(_, id)| store.row(id));
        moved.extend(rows.filter_map(|r| Some((r.at, store.detail(r)?.bytes))).filter(|m| m.1 > 0));
    }
    let (Some(from), Some(to)) = (moved.iter().map(|m| m.0).min(), moved.iter().map(|m| m.0).max()) else {
        return Vec::new();
    };
    let width = ((to - from) / 100).max(1000);
    let mut bins = vec![0u64; ((to - from) / width) as usize + 1];
    for (at, n) in moved {
        let bin = &mut bins[((at - from) / width) as usize];
        *bin = bin.saturating_add(n);
    }
    let value = |n: u64| n as f64 / 1_048_576.0 / (width as f64 / 1e9);
    bins.into_iter().enumerate().map(|(i, n)| [(from + i as u64 * width) as f64 / 1e6, value(n)]).collect()
}

impl Timings {
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        if state.run.store.is_empty() {
            let text = "Where the time of a load goes: instantiate, header, parse, plan, map or read, apply; \
                        throughput over time and the latency of each host call.";
            theme::empty(ui, "No timings yet", text);
            return;
        }
        // Not with every row that comes: ten times a second is enough to look at.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let key = (state.run.store.end(), if state.busy.is_some() { (state.now * 5.0) as u64 } else { 0 });
        if self.key.is_none_or(|k| if state.busy.is_some() { k.1 != key.1 } else { k != key }) {
            self.phases = phases(&state.run);
            self.throughput = throughput(&state.run);
            self.key = Some(key);
        }
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            theme::section(ui, "Phases");
            bars(ui, &self.phases);
            loads(ui, state, out);
            if self.throughput.len() > 1 {
                theme::section(ui, "Throughput of the last load (MiB/s over ms)");
                let line = Line::new("MiB/s", PlotPoints::from(self.throughput.clone()))
                    .color(Tone::Good.color(ui.visuals().dark_mode))
                    .fill(0.0);
                Plot::new("throughput")
                    .height(110.0)
                    .show_grid([false, true])
                    .allow_scroll(false)
                    .allow_drag(false)
                    .allow_zoom(false)
                    .include_y(0.0)
                    .show(ui, |plot| plot.line(line));
            }
            self.latency(ui, state);
        });
    }

    fn latency(&mut self, ui: &mut Ui, state: &State) {
        let store = &state.run.store;
        let calls: Vec<_> = store.lanes.iter().filter(|l| l.kind == Kind::Call).collect();
        if calls.is_empty() {
            return;
        }
        theme::section(ui, "Latency of host calls");
        let chosen = self.call.clone().filter(|c| calls.iter().any(|l| store.name(l.name) == c));
        let busiest =
            || calls.iter().max_by_key(|l| l.rows.len()).map_or_else(String::new, |l| store.name(l.name).to_owned());
        let chosen = chosen.unwrap_or_else(busiest);
        ui.horizontal_wrapped(|ui| {
            for lane in &calls {
                let name = store.name(lane.name);
                if ui
                    .selectable_label(name == chosen, format!("{} ×{}", escape(name), count(lane.rows.len() as u64)))
                    .clicked()
                {
                    self.call = Some(name.to_owned());
                }
            }
        });
        let Some(lane) = calls.iter().find(|l| store.name(l.name) == chosen) else { return };
        let bars: Vec<Bar> = lane
            .histogram
            .iter()
            .enumerate()
            .filter(|(_, n)| **n > 0)
            .map(|(k, n)| {
                #[allow(clippy::cast_precision_loss)]
                let x = k as f64;
                let below = 1u64 << k.min(62);
                Bar::new(x, f64::from(*n)).width(0.85).name(format!(
                    "{} below {}",
                    count(u64::from(*n)),
                    duration(below)
                ))
            })
            .collect();
        let chart = BarChart::new("calls", bars).color(Tone::Working.color(ui.visuals().dark_mode));
        Plot::new("latency")
            .height(120.0)
            .show_grid([false, true])
            .allow_scroll(false)
            .allow_drag(false)
            .allow_zoom(false)
            .include_x(8.0)
            .include_x(26.0)
            .x_axis_formatter(|mark, _| {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let k = mark.value.round().clamp(0.0, 62.0) as u32;
                if mark.value.fract().abs() < 0.01 { format!("< {}", duration(1 << k)) } else { String::new() }
            })
            .show(ui, |plot| plot.bar_chart(chart));
    }
}

#[allow(clippy::cast_precision_loss)]
fn bars(ui: &mut Ui, phases: &[Phase]) {
    let dark = ui.visuals().dark_mode;
    let most = phases.iter().map(|p| p.ns).max().unwrap_or(1).max(1) as f32;
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), phases.len() as f32 * 20.0 + 4.0), Sense::hover());
    theme::named(&response, Role::GraphicsObject, "Phases by duration");
    let painter = ui.painter_at(rect);
    let (names, values) = (170.0, 80.0);
    let room = (rect.width() - names - values).max(20.0);
    for (i, phase) in phases.iter().enumerate() {
        let y = rect.min.y + i as f32 * 20.0 + 10.0;
        let font = FontId::proportional(12.5);
        theme::text_in(
            &painter,
            pos2(rect.min.x + 2.0, y),
            Align2::LEFT_CENTER,
            &phase.name,
            font.clone(),
            ui.visuals().text_color(),
            names - 8.0,
        );
        let width = (room * phase.ns as f32 / most).max(1.5);
        let bar = Rect::from_min_max(pos2(rect.min.x + names, y - 6.0), pos2(rect.min.x + names + width, y + 6.0));
        painter.rect_filled(bar, 2.0, phase.tone.color(dark).gamma_multiply(0.75));
        painter.text(
            pos2(bar.max.x + 6.0, y),
            Align2::LEFT_CENTER,
            duration(phase.ns),
            font,
            ui.visuals().text_color(),
        );
    }
}

/// Every load with its time, and how it differs from the one before.
fn loads(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let loads = state.loads();
    if loads.is_empty() {
        return;
    }
    theme::section(ui, "Loads");
    let mut before: Option<u64> = None;
    egui::Grid::new("loads").num_columns(4).spacing([14.0, 3.0]).striped(true).show(ui, |ui| {
        for (i, load) in loads.iter().enumerate() {
            ui.label(&load.label);
            match load.load.ns {
                Some(ns) => ui.label(duration(ns)),
                None => ui.weak("under way"),
            };
            #[allow(clippy::cast_precision_loss)]
            let change =
                before.zip(load.load.ns).filter(|(a, _)| *a > 0).map(|(a, b)| (b as f64 / a as f64 - 1.0) * 100.0);
            ui.weak(change.map_or_else(String::new, |c| format!("{c:+.0} % against the one before")));
            if i > 0 && ui.small_button("Compare").on_hover_text("With the one before").clicked() {
                out.push(Command::CompareLoads(i - 1, i));
            }
            before = load.load.ns.or(before);
            ui.end_row();
        }
    });
    if let Some(report) = &state.run.report {
        let used = report.used.map_or("nothing to do", |s| s.name());
        ui.weak(format!(
            "Last: {used}, {} tensors, {}, {} moved, {} extents",
            count(u64::from(report.tensors)),
            bytes(report.bytes),
            bytes(report.moved),
            report.extents
        ));
        for refused in &report.refused {
            theme::badge(
                ui,
                Tone::Warn,
                &format!("{} was refused: {}", refused.strategy.name(), escape(&refused.reason.message)),
            );
        }
    }
}
