//! Patterns that select tensors by name, as the contract has them; here with the contract's error.
#![cfg_attr(test, allow(clippy::unwrap_used))]
use crate::types::{Cause, Error, Phase};
pub use weighbridge_wit::Pattern;

/// Understands a pattern.
///
/// # Errors
/// `invalid-request` in the field `select` for what [`Pattern::new`] refuses.
#[allow(clippy::result_large_err)] // once per request
pub fn matcher(pattern: &str) -> Result<Pattern, Error> {
    Pattern::new(pattern).map_err(|why| {
        let message = format!("The pattern \"{}\" cannot be used: {why}.", crate::formats::escape(pattern));
        Error::new(Phase::Request, Cause::InvalidRequest, message).at_field("select")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_patterns_are_requests_that_cannot_be_asked() {
        let error = matcher("[").unwrap_err();
        assert_eq!((error.cause, error.field.as_deref()), (Cause::InvalidRequest, Some("select")));
    }
}
