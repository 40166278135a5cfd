//! Why something was refused or failed, as plain data. The driver adds the words.
use crate::bindings::weighbridge::loader::storage::StorageError;
use crate::types::Cause;

/// The closed set of causes, as `types.cause` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is documented in wit/types.wit")]
pub enum Why {
    InvalidRequest,
    NotFound,
    Busy,
    Malformed,
    UnsupportedStrategy,
    StrategyUnavailable,
    LimitExceeded,
    SlotsExhausted,
    StaleHandle,
    AlreadyResident,
    NotResident,
    NotMapped,
    OutOfBounds,
    AccessDenied,
    SourceChanged,
    EndOfSource,
    OutOfMemory,
    Cancelled,
    Deadline,
    Io,
    Internal,
    /// The text is with the driver.
    Other,
}

/// One refusal or failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Why.
    pub why: Why,
    /// The operating system's code.
    pub os_code: Option<i32>,
    /// Of a batch: the lowest item that failed. Which item that is, the batch knows.
    pub item: Option<u32>,
}

impl Fault {
    /// A fault with only a cause.
    #[must_use]
    pub const fn new(why: Why) -> Self {
        Self { why, os_code: None, item: None }
    }

    /// The same, of one item of a batch.
    #[must_use]
    pub const fn at(self, item: u32) -> Self {
        Self { item: Some(item), ..self }
    }
}

impl From<&StorageError> for Fault {
    fn from(error: &StorageError) -> Self {
        let why = match error {
            StorageError::Unsupported => Why::StrategyUnavailable,
            StorageError::AccessDenied => Why::AccessDenied,
            StorageError::OutOfBounds => Why::OutOfBounds,
            StorageError::Busy => Why::Busy,
            StorageError::Exhausted => Why::OutOfMemory,
            StorageError::Changed => Why::SourceChanged,
            StorageError::EndOfSource => Why::EndOfSource,
            StorageError::Cancelled => Why::Cancelled,
            StorageError::Deadline => Why::Deadline,
            StorageError::Io(code) => return Self { os_code: Some(*code), ..Self::new(Why::Io) },
            StorageError::Other(_) => Why::Other,
        };
        Self::new(why)
    }
}

impl From<Why> for Cause {
    fn from(why: Why) -> Self {
        match why {
            Why::InvalidRequest => Self::InvalidRequest,
            Why::NotFound => Self::NotFound,
            Why::Busy => Self::Busy,
            Why::Malformed => Self::Malformed,
            Why::UnsupportedStrategy => Self::UnsupportedStrategy,
            Why::StrategyUnavailable => Self::StrategyUnavailable,
            Why::LimitExceeded => Self::LimitExceeded,
            Why::SlotsExhausted => Self::SlotsExhausted,
            Why::StaleHandle => Self::StaleHandle,
            Why::AlreadyResident => Self::AlreadyResident,
            Why::NotResident => Self::NotResident,
            Why::NotMapped => Self::NotMapped,
            Why::OutOfBounds => Self::OutOfBounds,
            Why::AccessDenied => Self::AccessDenied,
            Why::SourceChanged => Self::SourceChanged,
            Why::EndOfSource => Self::EndOfSource,
            Why::OutOfMemory => Self::OutOfMemory,
            Why::Cancelled => Self::Cancelled,
            Why::Deadline => Self::Deadline,
            Why::Io => Self::Io,
            Why::Internal => Self::Internal,
            Why::Other => Self::Other("the host's own reason".into()),
        }
    }
}
