//! File names as they may stand in a trace.
//!
//! A name can tell more than its owner wants to send to a stranger with a bug report. So the part that names the model is
//! replaced, and what a guest could act on stays: numbers of shards, extensions, and whatever the guest itself named, as
//! that stands in the header bytes anyway.
use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct TraceNames {
    plain: bool,
    stems: HashMap<String, usize>,
}

impl TraceNames {
    pub(crate) fn new(plain: bool) -> Self {
        Self { plain, stems: HashMap::new() }
    }

    /// A name that the embedder gave.
    pub(crate) fn given(&mut self, name: &str) -> String {
        if self.plain {
            return name.to_owned();
        }
        let (stem, rest) = split(name);
        let next = self.stems.len();
        let number = *self.stems.entry(stem.to_owned()).or_insert(next);
        format!("file-{number}{rest}")
    }

    /// A name that the guest asked for: replaced where it follows from one that was given.
    pub(crate) fn asked(&self, name: &str) -> String {
        let (stem, rest) = split(name);
        self.stems.get(stem).map_or_else(|| name.to_owned(), |number| format!("file-{number}{rest}"))
    }
}

/// `name-00001-of-00003.gguf` → (`name`, `-00001-of-00003.gguf`); `name.safetensors.index.json` → (`name`, the rest).
fn split(name: &str) -> (&str, &str) {
    let stem = name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(name);
    let known = [".gguf", ".safetensors", ".safetensors.index.json"];
    let stem = known.iter().rev().find_map(|end| name.strip_suffix(end)).unwrap_or(stem);
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = stem.rsplitn(4, '-');
    if let (Some(count), Some("of"), Some(number), Some(front)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
        && digits(count)
        && digits(number)
    {
        return name.split_at(front.len());
    }
    name.split_at(stem.len())
}

#[cfg(test)]
mod tests {
    use super::TraceNames;

    #[test]
    fn hides_the_model_and_keeps_what_a_guest_acts_on() {
        let mut names = TraceNames::new(false);
        assert_eq!(names.given("secret-7b.Q4_0-00001-of-00003.gguf"), "file-0-00001-of-00003.gguf");
        assert_eq!(names.asked("secret-7b.Q4_0-00002-of-00003.gguf"), "file-0-00002-of-00003.gguf");
        assert_eq!(names.given("other.safetensors"), "file-1.safetensors");
        assert_eq!(names.given("third.safetensors.index.json"), "file-2.safetensors.index.json");
        assert_eq!(names.asked("named-by-the-index.safetensors"), "named-by-the-index.safetensors");
        assert_eq!(names.given("plain"), "file-3");
        assert_eq!(names.given(".hidden"), "file-4");
    }

    #[test]
    fn shows_names_that_may_be_shown() {
        assert_eq!(TraceNames::new(true).given("a.gguf"), "a.gguf");
    }
}
