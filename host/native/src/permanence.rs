//! Whether the bytes of a mapped file can change under its reader.
use serde::Serialize;

pub use crate::platform::unsafe_ops::Unchanging;

/// What is known of a file's bytes while they are mapped.
///
/// Of these only [`Sealed`](Self::Sealed) and [`Verity`](Self::Verity) are held by the system against everybody, its own
/// administrator included; [`ReadOnly`](Self::ReadOnly) is what holds on this machine until somebody mounts anew.
///
/// ```
/// use weighbridge::{LoadOptions, Permanence, Selection};
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
///
/// # let mut model = tiny_model()?;
/// model.load(&Selection::All, &LoadOptions::new())?;
/// assert_eq!(model.tensor("scale")?.permanence(), Permanence::Owner, "these bytes are in memory");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Permanence {
    /// A copy in memory of this process.
    Copied,
    /// Memory of the embedder, or a source of its own.
    Owner,
    /// Memory with a name (`memfd`) that is sealed against writing and shrinking.
    Sealed,
    /// The file has fs-verity: its bytes are held to a hash, and no one can write to it.
    Verity,
    /// Its file system is mounted read-only here. Who has it elsewhere, such as on a server, may write.
    ReadOnly,
    /// Nothing is known: whoever may write to the file can change it now.
    Unknown,
}

impl Permanence {
    /// Whether the system holds the bytes as they are.
    #[must_use]
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Copied | Self::Sealed | Self::Verity)
    }
}
