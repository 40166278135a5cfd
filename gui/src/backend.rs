//! What the UI asks for and what it is told: the same messages for a worker thread and for a web worker.
use serde::{Deserialize, Serialize};
use weighbridge::trace::Record;
use weighbridge::types::{
    Advice, Capabilities, Error, GuestOptions, Level, LoadOptions, LoadReport, MachineTable, MetadataEntry, ModelSummary,
    Selection, SlotState, StorageError, TensorInfo, TensorState,
};

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
    /// What the guest is told.
    pub guest: GuestOptions,
    /// Whether the host offers mmap; `false` shows how `auto` falls back.
    pub mmap: bool,
    /// Bound on each call into the guest, in milliseconds; 0 = none.
    pub deadline_ms: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { guest: GuestOptions { observe: Level::Transitions, ..GuestOptions::default() }, mmap: true, deadline_ms: 0 }
    }
}

/// Where the guest is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Breakpoint {
    /// On the way into a state.
    State {
        /// The machine.
        machine: String,
        /// The state.
        state: String,
    },
    /// On a transition.
    Edge {
        /// The machine.
        machine: String,
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// On an answer or an outcome that is not good.
    Error,
}

/// Which call a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FaultCall {
    /// `source.map-range`.
    Map,
    /// `mapping.unmap`.
    Unmap,
    /// `source.read`: header bytes.
    Read,
    /// `read-into`: tensor bytes.
    ReadInto,
    /// `allocate`.
    Allocate,
    /// `mapping.advise`.
    Advise,
    /// `source.stat`.
    Stat,
}

impl FaultCall {
    /// Every case.
    pub const ALL: &[Self] =
        &[Self::Map, Self::Unmap, Self::Read, Self::ReadInto, Self::Allocate, Self::Advise, Self::Stat];

    /// As the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "map-range",
            Self::Unmap => "unmap",
            Self::Read => "read",
            Self::ReadInto => "read-into",
            Self::Allocate => "allocate",
            Self::Advise => "advise",
            Self::Stat => "stat",
        }
    }
}

/// What the host does in place of the deed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FaultKind {
    /// Answers this error.
    Fail(StorageError),
    /// Answers half of the bytes that were asked for; only header reads have such an answer.
    Short,
}

/// A fault that is armed: the `nth` such call from now on (1 = the next).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// One call.
    Call {
        /// Which function.
        call: FaultCall,
        /// Which of them, from 1.
        nth: u32,
        /// What happens.
        kind: FaultKind,
    },
    /// Every source ends at this byte from now on.
    Truncate {
        /// Bytes that are left.
        at: u64,
    },
}

impl Fault {
    /// In words.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Call { call, nth, kind: FaultKind::Fail(e) } => {
                format!("{} no. {nth} fails: {}", call.name(), crate::text::storage_error(e))
            }
            Self::Call { call, nth, kind: FaultKind::Short } => format!("{} no. {nth} is short", call.name()),
            Self::Truncate { at } => format!("files end at byte {at}"),
        }
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
    /// What the observer is told from now on.
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

/// Numbers of the sandbox and of the host's side of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Bytes of guest memory now.
    pub guest_memory: u64,
    /// Most bytes of guest memory.
    pub guest_limit: u64,
    /// Bound on each call into the guest, in ms; 0 = none.
    pub deadline_ms: u64,
    /// Handles that the guest holds.
    pub handles: u64,
    /// Most of them.
    pub handle_limit: u64,
    /// Calls into the guest.
    pub crossings_in: u64,
    /// Calls out of it.
    pub crossings_out: u64,
    /// Bytes that went into guest memory.
    pub bytes_to_guest: u64,
    /// Tensor bytes that the host moved.
    pub bytes_moved: u64,
    /// Bytes mapped now.
    pub mapped_bytes: u64,
    /// Most mapped bytes.
    pub mapped_limit: u64,
    /// Mappings now.
    pub mappings: u64,
    /// Bytes of host buffers now.
    pub buffer_bytes: u64,
    /// Most bytes of host buffers.
    pub buffer_limit: u64,
}

/// What is known of the component and the host before a model is opened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// SHA-256 of the component.
    pub component_id: String,
    /// Its size in bytes.
    pub component_bytes: u64,
    /// `hit`, `miss` or `off`.
    pub cache: String,
    /// Nanoseconds to compile it, or to load it from the cache.
    pub compile_ns: u64,
    /// What the component imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What the host grants of that.
    pub granted: Vec<String>,
    /// The machines.
    pub tables: Vec<MachineTable>,
}

/// A file of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Name, unescaped.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// What was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// What the headers say.
    pub summary: ModelSummary,
    /// Its files.
    pub files: Vec<FileFacts>,
    /// What the host can do.
    pub capabilities: Option<Capabilities>,
}

/// Where the records come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A session that runs.
    #[default]
    Live,
    /// A recording.
    Recording,
    /// Made up, to show the app.
    Synthetic,
}

/// Bytes of a file, for the why card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileBytes {
    /// Index of the file.
    pub file: u32,
    /// Where they begin.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What was asked for, in words.
    pub doing: String,
    /// The typed error.
    pub error: Error,
    /// Bytes around the offset, where the error came from a file.
    pub bytes: Option<FileBytes>,
}

/// One run of the strategy race.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceRow {
    /// The strategy asked for.
    pub strategy: String,
    /// Whether the page cache had been dropped first.
    pub cold: bool,
    /// Nanoseconds for the load, or the error.
    pub result: Result<u64, String>,
    /// Bytes made resident.
    pub bytes: u64,
    /// Bytes really moved.
    pub moved: u64,
    /// Calls of the guest to the host.
    pub calls: u64,
    /// Nanoseconds to read every byte once after the load.
    pub touch_ns: u64,
}

/// What the UI is told.
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
    /// What is to be told.
    pub told: std::collections::VecDeque<Update>,
}

impl Backend for NoBackend {
    fn send(&mut self, request: Request) {
        self.asked.push(request);
    }

    fn poll(&mut self) -> Option<Update> {
        self.told.pop_front()
    }
}
