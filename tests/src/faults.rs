//! Faults by call: which storage function, which call of it from now on, what it answers instead of the deed.
use std::sync::Mutex;
use weighbridge_loader::storage::StorageError;

/// A function of `wit/storage.wit` that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `source.stat`.
    Stat,
    /// `source.read`.
    Read,
    /// `source.map-range`.
    MapRange,
    /// `mapping.advise`.
    Advise,
    /// `mapping.unmap`.
    Unmap,
    /// `allocate`.
    Allocate,
    /// `target.free`.
    Free,
    /// `registered`.
    Registered,
    /// `read-into`.
    ReadInto,
}

impl Kind {
    const NAMES: &[(&str, Self)] = &[
        ("stat", Self::Stat),
        ("read", Self::Read),
        ("map-range", Self::MapRange),
        ("advise", Self::Advise),
        ("unmap", Self::Unmap),
        ("allocate", Self::Allocate),
        ("free", Self::Free),
        ("registered", Self::Registered),
        ("read-into", Self::ReadInto),
    ];

    /// By the name that the contract gives it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// The name that the contract gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Whether the call gives something back. Such a call is never cancelled.
    #[must_use]
    pub const fn gives_back(self) -> bool {
        matches!(self, Self::Unmap | Self::Free)
    }
}

/// What a call answers instead.
#[derive(Clone, Debug, PartialEq)]
pub enum Instead {
    /// This error; of `read-into`, for this span.
    Error(StorageError, u32),
    /// Less than was asked for: bytes of `read` or of `allocate`, answers of `registered`.
    Short(u32),
}

/// One fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Calls of this function alone, or of any.
    pub kind: Option<Kind>,
    /// The how-manieth of these calls from now on, from 1.
    pub at: u32,
    /// How often in a row.
    pub times: u32,
    /// What they answer.
    pub instead: Instead,
}

impl Fault {
    /// The `at`th call of any function fails once.
    #[must_use]
    pub const fn call(at: u32, error: StorageError) -> Self {
        Self { kind: None, at, times: 1, instead: Instead::Error(error, 0) }
    }
}

/// The faults that are armed, and how many calls have been made.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Mutex<Vec<Fault>>,
    struck: Mutex<Vec<Kind>>,
    calls: Mutex<Vec<Kind>>,
}

impl Faults {
    /// Arms one more.
    pub fn arm(&self, fault: Fault) {
        self.armed.lock().unwrap().push(fault);
    }

    /// Disarms all.
    pub fn clear(&self) {
        self.armed.lock().unwrap().clear();
    }

    /// A call is about to be made: what it is to answer instead, if anything.
    pub fn next(&self, kind: Kind) -> Option<Instead> {
        self.calls.lock().unwrap().push(kind);
        let mut found = None;
        self.armed.lock().unwrap().retain_mut(|fault| {
            if fault.kind.is_some_and(|wanted| wanted != kind) {
                return true;
            }
            if fault.at > 1 {
                fault.at -= 1;
                return true;
            }
            found = Some(fault.instead.clone());
            fault.times -= 1;
            fault.times > 0
        });
        if found.is_some() {
            self.struck.lock().unwrap().push(kind);
        }
        found
    }

    /// The calls that faults struck, in order.
    #[must_use]
    pub fn struck(&self) -> Vec<Kind> {
        self.struck.lock().unwrap().clone()
    }

    /// All calls, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Kind> {
        self.calls.lock().unwrap().clone()
    }
}

/// Errors by name: `busy`, `exhausted`, `io:5`, `other:words` …
#[must_use]
pub fn error_named(name: &str) -> Option<StorageError> {
    Some(match name.split_once(':') {
        Some(("io", code)) => StorageError::Io(code.parse().ok()?),
        Some(("other", words)) => StorageError::Other(words.replace('_', " ")),
        Some(_) => return None,
        None => match name {
            "unsupported" => StorageError::Unsupported,
            "access-denied" => StorageError::AccessDenied,
            "out-of-bounds" => StorageError::OutOfBounds,
            "busy" => StorageError::Busy,
            "exhausted" => StorageError::Exhausted,
            "changed" => StorageError::Changed,
            "end-of-source" => StorageError::EndOfSource,
            "cancelled" => StorageError::Cancelled,
            "deadline" => StorageError::Deadline,
            _ => return None,
        },
    })
}

/// Every kind of error, once.
#[must_use]
pub fn every_error() -> Vec<StorageError> {
    vec![
        StorageError::Unsupported,
        StorageError::AccessDenied,
        StorageError::OutOfBounds,
        StorageError::Busy,
        StorageError::Exhausted,
        StorageError::Changed,
        StorageError::EndOfSource,
        StorageError::Cancelled,
        StorageError::Deadline,
        StorageError::Io(5),
        StorageError::Other("the cable fell out".into()),
    ]
}
