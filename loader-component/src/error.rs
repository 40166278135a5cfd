//! The one typed error, and how its parts are put together.
use crate::types::{Cause, Error, Phase, Strategy};

impl Error {
    /// An error with only what every error has.
    #[must_use]
    pub fn new(phase: Phase, cause: Cause, message: impl Into<String>) -> Self {
        Self {
            phase,
            cause,
            strategy: None,
            tensor: None,
            source: None,
            offset: None,
            field: None,
            os_code: None,
            message: message.into(),
        }
    }

    /// The file breaks a rule of its format, in the field that begins at `offset`.
    #[must_use]
    pub fn malformed(offset: u64, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { offset: Some(offset), field: Some(field.into()), ..Self::new(Phase::Parse, Cause::Malformed, message) }
    }

    /// Names the source that it is about.
    #[must_use]
    pub fn in_source(mut self, source: u32) -> Self {
        self.source = Some(source);
        self
    }

    /// Names the tensor that it is about.
    #[must_use]
    pub fn at_tensor(mut self, tensor: u32) -> Self {
        self.tensor = Some(tensor);
        self
    }

    /// Names the strategy that was at work.
    #[must_use]
    pub fn under(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// Names the field, or the option, that is wrong.
    #[must_use]
    pub fn at_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}
