//! The formats that are read. Adding one is a folder, and a line here (`CONTRIBUTING.md` has the recipe).
use super::format::Format;
use super::handler::Handler;
use super::{gguf, npy, safetensors};

/// Every format. Where two are as sure of a file, the earlier one reads it.
pub(crate) static HANDLERS: &[&Handler] = &[&gguf::HANDLER, &safetensors::HANDLER, &npy::HANDLER];

/// What anybody may be told of the formats that are read.
pub fn formats() -> impl Iterator<Item = &'static Format> {
    HANDLERS.iter().map(|handler| handler.format)
}

/// Who reads this format.
pub(crate) fn handler(format: &Format) -> Option<&'static Handler> {
    HANDLERS.iter().find(|handler| handler.format == format).copied()
}
