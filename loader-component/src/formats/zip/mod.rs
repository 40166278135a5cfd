//! ZIP archives (PKWARE's APPNOTE 6.3.10), as far as containers of tensors use them: the directory at the end, the local
//! headers that it names, and where the entries' bytes lie. Nothing is ever decompressed: an entry that is stored is a span
//! of the file, any other is a name in a list.
//!
//! Readers of ZIP disagree about archives that are not quite right, which is how a scanner comes to see another file than
//! the program behind it. Whatever two of them could read differently is refused here: a directory that does not end where
//! its end record begins, local headers that say other than the directory, entries that overlap, names that differ by case
//! only (`PyTorchStreamReader` looks names up without it). Bytes that belong to no entry are a fact that is reported.
pub mod build;
mod descriptor;
mod directory;
mod end;
mod fields;
mod local;
mod machine;
mod names;

pub use directory::{Archive, Entry};
pub use machine::ZipReader;

/// The first bytes of an archive whose first entry begins at the file's first byte.
pub const MAGIC: &[u8; 4] = b"PK\x03\x04";
