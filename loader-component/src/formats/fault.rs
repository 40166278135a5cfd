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

/// The file ends before its header says: it has `has` of `of` bytes, or of more than that where it tells no sum.
pub(crate) fn cut_off(offset: u64, field: impl Into<String>, has: u64, of: Length, what: &str) -> Error {
    let of = match of {
        Length::Exactly(bytes) => bytes.to_string(),
        Length::AtLeast(bytes) => format!("at least {bytes}"),
    };
    let message = format!("The file has {has} of {of} bytes: it is cut off, {what}. Fetch the rest of it.");
    fault(Cause::EndOfSource, offset, field, message)
}

/// Longer than any file is: 1 PiB. What says that a file has more is wrong, and the file is not cut off.
pub(crate) const LONGEST_FILE: u64 = 1 << 50;

/// How long a file would be that is not cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// Its header says where its last tensor ends.
    Exactly(u64),
    /// Its header goes on.
    AtLeast(u64),
}

/// The file ends inside the field of `bytes` bytes that begins at `offset`.
pub(crate) fn truncated(offset: u64, bytes: u64, field: impl Into<String>, size: u64) -> Error {
    let field = field.into();
    let what = format!("inside {field}, which begins at byte {offset}");
    cut_off(offset, field, size, Length::AtLeast(offset.saturating_add(bytes)), &what)
}

/// What lies in a part of the file, which may go on behind it: `what` ends at byte `end`, inside the field that begins at
/// `offset`.
pub(crate) fn ends_inside(what: &str, end: u64, offset: u64, field: impl Into<String>) -> Error {
    let field = field.into();
    let message = format!("The {what} is cut off at byte {end}, inside {field}, which begins at byte {offset}.");
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
