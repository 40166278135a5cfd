//! What was noticed of the model and of the run: what is wrong, what others may refuse, what is good to know.
use crate::command::Command;
use crate::model::lint::Lint;
use crate::state::State;
use crate::text::{count, plural};
use crate::theme::{self, Tone};
use egui::{RichText, Ui};
use weighbridge_core::types::Severity;

/// The mark and the word of a level.
const fn level(of: Severity) -> (Tone, &'static str) {
    match of {
        Severity::Error => (Tone::Bad, "Error"),
        Severity::Warning => (Tone::Warn, "Warning"),
        Severity::Note => (Tone::Idle, "Note"),
    }
}

pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    if state.run.opened.is_none() {
        if !super::refusal::instead(ui, state, out) {
            let text = "What the component notices of a model is listed here, each with its file, its tensor and what to do: tensors that are \
                        missing or of unknown types, bytes behind the last tensor, gaps, slots nearly used up, odd metadata.";
            theme::empty(ui, "Nothing to look at yet", text);
        }
        return;
    }
    let lints = &state.run.lints;
    if lints.is_empty() {
        theme::badge(ui, Tone::Good, "Nothing odd: tensors, alignment, gaps, slots, reads and metadata were looked at");
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            let number = lints.iter().filter(|l| l.level == severity).count() as u64;
            if number > 0 {
                let (tone, word) = level(severity);
                theme::badge(ui, tone, &plural(number, &word.to_lowercase()));
            }
        }
    });
    ui.add_space(4.0);
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for lint in lints {
            egui::Frame::group(ui.style()).fill(ui.visuals().faint_bg_color).show(ui, |ui| {
                ui.set_width(ui.available_width());
                card(ui, state, lint, out);
            });
        }
    });
}

fn card(ui: &mut Ui, state: &State, lint: &Lint, out: &mut Vec<Command>) {
    let (tone, word) = level(lint.level);
    ui.horizontal_wrapped(|ui| {
        theme::badge(ui, tone, word);
        ui.strong(&lint.title);
        ui.label(RichText::new(&lint.rule).monospace().weak()).on_hover_text("The rule, as the command line has it");
    });
    ui.label(&lint.text);
    let pickle = lint.rule == "pickle-code";
    if lint.tensor.is_none() && lint.file.is_none() && !pickle {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        if let Some(tensor) = lint.tensor
            && ui
                .link(format!("Show tensor {}", state.run.names.get(tensor as usize).map_or("", |name| name)))
                .clicked()
        {
            out.push(Command::SelectTensor(Some(tensor)));
            out.push(Command::Show(super::Panel::Tensors));
        }
        if let Some(file) = lint.file {
            let name = state.run.file_name(file);
            let text =
                lint.offset.map_or_else(|| format!("Show {name}"), |at| format!("Show byte {} of {name}", count(at)));
            if ui.link(text).on_hover_text("Where it lies in the file").clicked() {
                out.push(Command::ShowByte(file, lint.offset.unwrap_or(0)));
            }
        }
        if pickle && ui.link("Show what it would do").clicked() {
            out.push(Command::Show(super::Panel::Sandbox));
        }
    });
}
