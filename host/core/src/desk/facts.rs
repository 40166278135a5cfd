//! What the UI learns of the host, the model and what went wrong.
use crate::types::{Capabilities, Error, Finding, FormatInfo, MachineTable, ModelSummary};
use serde::{Deserialize, Serialize};

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
    /// Who made machine code of it, and when.
    pub code: String,
    /// Nanoseconds until it could be run.
    pub ready_ns: u64,
    /// What the component imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What the host grants of that.
    pub granted: Vec<String>,
    /// The formats that it reads.
    #[serde(default)]
    pub formats: Vec<FormatInfo>,
    /// The machines.
    pub tables: Vec<MachineTable>,
}

impl HostFacts {
    /// What every host grants.
    pub const GRANTED: &str = "Granted: reading the files that you open, by handle; telling the observer what it does.";
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
    /// What was noticed of the model that did not keep it from being opened.
    #[serde(default)]
    pub findings: Vec<Finding>,
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
    /// The name of the file that it is about, unescaped, where it is known.
    #[serde(default)]
    pub file: Option<String>,
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
