//! What a format says of files that are given together.
use super::super::header::Header;
use crate::types::{Cause, Error, Phase};

/// Most names of missing files that are answered at once: more than any host opens for one model.
pub(crate) const MOST_NAMED: usize = 4_096;

/// A file with its name.
pub(crate) type File<'h> = (String, &'h Header);

/// The rules of one way to cut a model into files. All files are of formats with these rules, and there is at least one.
#[derive(Debug)]
pub(crate) struct Assembly {
    /// Checks what files say of one another; some may be missing.
    pub(crate) agree: fn(&[File<'_>]) -> Result<(), Error>,
    /// Names of the files that are not there, at most [`MOST_NAMED`], where those that are agree.
    pub(crate) missing: fn(&[File<'_>]) -> Result<Vec<String>, Error>,
    /// Checks what only a model of which nothing is missing can be asked.
    pub(crate) complete: fn(&[File<'_>], &Whole) -> Result<(), Error>,
}

/// The tensors of all files.
pub(crate) struct Whole {
    /// How many there are.
    pub(crate) tensors: u32,
}

/// The caller gave files that are no model together.
pub(crate) fn no_model(message: impl Into<String>) -> Error {
    Error::new(Phase::Request, Cause::InvalidRequest, message).at_field("sources")
}
