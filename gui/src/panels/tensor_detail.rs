//! One tensor: where it lies, what can be done with it, its first values.
use super::values::{decode, histogram, statistics};
use crate::backend::Origin;
use crate::command::Command;
use crate::split::Split;
use crate::state::State;
use crate::text::{bytes, count, escape, shape};
use crate::theme::{self, Tone};
use egui::{Role, Sense, Ui, vec2};
use weighbridge_core::types::{Advice, Lifecycle, Place};

pub(super) fn show(ui: &mut Ui, state: &State, i: u32, out: &mut Vec<Command>) {
    let Some(t) = state.run.tensors.get(i as usize) else { return };
    let name = &state.run.names[i as usize];
    let lane = state.run.store.machine_lane("model/tensor");
    let now = state.lifecycle(lane, i);
    ui.add_space(4.0);
    let headline = Split::left(ui, "headline", |ui| {
        ui.strong(name);
        theme::badge(ui, Tone::of_lifecycle(now), now.name());
    });
    headline.right(ui, |ui| {
        if ui.button("Close details").clicked() {
            out.push(Command::SelectTensor(None));
        }
        if ui.button("Its timeline").on_hover_text("Show only what happened to this tensor").clicked() {
            out.push(Command::Query(format!("tensor:{i}")));
        }
    });
    buttons(ui, state, i, now, out);
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            egui::Grid::new("facts").num_columns(2).spacing([14.0, 3.0]).show(ui, |ui| {
                let mut fact = |name: &str, value: String| {
                    ui.weak(name);
                    ui.label(value);
                    ui.end_row();
                };
                fact("Index", i.to_string());
                fact("Type", escape(&t.dtype));
                fact(
                    "Shape",
                    format!(
                        "{} ({} elements)",
                        shape(&t.shape),
                        count(t.shape.iter().copied().fold(1, u64::saturating_mul))
                    ),
                );
                fact("Bytes", format!("{} ({})", count(t.bytes), bytes(t.bytes)));
                fact("In", format!("{} at byte {}", state.run.file_name(t.source), count(t.offset)));
                if let Some(place) = state.reported(i).and_then(|s| s.location) {
                    let (what, id) = match place.place {
                        Place::Mapping(id) => ("mapping", id),
                        Place::Target(id) => ("buffer", id),
                    };
                    fact("Held by", format!("{what} {id} at byte {}", count(place.offset)));
                }
            });
            ui.add_space(18.0);
            preview(ui, state, i, &t.dtype);
        });
    });
}

fn buttons(ui: &mut Ui, state: &State, i: u32, now: Lifecycle, out: &mut Vec<Command>) {
    let live = state.run.origin == Origin::Live && state.busy.is_none();
    let mapped = now == Lifecycle::MmapResident;
    ui.horizontal_wrapped(|ui| {
        let mut button = |label: &str, enabled: bool, command: Command| {
            let tip = command.info().tip;
            if ui
                .add_enabled(enabled && live, egui::Button::new(label))
                .on_hover_text(tip)
                .on_disabled_hover_text(tip)
                .clicked()
            {
                out.push(command);
            }
        };
        button("Load tensor", matches!(now, Lifecycle::Unbound | Lifecycle::Evicted), Command::LoadTensor(i));
        button("Release tensor", mapped, Command::ReleaseTensor(i));
        button("Evict tensor", now == Lifecycle::Resident, Command::EvictTensor(i));
        button("Will need", mapped, Command::Advise(i, Advice::WillNeed));
        button("Don't need", mapped, Command::Advise(i, Advice::DontNeed));
        button("Sequential", mapped, Command::Advise(i, Advice::Sequential));
        let held = state.borrowed == Some(i);
        let resident = mapped || now == Lifecycle::Resident;
        button("Borrow view", resident && !held, Command::Borrow(Some(i)));
        button("Give view back", state.borrowed.is_some(), Command::Borrow(None));
    });
}

fn preview(ui: &mut Ui, state: &State, i: u32, dtype: &str) {
    let Some((_, data)) = state.run.preview.as_ref().filter(|(t, b)| *t == i && !b.is_empty()) else {
        ui.weak("Its first values appear here once it is loaded");
        return;
    };
    let Some(values) = decode(dtype, data) else {
        ui.vertical(|ui| {
            ui.weak(format!("First bytes ({} is shown undecoded)", escape(dtype)));
            ui.monospace(data.iter().take(32).map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "));
        });
        return;
    };
    ui.vertical(|ui| {
        let (least, most, mean, odd) = statistics(&values);
        ui.weak(format!("First {} values: {least:.4} to {most:.4}, mean {mean:.4}", count(values.len() as u64)));
        if odd > 0 {
            theme::badge(ui, Tone::Warn, &format!("{odd} are no finite numbers"));
        }
        let line: Vec<String> = values.iter().take(8).map(|v| format!("{v:.4}")).collect();
        ui.monospace(line.join("  "));
        chart(ui, &histogram(&values, 48));
    });
}

#[allow(clippy::cast_precision_loss)]
fn chart(ui: &mut Ui, bins: &[u32]) {
    let dark = ui.visuals().dark_mode;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width().clamp(80.0, 340.0), 52.0), Sense::hover());
    theme::named(&response, Role::GraphicsObject, "Histogram of the first values");
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, theme::canvas(dark));
    let most = bins.iter().copied().max().unwrap_or(1).max(1) as f32;
    let width = rect.width() / bins.len() as f32;
    for (i, &n) in bins.iter().enumerate() {
        let height = (rect.height() - 4.0) * n as f32 / most;
        let x = rect.min.x + i as f32 * width;
        let bar =
            egui::Rect::from_min_max(egui::pos2(x + 0.5, rect.max.y - height), egui::pos2(x + width - 0.5, rect.max.y));
        painter.rect_filled(bar, 0.0, Tone::Good.color(dark));
    }
    response.on_hover_text("How often each value occurs among the first ones");
}
