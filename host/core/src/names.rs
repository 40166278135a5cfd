//! The names under which a guest knows its files.
//!
//! A name can tell more than its owner wants to send to a stranger with a bug report. So the guest is given a neutral one
//! to begin with, which keeps what a guest can act on: numbers of shards, and extensions of model files. What the guest
//! says is then fit for a recording as it is, and the host puts the real name back into what it shows to a person, and into
//! nothing else. What an index names stays as the index has it, as that stands in the header bytes anyway.
use crate::types::{Error, escape};
use std::collections::HashMap;

/// Extensions that say what a file is, and nothing of whose it is.
const EXTENSIONS: [&str; 12] =
    ["gguf", "safetensors", "json", "npy", "npz", "pt", "pth", "bin", "ckpt", "zip", "onnx", "h5"];

/// What every neutral name begins with.
const NEUTRAL: &str = "file-";

/// Real names and those that the guest knows.
#[derive(Debug, Default)]
pub struct Names {
    plain: bool,
    /// Whether the model has an index: then it names the other files.
    index: bool,
    stems: HashMap<String, usize>,
    fronts: Vec<String>,
    /// What was given: the guest's name and the real one.
    given: Vec<(String, String)>,
}

impl Names {
    /// None given yet. With `plain` the guest gets the real names: for an embedder to whom they are no secret.
    #[must_use]
    pub fn new(plain: bool) -> Self {
        Self { plain, ..Self::default() }
    }

    /// The guest's names for the files that a model is opened with.
    pub fn opened<'a>(&mut self, names: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
        self.index = names.clone().any(is_index);
        names.map(|name| if self.index && !is_index(name) { self.as_it_is(name) } else { self.neutral(name) }).collect()
    }

    fn as_it_is(&mut self, name: &str) -> String {
        self.given.push((name.to_owned(), name.to_owned()));
        name.to_owned()
    }

    fn neutral(&mut self, name: &str) -> String {
        if self.plain {
            return self.as_it_is(name);
        }
        let (front, rest) = split(name);
        let known = self.stems.get(front).map(|number| format!("{NEUTRAL}{number}{}", kept(rest)));
        // Two names that differ only in what is not kept must not become one.
        let free = |neutral: &String| self.given.iter().all(|(given, _)| given != neutral);
        let neutral = known.filter(free).unwrap_or_else(|| {
            let number = self.fronts.len();
            self.fronts.push(front.to_owned());
            self.stems.insert(front.to_owned(), number);
            format!("{NEUTRAL}{number}{}", kept(rest))
        });
        self.given.push((neutral.clone(), name.to_owned()));
        neutral
    }

    /// The real name of a file that the guest asks for.
    pub fn asked(&mut self, name: &str) -> String {
        let real = self.real(name);
        self.given.push((name.to_owned(), real.clone()));
        real
    }

    fn real(&self, name: &str) -> String {
        if self.plain || self.index {
            return name.to_owned();
        }
        let (front, rest) = split(name);
        let number = front.strip_prefix(NEUTRAL).and_then(|number| number.parse::<usize>().ok());
        match number.and_then(|number| self.fronts.get(number)) {
            Some(real) => format!("{real}{rest}"),
            None => name.to_owned(),
        }
    }

    /// An error as it is shown to a person: the guest speaks of its files by the names that it knows.
    #[must_use]
    pub fn shown(&self, mut error: Error) -> Error {
        error.message = self.translated(&error.message);
        error
    }

    /// A text of the guest's with the real names in the place of those that it knows.
    #[must_use]
    pub fn translated(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(NEUTRAL) {
            let (before, found) = rest.split_at(at);
            shown.push_str(before);
            let inside_a_word = before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
            match self.name_at(found).filter(|_| !inside_a_word) {
                Some((known, real)) => {
                    shown.push_str(&escape(&real));
                    rest = &found[known..];
                }
                None => {
                    shown.push_str(NEUTRAL);
                    rest = &found[NEUTRAL.len()..];
                }
            }
        }
        shown.push_str(rest);
        shown
    }

    /// The neutral name that a text begins with, as its length and the real name of as much.
    fn name_at(&self, text: &str) -> Option<(usize, String)> {
        let digits = text.get(NEUTRAL.len()..)?;
        let len = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let front = self.fronts.get(digits.get(..len)?.parse::<usize>().ok()?)?;
        let end =
            |known: &str| !text[known.len()..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_'));
        let whole = |(known, _): &&(String, String)| text.starts_with(known.as_str()) && end(known);
        let given = self.given.iter().filter(whole).max_by_key(|(known, _)| known.len());
        Some(given.map_or_else(|| (NEUTRAL.len() + len, front.clone()), |(known, real)| (known.len(), real.clone())))
    }
}

fn is_index(name: &str) -> bool {
    name.ends_with(".index.json")
}

/// What of the end of a name is kept: numbers of a shard, and the extension of a model file.
fn kept(rest: &str) -> &str {
    if rest.starts_with('-') || is_index(rest) {
        return rest;
    }
    let known = rest.strip_prefix('.').is_some_and(|end| EXTENSIONS.contains(&end.to_ascii_lowercase().as_str()));
    if known { rest } else { "" }
}

/// `name-00001-of-00003.gguf` → (`name`, `-00001-of-00003.gguf`); `name.safetensors.index.json` → (`name`, the rest).
fn split(name: &str) -> (&str, &str) {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = if stem.is_empty() { name } else { stem };
    let whole = name.strip_suffix(".index.json").map(|stem| stem.strip_suffix(".safetensors").unwrap_or(stem));
    let stem = whole.unwrap_or(stem);
    let extension = name.get(stem.len() + 1..).unwrap_or_default();
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = stem.rsplitn(4, '-');
    if let (Some(count), Some("of"), Some(number), Some(front)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
        && digits(count)
        && digits(number)
        && EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
    {
        return name.split_at(front.len());
    }
    name.split_at(stem.len())
}

#[cfg(test)]
mod tests {
    use super::Names;
    use crate::types::{Cause, Error, Phase};

    #[test]
    fn hides_the_model_and_keeps_what_a_guest_acts_on() {
        let mut names = Names::new(false);
        for (real, neutral) in [
            ("secret-7b.Q4_0-00001-of-00003.gguf", "file-0-00001-of-00003.gguf"),
            ("other.safetensors", "file-1.safetensors"),
            ("third.safetensors.index.json", "file-2.safetensors.index.json"),
            ("plain", "file-3"),
            (".hidden", "file-4"),
            ("llama.secret-draft.bin", "file-5.bin"),
            ("x.secret.GGUF", "file-6.GGUF"),
            ("model.acme-customer", "file-7"),
            ("a-00001-of-00002.acme-customer", "file-8"),
            ("model.other-customer", "file-9"),
            ("with \"quotes\" and \u{202e}.gguf", "file-10.gguf"),
        ] {
            assert_eq!(names.neutral(real), neutral);
        }
        assert_eq!(names.asked("file-0-00002-of-00003.gguf"), "secret-7b.Q4_0-00002-of-00003.gguf");
        assert_eq!(names.asked("never-given.gguf"), "never-given.gguf");
    }

    #[test]
    fn what_an_index_names_stays_as_the_index_has_it() {
        let mut names = Names::new(false);
        let given = ["model-00001-of-00002.safetensors", "model.safetensors.index.json"];
        assert_eq!(names.opened(given.into_iter()), [given[0], "file-0.safetensors.index.json"]);
        assert_eq!(names.asked("model-00002-of-00002.safetensors"), "model-00002-of-00002.safetensors");
    }

    #[test]
    fn people_are_told_the_real_names() {
        let mut names = Names::new(false);
        let long = "n".repeat(200);
        names.opened([format!("{long}\"-00001-of-00002.gguf").as_str()].into_iter());
        names.asked("file-0-00002-of-00002.gguf");
        let message = "\"file-0-00002-of-00002.gguf\" is a part of another model than \"file-0-00001-of-00002.gguf\".";
        let shown = names.shown(Error::new(Phase::Parse, Cause::Malformed, message)).message;
        let part =
            |number: u32| format!("\"{}\"", crate::types::escape(&format!("{long}\"-0000{number}-of-00002.gguf")));
        assert_eq!(shown, format!("{} is a part of another model than {}.", part(2), part(1)));
        for (said, shown) in [
            ("file-0-00007-of-00009.gguf is missing, file-0-00008-of-00009.gguf.", 2),
            ("no file-7 and no profile-0.gguf or file-", 0),
        ] {
            let told = names.shown(Error::new(Phase::Parse, Cause::Malformed, said)).message;
            assert_eq!(told.matches(&long).count(), shown, "{told}");
        }
    }

    #[test]
    fn shows_names_that_may_be_shown() {
        assert_eq!(Names::new(true).opened(["a.gguf"].into_iter()), ["a.gguf"]);
    }
}
