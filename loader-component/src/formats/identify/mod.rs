//! What a file is that is not a model: told by its content, with what to do about it.
//!
//! Asked only about a file that no format could read, so that a good one costs nothing.
mod archive;
mod behind;
mod leftover;
mod model;
mod seen;
mod text;

pub(crate) use behind::behind;
pub(crate) use seen::Seen;

/// Bytes of a file's beginning that are looked at.
pub(crate) const HEAD: u64 = 4 << 10;
/// Bytes of its end.
pub(crate) const TAIL: u64 = 64;

/// In the order in which they are asked: what is told by more bytes first.
static KINDS: &[fn(&Seen<'_>) -> Option<String>] = &[
    text::git_lfs,
    leftover::zeros,
    leftover::aria2,
    model::llamafile,
    model::hdf5,
    model::tflite,
    model::old_ggml,
    model::onnx,
    archive::archive,
    archive::other,
    text::page,
    text::json,
    text::plain,
];

/// A sentence or two about what it is and what to do; none where nothing is known of it.
pub(crate) fn identify(seen: &Seen<'_>) -> Option<String> {
    KINDS.iter().find_map(|kind| kind(seen))
}

#[cfg(test)]
mod tests;
