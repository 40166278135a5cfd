//! What a model's headers add up to: parameters, bytes by type and by layer, the memory that it takes.
use crate::state::State;
use crate::text::{bytes, count, escape, parameters, percent, plural, sentence};
use crate::theme::{self, Tone};
use egui::{Color32, Rect, Role, Sense, Ui, pos2, vec2};
use std::cmp::Reverse;
use weighbridge_core::model::{MemoryEstimate, Sum, Totals};

/// Types that have a part of their own in the bar, and runs of layers that are named.
const PARTS: usize = 6;
const RUNS: usize = 5;
/// The context of an estimate where the model names none, and the longest that can be chosen.
const CONTEXT: u64 = 4096;
const LONGEST: u64 = 1 << 24;

/// Shows the sums; `context` is what was chosen for the estimate, and for which run.
pub(super) fn summary(ui: &mut Ui, state: &State, context: &mut Option<(String, u64)>) {
    let totals = &state.run.totals;
    let Some(opened) = &state.run.opened else { return };
    let Sum { tensors, parameters: elements, bytes: size, .. } = totals.all;
    ui.horizontal_wrapped(|ui| {
        ui.strong(format!("{} parameters", parameters(elements))).on_hover_text(count(elements));
        ui.label(plural(tensors, "tensor"));
        ui.label(bytes(size)).on_hover_text(format!("{} bytes", count(size)));
        let version = opened.summary.version;
        let version = if version > 0 { format!(" version {version}") } else { String::new() };
        ui.weak(format!("{}{version}", escape(&opened.summary.format)));
        if let Some(architecture) = &opened.summary.architecture {
            ui.weak(escape(architecture));
        }
        ui.weak(plural(opened.files.len() as u64, "file"));
    });
    types(ui, totals);
    layers(ui, totals);
    memory(ui, state, context);
}

/// The colours of the parts, each told apart in the legend by its place.
const TONES: [Tone; PARTS] = [Tone::Good, Tone::Working, Tone::Over, Tone::Warn, Tone::Bad, Tone::Idle];

#[allow(clippy::cast_precision_loss)]
fn types(ui: &mut Ui, totals: &Totals) {
    let all = totals.all.bytes;
    if all == 0 {
        return;
    }
    let dark = ui.visuals().dark_mode;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 12.0), Sense::hover());
    theme::named(&response, Role::GraphicsObject, "Bytes by type");
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, theme::canvas(dark));
    let mut from = rect.min.x;
    let parts = || TONES.iter().zip(&totals.dtypes);
    for (tone, total) in parts() {
        let width = rect.width() * (total.sum.bytes as f64 / all as f64) as f32;
        let part = Rect::from_min_max(pos2(from, rect.min.y), pos2((from + width - 1.0).max(from), rect.max.y));
        painter.rect_filled(part, 2.0, tone.color(dark).gamma_multiply(0.8));
        from += width;
    }
    ui.horizontal_wrapped(|ui| {
        for (tone, total) in parts() {
            let text =
                format!("{} {} ({})", escape(&total.dtype), bytes(total.sum.bytes), percent(total.sum.bytes, all));
            let tip =
                format!("{}, {} parameters", plural(total.sum.tensors, "tensor"), parameters(total.sum.parameters));
            legend(ui, tone.color(dark), &text).on_hover_text(tip);
        }
        let more = totals.dtypes.len().saturating_sub(PARTS);
        if more > 0 {
            ui.weak(format!("and {}", plural(more as u64, "type")));
        }
    });
}

/// A swatch and its word.
fn legend(ui: &mut Ui, color: Color32, text: &str) -> egui::Response {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let words = ui.painter().layout_no_wrap(text.to_owned(), font, color);
    let size = vec2(17.0 + words.size().x, ui.spacing().interact_size.y);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    // Where lines are broken, the swatch and its word go to the next line together.
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let (rect, _) = ui.allocate_exact_size(vec2(12.0, 10.0), Sense::hover());
        ui.painter().rect_filled(rect, 2.0, color.gamma_multiply(0.8));
        ui.label(text)
    })
    .inner
}

/// Layers that are alike are one entry, the largest first: `blk 0 to 31: 32 × 128 MiB`.
fn layers(ui: &mut Ui, totals: &Totals) {
    if totals.layers.len() < 2 {
        return;
    }
    let mut runs = totals.runs();
    runs.sort_by_key(|run| Reverse(run.layers().saturating_mul(run.each.bytes)));
    let said = runs.iter().take(RUNS).map(|run| {
        let (stem, size) = (escape(&run.stem), bytes(run.each.bytes));
        match run.numbers {
            Some((first, last)) if first != last => {
                format!("{stem} {first} to {last}: {} × {size}", count(run.layers()))
            }
            Some((number, _)) => format!("{stem} {number}: {size}"),
            None => format!("{stem}: {size}"),
        }
    });
    let mut said: Vec<String> = said.collect();
    if runs.len() > RUNS {
        said.push(format!("{} more: see Tensors, by layer", count((runs.len() - RUNS) as u64)));
    }
    ui.horizontal_wrapped(|ui| {
        ui.weak("Layers");
        ui.label(said.join("  ·  "));
    });
}

fn memory(ui: &mut Ui, state: &State, chosen: &mut Option<(String, u64)>) {
    let run = &state.run;
    let Some(attention) = &run.attention else { return };
    let longest = attention.as_ref().ok().and_then(|attention| attention.longest);
    // A model's own number may be anything.
    let usual = longest.unwrap_or(CONTEXT).min(LONGEST);
    let mut context = chosen.as_ref().filter(|(label, _)| *label == run.label).map_or(usual, |(_, context)| *context);
    let estimate = MemoryEstimate::new(run.totals.all.bytes, attention, Some(context));
    ui.horizontal_wrapped(|ui| {
        ui.weak("Memory");
        ui.label(format!("{} of weights", bytes(estimate.weights)));
        let Some(cache) = &estimate.cache else {
            let why = estimate.unknown.as_deref().unwrap_or("nothing says how large it is");
            ui.weak(format!("No estimate of a cache of keys and values: {}", sentence(why)));
            return;
        };
        let label = ui.label("and for a context of").id;
        let value = egui::DragValue::new(&mut context).range(1..=LONGEST).speed(64).suffix(" tokens");
        if ui.add(value).labelled_by(label).changed() {
            *chosen = Some((run.label.clone(), context));
        }
        let most = if cache.at_most { "at most " } else { "" };
        ui.label(format!("{most}{} of keys and values", bytes(cache.bytes.unwrap_or(0))))
            .on_hover_text(format!("{} for each token, 16 bits an element", bytes(cache.token_bytes)));
        if let Some(total) = estimate.total() {
            ui.strong(format!("= {}", bytes(total)));
        }
    });
}
