//! What a session did, as a sequence of records: the same whether it is watched live, kept in the ring, written to a
//! recording, or sent by a web worker. Times are nanoseconds since the session began; the host stamps them.
use crate::types::{
    Advice, AdviceEffect, BatchError, Capabilities, CopySpan, Entry, Error, GuestOptions, Level, LoadOptions,
    Selection, SourceStat, StorageError,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One thing that happened, with its place and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Counts from 0 without gaps.
    pub seq: u64,
    /// Nanoseconds since the session began.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The guest gave names; the first has index `first`.
    Names {
        /// Index of the first.
        first: u32,
        /// The names.
        names: Vec<String>,
    },
    /// A machine did something.
    Step(Entry),
    /// The host called an export of the guest.
    Enter(Box<Export>),
    /// The export returned.
    Leave(Box<Outcome>),
    /// The guest called the host.
    Call(Box<Call>),
    /// The host answered the call before it. `ns` is how long it took.
    Return {
        /// The answer.
        answer: Box<Answer>,
        /// Nanoseconds that the host spent on it.
        ns: u64,
    },
    /// The host finished a part of its own work, such as `instantiate`.
    Host {
        /// Which part.
        part: String,
        /// Nanoseconds that it took.
        ns: u64,
    },
}

/// An export that was called, with its arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Export {
    /// `session.open`; the sources' names, numbered from 0.
    Open {
        /// The names that the guest got: neutral ones, unless the embedder allows names.
        sources: Vec<String>,
        /// What the guest was told.
        options: GuestOptions,
    },
    /// `session.missing`.
    Missing,
    /// `session.provide`.
    Provide {
        /// File names, numbered on from those before.
        sources: Vec<String>,
    },
    /// `session.summary`.
    Summary,
    /// `session.tensors`.
    Tensors {
        /// First index.
        start: u32,
        /// At most so many.
        count: u32,
    },
    /// `session.metadata`.
    Metadata {
        /// First index.
        start: u32,
        /// At most so many.
        count: u32,
        /// Elements of an array at most.
        head: u32,
    },
    /// `session.load`.
    Load {
        /// Which tensors.
        selection: Selection,
        /// How.
        options: LoadOptions,
    },
    /// `session.release`.
    Release {
        /// Which tensors.
        selection: Selection,
    },
    /// `session.evict`.
    Evict {
        /// Which tensors.
        selection: Selection,
    },
    /// `session.advise`.
    Advise {
        /// Index of the tensor.
        tensor: u32,
        /// What.
        advice: Advice,
    },
    /// `session.observe`.
    Observe {
        /// What the observer is told from now on.
        level: Level,
    },
    /// `session.close`.
    Close,
}

/// What an export answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It went well; the value as JSON, in the spelling of `types`. Of `tensors` and `metadata` it is how many there were.
    Ok(serde_json::Value),
    /// The guest answered an error.
    Failed(Error),
    /// The guest trapped, or the host ended it: a bug of the guest or a limit reached.
    Trapped(String),
}

/// A call of the guest to the host's storage, with its arguments. Sources are numbered in the order in which they were
/// granted; mappings and targets go by the ids that the host gave them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// `get-capabilities`.
    GetCapabilities,
    /// `source.stat`.
    Stat {
        /// Number of the source.
        source: u32,
    },
    /// `source.read`: header bytes into the guest.
    Read {
        /// Number of the source.
        source: u32,
        /// Byte offset.
        offset: u64,
        /// Bytes.
        len: u32,
    },
    /// `source.map-range`.
    MapRange {
        /// Number of the source.
        source: u32,
        /// Byte offset.
        offset: u64,
        /// Bytes.
        len: u64,
    },
    /// `mapping.advise`.
    Advise {
        /// Id of the mapping.
        mapping: u64,
        /// Byte offset in the mapping.
        offset: u64,
        /// Bytes.
        len: u64,
        /// What.
        advice: Advice,
    },
    /// `mapping.unmap`.
    Unmap {
        /// Id of the mapping.
        mapping: u64,
    },
    /// `allocate`.
    Allocate {
        /// Bytes.
        len: u64,
    },
    /// `target.free`.
    Free {
        /// Id of the target.
        target: u64,
    },
    /// `registered`.
    Registered {
        /// Tensor names.
        tensors: Vec<String>,
    },
    /// `read-into`: tensor bytes past the guest.
    ReadInto {
        /// Numbers of the sources.
        sources: Vec<u32>,
        /// Ids of the targets.
        targets: Vec<u64>,
        /// The pieces.
        batch: Vec<CopySpan>,
    },
}

/// What the host answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To `get-capabilities`.
    Capabilities(Capabilities),
    /// To `stat`.
    Stat(SourceStat),
    /// To `read`. Shared, since the record and the guest both get it.
    Bytes(#[serde(with = "base64_bytes")] Arc<Vec<u8>>),
    /// To `map-range`: the id of the mapping.
    Mapping(u64),
    /// To `allocate`.
    Target {
        /// Its id.
        id: u64,
        /// Its capacity in bytes.
        len: u64,
    },
    /// To `registered`: id and capacity of each.
    Targets(Vec<Option<(u64, u64)>>),
    /// To `advise`.
    Effect(AdviceEffect),
    /// To `unmap`, `free` and `read-into`.
    Done,
    /// The host did not do it.
    Failed(StorageError),
    /// To `read-into`.
    BatchFailed(BatchError),
}

impl Answer {
    /// Whether the host did what it was asked.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !matches!(self, Self::Failed(_) | Self::BatchFailed(_))
    }
}

impl Call {
    /// The name of the function, as the contract spells it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::GetCapabilities => "get-capabilities",
            Self::Stat { .. } => "stat",
            Self::Read { .. } => "read",
            Self::MapRange { .. } => "map-range",
            Self::Advise { .. } => "advise",
            Self::Unmap { .. } => "unmap",
            Self::Allocate { .. } => "allocate",
            Self::Free { .. } => "free",
            Self::Registered { .. } => "registered",
            Self::ReadInto { .. } => "read-into",
        }
    }
}

impl Export {
    /// The name of the function, as the contract spells it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Missing => "missing",
            Self::Provide { .. } => "provide",
            Self::Summary => "summary",
            Self::Tensors { .. } => "tensors",
            Self::Metadata { .. } => "metadata",
            Self::Load { .. } => "load",
            Self::Release { .. } => "release",
            Self::Evict { .. } => "evict",
            Self::Advise { .. } => "advise",
            Self::Observe { .. } => "observe",
            Self::Close => "close",
        }
    }
}

mod base64_bytes {
    //! Bytes as base64 text.
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use std::sync::Arc;

    #[allow(clippy::rc_buffer, reason = "the field's own type: what was read is not copied again to be shared")]
    pub(super) fn serialize<S: Serializer>(bytes: &Arc<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes.as_slice()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Vec<u8>>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map(Arc::new).map_err(D::Error::custom)
    }
}
