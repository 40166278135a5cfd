//! What is asked of a conversion, and what it did.
use serde::Serialize;
use std::path::PathBuf;
use weighbridge_core::Selection;

/// How a model is written as safetensors.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConvertOptions {
    /// Which tensors; all by default.
    pub selection: Selection,
    /// Most bytes of tensors in one file: a model that has more becomes several, and an index that names them. A tensor that
    /// is larger has a file of its own. None, as by default: one file.
    pub shard_bytes: Option<u64>,
    /// Whether files may be replaced. They stay as they are until the new ones are whole.
    pub overwrite: bool,
    /// Entries for `__metadata__`. Those of a model that is safetensors already are kept.
    pub metadata: Vec<(String, String)>,
}

impl Default for ConvertOptions {
    fn default() -> Self {
        Self { selection: Selection::All, shard_bytes: None, overwrite: false, metadata: Vec::new() }
    }
}

impl ConvertOptions {
    /// All tensors, into one new file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`selection`](Self#structfield.selection).
    #[must_use]
    pub fn selection(mut self, selection: impl Into<Selection>) -> Self {
        self.selection = selection.into();
        self
    }

    /// Sets [`shard_bytes`](Self#structfield.shard_bytes).
    #[must_use]
    pub fn shard_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.shard_bytes = bytes.into();
        self
    }

    /// Sets [`overwrite`](Self#structfield.overwrite).
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Adds an entry to [`metadata`](Self#structfield.metadata).
    #[must_use]
    pub fn entry(mut self, key: impl Into<String>, text: impl Into<String>) -> Self {
        self.metadata.push((key.into(), text.into()));
        self
    }
}

/// What a conversion wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Converted {
    /// The files, in the order of their names; the index, where there is one, is the last.
    pub files: Vec<ConvertedFile>,
    /// Tensors.
    pub tensors: u32,
    /// Bytes of these in the new files.
    pub bytes: u64,
    /// Tensors that had strides, and whose elements were put one after the other.
    pub gathered: u32,
    /// Tensors that share bytes with one before them in the model, such as tied weights. Each was written with bytes of its
    /// own.
    pub shared: u32,
    /// Metadata entries that safetensors has no place for.
    pub left_out: u32,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConvertedFile {
    /// Where.
    pub path: PathBuf,
    /// Bytes.
    pub bytes: u64,
    /// Tensors in it.
    pub tensors: u32,
}
