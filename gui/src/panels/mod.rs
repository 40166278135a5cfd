//! The panels. Each shows the state and answers with commands; none changes anything by itself.
mod actor_rows;
mod actors;
mod axis;
mod buffers;
mod compare;
mod control;
mod density;
mod diff;
mod file_map;
mod findings;
mod graph;
mod lanes;
mod metadata;
mod pickle;
mod refusal;
mod rows;
mod sandbox;
mod slots;
mod start;
mod strips;
mod sums;
mod tensor_detail;
mod tensors;
mod timeline;
mod timings;
mod totals;
mod values;
mod why;

use crate::command::Command;
use crate::panel::Panel;
use crate::state::State;
use egui::Ui;
pub use why::{report, report_with_paths};

/// What each panel remembers.
#[derive(Default)]
pub struct Panels {
    actors: actors::Actors,
    compare: compare::Compare,
    control: control::Control,
    diff: diff::Diff,
    file_map: file_map::FileMap,
    metadata: metadata::Metadata,
    timeline: timeline::Timeline,
    tensors: tensors::Tensors,
    slots: slots::Slots,
    timings: timings::Timings,
}

impl Panels {
    /// Shows a panel.
    pub fn show(&mut self, panel: Panel, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        ui.push_id(panel, |ui| match panel {
            Panel::Start => start::show(ui, state, out),
            Panel::Actors => self.actors.show(ui, state, out),
            Panel::Timeline => self.timeline.show(ui, state, out),
            Panel::Tensors => self.tensors.show(ui, state, out),
            Panel::FileMap => self.file_map.show(ui, state, out),
            Panel::Slots => self.slots.show(ui, state, out),
            Panel::Timings => self.timings.show(ui, state, out),
            Panel::Sandbox => sandbox::show(ui, state),
            Panel::Why => why::show(ui, state, out),
            Panel::Findings => findings::show(ui, state, out),
            Panel::Control => self.control.show(ui, state, out),
            Panel::Compare => self.compare.show(ui, state, out),
            Panel::Diff => self.diff.show(ui, state, out),
            Panel::Metadata => self.metadata.show(ui, state, out),
        });
    }

    /// Commands that a panel itself carries out.
    pub fn run(&mut self, command: &Command, state: &State) {
        match command {
            Command::ZoomIn => self.timeline.zoom(state, 0.5),
            Command::ZoomOut => self.timeline.zoom(state, 2.0),
            Command::ZoomFit => self.timeline.fit(),
            Command::ZoomLast => self.timeline.last(),
            Command::StepAxis(steps) => self.timeline.axis(*steps),
            Command::FocusQuery => self.timeline.focus_query = true,
            Command::Query(text) => self.timeline.query.clone_from(text),
            Command::Scrub(Some(_)) | Command::Next | Command::Previous | Command::FirstProblem => {
                self.timeline.reveal = true
            }
            Command::SelectTensor(Some(_)) => self.tensors.reveal(),
            Command::ShowByte(file, offset) => self.file_map.reveal(state, *file, *offset),
            _ => {}
        }
    }
}
