//! What NPZ is called, and what tells its files: a ZIP archive's first bytes, then an entry that ends in `.npy`.
use super::super::archives::{Archived, Contents};
use super::super::assembly::SINGLE;
use super::super::format::{Format, MultiFile};
use super::super::handler::{Glimpse, Handler, Match, by_magic};
use super::super::zip::MAGIC;
use super::reader::Npz;

/// What the name of each entry ends in.
pub(super) const ENDING: &str = ".npy";

/// What an archive without entries begins with: its end. NumPy writes one where it is given no arrays, and then the name alone
/// says what it is.
const EMPTY: &[u8] = b"PK\x05\x06";

fn is_empty(file: &Glimpse<'_>) -> bool {
    file.name.ends_with(".npz") && file.head.starts_with(EMPTY)
}

pub(super) static FORMAT: Format = Format {
    name: "npz",
    title: "NPZ",
    versions: "",
    extensions: &["npz"],
    multi_file: MultiFile::No,
    fastest_first: false,
};

pub(in super::super) static HANDLER: Handler = Handler {
    format: &FORMAT,
    head: MAGIC.len() as u32,
    tail: 0,
    sniff: |file| match by_magic(file.head, MAGIC) {
        Match::No if is_empty(file) => Match::Certain,
        sure => sure,
    },
    reader: |file, _| {
        let only = is_empty(file).then_some(&CONTENTS);
        Box::new(Archived::new(file.size, file.limits, only))
    },
    assembly: &SINGLE,
    rewrite: None,
};

pub(in super::super) static CONTENTS: Contents = Contents {
    fits: |archive| archive.iter().any(|(name, _)| name.ends_with(ENDING)),
    reader: |archive, size, limits| Box::new(Npz::new(archive, size, limits)),
};
