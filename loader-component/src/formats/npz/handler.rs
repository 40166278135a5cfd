//! What NPZ is called, and what tells its files: a ZIP archive's first bytes, then an entry that ends in `.npy`.
use super::super::archives::{Archived, Contents};
use super::super::assembly::SINGLE;
use super::super::format::{Format, MultiFile};
use super::super::handler::{Handler, by_magic};
use super::super::zip::MAGIC;
use super::reader::Npz;

/// What the name of each entry ends in.
pub(super) const ENDING: &str = ".npy";

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
    sniff: |file| by_magic(file.head, MAGIC),
    reader: |file, _| Box::new(Archived::new(file.size, file.limits)),
    assembly: &SINGLE,
    rewrite: None,
};

pub(in super::super) static CONTENTS: Contents = Contents {
    fits: |archive| archive.iter().any(|(name, _)| name.ends_with(ENDING)),
    reader: |archive, size, limits| Box::new(Npz::new(archive, size, limits)),
};
