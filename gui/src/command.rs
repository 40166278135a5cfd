//! Every action of the user, each with its label, its tooltip and its keys: menu, palette, keys and scripts agree.
use crate::backend::{Breakpoint, Fault, FileRef};
use crate::info::{Info, bare, ctrl, ctrl_shift};
use crate::panel::Panel;
use egui::{Key, KeyboardShortcut, Modifiers};
use weighbridge_core::types::{Advice, Strategy};

/// Which strategies a load may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Choice {
    /// The first that can be used.
    #[default]
    Auto,
    /// This one or an error.
    Only(Strategy),
}

impl Choice {
    /// Every case.
    pub const ALL: &[Self] = &[
        Self::Auto,
        Self::Only(Strategy::MappedFile),
        Self::Only(Strategy::ReadCopy),
        Self::Only(Strategy::StagedRead),
        Self::Only(Strategy::ExternalBuffer),
    ];

    /// As scripts spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Only(s) => s.name(),
        }
    }
}

/// How residency is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Extent {
    /// One extent per file.
    #[default]
    WholeFile,
    /// One per tensor.
    PerTensor,
    /// Windows of so many MiB.
    Window(u32),
}

/// A file that the app writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// A trace for ui.perfetto.dev.
    Perfetto,
    /// State diagrams with counts.
    Mermaid,
    /// The rows of the timeline.
    Csv,
    /// The window.
    Png,
}

impl Export {
    /// What the file is called.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Perfetto => "weighbridge-trace.json",
            Self::Mermaid => "weighbridge-states.mmd",
            Self::Csv => "weighbridge-timeline.csv",
            Self::Png => "weighbridge.png",
        }
    }
}

/// Dark, light or as the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Look {
    /// As the system.
    #[default]
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// An action.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each has its label and tooltip in `info`")]
pub enum Command {
    Open,
    OpenPaths(Vec<String>),
    OpenFiles(Vec<FileRef>),
    OpenFolder,
    OpenRecording,
    OpenRecordingPath(String),
    Demo,
    SaveRecording(Option<String>),
    Export(Export, Option<String>),
    CopyReport(bool),
    Close,
    Quit,
    SetStrategy(Choice),
    SetExtent(Extent),
    SetChunk(u32),
    SetSlots(u32),
    SetSelection(String),
    SetMmap(bool),
    SetDeadline(u32),
    SetValidate(bool),
    Load,
    LoadTensor(u32),
    Release,
    ReleaseTensor(u32),
    ReleaseSlot(u32),
    Evict,
    EvictTensor(u32),
    Advise(u32, Advice),
    AdviseSlot(u32, Advice),
    Borrow(Option<u32>),
    Cancel,
    Pause,
    Continue,
    Step,
    EveryStep(bool),
    ToggleBreak(Breakpoint),
    ClearBreaks,
    Arm(Fault),
    Disarm(usize),
    ClearFaults,
    Scrub(Option<u64>),
    Next,
    Previous,
    FirstProblem,
    Follow,
    Query(String),
    FocusQuery,
    ZoomIn,
    ZoomOut,
    ZoomFit,
    ZoomLast,
    StepAxis(bool),
    Show(Panel),
    Maximise(Option<Panel>),
    ResetLayout,
    Theme(Look),
    Palette,
    CompareLast,
    CompareLoads(usize, usize),
    Diff,
    DiffPath(String),
    DiffFiles(Vec<FileRef>),
    DiffBytes,
    Replay,
    Race,
    RefreshPages,
    SelectTensor(Option<u32>),
    ShowByte(u32, u64),
    Dismiss,
}

const fn info(name: &'static str, label: &'static str, tip: &'static str, keys: Option<KeyboardShortcut>) -> Info {
    Info { name, label, tip, keys }
}

impl Command {
    /// What is said of it.
    #[must_use]
    #[rustfmt::skip]
    pub const fn info(&self) -> Info {
        match self {
            Self::Open | Self::OpenPaths(_) | Self::OpenFiles(_) => info("open", "Open model…", "Open a model file; missing shards are found next to it", ctrl(Key::O)),
            Self::OpenFolder => info("open-folder", "Open folder…", "Open the model in a folder", None),
            Self::OpenRecording | Self::OpenRecordingPath(_) => info("open-recording", "Open recording…", "Look at a load that was recorded, without its model file", ctrl_shift(Key::O)),
            Self::Demo => info("demo", "Show a made-up trace", "Fill the app with a synthetic load, to look around", None),
            Self::SaveRecording(_) => info("save-recording", "Save recording…", "Keep everything that was watched, so that it can be replayed", ctrl(Key::S)),
            Self::Export(Export::Perfetto, _) => info("export-perfetto", "Export Perfetto trace…", "For ui.perfetto.dev and chrome://tracing", None),
            Self::Export(Export::Mermaid, _) => info("export-mermaid", "Export Mermaid diagrams…", "State diagrams with the transitions taken", None),
            Self::Export(Export::Csv, _) => info("export-csv", "Export timeline as CSV…", "The rows that answer the query", None),
            Self::Export(Export::Png, _) => info("screenshot", "Export picture…", "The window as a PNG file", None),
            Self::CopyReport(false) => info("copy-report", "Copy report", "Copy what went wrong, without paths", ctrl_shift(Key::C)),
            Self::CopyReport(true) => info("copy-report-with-paths", "Copy report with paths", "Copy what went wrong, and which files it was", None),
            Self::Close => info("close", "Close model", "Release everything and close", ctrl(Key::W)),
            Self::Quit => info("quit", "Quit", "Close the inspector", ctrl(Key::Q)),
            Self::SetStrategy(Choice::Auto) => info("strategy auto", "Strategy: auto", "The first strategy that can be used", None),
            Self::SetStrategy(Choice::Only(Strategy::MappedFile)) => info("strategy mapped-file", "Strategy: mapped-file", "Map the file, no copy", None),
            Self::SetStrategy(Choice::Only(Strategy::ReadCopy)) => info("strategy read-copy", "Strategy: read-copy", "Read into host memory in large batches", None),
            Self::SetStrategy(Choice::Only(Strategy::StagedRead)) => info("strategy staged-read", "Strategy: staged-read", "Read in bounded chunks, with progress between them", None),
            Self::SetStrategy(Choice::Only(Strategy::ExternalBuffer)) => info("strategy external-buffer", "Strategy: external-buffer", "Read into memory that the embedder registered", None),
            Self::SetExtent(Extent::WholeFile) => info("extent whole-file", "Extent: whole file", "One mapping or buffer for each file", None),
            Self::SetExtent(Extent::PerTensor) => info("extent per-tensor", "Extent: per tensor", "One mapping or buffer for each tensor", None),
            Self::SetExtent(Extent::Window(_)) => info("extent window", "Extent: window", "Neighbours share an extent of at most this size", None),
            Self::SetChunk(_) => info("chunk", "Staging size", "KiB moved between two points of progress; 0 is the default of 4 MiB", None),
            Self::SetSlots(_) => info("slots", "Slots", "Mappings that may be live at once; counts from the next open", None),
            Self::SetSelection(_) => info("select", "Select tensors", "A glob of names; empty means all", None),
            Self::SetMmap(true) => info("mmap on", "Offer mmap", "The host offers mmap from the next open", None),
            Self::SetMmap(false) => info("mmap off", "Withhold mmap", "Open as if the host had no mmap, to see auto fall back", None),
            Self::SetDeadline(_) => info("deadline", "Deadline", "Bound on each call in ms from the next open; 0 means none", None),
            Self::SetValidate(true) => info("validate on", "Check after load", "Check structure and architecture once the tensors are in place", None),
            Self::SetValidate(false) => info("validate off", "Do not check after load", "Leave structure and architecture unchecked", None),
            Self::Load => info("load", "Load", "Make the selected tensors resident", ctrl(Key::L)),
            Self::LoadTensor(_) => info("load-tensor", "Load this tensor", "Make this tensor resident", None),
            Self::Release => info("release", "Release all mapped", "End mapped residency of every tensor", ctrl_shift(Key::L)),
            Self::ReleaseTensor(_) => info("release-tensor", "Release this tensor", "End its mapped residency", None),
            Self::ReleaseSlot(_) => info("release-slot", "Release its tensors", "End mapped residency of every tensor in this slot", None),
            Self::AdviseSlot(_, _) => info("advise-slot", "Advise its tensors", "Tell the platform how the tensors of this slot will be used", None),
            Self::Evict => info("evict", "Evict all copied", "End copied residency of every tensor", ctrl_shift(Key::E)),
            Self::EvictTensor(_) => info("evict-tensor", "Evict this tensor", "End its copied residency", None),
            Self::Advise(_, _) => info("advise", "Advise", "Tell the platform how the tensor will be used", None),
            Self::Borrow(Some(_)) => info("borrow", "Borrow a view", "Hold a view of the tensor, so that its unmap is answered busy", None),
            Self::Borrow(None) => info("give-back", "Give views back", "Let go of every view, so that unmaps succeed", None),
            Self::Cancel => info("cancel", "Cancel", "End the work under way by the ordinary error route", ctrl(Key::Period)),
            Self::Pause => info("pause", "Pause", "Hold the guest at its next step", bare(Key::F8)),
            Self::Continue => info("continue", "Continue", "Let the guest go on", bare(Key::F9)),
            Self::Step => info("step", "Step", "Let the guest take one transition", bare(Key::F10)),
            Self::EveryStep(true) => info("every-step on", "Watch every step", "One crossing per transition, so that the guest can be held at each", None),
            Self::EveryStep(false) => info("every-step off", "Watch in batches", "Transitions come in batches, the guest is held at storage calls only", None),
            Self::ToggleBreak(Breakpoint::Error) => info("break-error", "Break on error", "Hold the guest when an answer or an outcome is not good", bare(Key::F7)),
            Self::ToggleBreak(_) => info("break", "Break here", "Hold the guest when it comes here", None),
            Self::ClearBreaks => info("clear-breaks", "Clear breakpoints", "Forget every breakpoint", None),
            Self::Arm(_) => info("fault", "Arm fault", "Fail a call that the guest will make", None),
            Self::Disarm(_) => info("disarm", "Disarm fault", "Forget this fault", None),
            Self::ClearFaults => info("clear-faults", "Clear faults", "Forget every fault", None),
            Self::Scrub(_) => info("scrub", "Go to row", "Show everything as it was at this row", None),
            Self::Next => info("next", "Next row", "One row on, of those that answer the query", bare(Key::F3)),
            Self::Previous => info("previous", "Previous row", "One row back, of those that answer the query", Some(KeyboardShortcut::new(Modifiers::SHIFT, Key::F3))),
            Self::FirstProblem => info("first-problem", "Go to first problem", "The first row that did not go well", bare(Key::F4)),
            Self::Follow => info("follow", "Follow live", "Show what is happening now", bare(Key::F2)),
            Self::Query(_) => info("query", "Filter timeline", "Show the rows that answer a query", None),
            Self::FocusQuery => info("find", "Find…", "Go to the query box", ctrl(Key::F)),
            Self::ZoomIn => info("zoom-in", "Zoom in", "Half as much time", ctrl(Key::Plus)),
            Self::ZoomOut => info("zoom-out", "Zoom out", "Twice as much time", ctrl(Key::Minus)),
            Self::ZoomFit => info("zoom-fit", "Zoom to all", "The whole run", ctrl(Key::Num0)),
            Self::ZoomLast => info("zoom-last", "Zoom to last request", "The last open, load or release, and the next ones as they come", ctrl(Key::G)),
            Self::StepAxis(true) => info("axis steps", "Axis: steps", "Every row has the same width", None),
            Self::StepAxis(false) => info("axis time", "Axis: time", "Width is time", None),
            Self::Show(panel) => panel.info(),
            Self::Maximise(Some(_)) => info("maximise", "Maximise panel", "Show one panel alone", None),
            Self::Maximise(None) => info("restore", "Restore panels", "Show all panels again", None),
            Self::ResetLayout => info("reset-layout", "Reset layout", "Put every panel back in its place", None),
            Self::Theme(Look::System) => info("theme system", "Theme: as the system", "Follow the system", None),
            Self::Theme(Look::Dark) => info("theme dark", "Theme: dark", "Light on dark", None),
            Self::Theme(Look::Light) => info("theme light", "Theme: light", "Dark on light", None),
            Self::Palette => info("palette", "Command palette…", "Find any action by name", ctrl(Key::K)),
            Self::CompareLast => info("compare", "Compare last two loads", "What differs, and where their routes part", ctrl(Key::D)),
            Self::CompareLoads(_, _) => info("compare-loads", "Compare loads", "Choose two loads", None),
            Self::Diff | Self::DiffPath(_) | Self::DiffFiles(_) => info("diff", "Compare with another model…", "Metadata and tensors that were added, removed or changed; only headers are read", None),
            Self::DiffBytes => info("diff-bytes", "Compare bytes as well", "Read both models, and count the bytes that differ in tensors of the same type and shape", None),
            Self::Replay => info("replay", "Re-execute recording", "Run the component again on what was recorded, and say whether it did the same", ctrl(Key::R)),
            Self::Race => info("race", "Race strategies", "Load under every strategy, cold and warm, and compare", None),
            Self::RefreshPages => info("pages", "Refresh page cache", "Ask which pages of the file are in memory", ctrl_shift(Key::P)),
            Self::SelectTensor(_) => info("tensor", "Select tensor", "Show the details of a tensor", None),
            Self::ShowByte(_, _) => info("byte", "Show byte", "Show the place in the file map", None),
            Self::Dismiss => info("dismiss", "Dismiss messages", "Close the messages", bare(Key::Escape)),
        }
    }

    /// Every action that needs no more input: what the palette offers and the keys reach.
    #[must_use]
    pub fn catalog() -> Vec<Self> {
        use Command as C;
        let mut all = vec![
            C::Open,
            C::OpenFolder,
            C::OpenRecording,
            C::Demo,
            C::SaveRecording(None),
            C::Export(Export::Perfetto, None),
            C::Export(Export::Mermaid, None),
            C::Export(Export::Csv, None),
            C::Export(Export::Png, None),
            C::CopyReport(false),
            C::CopyReport(true),
            C::Load,
            C::Release,
            C::Evict,
            C::Borrow(None),
            C::Cancel,
            C::Pause,
            C::Continue,
            C::Step,
            C::EveryStep(true),
            C::EveryStep(false),
            C::ToggleBreak(Breakpoint::Error),
            C::ClearBreaks,
            C::ClearFaults,
            C::Next,
            C::Previous,
            C::FirstProblem,
            C::Follow,
            C::FocusQuery,
            C::ZoomIn,
            C::ZoomOut,
            C::ZoomFit,
            C::ZoomLast,
            C::StepAxis(true),
            C::StepAxis(false),
            C::CompareLast,
            C::Diff,
            C::DiffBytes,
            C::Replay,
            C::Race,
            C::RefreshPages,
            C::SetMmap(true),
            C::SetMmap(false),
            C::SetValidate(true),
            C::SetValidate(false),
            C::SetExtent(Extent::WholeFile),
            C::SetExtent(Extent::PerTensor),
            C::SetExtent(Extent::Window(64)),
            C::Maximise(None),
            C::ResetLayout,
            C::Theme(Look::System),
            C::Theme(Look::Dark),
            C::Theme(Look::Light),
            C::Palette,
            C::Dismiss,
            C::Close,
            C::Quit,
        ];
        all.extend(Choice::ALL.iter().map(|c| C::SetStrategy(*c)));
        all.extend(Panel::ALL.iter().map(|p| C::Show(*p)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_unique() {
        let mut names = std::collections::HashSet::new();
        let mut keys = Vec::new();
        for command in Command::catalog() {
            let info = command.info();
            assert!(names.insert(info.name), "{} twice", info.name);
            assert!(!info.tip.ends_with('.') && !info.label.is_empty());
            if let Some(key) = info.keys {
                assert!(!keys.contains(&key), "{key:?} twice");
                keys.push(key);
            }
        }
    }
}
