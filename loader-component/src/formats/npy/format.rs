//! What NPY is called.
use super::super::format::{Format, MultiFile};

pub(super) static FORMAT: Format = Format {
    name: "npy",
    title: "NPY",
    versions: "1 to 3",
    extensions: &["npy"],
    multi_file: MultiFile::No,
    fastest_first: false,
};

/// The file's first bytes.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// The one tensor's name. The format has none, and what the file is called is the host's to know.
pub(super) const TENSOR: &str = "array";
