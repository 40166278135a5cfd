//! Updates as they come from a web worker: JSON, one at a time.
use crate::backend::Update;

/// An update of the worker; none for those that are of the page's plain view alone.
#[must_use]
pub fn read(json: &str) -> Option<Update> {
    match serde_json::from_str(json) {
        Ok(update) => Some(update),
        Err(_) if OWN.iter().any(|name| json.starts_with(&format!("{{\"{name}\""))) => None,
        Err(error) => Some(Update::Problem(format!("The page's worker said what cannot be read: {error}"))),
    }
}

/// Updates that only the plain view asks for.
const OWN: [&str; 1] = ["Hashes"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_of_the_plain_view_are_passed_over_and_others_must_be_known() {
        assert_eq!(read("{\"Hashes\":{\"rows\":[]}}"), None);
        assert_eq!(read("\"Idle\""), Some(Update::Idle));
        assert!(matches!(read("{\"Nonsense\":1}"), Some(Update::Problem(_))));
    }
}
