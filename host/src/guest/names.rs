//! File names as they may stand in a trace.
//!
//! A name can tell more than its owner wants to send to a stranger with a bug report. So the part that names the model is
//! replaced, and what a guest could act on stays: numbers of shards, extensions, and whatever the guest itself named, as
//! that stands in the header bytes anyway.
use crate::{text::escape, types::Error};
use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct TraceNames {
    plain: bool,
    /// Whether the model has an index: then it names the other files, in header bytes that are in the trace.
    index: bool,
    stems: HashMap<String, usize>,
    /// What was replaced, and by what.
    replaced: Vec<(String, String)>,
}

impl TraceNames {
    pub(crate) fn new(plain: bool) -> Self {
        Self { plain, ..Self::default() }
    }

    /// The names that the embedder opens a model with.
    pub(crate) fn opened<'a>(&mut self, names: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
        self.index = names.clone().any(is_index);
        names.map(|name| if self.index && !is_index(name) { name.to_owned() } else { self.given(name) }).collect()
    }

    /// A name that the embedder gave.
    fn given(&mut self, name: &str) -> String {
        if self.plain {
            return name.to_owned();
        }
        let (stem, rest) = split(name);
        let next = self.stems.len();
        let number = *self.stems.entry(stem.to_owned()).or_insert(next);
        self.replace(name, format!("file-{number}{rest}"))
    }

    /// A name that the guest asked for: replaced where it follows from one that was given.
    pub(crate) fn asked(&mut self, name: &str) -> String {
        let (stem, rest) = split(name);
        match self.stems.get(stem) {
            Some(number) if !self.index => self.replace(name, format!("file-{number}{rest}")),
            _ => name.to_owned(),
        }
    }

    fn replace(&mut self, name: &str, shown: String) -> String {
        if !self.replaced.iter().any(|(replaced, _)| replaced == name) {
            self.replaced.push((name.to_owned(), shown.clone()));
        }
        shown
    }

    /// An error as it may stand in a trace: the guest quotes the names of files.
    pub(crate) fn error(&self, error: &Error) -> Error {
        let mut error = error.clone();
        for (name, shown) in &self.replaced {
            for quoted in [format!("\"{name}\""), format!("\"{}\"", escape(name))] {
                error.message = error.message.replace(&quoted, &format!("\"{shown}\""));
            }
        }
        error
    }
}

fn is_index(name: &str) -> bool {
    name.ends_with(".index.json")
}

/// `name-00001-of-00003.gguf` → (`name`, `-00001-of-00003.gguf`); `name.safetensors.index.json` → (`name`, the rest).
fn split(name: &str) -> (&str, &str) {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = if stem.is_empty() { name } else { stem };
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
    use crate::types::{Cause, Error, Phase};

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
        assert_eq!(names.given("llama.secret-draft.bin"), "file-5.bin");
        assert_eq!(names.given("x.secret.GGUF"), "file-6.GGUF");
    }

    #[test]
    fn what_an_index_names_stays_as_the_index_has_it() {
        let mut names = TraceNames::new(false);
        let given = ["model-00001-of-00002.safetensors", "model.safetensors.index.json"];
        assert_eq!(names.opened(given.into_iter()), [given[0], "file-0.safetensors.index.json"]);
        assert_eq!(names.asked("model-00002-of-00002.safetensors"), "model-00002-of-00002.safetensors");
    }

    #[test]
    fn errors_do_not_tell_a_name() {
        let mut names = TraceNames::new(false);
        names.opened(["secret-00001-of-00002.gguf"].into_iter());
        names.asked("secret-00002-of-00002.gguf");
        let message = "\"secret-00002-of-00002.gguf\" is a part of another model than \"secret-00001-of-00002.gguf\".";
        let error = Error::new(Phase::Parse, Cause::Malformed, message);
        let shown = "\"file-0-00002-of-00002.gguf\" is a part of another model than \"file-0-00001-of-00002.gguf\".";
        assert_eq!(names.error(&error).message, shown);
    }

    #[test]
    fn shows_names_that_may_be_shown() {
        assert_eq!(TraceNames::new(true).opened(["a.gguf"].into_iter()), ["a.gguf"]);
    }
}
