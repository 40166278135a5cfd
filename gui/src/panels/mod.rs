//! The panels. Each shows the state and answers with commands; none changes anything by itself.
mod actor_rows;
mod actors;
mod compare;
mod control;
mod density;
mod file_map;
mod graph;
mod lanes;
mod lints;
mod metadata;
mod rows;
mod sandbox;
mod slots;
mod start;
mod tensor_detail;
mod tensors;
mod timeline;
mod timings;
mod values;
mod why;

use crate::app::State;
use crate::command::{Command, Info};
use egui::{Key, KeyboardShortcut, Modifiers};
pub use why::{report, report_with_paths};

/// A panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "each has its label and tooltip in `info`")]
pub enum Panel {
    Start,
    Actors,
    Timeline,
    Tensors,
    FileMap,
    Slots,
    Timings,
    Sandbox,
    Why,
    Lints,
    Control,
    Compare,
    Metadata,
}

impl Panel {
    /// Every panel.
    pub const ALL: &[Self] = &[
        Self::Actors,
        Self::Timeline,
        Self::Tensors,
        Self::FileMap,
        Self::Slots,
        Self::Timings,
        Self::Sandbox,
        Self::Why,
        Self::Lints,
        Self::Control,
        Self::Compare,
        Self::Metadata,
        Self::Start,
    ];

    /// What is said of showing it.
    #[must_use]
    #[rustfmt::skip]
    pub const fn info(self) -> Info {
        let (name, label, tip, key) = match self {
            Self::Actors => ("panel actors", "Actors", "State diagram of each machine", Some(Key::Num1)),
            Self::Timeline => ("panel timeline", "Timeline", "What happened, when", Some(Key::Num2)),
            Self::Tensors => ("panel tensors", "Tensors", "Every tensor with its state", Some(Key::Num3)),
            Self::FileMap => ("panel file-map", "File map", "What lies where in the file", Some(Key::Num4)),
            Self::Slots => ("panel slots", "Slots", "The pool of mappings", Some(Key::Num5)),
            Self::Timings => ("panel timings", "Timings", "Where the time went", Some(Key::Num6)),
            Self::Sandbox => ("panel sandbox", "Sandbox", "What the component may do, and what it used", Some(Key::Num7)),
            Self::Why => ("panel why", "Why", "Why it failed, by which route", Some(Key::Num8)),
            Self::Lints => ("panel lints", "Lints", "Things worth knowing before they hurt", Some(Key::Num9)),
            Self::Control => ("panel control", "Step and faults", "Breakpoints and fault switches", None),
            Self::Compare => ("panel compare", "Compare", "Two loads side by side, and the race", None),
            Self::Metadata => ("panel metadata", "Metadata", "What the header says besides tensors", None),
            Self::Start => ("panel start", "Start", "How to begin, and what is where", None),
        };
        let keys = match key {
            Some(key) => Some(KeyboardShortcut::new(Modifiers::COMMAND, key)),
            None => None,
        };
        Info { name, label, tip, keys }
    }

    /// By the word that scripts use.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.info().name.strip_prefix("panel ") == Some(name))
    }
}

/// What each panel remembers.
#[derive(Default)]
pub struct Panels {
    actors: actors::Actors,
    compare: compare::Compare,
    control: control::Control,
    file_map: file_map::FileMap,
    timeline: timeline::Timeline,
    tensors: tensors::Tensors,
    slots: slots::Slots,
    timings: timings::Timings,
}

impl Panels {
    /// Shows a panel.
    pub fn show(&mut self, panel: Panel, ui: &mut egui::Ui, state: &State, out: &mut Vec<Command>) {
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
            Panel::Lints => lints::show(ui, state, out),
            Panel::Control => self.control.show(ui, state, out),
            Panel::Compare => self.compare.show(ui, state, out),
            Panel::Metadata => metadata::show(ui, state),
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
            Command::SelectTensor(Some(_)) => self.tensors.reveal = true,
            _ => {}
        }
    }
}
