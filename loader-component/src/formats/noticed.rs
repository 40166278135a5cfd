//! What is noticed of a model and does not keep it from being listed.
use super::escape;
use crate::api::Finding;
pub(crate) use crate::api::Severity;
use crate::types::{Cause, Error};

/// Names that a finding lists before it counts the rest.
const LISTED: usize = 10;

/// A finding with only what every one has.
pub(crate) fn noticed(rule: &str, severity: Severity, message: String) -> Finding {
    Finding { rule: rule.into(), severity, message, source: None, tensor: None, offset: None }
}

/// A file that ends before its last tensor: the error that says so, as a finding where a model may be `partial`.
pub(crate) fn cut_off_is(partial: bool, error: Error) -> Result<Finding, Error> {
    if !partial || error.cause != Cause::EndOfSource {
        return Err(error);
    }
    let Error { message, offset, tensor, .. } = error;
    Ok(Finding { offset, tensor, ..noticed("cut-off", Severity::Error, message) })
}

impl Finding {
    /// Names the byte that it is about.
    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Names the tensor that it is about.
    pub(crate) fn of_tensor(mut self, tensor: u32) -> Self {
        self.tensor = Some(tensor);
        self
    }

    /// Names the source that it is about.
    pub(crate) fn in_source(mut self, source: u32) -> Self {
        self.source = Some(source);
        self
    }
}

/// The first names, and how many more there are: `"a", "b" and 3 more`.
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut names = names.into_iter();
    let first: Vec<String> = names.by_ref().take(LISTED).map(|name| format!("\"{}\"", escape(name))).collect();
    match names.count() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
