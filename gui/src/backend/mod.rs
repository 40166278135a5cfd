//! What the UI asks for and what it gets: the same messages for a worker thread and for a web worker.
use serde::{Deserialize, Serialize};
use weighbridge_core::trace::Record;
use weighbridge_core::types::{
    Advice, GuestOptions, Level, LoadOptions, LoadReport, MetadataEntry, Selection, SlotState, TensorInfo, TensorState,
};

mod control;
mod facts;

pub use control::{Breakpoint, Fault, FaultCall, FaultKind};
pub use facts::{Failure, FileBytes, FileFacts, HostFacts, Opened, Origin, RaceRow, Sandbox};

/// A file that the shell can open: `name` is shown, `token` is the shell's (a path, or a number in a page).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// File name, unescaped.
    pub name: String,
    /// What the shell finds it by.
    pub token: String,
}

/// How a session is opened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenOptions {
    /// Options of the guest.
    pub guest: GuestOptions,
    /// Whether the host offers mmap; `false` shows how `auto` falls back.
    pub mmap: bool,
    /// Bound on each call into the guest, in milliseconds; 0 = none.
    pub deadline_ms: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { guest: GuestOptions::new().observe(Level::Transitions), mmap: true, deadline_ms: 0 }
    }
}

/// What the UI asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Open a model.
    Open {
        /// Its files; missing shards are found next to the first.
        files: Vec<FileRef>,
        /// How.
        options: OpenOptions,
    },
    /// Open a recording.
    OpenRecording(FileRef),
    /// Load tensors.
    Load {
        /// Which.
        selection: Selection,
        /// How.
        options: LoadOptions,
    },
    /// Release mapped tensors.
    Release(Selection),
    /// Evict copied tensors.
    Evict(Selection),
    /// Advice for one mapped tensor.
    Advise(u32, Advice),
    /// End the work under way.
    Cancel,
    /// Hold the guest at its next step.
    Pause,
    /// Let it go on.
    Continue,
    /// Let it do one step.
    Step,
    /// What the observer gets from now on.
    Observe(Level),
    /// Where the guest is held.
    SetBreakpoints(Vec<Breakpoint>),
    /// Which faults are armed.
    SetFaults(Vec<Fault>),
    /// Keep a view of a tensor, so that its unmap is refused as busy; `None` gives the views back.
    Borrow(Option<u32>),
    /// All metadata.
    Metadata,
    /// The first bytes of a resident tensor.
    Preview(u32),
    /// Which pages of a file are in the page cache.
    Pages(u32),
    /// Write the recording of what was watched.
    SaveRecording(FileRef),
    /// Write it as a Perfetto trace.
    ExportPerfetto(FileRef),
    /// Write it as Mermaid diagrams.
    ExportMermaid(FileRef),
    /// Write these bytes.
    WriteFile(FileRef, Vec<u8>),
    /// Run the recording again and compare.
    Replay,
    /// Load under every strategy, cold and warm.
    Race(Selection),
    /// Close the model.
    Close,
}

/// What reaches the UI.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Update {
    /// What the host is.
    Host(Box<HostFacts>),
    /// A run begins: what follows belongs to it.
    Began {
        /// How it is called (a file name).
        label: String,
        /// Where its records come from.
        origin: Origin,
    },
    /// What happened.
    Records(Vec<Record>),
    /// The model is open.
    Opened(Box<Opened>),
    /// Tensors from index `start`.
    Tensors {
        /// First index.
        start: u32,
        /// In the order of the files.
        tensors: Vec<TensorInfo>,
    },
    /// Residency of every tensor.
    States(Vec<TensorState>),
    /// Every slot.
    Slots(Vec<SlotState>),
    /// Numbers.
    Sandbox(Box<Sandbox>),
    /// A load went well.
    Report(Box<LoadReport>),
    /// All metadata.
    Metadata(Vec<MetadataEntry>),
    /// The first bytes of a tensor.
    Preview {
        /// Index.
        tensor: u32,
        /// First bytes.
        bytes: Vec<u8>,
    },
    /// Pages in the page cache, one bit each, lowest first.
    Pages {
        /// Index of the file.
        file: u32,
        /// Bytes of a page.
        page: u64,
        /// Bits.
        bits: Vec<u8>,
    },
    /// Something went wrong.
    Failed(Box<Failure>),
    /// The faults that are still armed, after one struck.
    Faults(Vec<Fault>),
    /// The race so far.
    Race(Vec<RaceRow>),
    /// A sentence that all is well, such as `saved`.
    Notice(String),
    /// A sentence that something could not be done.
    Problem(String),
    /// Work began: what it is.
    Busy(String),
    /// Work ended.
    Idle,
    /// The guest is held: why.
    Held(String),
    /// It goes on.
    Resumed,
}

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
    /// A file for what the user named: a path or a dropped file. `Err` is a sentence.
    ///
    /// # Errors
    /// When it is a directory, or is not there.
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
