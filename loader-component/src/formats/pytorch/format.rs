//! What checkpoints are called.
use super::super::format::{Format, MultiFile};

/// What the name of a model's index ends in.
const INDEX: &str = "bin.index.json";

pub(super) static FORMAT: Format = Format {
    name: "pytorch",
    title: "PyTorch",
    versions: "",
    extensions: &["pt", "pth", "bin", "ckpt", "jit", INDEX],
    multi_file: MultiFile::Index(INDEX),
    fastest_first: false,
};
