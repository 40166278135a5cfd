//! The contract's types as Rust has them: one definition that crosses the component boundary (with the feature `wasmtime`), goes into
//! recordings and JSON (serde) and is what the inspector shows. Field for field the records of `wit/`; a difference is
//! found when the component is linked, by every test that opens a session.
//!
//! Offsets and lengths are bytes.
#![deny(missing_docs)]
#![forbid(unsafe_code)]
mod options;
mod pattern;
mod text;
mod words;

pub use pattern::Pattern;
pub use text::{escape, escape_path, is_hidden};
pub use words::UnknownName;

use serde::{Deserialize, Serialize};
#[cfg(feature = "wasmtime")]
use wasmtime::component::{ComponentType, Lift, Lower};

/// How tensor bytes get from a source to the place where they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Strategy {
    /// Map the file; tensors are views of the mapping. No copy.
    #[cfg_attr(feature = "wasmtime", component(name = "mapped-file"))]
    MappedFile,
    /// Positional reads straight into host buffers, as few batches as the host allows.
    #[cfg_attr(feature = "wasmtime", component(name = "read-copy"))]
    ReadCopy,
    /// Reads of bounded chunks, with progress and cancellation between them.
    #[cfg_attr(feature = "wasmtime", component(name = "staged-read"))]
    StagedRead,
    /// As staged-read, into memory or a consumer that the embedder registered.
    #[cfg_attr(feature = "wasmtime", component(name = "external-buffer"))]
    ExternalBuffer,
}

impl Strategy {
    /// Every case.
    pub const ALL: &[Self] = &[Self::MappedFile, Self::ReadCopy, Self::StagedRead, Self::ExternalBuffer];

    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MappedFile => "mapped-file",
            Self::ReadCopy => "read-copy",
            Self::StagedRead => "staged-read",
            Self::ExternalBuffer => "external-buffer",
        }
    }
}

/// Which strategies may be used, in which order. Every refusal is reported with its reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum StrategyPolicy {
    /// This one or an error.
    #[cfg_attr(feature = "wasmtime", component(name = "only"))]
    Only(Strategy),
    /// The first that can be used.
    #[cfg_attr(feature = "wasmtime", component(name = "first-available"))]
    FirstAvailable(Vec<Strategy>),
    /// The first that can be used, in the order of the host: [`Capabilities::auto`].
    #[cfg_attr(feature = "wasmtime", component(name = "auto"))]
    Auto,
}

/// How residency is cut into units that are mapped, allocated and released together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum ExtentPolicy {
    /// One extent for each source.
    #[cfg_attr(feature = "wasmtime", component(name = "whole-file"))]
    WholeFile,
    /// One extent for each tensor.
    #[cfg_attr(feature = "wasmtime", component(name = "per-tensor"))]
    PerTensor,
    /// Neighbouring tensors share an extent of at most this many bytes.
    #[cfg_attr(feature = "wasmtime", component(name = "window"))]
    Window(u64),
    /// What is loaded and little else: a whole file where all of its tensors are loaded, else spans of neighbours. What cannot
    /// be mapped so is cut smaller, and what cannot be mapped at all is left to the next strategy.
    #[cfg_attr(feature = "wasmtime", component(name = "auto"))]
    Auto,
}

/// Access-pattern advice, with the names of WASI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Advice {
    /// No particular pattern.
    #[cfg_attr(feature = "wasmtime", component(name = "normal"))]
    Normal,
    /// From the front to the back.
    #[cfg_attr(feature = "wasmtime", component(name = "sequential"))]
    Sequential,
    /// In no order.
    #[cfg_attr(feature = "wasmtime", component(name = "random"))]
    Random,
    /// Soon: read ahead.
    #[cfg_attr(feature = "wasmtime", component(name = "will-need"))]
    WillNeed,
    /// Not soon: whole pages inside the range may be dropped.
    #[cfg_attr(feature = "wasmtime", component(name = "dont-need"))]
    DontNeed,
}

impl Advice {
    /// Every case.
    pub const ALL: &[Self] = &[Self::Normal, Self::Sequential, Self::Random, Self::WillNeed, Self::DontNeed];

    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Sequential => "sequential",
            Self::Random => "random",
            Self::WillNeed => "will-need",
            Self::DontNeed => "dont-need",
        }
    }
}

/// What became of an advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum AdviceEffect {
    /// The platform acted on it.
    #[cfg_attr(feature = "wasmtime", component(name = "applied"))]
    Applied,
    /// The platform took the call and did nothing that counts.
    #[cfg_attr(feature = "wasmtime", component(name = "ignored"))]
    Ignored,
    /// The platform has no such advice.
    #[cfg_attr(feature = "wasmtime", component(name = "unsupported"))]
    Unsupported,
}

impl AdviceEffect {
    /// Every case.
    pub const ALL: &[Self] = &[Self::Applied, Self::Ignored, Self::Unsupported];

    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Ignored => "ignored",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Residency of one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Lifecycle {
    /// Known, never loaded.
    #[cfg_attr(feature = "wasmtime", component(name = "unbound"))]
    Unbound,
    /// A load that includes it is under way.
    #[cfg_attr(feature = "wasmtime", component(name = "loading"))]
    Loading,
    /// Its bytes are in a host buffer.
    #[cfg_attr(feature = "wasmtime", component(name = "resident"))]
    Resident,
    /// Its bytes are in a mapping.
    #[cfg_attr(feature = "wasmtime", component(name = "mmap-resident"))]
    MmapResident,
    /// It was loaded and is no longer.
    #[cfg_attr(feature = "wasmtime", component(name = "evicted"))]
    Evicted,
}

impl Lifecycle {
    /// Every case.
    pub const ALL: &[Self] = &[Self::Unbound, Self::Loading, Self::Resident, Self::MmapResident, Self::Evicted];

    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::Loading => "loading",
            Self::Resident => "resident",
            Self::MmapResident => "mmap-resident",
            Self::Evicted => "evicted",
        }
    }
}

/// The part of the work in which an error arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Phase {
    /// While the request was checked.
    #[cfg_attr(feature = "wasmtime", component(name = "request"))]
    Request,
    /// While a header was read.
    #[cfg_attr(feature = "wasmtime", component(name = "parse"))]
    Parse,
    /// While tensors were bound.
    #[cfg_attr(feature = "wasmtime", component(name = "bind"))]
    Bind,
    /// While a load was planned.
    #[cfg_attr(feature = "wasmtime", component(name = "plan"))]
    Plan,
    /// While bytes were mapped or moved.
    #[cfg_attr(feature = "wasmtime", component(name = "transfer"))]
    Transfer,
    /// While residency was committed.
    #[cfg_attr(feature = "wasmtime", component(name = "apply"))]
    Apply,
    /// While layers were laid out.
    #[cfg_attr(feature = "wasmtime", component(name = "map-layers"))]
    MapLayers,
    /// While the structure was checked.
    #[cfg_attr(feature = "wasmtime", component(name = "structure"))]
    Structure,
    /// While the architecture was checked.
    #[cfg_attr(feature = "wasmtime", component(name = "architecture"))]
    Architecture,
    /// While mapped residency was ended.
    #[cfg_attr(feature = "wasmtime", component(name = "release"))]
    Release,
    /// While copied residency was ended.
    #[cfg_attr(feature = "wasmtime", component(name = "evict"))]
    Evict,
    /// While advice was given.
    #[cfg_attr(feature = "wasmtime", component(name = "advise"))]
    Advise,
    /// While the session was closed.
    #[cfg_attr(feature = "wasmtime", component(name = "close"))]
    Close,
}

impl Phase {
    /// Every case.
    pub const ALL: &[Self] = &[
        Self::Request,
        Self::Parse,
        Self::Bind,
        Self::Plan,
        Self::Transfer,
        Self::Apply,
        Self::MapLayers,
        Self::Structure,
        Self::Architecture,
        Self::Release,
        Self::Evict,
        Self::Advise,
        Self::Close,
    ];

    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Parse => "parse",
            Self::Bind => "bind",
            Self::Plan => "plan",
            Self::Transfer => "transfer",
            Self::Apply => "apply",
            Self::MapLayers => "map-layers",
            Self::Structure => "structure",
            Self::Architecture => "architecture",
            Self::Release => "release",
            Self::Evict => "evict",
            Self::Advise => "advise",
            Self::Close => "close",
        }
    }
}

/// Why, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Cause {
    /// The caller asked for something that cannot be asked for.
    #[cfg_attr(feature = "wasmtime", component(name = "invalid-request"))]
    InvalidRequest,
    /// The caller named something that is not there.
    #[cfg_attr(feature = "wasmtime", component(name = "not-found"))]
    NotFound,
    /// In use at the moment; ask again later.
    #[cfg_attr(feature = "wasmtime", component(name = "busy"))]
    Busy,
    /// The file breaks the rules of its format.
    #[cfg_attr(feature = "wasmtime", component(name = "malformed"))]
    Malformed,
    /// The file is no model: a pointer, a page, an archive, a model in a format that is not read.
    #[cfg_attr(feature = "wasmtime", component(name = "not-a-model"))]
    NotAModel,
    /// The file is of a format, a version or a byte order that is not read.
    #[cfg_attr(feature = "wasmtime", component(name = "unsupported-format"))]
    UnsupportedFormat,
    /// A tensor's element type is not known.
    #[cfg_attr(feature = "wasmtime", component(name = "unsupported-dtype"))]
    UnsupportedDtype,
    /// The strategy cannot do what was asked.
    #[cfg_attr(feature = "wasmtime", component(name = "unsupported-strategy"))]
    UnsupportedStrategy,
    /// The host does not offer what the strategy needs.
    #[cfg_attr(feature = "wasmtime", component(name = "strategy-unavailable"))]
    StrategyUnavailable,
    /// A bound of the session or of the host was reached.
    #[cfg_attr(feature = "wasmtime", component(name = "limit-exceeded"))]
    LimitExceeded,
    /// Every slot of the pool is owned.
    #[cfg_attr(feature = "wasmtime", component(name = "slots-exhausted"))]
    SlotsExhausted,
    /// A handle of an earlier use of a slot.
    #[cfg_attr(feature = "wasmtime", component(name = "stale-handle"))]
    StaleHandle,
    /// The tensor is resident already.
    #[cfg_attr(feature = "wasmtime", component(name = "already-resident"))]
    AlreadyResident,
    /// The tensor is not resident.
    #[cfg_attr(feature = "wasmtime", component(name = "not-resident"))]
    NotResident,
    /// The tensor is not mapped.
    #[cfg_attr(feature = "wasmtime", component(name = "not-mapped"))]
    NotMapped,
    /// A span leaves its source, its mapping or its target.
    #[cfg_attr(feature = "wasmtime", component(name = "out-of-bounds"))]
    OutOfBounds,
    /// The host may not read it.
    #[cfg_attr(feature = "wasmtime", component(name = "access-denied"))]
    AccessDenied,
    /// The source is not what it was when it was granted.
    #[cfg_attr(feature = "wasmtime", component(name = "source-changed"))]
    SourceChanged,
    /// The source ended before the span did.
    #[cfg_attr(feature = "wasmtime", component(name = "end-of-source"))]
    EndOfSource,
    /// The host has no memory for it.
    #[cfg_attr(feature = "wasmtime", component(name = "out-of-memory"))]
    OutOfMemory,
    /// The embedder cancelled the work.
    #[cfg_attr(feature = "wasmtime", component(name = "cancelled"))]
    Cancelled,
    /// The embedder's deadline passed.
    #[cfg_attr(feature = "wasmtime", component(name = "deadline"))]
    Deadline,
    /// The operating system failed.
    #[cfg_attr(feature = "wasmtime", component(name = "io"))]
    Io,
    /// A bug in the component or in the host.
    #[cfg_attr(feature = "wasmtime", component(name = "internal"))]
    Internal,
    /// None of the above; `message` says what.
    #[cfg_attr(feature = "wasmtime", component(name = "other"))]
    Other,
}

impl Cause {
    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::NotFound => "not-found",
            Self::Busy => "busy",
            Self::Malformed => "malformed",
            Self::NotAModel => "not-a-model",
            Self::UnsupportedFormat => "unsupported-format",
            Self::UnsupportedDtype => "unsupported-dtype",
            Self::UnsupportedStrategy => "unsupported-strategy",
            Self::StrategyUnavailable => "strategy-unavailable",
            Self::LimitExceeded => "limit-exceeded",
            Self::SlotsExhausted => "slots-exhausted",
            Self::StaleHandle => "stale-handle",
            Self::AlreadyResident => "already-resident",
            Self::NotResident => "not-resident",
            Self::NotMapped => "not-mapped",
            Self::OutOfBounds => "out-of-bounds",
            Self::AccessDenied => "access-denied",
            Self::SourceChanged => "source-changed",
            Self::EndOfSource => "end-of-source",
            Self::OutOfMemory => "out-of-memory",
            Self::Cancelled => "cancelled",
            Self::Deadline => "deadline",
            Self::Io => "io",
            Self::Internal => "internal",
            Self::Other => "other",
        }
    }
}

/// The one error. Absent fields do not apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Error {
    /// Where in the work.
    pub phase: Phase,
    /// Why, for programs.
    pub cause: Cause,
    /// The strategy that was at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Index of the tensor that it is about; of a batch, the lowest that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor: Option<u32>,
    /// Index of the file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<u32>,
    /// Byte offset in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Name of the field at that offset, or of the option that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The code of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "wasmtime", component(name = "os-code"))]
    pub os_code: Option<i32>,
    /// A sentence for a person: what is wrong, where, and what to do.
    pub message: String,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if let Some(field) = &self.field {
            write!(f, " [field {field}")?;
            if let Some(offset) = self.offset {
                write!(f, " at byte {offset}")?;
            }
            f.write_str("]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl Error {
    /// An error with only what every error has.
    #[must_use]
    pub fn new(phase: Phase, cause: Cause, message: impl Into<String>) -> Self {
        Self {
            phase,
            cause,
            strategy: None,
            tensor: None,
            source: None,
            offset: None,
            field: None,
            os_code: None,
            message: message.into(),
        }
    }
}

/// How much the machines tell the observer.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Level {
    /// Nothing; no crossing is made.
    #[default]
    #[cfg_attr(feature = "wasmtime", component(name = "off"))]
    Off,
    /// One entry per request and its outcome.
    #[cfg_attr(feature = "wasmtime", component(name = "outcomes"))]
    Outcomes,
    /// Every event, guard, action, transition, command and answer.
    #[cfg_attr(feature = "wasmtime", component(name = "transitions"))]
    Transitions,
    /// As transitions, one by one: the host may hold the guest.
    #[cfg_attr(feature = "wasmtime", component(name = "steps"))]
    Steps,
}

impl Level {
    /// Every case.
    pub const ALL: &[Self] = &[Self::Off, Self::Outcomes, Self::Transitions, Self::Steps];

    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Outcomes => "outcomes",
            Self::Transitions => "transitions",
            Self::Steps => "steps",
        }
    }
}

/// Bounds on what a file may make the guest do. 0 = the documented default of `wit/loader.wit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes of the header of one file.
    #[cfg_attr(feature = "wasmtime", component(name = "header-bytes"))]
    pub header_bytes: u64,
    /// Most tensors of a model.
    pub tensors: u32,
    /// Most metadata entries of a file.
    #[cfg_attr(feature = "wasmtime", component(name = "metadata-entries"))]
    pub metadata_entries: u32,
    /// Most bytes of a tensor name, in safetensors.
    #[cfg_attr(feature = "wasmtime", component(name = "name-bytes"))]
    pub name_bytes: u32,
    /// Deepest nesting of metadata arrays and of JSON.
    pub nesting: u32,
}

/// What the guest is told when a session is opened (`session-options` in the contract).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
#[non_exhaustive]
pub struct GuestOptions {
    /// Mappings that may be live at once; 0 = 256.
    pub slots: u32,
    /// Bounds on the file.
    pub limits: Limits,
    /// What the observer is told.
    pub observe: Level,
    /// Also open a model of which not all is there, to list it: files that are missing or cut off are findings, and `load`
    /// refuses what lies in them.
    #[serde(default)]
    pub partial: bool,
}

/// Checks after the bytes are in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
#[non_exhaustive]
pub struct Validation {
    /// Every layer is whole.
    pub structure: bool,
    /// What the architecture requires is there.
    pub architecture: bool,
}

/// How to load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
#[non_exhaustive]
pub struct LoadOptions {
    /// Which strategies, in which order.
    pub policy: StrategyPolicy,
    /// How residency is cut.
    pub extent: ExtentPolicy,
    /// Bytes moved at most between two points of progress and cancellation; 0 = 4 MiB.
    #[cfg_attr(feature = "wasmtime", component(name = "staging-bytes"))]
    pub staging_bytes: u64,
    /// What to check afterwards.
    pub validate: Validation,
}

/// Which tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum Selection {
    /// Every tensor of the model.
    #[cfg_attr(feature = "wasmtime", component(name = "all"))]
    All,
    /// These, by index.
    #[cfg_attr(feature = "wasmtime", component(name = "tensors"))]
    Tensors(Vec<u32>),
    /// Those whose names match a glob; at least one must.
    #[cfg_attr(feature = "wasmtime", component(name = "matching"))]
    Matching(String),
}

/// A strategy that was tried or considered and not used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Refusal {
    /// Which.
    pub strategy: Strategy,
    /// Why not.
    pub reason: Error,
}

/// What a load did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct LoadReport {
    /// The strategy that moved or mapped the bytes; none where there was nothing to do. Where a part is mapped and the rest was
    /// copied, the one that copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Strategy>,
    /// Those before it in the policy, each with its reason; also the one that was used, where it had to cut its extents anew.
    pub refused: Vec<Refusal>,
    /// Tensors made resident by this load.
    pub tensors: u32,
    /// Bytes of those tensors.
    pub bytes: u64,
    /// Bytes really moved (0 for mappings).
    pub moved: u64,
    /// Bytes of those tensors that are mapped.
    #[serde(default)]
    pub mapped: u64,
    /// Extents mapped or allocated.
    pub extents: u32,
    /// Most slots owned at once since the session was opened.
    #[cfg_attr(feature = "wasmtime", component(name = "slots-peak"))]
    pub slots_peak: u32,
}

/// What the headers say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct ModelSummary {
    /// The name of one of the formats that the component reads ([`FormatInfo::name`]), such as `gguf`.
    pub format: String,
    /// The version of the format; 0 where it has none.
    pub version: u32,
    /// `general.architecture`, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Files.
    pub sources: u32,
    /// Tensors in all files.
    pub tensors: u32,
    /// Metadata entries in all files.
    #[cfg_attr(feature = "wasmtime", component(name = "metadata-entries"))]
    pub metadata_entries: u32,
    /// Bytes of all tensors.
    #[cfg_attr(feature = "wasmtime", component(name = "tensor-bytes"))]
    pub tensor_bytes: u64,
    /// Alignment of tensor data in bytes; 1 where the format has none.
    pub alignment: u64,
}

/// What the header says of one tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct TensorInfo {
    /// As in the file: escape it before it is shown.
    pub name: String,
    /// The name that the format gives it, such as Q4_K or BF16.
    pub dtype: String,
    /// Elements per dimension, in the order of the file.
    pub shape: Vec<u64>,
    /// Index of the file that has it.
    pub source: u32,
    /// Byte offset in that file.
    pub offset: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A metadata array: the type of its elements, how many there are, and the first of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct SequenceHead {
    /// The name that the format gives the element type.
    pub element: String,
    /// Elements in the file.
    pub count: u64,
    /// The first elements, as text; fewer than were asked for where an answer has no room for them.
    pub head: Vec<String>,
}

/// A metadata value as the file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum MetadataValue {
    /// A bool.
    #[cfg_attr(feature = "wasmtime", component(name = "boolean"))]
    Boolean(bool),
    /// u8 to u64.
    #[cfg_attr(feature = "wasmtime", component(name = "unsigned"))]
    Unsigned(u64),
    /// i8 to i64.
    #[cfg_attr(feature = "wasmtime", component(name = "signed"))]
    Signed(i64),
    /// f32 (widened) or f64.
    #[cfg_attr(feature = "wasmtime", component(name = "floating"))]
    Floating(f64),
    /// A string. One that an answer has no room for is cut and then ends with `… [cut: N bytes in the file]`.
    #[cfg_attr(feature = "wasmtime", component(name = "text"))]
    Text(String),
    /// An array.
    #[cfg_attr(feature = "wasmtime", component(name = "sequence"))]
    Sequence(SequenceHead),
}

/// One metadata entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct MetadataEntry {
    /// As in the file: escape it before it is shown.
    pub key: String,
    /// The name that the format gives the type.
    pub kind: String,
    /// Index of the file that has it.
    pub source: u32,
    /// Its value.
    pub value: MetadataValue,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Severity {
    /// Good to know.
    #[cfg_attr(feature = "wasmtime", component(name = "note"))]
    Note,
    /// Others may refuse the model, or read it differently.
    #[cfg_attr(feature = "wasmtime", component(name = "warning"))]
    Warning,
    /// A load refuses the model, or the tensor.
    #[cfg_attr(feature = "wasmtime", component(name = "error"))]
    Error,
}

impl Severity {
    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that was noticed of a model that could be opened all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Finding {
    /// Which rule, for programs: lower case, with hyphens.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// A sentence for a person.
    pub message: String,
    /// Index of the file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<u32>,
    /// Index of the tensor that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor: Option<u32>,
    /// Byte offset in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// How the elements of a tensor lie in its bytes: what another format has to know to hold them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct TensorLayout {
    /// Whether elements that lie together follow the first dimension of the shape, as in GGUF; else they follow the last one.
    #[cfg_attr(feature = "wasmtime", component(name = "fastest-first"))]
    pub fastest_first: bool,
    /// Elements of the smallest part that can stand alone: 1, and more for types that are packed or quantized.
    #[cfg_attr(feature = "wasmtime", component(name = "block-elements"))]
    pub block_elements: u64,
    /// Bytes of that part.
    #[cfg_attr(feature = "wasmtime", component(name = "block-bytes"))]
    pub block_bytes: u64,
    /// Elements from one to the next, per dimension, of a tensor whose elements do not lie one after the other. It is listed
    /// with its first byte and the bytes up to its last element, and is not loaded. Empty for every other tensor.
    pub strides: Vec<u64>,
}

/// A change of one metadata entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct MetadataEdit {
    /// Whose. An entry that is there keeps its place; a new one stands behind the others.
    pub key: String,
    /// What it is from now on; none takes it away.
    pub value: Option<NewValue>,
}

/// A metadata value as a person writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct NewValue {
    /// The format's name of its type (of an array, of the elements), such as `u32`; none: the type that is there, else a
    /// string.
    pub kind: Option<String>,
    /// Whether it is an array.
    pub sequence: bool,
    /// The value as text; of an array, each element.
    pub elements: Vec<String>,
}

/// Bytes of a file, as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct KeptSpan {
    /// The first one.
    pub offset: u64,
    /// How many.
    pub len: u64,
}

/// A part of a file that is written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum FilePart {
    /// These bytes.
    #[cfg_attr(feature = "wasmtime", component(name = "bytes"))]
    Bytes(Vec<u8>),
    /// These of the file.
    #[cfg_attr(feature = "wasmtime", component(name = "kept"))]
    Kept(KeptSpan),
}

impl Finding {
    /// A finding about the whole model.
    #[must_use]
    pub fn new(rule: impl Into<String>, severity: Severity, message: impl Into<String>) -> Self {
        Self { rule: rule.into(), severity, message: message.into(), source: None, tensor: None, offset: None }
    }
}

/// What holds a resident tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum Place {
    /// The id of a mapping.
    #[cfg_attr(feature = "wasmtime", component(name = "mapping"))]
    Mapping(u64),
    /// The id of a target.
    #[cfg_attr(feature = "wasmtime", component(name = "target"))]
    Target(u64),
}

/// Where a resident tensor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Location {
    /// In what.
    pub place: Place,
    /// From which byte of it.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Residency of one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct TensorState {
    /// Its lifecycle.
    pub lifecycle: Lifecycle,
    /// What made it resident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// The slot of its mapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
    /// Where its bytes are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// State of one mapping slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum SlotStatus {
    /// On the free stack.
    #[cfg_attr(feature = "wasmtime", component(name = "free"))]
    Free,
    /// Reserved while the host maps.
    #[cfg_attr(feature = "wasmtime", component(name = "reserved"))]
    Reserved,
    /// Holds a mapping.
    #[cfg_attr(feature = "wasmtime", component(name = "owned"))]
    Owned,
    /// Holds a mapping that the host would not end yet.
    #[cfg_attr(feature = "wasmtime", component(name = "unmap-pending"))]
    UnmapPending,
    /// Out of generations; never used again.
    #[cfg_attr(feature = "wasmtime", component(name = "retired"))]
    Retired,
}

impl SlotStatus {
    /// Every case.
    pub const ALL: &[Self] = &[Self::Free, Self::Reserved, Self::Owned, Self::UnmapPending, Self::Retired];

    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Reserved => "reserved",
            Self::Owned => "owned",
            Self::UnmapPending => "unmap-pending",
            Self::Retired => "retired",
        }
    }
}

/// One mapping slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct SlotState {
    /// Its status.
    pub status: SlotStatus,
    /// How often it has been given out.
    pub generation: u32,
    /// Index of the file that is mapped.
    pub source: u32,
    /// Byte offset of the extent in the file.
    pub offset: u64,
    /// Bytes of the extent.
    pub bytes: u64,
    /// Tensors resident in it.
    pub tensors: u32,
}

/// State of one buffer's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum BufferStatus {
    /// Given to no buffer.
    #[cfg_attr(feature = "wasmtime", component(name = "free"))]
    Free,
    /// Reserved while the host allocates.
    #[cfg_attr(feature = "wasmtime", component(name = "reserved"))]
    Reserved,
    /// Has memory.
    #[cfg_attr(feature = "wasmtime", component(name = "owned"))]
    Owned,
    /// Has memory that the host would not take back yet.
    #[cfg_attr(feature = "wasmtime", component(name = "free-pending"))]
    FreePending,
    /// Out of generations; never used again.
    #[cfg_attr(feature = "wasmtime", component(name = "retired"))]
    Retired,
}

impl BufferStatus {
    /// Every case.
    pub const ALL: &[Self] = &[Self::Free, Self::Reserved, Self::Owned, Self::FreePending, Self::Retired];

    /// The name as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Reserved => "reserved",
            Self::Owned => "owned",
            Self::FreePending => "free-pending",
            Self::Retired => "retired",
        }
    }
}

/// One buffer that copies of tensors lie in: memory of the host, or of the embedder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct BufferState {
    /// Its status.
    pub status: BufferStatus,
    /// How often its number has been given out.
    pub generation: u32,
    /// The host's name for the memory; 0 where there is none.
    pub target: u64,
    /// Capacity in bytes.
    pub bytes: u64,
    /// Tensors resident in it.
    pub tensors: u32,
    /// The embedder registered it.
    pub external: bool,
}

/// Where a machine stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct MachineStatus {
    /// Its name, such as `io/mmap`.
    pub machine: String,
    /// Which one, where there are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<u32>,
    /// Its current state.
    pub state: String,
}

/// One row of a transition table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct MachineRow {
    /// The section of the table that it stands in.
    pub section: String,
    /// From.
    pub source: String,
    /// The name of the event; `unexpected` for the row that answers all others.
    pub event: String,
    /// Whether the event is the completion of the one before.
    pub completion: bool,
    /// The expression of the guard; empty where there is none.
    pub guard: String,
    /// The name of the action; empty where there is none.
    pub action: String,
    /// To; equal to `source` for an internal transition.
    pub target: String,
    /// Whether the row turns its request down, or ends it as failed: its guard is why.
    pub refuses: bool,
}

/// What a machine keeps many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Pool {
    /// Slots of mappings.
    #[cfg_attr(feature = "wasmtime", component(name = "slots"))]
    Slots,
    /// Buffers of copies.
    #[cfg_attr(feature = "wasmtime", component(name = "buffers"))]
    Buffers,
}

/// One machine's whole behaviour, from the table that it runs on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct MachineTable {
    /// Its name, such as `io/mmap`.
    pub machine: String,
    /// The state it begins in.
    pub initial: String,
    /// The rows in the order in which they are tried.
    pub rows: Vec<MachineRow>,
    /// Its place among the machines: a load meets them in this order.
    pub order: u32,
    /// Whether there is one for each tensor.
    pub pooled: bool,
    /// What the machine keeps many of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owns: Option<Pool>,
}

/// How a model of several files is cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum MultiFile {
    /// A model is one file.
    #[cfg_attr(feature = "wasmtime", component(name = "none"))]
    None,
    /// Numbered parts, each of which says its place: `name-00001-of-00003.gguf`.
    #[cfg_attr(feature = "wasmtime", component(name = "numbered"))]
    Numbered,
    /// A file whose name has this ending, behind a dot, names the shards and lies beside them.
    #[cfg_attr(feature = "wasmtime", component(name = "index"))]
    Index(String),
}

/// What a component says of a format that it reads. Texts are its own: escape them before they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct FormatInfo {
    /// What [`ModelSummary::format`] says: lower case, no blanks.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The versions that are read, as a sentence has them (`2 and 3`); empty where the format has none.
    pub versions: String,
    /// What the names of its files end in: lower case, without the dot, the usual one first.
    pub extensions: Vec<String>,
    /// How a model of several files is cut.
    #[cfg_attr(feature = "wasmtime", component(name = "multi-file"))]
    pub multi_file: MultiFile,
}

impl FormatInfo {
    /// Formats as the end of a sentence: `GGUF, safetensors or NPY`; escaped.
    #[must_use]
    pub fn titles(formats: &[Self], last: &str) -> String {
        let titles: Vec<String> = formats.iter().map(|format| crate::escape(&format.title)).collect();
        listed(&titles, last)
    }

    /// The same with the versions that are read: `GGUF (versions 2 and 3), safetensors and NPY (versions 1 to 3)`.
    #[must_use]
    pub fn titles_and_versions(formats: &[Self], last: &str) -> String {
        let title = |format: &Self| match format.versions.as_str() {
            "" => crate::escape(&format.title),
            versions => format!("{} (versions {})", crate::escape(&format.title), crate::escape(versions)),
        };
        listed(&formats.iter().map(title).collect::<Vec<_>>(), last)
    }
}

/// `a, b and c`, with the word that comes before the last.
fn listed(items: &[String], word: &str) -> String {
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {word} {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Why the host did not do what the guest asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum StorageError {
    /// This host has no such operation.
    #[cfg_attr(feature = "wasmtime", component(name = "unsupported"))]
    Unsupported,
    /// The operating system or the embedder forbids it.
    #[cfg_attr(feature = "wasmtime", component(name = "access-denied"))]
    AccessDenied,
    /// The span leaves the source, the mapping or the target.
    #[cfg_attr(feature = "wasmtime", component(name = "out-of-bounds"))]
    OutOfBounds,
    /// A view is in use; ask again later.
    #[cfg_attr(feature = "wasmtime", component(name = "busy"))]
    Busy,
    /// A quota or the memory is used up.
    #[cfg_attr(feature = "wasmtime", component(name = "exhausted"))]
    Exhausted,
    /// The file is not what it was when it was granted.
    #[cfg_attr(feature = "wasmtime", component(name = "changed"))]
    Changed,
    /// The file ended before the span did.
    #[cfg_attr(feature = "wasmtime", component(name = "end-of-source"))]
    EndOfSource,
    /// The embedder cancelled the work.
    #[cfg_attr(feature = "wasmtime", component(name = "cancelled"))]
    Cancelled,
    /// The embedder's deadline passed.
    #[cfg_attr(feature = "wasmtime", component(name = "deadline"))]
    Deadline,
    /// The code of the operating system.
    #[cfg_attr(feature = "wasmtime", component(name = "io"))]
    Io(i32),
    /// None of the above.
    #[cfg_attr(feature = "wasmtime", component(name = "other"))]
    Other(String),
}

/// What a host can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Capabilities {
    /// `map-range` works.
    pub mmap: bool,
    /// `advise` may have an effect.
    pub advise: bool,
    /// Offsets given to `map-range` must be multiples of this many bytes.
    #[cfg_attr(feature = "wasmtime", component(name = "map-granularity"))]
    pub map_granularity: u64,
    /// Most bytes that one `read` answers.
    #[cfg_attr(feature = "wasmtime", component(name = "max-read"))]
    pub max_read: u32,
    /// Most spans in one `read-into`.
    #[cfg_attr(feature = "wasmtime", component(name = "max-batch"))]
    pub max_batch: u32,
    /// The order of the policy `auto`.
    pub auto: Vec<Strategy>,
}

/// What a file is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct SourceStat {
    /// Bytes.
    pub size: u64,
    /// Changes when the file does.
    pub fingerprint: (u64, u64),
}

/// One piece of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct CopySpan {
    /// Index into the sources of the batch.
    pub source: u32,
    /// Byte offset in the file.
    pub offset: u64,
    /// Bytes to move.
    pub len: u64,
    /// Index into the targets of the batch.
    pub target: u32,
    /// Byte offset in the target.
    #[cfg_attr(feature = "wasmtime", component(name = "target-offset"))]
    pub target_offset: u64,
}

/// A failed batch. Nothing of it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct BatchError {
    /// The lowest span that failed.
    pub span: u32,
    /// Why.
    pub error: StorageError,
}

/// One thing that a machine did. Numbers are indices into the names of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum Happening {
    /// An event was dispatched.
    #[cfg_attr(feature = "wasmtime", component(name = "event"))]
    Event(u32),
    /// A guard was tried, and whether it held.
    #[cfg_attr(feature = "wasmtime", component(name = "guard"))]
    Guard((u32, bool)),
    /// An action ran.
    #[cfg_attr(feature = "wasmtime", component(name = "action"))]
    Action(u32),
    /// From one state to another.
    #[cfg_attr(feature = "wasmtime", component(name = "transition"))]
    Transition((u32, u32)),
    /// The machine left a command for its driver.
    #[cfg_attr(feature = "wasmtime", component(name = "command"))]
    Command(u32),
    /// The driver brought the answer, and whether it was good.
    #[cfg_attr(feature = "wasmtime", component(name = "answer"))]
    Answer((u32, bool)),
    /// The request ended, and whether well.
    #[cfg_attr(feature = "wasmtime", component(name = "outcome"))]
    Outcome((u32, bool)),
}

/// One thing that one machine did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Entry {
    /// Index of the name of the machine.
    pub machine: u32,
    /// Which one: the tensor for model/tensor, the slot for io/mmap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<u32>,
    /// What happened.
    pub what: Happening,
}
