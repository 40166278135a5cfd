//! Bounds on what a file may make this crate do.
use crate::api;

/// Most bytes of a GGUF header unless the caller says otherwise: 1 GiB.
const GGUF_HEADER: u64 = 1 << 30;
/// Most bytes of a safetensors header; the format's own reader has the same cap, so a larger wish is cut to it.
const JSON_HEADER: u64 = 100_000_000;

/// Bounds on one file. `Limits::default()` and [`Limits::from`] an `api::Limits` fill in the defaults of `loader.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one file's header; 0 = 1 GiB for GGUF, 100,000,000 for safetensors (which is also its cap).
    pub header_bytes: u64,
    /// Most tensors of a model.
    pub tensors: u32,
    /// Most metadata entries of a file.
    pub metadata_entries: u32,
    /// Most bytes of a tensor's name in safetensors.
    pub name_bytes: u32,
    /// Deepest nesting of metadata arrays and of JSON.
    pub nesting: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header_bytes: 0, tensors: 4_194_304, metadata_entries: 1_048_576, name_bytes: 4_096, nesting: 16 }
    }
}

impl From<&api::Limits> for Limits {
    fn from(given: &api::Limits) -> Self {
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        let default = Self::default();
        Self {
            header_bytes: given.header_bytes,
            tensors: or(given.tensors, default.tensors),
            metadata_entries: or(given.metadata_entries, default.metadata_entries),
            name_bytes: or(given.name_bytes, default.name_bytes),
            nesting: or(given.nesting, default.nesting),
        }
    }
}

impl Limits {
    /// The header bound of a GGUF file in bytes.
    pub(crate) fn gguf_header(&self) -> u64 {
        if self.header_bytes == 0 { GGUF_HEADER } else { self.header_bytes }
    }

    /// The header bound of a safetensors file or an index in bytes.
    pub(crate) fn json_header(&self) -> u64 {
        if self.header_bytes == 0 { JSON_HEADER } else { self.header_bytes.min(JSON_HEADER) }
    }
}
