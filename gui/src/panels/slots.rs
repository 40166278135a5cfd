//! The pool of mappings: a grid of slots, the one chosen in words, use over time; and the buffers of copies below it.
use super::buffers;
use crate::backend::Origin;
use crate::command::Command;
use crate::state::State;
use crate::text::{bytes, count, duration, plural};
use crate::theme::{self, Tone};
use egui::{Align2, FontId, Rect, Role, Sense, Stroke, Ui, Vec2, vec2};
use weighbridge_core::types::{Advice, SlotState, SlotStatus};

/// Tensors of a slot that are advised at once: each is a request of its own.
const MOST_ADVISED: usize = 512;

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
        .map(|s| SlotState {
            status: s.status,
            generation: s.generation,
            source: s.file,
            offset: s.offset,
            bytes: s.len,
            tensors: 0,
        })
        .collect();
    let free = SlotState { status: SlotStatus::Free, generation: 0, source: 0, offset: 0, bytes: 0, tensors: 0 };
    out.resize(out.len().max(run.slots.len()), free);
    out
}

impl Slots {
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let (slots, copies) = (slots(state), buffers::of(state));
        if slots.is_empty() && copies.is_empty() {
            let text = "A mapping lives in a slot. The pool is drawn here: which slots are free, owned, waiting to be unmapped or retired. \
                        Load with the strategy mapped-file to fill it.";
            theme::empty(ui, "No slots yet", text);
            return;
        }
        self.summary(ui, &slots);
        free_stack(ui, state, slots.len());
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            self.grid(ui, &slots);
            if let Some(i) = self.chosen.filter(|&i| i < slots.len()) {
                detail(ui, state, i, &slots[i], out);
            } else {
                ui.weak("Click a slot to see what it holds");
            }
            usage(ui, state);
            buffers::show(ui, copies);
        });
    }

    fn summary(&self, ui: &mut Ui, slots: &[SlotState]) {
        ui.horizontal_wrapped(|ui| {
            for status in SlotStatus::ALL {
                let n = slots.iter().filter(|s| s.status == *status).count() as u64;
                theme::badge(ui, Tone::of_slot(*status), &format!("{} {}", count(n), status.name()));
            }
            let used =
                slots.iter().filter(|s| s.status == SlotStatus::Owned).map(|s| s.bytes).fold(0, u64::saturating_add);
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
            let stroke = if chosen {
                Stroke::new(2.5, theme::accent(dark))
            } else {
                Stroke::new(1.0, if free { theme::faint(dark) } else { color })
            };
            painter.rect(cell, 3.0, fill, stroke, egui::StrokeKind::Inside);
            let mark = if side > 30.0 { cell.center() - vec2(0.0, 8.0) } else { cell.center() };
            let radius = if free { 2.5 } else { 4.0 };
            painter.add(tone.shape(mark, radius, if free { color.gamma_multiply(0.5) } else { color }));
            if side > 30.0 {
                let font = FontId::proportional(11.0);
                painter.text(
                    cell.center() + vec2(0.0, 9.0),
                    Align2::CENTER_CENTER,
                    i.to_string(),
                    font,
                    ui.visuals().text_color(),
                );
            }
            if pointer.is_some_and(|p| cell.contains(p)) {
                if response.clicked() {
                    self.chosen = Some(i);
                }
                response.clone().on_hover_text_at_pointer(format!(
                    "Slot {i}: {}, generation {}, {}, {}",
                    slot.status.name(),
                    slot.generation,
                    bytes(slot.bytes),
                    plural(u64::from(slot.tensors), "tensor")
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
            fact(
                "Extent",
                format!(
                    "{} bytes {} to {} ({})",
                    state.run.file_name(slot.source),
                    count(slot.offset),
                    count(end),
                    bytes(slot.bytes)
                ),
            );
        }
        if state.is_live() {
            fact("Used by", plural(u64::from(slot.tensors), "tensor"));
        }
    });
    ui.horizontal(|ui| {
        if ui.button("Its timeline").clicked() {
            out.push(Command::Query(format!("slot:{i}")));
        }
        let Ok(number) = u32::try_from(i) else { return };
        let live = state.is_live() && state.run.origin == Origin::Live && state.busy.is_none();
        let held = if live { state.tensors_of(number).len() } else { 0 };
        let release = Command::ReleaseSlot(number);
        if ui
            .add_enabled(held > 0, egui::Button::new(release.info().label))
            .on_hover_text(release.info().tip)
            .on_disabled_hover_text("Nothing is mapped in it now")
            .clicked()
        {
            out.push(release);
        }
        for (label, advice) in [("Will need", Advice::WillNeed), ("Don't need", Advice::DontNeed)] {
            let advise = Command::AdviseSlot(number, advice);
            if ui
                .add_enabled((1..=MOST_ADVISED).contains(&held), egui::Button::new(label))
                .on_hover_text(advise.info().tip)
                .on_disabled_hover_text(if held == 0 {
                    "Nothing is mapped in it now"
                } else {
                    "Too many tensors to advise one by one"
                })
                .clicked()
            {
                out.push(advise);
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

/// Which slot is given out next, as the trace tells.
fn free_stack(ui: &mut Ui, state: &State, all: usize) {
    let (given_back, fresh) = state.run.store.io.free_before(state.end());
    let mut parts: Vec<String> = given_back.iter().take(12).map(u32::to_string).collect();
    if given_back.len() > 12 {
        parts.push(format!("{} more", count((given_back.len() - 12) as u64)));
    }
    match all.saturating_sub(fresh as usize) {
        0 => {}
        1 => parts.push(format!("{fresh}, never used")),
        _ => parts.push(format!("{fresh} to {}, never used", all - 1)),
    }
    let text = if parts.is_empty() { "empty: the next map is refused".to_owned() } else { parts.join(", ") };
    ui.weak(format!("Free stack, next first: {text}"))
        .on_hover_text("The slot that was given back last is given out first");
}

/// Slots in use over time, as steps.
#[allow(clippy::cast_precision_loss)]
fn usage(ui: &mut Ui, state: &State) {
    let usage = state.run.store.io.usage();
    let (Some(first), Some(most)) = (usage.first(), usage.iter().map(|u| u.1).max()) else { return };
    theme::section(ui, &format!("Slots in use over time, at most {most} at once"));
    let dark = ui.visuals().dark_mode;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 84.0), Sense::hover());
    theme::named(&response, Role::GraphicsObject, "Slots in use over time");
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 4.0, theme::canvas(dark));
    let last = state.run.store.last_at().max(first.0.saturating_add(1));
    let area = rect.shrink2(vec2(6.0, 8.0));
    let area = Rect::from_min_max(area.min, area.max - vec2(0.0, 12.0));
    let x = |at: u64| {
        area.min.x
            + area.width() * (at.saturating_sub(first.0) as f32 / last.saturating_sub(first.0).max(1) as f32).min(1.0)
    };
    let y = |n: u32| area.max.y - area.height() * n as f32 / most.max(1) as f32;
    let mut points = vec![egui::pos2(area.min.x, y(0))];
    let mut before = 0;
    // Ten thousand steps are more than there are pixels.
    let stride = (usage.len() / 4000).max(1);
    for &(at, n) in usage.iter().step_by(stride) {
        points.push(egui::pos2(x(at), y(before)));
        points.push(egui::pos2(x(at), y(n)));
        before = n;
    }
    points.push(egui::pos2(area.max.x, y(before)));
    painter.add(egui::Shape::line(points, Stroke::new(1.6, Tone::Good.color(dark))));
    let font = FontId::proportional(11.0);
    let weak = ui.visuals().weak_text_color();
    painter.text(rect.left_bottom() + vec2(6.0, -3.0), Align2::LEFT_BOTTOM, duration(first.0), font.clone(), weak);
    painter.text(rect.right_bottom() + vec2(-6.0, -3.0), Align2::RIGHT_BOTTOM, duration(last), font, weak);
}
