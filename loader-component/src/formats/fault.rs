//! The ways in which a header is wrong, as errors of phase `parse`.
use crate::types::{Cause, Error, Phase};

/// An error of phase `parse` in the field that begins at `offset`.
pub(crate) fn fault(cause: Cause, offset: u64, field: impl Into<String>, message: impl Into<String>) -> Error {
    Error { cause, ..Error::malformed(offset, field, message) }
}

/// An error of phase `parse` that is about no one place of the file, or about one that is not known any more.
pub(crate) fn unplaced(cause: Cause, field: impl Into<String>, message: impl Into<String>) -> Error {
    Error::new(Phase::Parse, cause, message).at_field(field)
}

/// The file ends inside the field that begins at `offset`.
pub(crate) fn truncated(offset: u64, field: impl Into<String>, size: u64) -> Error {
    let field = field.into();
    let message = format!("The file ends at byte {size}, inside {field}, which begins at byte {offset}.");
    fault(Cause::EndOfSource, offset, field, message)
}

/// A bound of [`Limits`](super::Limits) was reached.
pub(crate) fn over_limit(offset: u64, field: impl Into<String>, message: impl Into<String>) -> Error {
    fault(Cause::LimitExceeded, offset, field, message)
}

/// The caller of the parser did what its contract forbids.
pub(crate) fn misuse(message: &str) -> Error {
    Error::new(Phase::Parse, Cause::Internal, message)
}
