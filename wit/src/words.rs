//! Cases by their names: shown, and read again.
use crate::{Advice, AdviceEffect, Cause, Level, Lifecycle, Phase, SlotStatus, StorageError, Strategy};
use std::{fmt, str::FromStr};

/// A name that the contract does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownName {
    /// What was asked for.
    pub name: String,
    /// Of what it was to be a case.
    pub of: &'static str,
    /// The names that there are.
    pub known: Vec<&'static str>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no {}; it is one of {}", self.name.escape_debug(), self.of, self.known.join(", "))
    }
}

impl std::error::Error for UnknownName {}

macro_rules! words {
    ($($of:ident: $what:literal;)*) => {
        $(
            impl fmt::Display for $of {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(self.name())
                }
            }

            impl FromStr for $of {
                type Err = UnknownName;

                fn from_str(name: &str) -> Result<Self, UnknownName> {
                    Self::ALL.iter().copied().find(|case| case.name() == name).ok_or_else(|| UnknownName {
                        name: name.to_owned(),
                        of: $what,
                        known: Self::ALL.iter().map(|case| case.name()).collect(),
                    })
                }
            }
        )*
    };
}

words! {
    Strategy: "strategy";
    Advice: "advice";
    AdviceEffect: "effect of an advice";
    Lifecycle: "lifecycle";
    Phase: "phase";
    Level: "level";
    SlotStatus: "status of a slot";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str("the host has no such operation"),
            Self::AccessDenied => f.write_str("the system or the embedder forbids it"),
            Self::OutOfBounds => f.write_str("the span leaves its file, its mapping or its target"),
            Self::Busy => f.write_str("a view is in use"),
            Self::Exhausted => f.write_str("a quota or the memory is used up"),
            Self::Changed => f.write_str("the file is not what it was when it was opened"),
            Self::EndOfSource => f.write_str("the file ended before the span did"),
            Self::Cancelled => f.write_str("the work was cancelled"),
            Self::Deadline => f.write_str("the deadline passed"),
            Self::Io(code) => write!(f, "the operating system answered with error {code}"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StorageError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_the_case_that_has_it() {
        macro_rules! all {
            ($($of:ident),*) => { $(for case in $of::ALL {
                assert_eq!(case.to_string().parse::<$of>().as_ref(), Ok(case));
                assert_eq!(case.to_string(), case.name());
            })* };
        }
        all!(Strategy, Advice, AdviceEffect, Lifecycle, Phase, Level, SlotStatus);
    }

    #[test]
    fn a_name_that_is_not_there_is_answered_with_those_that_are() {
        let error = "loud\n".parse::<Level>().map_err(|error| error.to_string());
        assert_eq!(error, Err("\"loud\\n\" is no level; it is one of off, outcomes, transitions, steps".to_owned()));
    }
}
