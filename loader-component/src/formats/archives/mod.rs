//! Formats whose files are ZIP archives. The first bytes of all of them are the same, so the directory is read once, and
//! what it lists says whose file it is.
mod reader;

pub(crate) use reader::{Archived, Contents};
