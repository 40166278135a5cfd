//! The pool of mappings: a grid of slots, the one chosen in words, use over time.
use crate::app::State;
use crate::command::Command;
use crate::text::{bytes, count, plural};
use crate::theme::{self, Tone};
use egui::{Align2, FontId, Rect, Role, Sense, Stroke, Ui, Vec2, vec2};
use egui_plot::{Line, Plot, PlotPoints};
use weighbridge::types::{SlotState, SlotStatus};

#[derive(Default)]
pub(super) struct Slots {
    chosen: Option<usize>,
}

/// The slots at the cursor: what the guest said, or what the trace tells.
fn slots(state: &State) -> Vec<SlotState> {
    let run = &state.run;
    if state.is_live() && state.busy.is_none() && !run.slots.is_empty() {
        return run.slots.clone();
    }
    let mut out: Vec<SlotState> = run
        .store
        .io
        .slots_before(state.end())
        .into_iter()
        .map(|s| SlotState { status: s.status, generation: s.generation, source: s.file, offset: s.offset, bytes: s.len, tensors: 0 })
        .collect();
    let free = SlotState { status: SlotStatus::Free, generation: 0, source: 0, offset: 0, bytes: 0, tensors: 0 };
    out.resize(out.len().max(run.slots.len()), free);
    out
}

impl Slots {
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let slots = slots(state);
        if slots.is_empty() {
            let text = "A mapping lives in a slot. The pool is drawn here: which slots are free, owned, waiting to be unmapped or retired. \
                        Load with the strategy mapped-file to fill it.";
            theme::empty(ui, "No slots yet", text);
            return;
        }
        self.summary(ui, &slots);
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            self.grid(ui, &slots);
            if let Some(i) = self.chosen.filter(|&i| i < slots.len()) {
                detail(ui, state, i, &slots[i], out);
            } else {
                ui.weak("Click a slot to see what it holds");
            }
            usage(ui, state);
        });
    }

    fn summary(&self, ui: &mut Ui, slots: &[SlotState]) {
        ui.horizontal_wrapped(|ui| {
            for status in SlotStatus::ALL {
                let n = slots.iter().filter(|s| s.status == *status).count() as u64;
                theme::badge(ui, Tone::of_slot(*status), &format!("{} {}", count(n), status.name()));
            }
            let used = slots.iter().filter(|s| s.status == SlotStatus::Owned).map(|s| s.bytes).fold(0, u64::saturating_add);
            ui.weak(format!("{} mapped", bytes(used)));
        });
    }

    fn grid(&mut self, ui: &mut Ui, slots: &[SlotState]) {
        let dark = ui.visuals().dark_mode;
        let side = if slots.len() <= 64 { 44.0 } else { 26.0 };
        let gap = 4.0;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let columns = ((ui.available_width() + gap) / (side + gap)).max(1.0) as usize;
        // Ten thousand slots are possible; the grid shows those that were ever used, and the first free ones.
        let last = slots.iter().rposition(|s| s.generation > 0 || s.status != SlotStatus::Free).map_or(0, |i| i + 1);
        let shown = slots.len().min(last.max(256));
        let lines = shown.div_ceil(columns);
        #[allow(clippy::cast_precision_loss)]
        let size = vec2(columns as f32 * (side + gap), lines as f32 * (side + gap));
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        theme::named(&response, Role::Canvas, "Grid of slots");
        let painter = ui.painter_at(rect);
        let at = |i: usize| {
            #[allow(clippy::cast_precision_loss)]
            let min = rect.min + vec2((i % columns) as f32, (i / columns) as f32) * (side + gap);
            Rect::from_min_size(min, Vec2::splat(side))
        };
        let pointer = response.hover_pos();
        for (i, slot) in slots.iter().enumerate().take(shown) {
            let cell = at(i);
            let tone = Tone::of_slot(slot.status);
            let color = tone.color(dark);
            let free = slot.status == SlotStatus::Free;
            let fill = if free { theme::canvas(dark) } else { color.gamma_multiply(0.25) };
            let chosen = self.chosen == Some(i);
            let stroke = if chosen { Stroke::new(2.5, theme::accent(dark)) } else { Stroke::new(1.0, if free { theme::faint(dark) } else { color }) };
            painter.rect(cell, 3.0, fill, stroke, egui::StrokeKind::Inside);
            let mark = if side > 30.0 { cell.center() - vec2(0.0, 8.0) } else { cell.center() };
            let radius = if free { 2.5 } else { 4.0 };
            painter.add(tone.shape(mark, radius, if free { color.gamma_multiply(0.5) } else { color }));
            if side > 30.0 {
                let font = FontId::proportional(11.0);
                painter.text(cell.center() + vec2(0.0, 9.0), Align2::CENTER_CENTER, i.to_string(), font, ui.visuals().text_color());
            }
            if pointer.is_some_and(|p| cell.contains(p)) {
                if response.clicked() {
                    self.chosen = Some(i);
                }
                response.clone().on_hover_text_at_pointer(format!(
                    "Slot {i}: {}, generation {}, {}, {}",
                    slot.status.name(), slot.generation, bytes(slot.bytes), plural(u64::from(slot.tensors), "tensor")
                ));
            }
        }
        if shown < slots.len() {
            ui.weak(format!("and {} more that were never used", count((slots.len() - shown) as u64)));
        }
    }
}

fn detail(ui: &mut Ui, state: &State, i: usize, slot: &SlotState, out: &mut Vec<Command>) {
    theme::section(ui, &format!("Slot {i}"));
    egui::Grid::new("slot").num_columns(2).spacing([14.0, 3.0]).show(ui, |ui| {
        let mut fact = |name: &str, value: String| {
            ui.weak(name);
            ui.label(value);
            ui.end_row();
        };
        fact("Status", slot.status.name().into());
        fact("Generation", format!("{}, so a handle of an earlier use is refused", slot.generation));
        if slot.bytes > 0 {
            let end = slot.offset.saturating_add(slot.bytes);
            fact("Extent", format!("{} bytes {} to {} ({})", state.run.file_name(slot.source), count(slot.offset), count(end), bytes(slot.bytes)));
        }
        if state.is_live() {
            fact("Used by", plural(u64::from(slot.tensors), "tensor"));
        }
    });
    ui.horizontal(|ui| {
        if ui.button("Its timeline").clicked() {
            out.push(Command::Query(format!("slot:{i}")));
        }
        if ui.button("Release its tensors").on_hover_text("End mapped residency of every tensor in this slot").clicked() {
            for (t, told) in state.run.states.iter().enumerate().filter(|(_, s)| s.slot == u32::try_from(i).ok()) {
                if told.location.is_some() {
                    #[allow(clippy::cast_possible_truncation)]
                    out.push(Command::ReleaseTensor(t as u32));
                }
            }
        }
    });
    let tensors: Vec<&String> = state
        .run
        .states
        .iter()
        .zip(&state.run.names)
        .filter(|(s, _)| state.is_live() && s.slot == u32::try_from(i).ok() && s.location.is_some())
        .map(|(_, n)| n)
        .collect();
    for name in tensors.iter().take(8) {
        ui.label(*name);
    }
    if tensors.len() > 8 {
        ui.weak(format!("and {} more", count((tensors.len() - 8) as u64)));
    }
}

#[allow(clippy::cast_precision_loss)]
fn usage(ui: &mut Ui, state: &State) {
    let usage = state.run.store.io.usage();
    if usage.len() < 2 {
        return;
    }
    theme::section(ui, "Slots in use over time");
    let dark = ui.visuals().dark_mode;
    let mut points: Vec<[f64; 2]> = Vec::with_capacity(usage.len() * 2);
    let stride = (usage.len() / 2000).max(1);
    let mut before = 0.0;
    for (at, n) in usage.iter().step_by(stride) {
        let x = *at as f64 / 1e6;
        points.push([x, before]);
        points.push([x, f64::from(*n)]);
        before = f64::from(*n);
    }
    points.push([state.run.store.last_at() as f64 / 1e6, before]);
    Plot::new("usage")
        .height(96.0)
        .allow_scroll(false)
        .allow_drag(false)
        .allow_zoom(false)
        .include_y(0.0)
        .show_grid([false, true])
        .x_axis_formatter(|mark, _| format!("{:.1} ms", mark.value))
        .show(ui, |plot| plot.line(Line::new("slots in use", PlotPoints::from(points)).color(Tone::Good.color(dark)).width(2.0)));
}
