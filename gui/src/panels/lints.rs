//! Things worth knowing before they hurt.
use crate::command::Command;
use crate::model::lint::Weight;
use crate::state::State;
use crate::text::plural;
use crate::theme::{self, Tone};
use egui::Ui;

pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    if state.run.opened.is_none() {
        let text = "Unaligned tensors, gaps, slots nearly used up, small reads, changed files and odd metadata are noted here.";
        theme::empty(ui, "Nothing to look at yet", text);
        return;
    }
    let lints = &state.run.lints;
    let warnings = lints.iter().filter(|l| l.weight == Weight::Warning).count() as u64;
    let notes = lints.len() as u64 - warnings;
    if lints.is_empty() {
        theme::badge(ui, Tone::Good, "Nothing odd: alignment, gaps, slots, reads and metadata were looked at");
        return;
    }
    theme::badge(
        ui,
        if warnings > 0 { Tone::Warn } else { Tone::Good },
        &format!("{}, {}", plural(warnings, "warning"), plural(notes, "note")),
    );
    ui.add_space(4.0);
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for lint in lints {
            egui::Frame::group(ui.style()).fill(ui.visuals().faint_bg_color).show(ui, |ui| {
                ui.set_width(ui.available_width());
                let (tone, word) = match lint.weight {
                    Weight::Warning => (Tone::Warn, "Warning"),
                    Weight::Note => (Tone::Idle, "Note"),
                };
                ui.horizontal_wrapped(|ui| {
                    theme::badge(ui, tone, word);
                    ui.strong(&lint.title);
                });
                ui.horizontal_wrapped(|ui| {
                    ui.label(&lint.text);
                    if let Some(tensor) = lint.tensor
                        && ui.link("Show tensor").clicked()
                    {
                        out.push(Command::SelectTensor(Some(tensor)));
                        out.push(Command::Show(super::Panel::Tensors));
                    }
                });
            });
        }
    });
}
