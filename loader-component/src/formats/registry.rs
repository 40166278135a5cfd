//! The formats that are read. Adding one is a folder, and a line here (`CONTRIBUTING.md` has the recipe).
use super::archives::Contents;
use super::format::{Format, MultiFile};
use super::handler::Handler;
use super::shard_index::ShardIndex;
use super::{gguf, npy, npz, pytorch, safetensors};

/// Every format. Where two are as sure of a file, the earlier one reads it.
pub(crate) static HANDLERS: &[&Handler] =
    &[&gguf::HANDLER, &safetensors::HANDLER, &npy::HANDLER, &pytorch::HANDLER, &npz::HANDLER];

/// The formats whose files are ZIP archives. Where two would take an archive, the earlier one does.
pub(crate) static ARCHIVES: &[&Contents] = &[&pytorch::CONTENTS, &npz::CONTENTS];

/// What anybody may be told of the formats that are read.
pub fn formats() -> impl Iterator<Item = &'static Format> {
    HANDLERS.iter().map(|handler| handler.format)
}

/// Who reads this format.
pub(crate) fn handler(format: &Format) -> Option<&'static Handler> {
    HANDLERS.iter().find(|handler| handler.format == format).copied()
}

/// The format of the shards that an index names, by what the first one's name ends in. What an index itself is called says
/// less: hosts give it a neutral name.
pub(crate) fn of_shards(index: &ShardIndex) -> Option<&'static Format> {
    let first = index.files().next()?.to_ascii_lowercase();
    let (_, ending) = first.rsplit_once('.')?;
    let indexed = |format: &&Format| matches!(format.multi_file, MultiFile::Index(_));
    formats().filter(indexed).find(|format| format.extensions.contains(&ending))
}
