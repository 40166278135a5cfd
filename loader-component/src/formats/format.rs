//! What anybody may be told of a format: the host for names and dialogs, a person for advice.
use std::fmt;

use crate::api;

/// A format by its names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// What `model-summary.format` says: lower case, no blanks.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The versions that are read, as a sentence has them (`2 and 3`); empty where the format has none.
    pub versions: &'static str,
    /// What its files' names end in, lower case and without the dot, the usual one first.
    pub extensions: &'static [&'static str],
    /// How a model of several files is cut.
    pub multi_file: MultiFile,
    /// Whether elements that lie together follow the first dimension of a shape; else they follow the last one.
    pub fastest_first: bool,
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// How a model of several files is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultiFile {
    /// A model is one file.
    No,
    /// Numbered parts, each of which says its place: `name-00001-of-00003.gguf`.
    Numbered,
    /// A file whose name has this ending, without a dot before it, names the shards.
    Index(&'static str),
}

impl From<&Format> for api::FormatInfo {
    fn from(format: &Format) -> Self {
        Self {
            name: format.name.into(),
            title: format.title.into(),
            versions: format.versions.into(),
            extensions: format.extensions.iter().map(|extension| (*extension).into()).collect(),
            multi_file: match format.multi_file {
                MultiFile::No => api::MultiFile::None,
                MultiFile::Numbered => api::MultiFile::Numbered,
                MultiFile::Index(ending) => api::MultiFile::Index(ending.into()),
            },
        }
    }
}
