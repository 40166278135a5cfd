//! What safetensors is called, and how long its headers may be.
use super::super::Limits;
use super::super::format::{Format, MultiFile};

/// What the name of a model's index ends in.
pub(super) const INDEX: &str = "index.json";
/// What the name of a file ends in.
pub(super) const EXTENSION: &str = "safetensors";

pub(super) static FORMAT: Format = Format {
    name: "safetensors",
    title: "safetensors",
    versions: "",
    extensions: &[EXTENSION, "safetensors.index.json"],
    multi_file: MultiFile::Index(INDEX),
    fastest_first: false,
};

/// Most bytes of a header; the format's own reader has the same cap, so a larger wish is cut to it.
pub(super) const MOST: u64 = 100_000_000;

/// Most bytes of a header or an index.
pub(super) fn header_limit(limits: &Limits) -> u64 {
    limits.header_or(MOST).min(MOST)
}
