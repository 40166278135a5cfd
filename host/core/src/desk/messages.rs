//! What the inspector asks for and what it gets: the same messages for a worker thread and for a web worker.
use super::{
    control::{Breakpoint, Fault},
    differences::ModelDiff,
    facts::{Failure, HostFacts, Opened, Origin, RaceRow, Sandbox},
};
use crate::{
    trace::Record,
    types::{
        Advice, BufferState, GuestOptions, Level, LoadOptions, LoadReport, MetadataEntry, Selection, SlotState,
        TensorInfo, TensorState,
    },
};
use serde::{Deserialize, Serialize};

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
    /// Compare another model with the one that is open.
    Diff {
        /// The other model's files; missing shards are found next to the first.
        files: Vec<FileRef>,
        /// Whether the bytes of tensors are compared as well, where type and shape are the same.
        bytes: bool,
    },
    /// Close the model.
    Close,
}

impl Request {
    /// What it is called in the status line, if it takes long enough to be named there.
    pub(super) const fn words(&self) -> Option<&'static str> {
        Some(match self {
            Self::Open { .. } => "Opening",
            Self::OpenRecording(_) => "Reading the recording",
            Self::Load { .. } => "Loading",
            Self::Release(_) => "Releasing",
            Self::Evict(_) => "Evicting",
            Self::Advise(..) => "Advising",
            Self::Replay => "Re-executing",
            Self::Race(_) => "Racing",
            Self::Diff { .. } => "Comparing",
            Self::Close => "Closing",
            Self::SaveRecording(_) | Self::ExportPerfetto(_) | Self::ExportMermaid(_) | Self::WriteFile(..) => {
                "Writing"
            }
            _ => return None,
        })
    }
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
    /// Every buffer that copies lie in.
    Buffers(Vec<BufferState>),
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
    /// What differs between the model that is open and another one.
    Diff(Box<ModelDiff>),
    /// A sentence that all is well, such as `saved`.
    Notice(String),
    /// A sentence that something could not be done.
    Problem(String),
    /// Work began, or goes on: what it is, and how far.
    Busy(String),
    /// Work ended.
    Idle,
    /// The guest is held: why.
    Held(String),
    /// It goes on.
    Resumed,
}
