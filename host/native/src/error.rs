//! The one error, with what only this host knows of it.
use std::{
    fmt, io,
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};
use weighbridge_core::{
    Cause, Phase, escape, escape_path,
    types::{self, StorageError},
};

/// Why something was not done: where in the work, why, about which tensor, field and file, and a sentence for a person.
///
/// It derefs to the [record of the contract](types::Error), which has everything that a guest says: `error.cause`,
/// `error.message` and so on. Shown, it begins with its file.
///
/// ```
/// use weighbridge::{Cause, Runtime};
///
/// let error = Runtime::new()?.open("no/such/model.gguf").unwrap_err();
/// assert_eq!(error.cause, Cause::NotFound);
/// assert_eq!(error.file(), Some("no/such/model.gguf".as_ref()));
/// let io = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
/// assert_eq!(io.map(|io| io.kind()), Some(std::io::ErrorKind::NotFound));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    record: types::Error,
    file: Option<PathBuf>,
    io: Option<Arc<io::Error>>,
}

impl Error {
    /// An error with only what every error has.
    #[must_use]
    pub fn new(phase: Phase, cause: Cause, message: impl Into<String>) -> Self {
        types::Error::new(phase, cause, message).into()
    }

    /// The file that it is about, of a model of several files the one: its path, or the name that it was given. None where
    /// it is about no file, or about all of them.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// What the contract has of it.
    #[must_use]
    pub fn record(&self) -> &types::Error {
        &self.0.record
    }

    /// As [`Self::record`], to keep.
    #[must_use]
    pub fn into_record(self) -> types::Error {
        self.0.record
    }

    /// It is about this file, if it is not known to be about another.
    pub(crate) fn of_file(mut self, file: &Path) -> Self {
        self.0.file.get_or_insert_with(|| file.to_owned());
        self
    }

    /// It is about one of these files: the one whose index it has, else the only one.
    pub(crate) fn of_files<'a>(self, mut files: impl ExactSizeIterator<Item = &'a Path>) -> Self {
        let file = match self.source.and_then(|index| usize::try_from(index).ok()) {
            Some(index) => files.nth(index),
            None if files.len() == 1 => files.next(),
            None => None,
        };
        match file {
            Some(file) => self.of_file(file),
            None => self,
        }
    }

    /// It came from this error of the system.
    pub(crate) fn from_io(mut self, error: io::Error) -> Self {
        self.0.record.os_code = error.raw_os_error();
        self.0.io = Some(Arc::new(error));
        self
    }

    /// With the sentence that the core made of it, in which names are put back.
    pub(crate) fn in_words_of(mut self, shown: types::Error) -> Self {
        self.0.record = shown;
        self
    }
}

impl Deref for Error {
    type Target = types::Error;

    fn deref(&self) -> &types::Error {
        &self.0.record
    }
}

impl From<types::Error> for Error {
    /// An error of the system that crossed the boundary to the guest is known by its code.
    fn from(record: types::Error) -> Self {
        let io = record.os_code.map(|code| Arc::new(io::Error::from_raw_os_error(code)));
        Self(Box::new(Inner { record, file: None, io }))
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        error.into_record()
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        let cause = match &error {
            StorageError::AccessDenied => Cause::AccessDenied,
            StorageError::OutOfBounds => Cause::OutOfBounds,
            StorageError::Busy => Cause::Busy,
            StorageError::Exhausted => Cause::OutOfMemory,
            StorageError::Changed => Cause::SourceChanged,
            StorageError::EndOfSource => Cause::EndOfSource,
            StorageError::Cancelled => Cause::Cancelled,
            StorageError::Deadline => Cause::Deadline,
            StorageError::Io(_) => Cause::Io,
            StorageError::Unsupported => Cause::StrategyUnavailable,
            StorageError::Other(_) => Cause::Other,
        };
        let mut record = types::Error::new(Phase::Transfer, cause, error.to_string());
        if let StorageError::Io(code) = error {
            record.os_code = Some(code);
        }
        record.into()
    }
}

/// Two errors are the same if they say the same of the same file.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.0.record == other.0.record && self.0.file == other.0.file
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some sentences begin with the file themselves.
        if let Some(file) = self.file().map(escape_path).filter(|file| !self.message.contains(file)) {
            write!(f, "{file}: ")?;
        }
        f.write_str(&escape(&self.0.record.to_string()))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("record", &self.0.record)
            .field("file", &self.0.file)
            .field("io", &self.0.io)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.io.as_deref().map(|error| error as _)
    }
}
