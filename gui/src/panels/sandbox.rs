//! What the component may do, and what it used.
use crate::state::State;
use crate::text::{bytes, count, duration, escape, percent};
use crate::theme::{self, Tone};
use egui::Ui;
use egui_plot::{Line, Plot, PlotPoints};

pub(super) fn show(ui: &mut Ui, state: &State) {
    let host = &state.host;
    if host.component_id.is_empty() && state.run.sandbox.is_none() && state.run.pickle.is_none() {
        let text = "What the sandboxed loader may do and what it used: memory against its limit, handles, calls in and out, \
                    bytes that crossed, and its imports against what the host grants.";
        theme::empty(ui, "No component yet", text);
        return;
    }
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if let Some(pickle) = &state.run.pickle {
            super::pickle::card(ui, pickle);
        }
        if let Some(s) = &state.run.sandbox {
            theme::section(ui, "Memory and limits");
            egui::Grid::new("limits").num_columns(3).spacing([14.0, 4.0]).show(ui, |ui| {
                bar(ui, "Guest memory", s.guest_memory, s.guest_limit, true);
                bar(ui, "Mapped", s.mapped_bytes, s.mapped_limit, true);
                bar(ui, "Host buffers", s.buffer_bytes, s.buffer_limit, true);
                bar(ui, "Handles", s.handles, s.handle_limit, false);
            });
            memory(ui, state);
            theme::section(ui, "Crossings");
            facts(
                ui,
                "crossings",
                &[
                    ("Calls into the guest", count(s.crossings_in)),
                    ("Calls out of it", count(s.crossings_out)),
                    ("Bytes into guest memory", bytes(s.bytes_to_guest)),
                    ("Tensor bytes moved by the host", bytes(s.bytes_moved)),
                    ("Mappings now", count(s.mappings)),
                    (
                        "Deadline",
                        if s.deadline_ms == 0 { "none".into() } else { format!("{} ms per call", s.deadline_ms) },
                    ),
                ],
            );
            if s.bytes_to_guest > 0 && state.run.opened.is_some() {
                let total = state.run.opened.as_ref().map_or(0, |o| o.summary.tensor_bytes);
                ui.weak(format!(
                    "The guest saw {} of {} of tensors: header bytes only.",
                    bytes(s.bytes_to_guest),
                    bytes(total)
                ));
            }
        }
        if !host.imports.is_empty() {
            theme::section(ui, "Imports");
            for import in &host.imports {
                theme::badge(ui, Tone::Good, &escape(import))
                    .on_hover_text("Imported by the component and granted by the host");
            }
            for granted in &host.granted {
                ui.weak(escape(granted));
            }
            ui.weak(
                "Not granted, because it is not imported: files by path, sockets, clocks, random numbers, environment.",
            );
        }
        theme::section(ui, "Component");
        let id: String = host.component_id.chars().take(16).collect();
        facts(
            ui,
            "component",
            &[
                ("SHA-256", if host.component_id.len() > 16 { format!("{id}…") } else { id }),
                ("Size", bytes(host.component_bytes)),
                ("Machine code", escape(&host.code)),
                ("Ready after", duration(host.ready_ns)),
            ],
        );
        for export in &host.exports {
            ui.weak(format!("exports {}", escape(export)));
        }
    });
}

fn facts(ui: &mut Ui, id: &str, rows: &[(&str, String)]) {
    egui::Grid::new(id).num_columns(2).spacing([16.0, 3.0]).show(ui, |ui| {
        for (name, value) in rows {
            ui.weak(*name);
            ui.label(value);
            ui.end_row();
        }
    });
}

/// How much of a limit is used. A share too small to see is said, not drawn.
fn bar(ui: &mut Ui, name: &str, used: u64, limit: u64, in_bytes: bool) {
    let say = |n: u64| if in_bytes { bytes(n) } else { count(n) };
    ui.weak(name);
    if limit == 0 || limit == u64::MAX {
        ui.label("");
        ui.label(format!("{}, no limit", say(used)));
        ui.end_row();
        return;
    }
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let share = (used as f64 / limit as f64).min(1.0) as f32;
    let dark = ui.visuals().dark_mode;
    let (rect, response) = ui.allocate_exact_size(egui::vec2(130.0, 10.0), egui::Sense::hover());
    theme::named(&response, egui::Role::ProgressIndicator, format!("{name}: {}", percent(used, limit)));
    ui.painter().rect_filled(rect, 3.0, theme::canvas(dark));
    let color = if share > 0.9 { Tone::Bad } else { Tone::Good }.color(dark);
    let filled = egui::Rect::from_min_max(rect.min, egui::pos2(rect.min.x + rect.width() * share, rect.max.y));
    ui.painter().rect_filled(filled, 3.0, color);
    ui.painter().rect_stroke(rect, 3.0, egui::Stroke::new(1.0, theme::faint(dark)), egui::StrokeKind::Inside);
    let share = if used > 0 && used < limit / 10_000 { "below 0.01 %".into() } else { percent(used, limit) };
    ui.label(format!("{} of {} ({share})", say(used), say(limit)));
    ui.end_row();
}

#[allow(clippy::cast_precision_loss)]
fn memory(ui: &mut Ui, state: &State) {
    if state.run.memory.len() < 3 {
        return;
    }
    let points: Vec<[f64; 2]> =
        state.run.memory.iter().map(|&(at, n)| [at as f64 / 1e6, n as f64 / 1048576.0]).collect();
    let color = Tone::Good.color(ui.visuals().dark_mode);
    Plot::new("memory")
        .height(80.0)
        .allow_scroll(false)
        .allow_drag(false)
        .allow_zoom(false)
        .include_y(0.0)
        .show_grid([false, true])
        .show(ui, |plot| {
            plot.line(Line::new("guest memory in MiB over ms", PlotPoints::from(points)).color(color));
        });
}
