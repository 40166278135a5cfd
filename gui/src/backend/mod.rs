//! What the UI asks for and what it gets: the messages of the core's desk, and where they go.
pub use weighbridge_core::desk::{
    Breakpoint, DiffSide, Failure, Fault, FaultCall, FaultKind, FileBytes, FileFacts, FileRef, HostFacts, MetadataDiff,
    ModelDiff, OpenOptions, Opened, Origin, RaceRow, Request, Sandbox, TensorDiff, Uncompared, Update,
};

/// Where requests go and updates come from. Neither call blocks.
pub trait Backend {
    /// Asks.
    fn send(&mut self, request: Request);
    /// The next update, if there is one.
    fn poll(&mut self) -> Option<Update>;
}

/// What a dialog is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Files of a model.
    Model,
    /// The folder of a model.
    Folder,
    /// A model to compare with the one that is open.
    Other,
    /// A recording.
    Recording,
    /// Where to save a file.
    Save,
}

/// What came of a dialog.
#[derive(Clone, Debug, PartialEq)]
pub enum Picked {
    /// These files.
    Files(Pick, Vec<FileRef>),
    /// The user closed the dialog.
    Nothing,
    /// There is no dialog: a sentence that says what to do.
    Unavailable(String),
}

/// Dialogs and files of the platform. Neither call blocks.
pub trait Shell {
    /// Says what the names of a model's files end in, for the dialog that picks one.
    fn offer(&mut self, _extensions: Vec<String>) {}
    /// Shows a dialog; its result comes by `poll`.
    fn pick(&mut self, pick: Pick, suggested: &str, ctx: &egui::Context);
    /// The result of a dialog.
    fn poll(&mut self) -> Option<Picked>;
    /// A file, or a folder, for what the user named: a path or what was dropped. `Err` is a sentence.
    ///
    /// # Errors
    /// When it is not there.
    fn file(&self, path: &std::path::Path) -> Result<FileRef, String>;
}

/// A backend that does nothing: pictures and tests of the UI alone.
#[derive(Default)]
pub struct NoBackend {
    /// What was asked.
    pub asked: Vec<Request>,
    /// What is still to reach the UI.
    pub updates: std::collections::VecDeque<Update>,
}

impl Backend for NoBackend {
    fn send(&mut self, request: Request) {
        self.asked.push(request);
    }

    fn poll(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }
}
