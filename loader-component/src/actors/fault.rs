//! Cause something was refused or failed, as plain data. The driver adds the words.
use crate::bindings::weighbridge::loader::storage::StorageError;
use crate::types::Cause;

/// One refusal or failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Cause.
    pub cause: Cause,
    /// The operating system's code.
    pub os_code: Option<i32>,
    /// Of a batch: the lowest item that failed. Which item that is, the batch knows.
    pub item: Option<u32>,
    /// The error in full, where the driver has one.
    pub noted: Option<Noted>,
}

/// The number of an error among those of the request under way, which the driver keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Noted(pub u32);

/// Something about a request that may be wrong, found before any work. Whether it is, and under which cause, a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// The tensor that it is about.
    pub item: Option<u32>,
    /// The driver's words for it.
    pub noted: Noted,
}

impl Finding {
    /// The fault that it is, where a row refuses it.
    #[must_use]
    pub const fn fault(self, cause: Cause) -> Fault {
        Fault { cause, os_code: None, item: self.item, noted: Some(self.noted) }
    }
}

impl Fault {
    /// A fault with only a cause.
    #[must_use]
    pub const fn new(cause: Cause) -> Self {
        Self { cause, os_code: None, item: None, noted: None }
    }

    /// The same, of one item of a batch.
    #[must_use]
    pub const fn at(self, item: u32) -> Self {
        Self { item: Some(item), ..self }
    }
}

impl From<&StorageError> for Fault {
    fn from(error: &StorageError) -> Self {
        let cause = match error {
            StorageError::Unsupported => Cause::StrategyUnavailable,
            StorageError::AccessDenied => Cause::AccessDenied,
            StorageError::OutOfBounds => Cause::OutOfBounds,
            StorageError::Busy => Cause::Busy,
            StorageError::Exhausted => Cause::OutOfMemory,
            StorageError::Changed => Cause::SourceChanged,
            StorageError::EndOfSource => Cause::EndOfSource,
            StorageError::Cancelled => Cause::Cancelled,
            StorageError::Deadline => Cause::Deadline,
            StorageError::Io(code) => return Self { os_code: Some(*code), ..Self::new(Cause::Io) },
            StorageError::Other(_) => Cause::Other,
        };
        Self::new(cause)
    }
}
