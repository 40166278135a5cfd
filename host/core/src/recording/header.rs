//! What a recording is.
use crate::trace::Record;
use crate::types::{Capabilities, MachineTable};
use serde::{Deserialize, Serialize};

/// The version of the format that this library writes. It reads this one and those before it.
pub const VERSION: u32 = 1;

/// A recorded session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Of what, and by what.
    pub header: RecordingHeader,
    /// What happened, in order; `seq` has no gaps.
    pub records: Vec<Record>,
}

/// The first line of a recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordingHeader {
    /// The version of `weighbridge` that recorded.
    pub weighbridge: String,
    /// SHA-256 of the component that ran, in hexadecimal.
    pub component: String,
    /// What the host could do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// Records before the first one here that the ring had to drop. Such a recording can be looked at, not replayed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// Names that the guest gave in the lost records, by index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Paths of the files; only where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The transition tables of the component's machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machines: Vec<MachineTable>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
