//! Which of the files that a model names are there.
use crate::types::{Cause, Error, Phase, escape};

/// Files that are named one by one.
const NAMED: usize = 10;

/// Keeps the names of files that are not there, so that all are told at once.
#[derive(Default)]
pub(super) struct Found {
    absent: Vec<(String, Error)>,
}

impl Found {
    /// What was found under a name; nothing where it is not there, which [`all_there`](Self::all_there) tells.
    pub(super) fn or_absent<S>(&mut self, name: &str, found: Result<S, Error>) -> Result<Option<S>, Error> {
        match found {
            Ok(source) => Ok(Some(source)),
            Err(error) if error.cause == Cause::NotFound => {
                self.absent.push((escape(name), error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether none is missing. Of one alone its own error is told; where one is a link that leads nowhere, that is told too.
    pub(super) fn all_there(self) -> Result<(), Error> {
        let count = self.absent.len();
        let link = self.absent.iter().find(|(_, error)| error.field.is_some()).map(|(_, error)| error.message.clone());
        let mut absent = self.absent.into_iter();
        let Some((first, error)) = absent.next() else { return Ok(()) };
        if count == 1 {
            return Err(error);
        }
        let names: Vec<String> = std::iter::once(first)
            .chain(absent.map(|(name, _)| name))
            .take(NAMED)
            .map(|name| format!("\"{name}\""))
            .collect();
        let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
        let link = link.map_or_else(String::new, |link| format!(" ({link})"));
        let message = format!(
            "{count} of this model's files are not there: {}{more}; fetch them into the folder of its first file{link}",
            names.join(", ")
        );
        Err(Error::new(Phase::Request, Cause::NotFound, message))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn absent(message: &str, field: Option<&str>) -> Result<(), Error> {
        let field = field.map(str::to_owned);
        Err(Error { field, ..Error::new(Phase::Request, Cause::NotFound, message) })
    }

    #[test]
    fn all_that_are_missing_are_named() {
        let mut found = Found::default();
        assert_eq!(found.or_absent("here", Ok(7)), Ok(Some(7)));
        for number in 0..12 {
            assert_eq!(found.or_absent(&format!("s-{number}"), absent("gone", None)), Ok(None));
        }
        let message = found.all_there().unwrap_err().message;
        assert!(message.starts_with("12 of") && message.contains("\"s-9\" and 2 more"), "{message}");
    }

    #[test]
    fn one_has_its_own_error_and_a_link_is_told() {
        let mut found = Found::default();
        found.or_absent("a", absent("a is gone", None)).unwrap();
        assert_eq!(found.all_there().unwrap_err().message, "a is gone");
        let mut found = Found::default();
        found.or_absent("a", absent("a is gone", None)).unwrap();
        found.or_absent("b", absent("b is a link to c", Some("link"))).unwrap();
        assert!(found.all_there().unwrap_err().message.ends_with("(b is a link to c)"));
        assert_eq!(Found::default().all_there(), Ok(()));
        let denied = Error::new(Phase::Request, Cause::AccessDenied, "no");
        assert_eq!(Found::default().or_absent::<()>("a", Err(denied.clone())), Err(denied));
    }
}
