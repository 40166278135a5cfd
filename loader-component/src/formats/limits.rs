//! Bounds on what a file may make this crate do.
use crate::api;

/// Bounds on one file. `Limits::default()` and [`Limits::from`] an `api::Limits` fill in the defaults of `loader.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one file's header; 0 = what the format has for that.
    pub header_bytes: u64,
    /// Most tensors of a model.
    pub tensors: u32,
    /// Most metadata entries of a file.
    pub metadata_entries: u32,
    /// Most bytes of a tensor's name, where the format says nothing stricter.
    pub name_bytes: u32,
    /// Deepest nesting of metadata arrays and of JSON.
    pub nesting: u32,
    /// No bound: whether a file that ends before its last tensor is listed, with a finding, instead of refused.
    pub partial: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 0,
            tensors: 4_194_304,
            metadata_entries: 1_048_576,
            name_bytes: 4_096,
            nesting: 16,
            partial: false,
        }
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
            partial: false,
        }
    }
}

impl Limits {
    /// Most bytes of one file's header, where the format's own bound is this.
    pub(crate) fn header_or(&self, usual: u64) -> u64 {
        if self.header_bytes == 0 { usual } else { self.header_bytes }
    }
}
