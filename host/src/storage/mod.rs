//! The host's side of `storage`: every call of the guest is one [`Call`], and one backend answers it. [`Native`] is this
//! machine's files and memory.
mod mapping;
mod native;
mod source;
mod target;
mod transfer;

pub(crate) use mapping::Mapping;
pub(crate) use native::Native;
pub(crate) use source::Source;
pub(crate) use target::{Buffer, Sink};

use crate::{
    options::Control,
    trace::{Answer, Call},
    types::{Error, StorageError},
};
use std::io;

/// What answers the guest.
pub(crate) trait Backend: Send {
    /// Does what the guest asks, or answers why not. An error ends the session.
    fn perform(&mut self, call: &Call, control: &Control) -> Result<Answer, Error>;

    /// The guest dropped its handle of a mapping. What views still use stays until the last of them goes.
    fn drop_mapping(&mut self, id: u64);

    /// The guest dropped its handle of a target.
    fn drop_target(&mut self, id: u64);

    /// This machine's storage, where it is that.
    fn native(&mut self) -> Option<&mut Native> {
        None
    }
}

/// An error of the system in the words of the contract.
pub(crate) fn storage_error(error: &io::Error) -> StorageError {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::PermissionDenied, _) => StorageError::AccessDenied,
        (io::ErrorKind::OutOfMemory, _) => StorageError::Exhausted,
        (io::ErrorKind::UnexpectedEof, _) => StorageError::EndOfSource,
        (io::ErrorKind::Unsupported, _) => StorageError::Unsupported,
        (_, Some(code)) => StorageError::Io(code),
        _ => StorageError::Other(error.to_string()),
    }
}

/// The end of a span, if it lies inside `size` bytes.
pub(crate) fn end_within(offset: u64, len: u64, size: u64) -> Result<u64, StorageError> {
    offset.checked_add(len).filter(|&end| end <= size).ok_or(StorageError::OutOfBounds)
}

#[cfg(test)]
mod tests;
