//! Files that the embedder opens.
use crate::media::{JsSource, Source};
use js_sys::{Error as JsError, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use weighbridge_core::{Cause, Error, Granted, Phase, escape};

/// Longest name of a file that is looked for, in bytes.
const NAME_BYTES: usize = 255;

/// What the embedder opened, for a session.
pub(crate) fn granted(source: JsSource) -> Granted<Source> {
    Granted { name: source.name(), source: Source::new(source) }
}

/// Why a file cannot be opened: what the embedder throws is a sentence for people, or the contract's error in JSON.
pub(crate) fn cannot_open(name: &str, thrown: &JsValue) -> Error {
    let said = Reflect::get(thrown, &"error".into()).ok().filter(JsValue::is_object);
    let text = said.and_then(|error| js_sys::JSON::stringify(&error).ok()).and_then(|text| text.as_string());
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_else(|| {
        let said = thrown.dyn_ref::<JsError>().map(|error| String::from(error.message()));
        let why = said.unwrap_or_else(|| "no reason was given".to_owned());
        Error::new(Phase::Request, Cause::Io, format!("{} cannot be opened: {why}", escape(name)))
    })
}

/// A further file of the model, by a name that comes from a stranger. `find` answers a source, or nothing.
pub(crate) fn found(find: &Function, name: &str) -> Result<Source, Error> {
    let shown = escape(name);
    if !is_plain(name) {
        let message = format!("the model names the file {shown}, which is not a plain file name; it is not looked for");
        return Err(Error::new(Phase::Parse, Cause::Malformed, message));
    }
    let source = find.call1(&JsValue::NULL, &name.into()).map_err(|thrown| cannot_open(name, &thrown))?;
    if source.is_undefined() || source.is_null() {
        let message =
            format!("the model has more files than were given: {shown} is missing; give all its files together");
        return Err(Error::new(Phase::Request, Cause::NotFound, message));
    }
    Ok(Source::new(source.unchecked_into()))
}

/// Whether a name can only mean a file in the folder it is looked for in. A colon means another place on Windows, and nobody
/// says here what the embedder looks in.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= NAME_BYTES && !name.contains(['/', '\\', ':', '\0'])
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn only_plain_names_are_looked_for() {
        for name in ["a.gguf", "model-00001-of-00002.safetensors", "..a", "ü"] {
            assert!(is_plain(name), "{name}");
        }
        let long = "a".repeat(256);
        for name in ["", ".", "..", "../a", "/etc/passwd", "a/b", "a\\b", "C:a", "a\0", &long] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
