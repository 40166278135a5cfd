//! What GGUF is called.
use super::super::format::{Format, MultiFile};

pub(super) static FORMAT: Format = Format {
    name: "gguf",
    title: "GGUF",
    versions: "2 and 3",
    extensions: &["gguf"],
    multi_file: MultiFile::Numbered,
    fastest_first: true,
};

/// The file's first bytes.
pub(super) const MAGIC: &[u8] = b"GGUF";
