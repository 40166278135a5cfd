//! What a finding is.
use weighbridge_core::types::Severity;

/// Something noticed: by the component, which the host's `findings` have, or by the inspector itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// How much it matters.
    pub level: Severity,
    /// Which rule, escaped.
    pub rule: String,
    /// What it is, in a few words.
    pub title: String,
    /// What it means, and what to do.
    pub text: String,
    /// The tensor it is about.
    pub tensor: Option<u32>,
    /// The file it is about, and the byte in it.
    pub file: Option<u32>,
    /// The byte in that file.
    pub offset: Option<u64>,
}
