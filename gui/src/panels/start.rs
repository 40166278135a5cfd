//! How to begin, and what is where.
use crate::command::Command;
use crate::panel::Panel;
use crate::state::State;
use crate::text::escape;
use crate::theme;
use egui::{RichText, Ui};
use weighbridge_core::types::FormatInfo;

pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.add_space(6.0);
        if super::refusal::instead(ui, state, out) {
            ui.add_space(10.0);
        }
        ui.heading("See a model load, and why it failed");
        let formats = FormatInfo::titles(&state.host.formats, "or");
        let file = if formats.is_empty() { "model".into() } else { format!("{formats} file") };
        ui.label(format!("Drop a {file} anywhere in this window, or"));
        ui.horizontal_wrapped(|ui| {
            for command in [Command::Open, Command::OpenFolder, Command::OpenRecording, Command::Demo] {
                let info = command.info();
                if ui.button(info.label).on_hover_text(info.tip).clicked() {
                    out.push(command);
                }
            }
        });
        if !state.prefs.recent.is_empty() {
            theme::section(ui, "Recent files");
            for file in &state.prefs.recent {
                if ui.link(escape(&file.name)).on_hover_text(escape(&file.token)).clicked() {
                    out.push(Command::OpenPaths(vec![file.token.clone()]));
                }
            }
        }
        theme::section(ui, "In five minutes");
        for (n, text) in [
            "Open a model. Only its header is read; the tensors are listed beside this page.",
            "Choose a strategy above and press Load. The actors light up, the timeline fills.",
            "Click a moment in the timeline: the whole app shows the state of then. F2 goes back to now.",
            "Arm a fault in Step and faults, or break on a state by a right-click, and load again: see the error route, and Why.",
            "Load again under another strategy and compare the two (Ctrl+D). Save the recording: it replays without the model.",
        ].iter().enumerate() {
            ui.horizontal_top(|ui| {
                ui.label(RichText::new(format!("{}", n + 1)).strong());
                ui.add(egui::Label::new(*text).wrap());
            });
        }
        theme::section(ui, "What is where");
        egui::Grid::new("panels").num_columns(2).spacing([14.0, 4.0]).show(ui, |ui| {
            for panel in Panel::ALL.iter().filter(|p| **p != Panel::Start) {
                let info = panel.info();
                let keys = info.keys.map(|k| format!(" ({})", ui.ctx().format_shortcut(&k))).unwrap_or_default();
                if ui.link(info.label).clicked() {
                    out.push(Command::Show(*panel));
                }
                ui.weak(format!("{}{keys}", info.tip));
                ui.end_row();
            }
        });
        theme::section(ui, "Marks");
        ui.horizontal_wrapped(|ui| {
            use crate::theme::Tone;
            for (tone, text) in [
                (Tone::Idle, "at rest"), (Tone::Working, "waiting or at work"), (Tone::Good, "in place"), (Tone::Bad, "went wrong"),
                (Tone::Over, "over"), (Tone::Warn, "wants a look"),
            ] {
                theme::badge(ui, tone, text);
            }
        });
        ui.add_space(4.0);
        ui.weak("Every action is in the command palette: Ctrl+K");
    });
}
