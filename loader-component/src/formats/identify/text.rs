//! Text in place of a model: pointers, pages, a server's answers.
use super::super::escape;
use super::seen::{Seen, grouped};
use serde_json::Value;

/// Keys of the JSON that servers answer instead of a file.
const ERRORS: &[&str] = &["error", "errors", "message", "detail", "error_description", "msg"];
/// Keys of the JSON files that lie beside a model.
const BESIDE: &[&str] = &[
    "architectures",
    "model_type",
    "_class_name",
    "added_tokens",
    "tokenizer_class",
    "transformers_version",
    "peft_type",
    "quantization_config",
    "bos_token",
];

/// What Git keeps in place of a large file: of Git LFS, of its forerunner, and of Xet.
pub(super) fn git_lfs(seen: &Seen<'_>) -> Option<String> {
    let text = seen.text()?;
    let (what, how, key) = if text.starts_with("version https://git-lfs.github.com/spec/")
        || text.starts_with("version https://hawser.github.com/spec/")
    {
        ("Git LFS", "run `git lfs pull` in its folder", "size")
    } else if text.starts_with("# xet version") {
        ("Git Xet", "run `git xet checkout` in its folder", "filesize")
    } else {
        return None;
    };
    let sizes = text.lines().filter_map(|line| line.strip_prefix(key));
    let size = sizes.filter_map(|rest| rest.trim_start_matches([' ', '=']).trim().parse::<u64>().ok()).next();
    let bytes = size.map_or_else(|| "bytes".into(), |size| format!("{} bytes", grouped(size)));
    Some(format!("This is a {what} pointer: the model's {bytes} were not fetched; {how}, or download the file itself."))
}

/// A page of the web, or a server's error in XML.
pub(super) fn page(seen: &Seen<'_>) -> Option<String> {
    let text = seen.text()?;
    let mut first = text.chars();
    if first.next() != Some('<') || !first.next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '!' | '?')) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let between = |tag: &str| {
        let start = lower.find(&format!("<{tag}>"))?.checked_add(tag.len().checked_add(2)?)?;
        let inside = text.get(start..)?;
        inside.get(..inside.find('<')?).map(str::trim).filter(|inside| !inside.is_empty())
    };
    let html = lower.starts_with("<!doctype html") || ["<html", "<head", "<body"].iter().any(|tag| lower.contains(tag));
    let said = ["title", "message", "code"].iter().find_map(|tag| between(tag));
    let said = said.map(|said| format!(" (\"{}\")", escape(said))).unwrap_or_default();
    let what = if html { "a web page" } else { "an XML document" };
    Some(format!(
        "This is {what}{said}, which a server sent in place of the model; download the file itself, signed in where it asks \
         for that."
    ))
}

/// A server's error, or one of the files that lie beside a model.
pub(super) fn json(seen: &Seen<'_>) -> Option<String> {
    let text = seen.text().filter(|text| text.starts_with(['{', '[']))?;
    let whole: Option<Value> = serde_json::from_str(text).ok();
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    let value = |key: &&str| match &whole {
        Some(Value::Object(map)) => map.get(*key).map(said),
        Some(_) => None,
        // Longer than what is here.
        None => text
            .trim_start_matches(['{', '[', ' ', '\n', '\r', '\t'])
            .starts_with(&format!("\"{key}\""))
            .then(String::new),
    };
    if has("weight_map") {
        // Under any other name the index is read as one, and what is wrong with it is said by that reader.
        return seen.name.ends_with(".safetensors").then(|| {
            "This is the index of a model in several files; give it the name that it had, which ends in \
             .safetensors.index.json."
                .into()
        });
    }
    if let Some(said) = ERRORS.iter().find_map(value) {
        let said = if said.is_empty() { said } else { format!(": \"{}\"", escape(&said)) };
        return Some(format!(
            "This is a server's error in JSON{said}; it was saved in place of the model. Download the file again, signed in \
             where it asks for that."
        ));
    }
    if BESIDE.iter().any(|key| has(key)) {
        return Some(
            "This is one of the JSON files that lie beside a model (its configuration or its tokenizer), not the model; give \
             the file with the weights."
                .into(),
        );
    }
    let is_index = seen.name.ends_with(".index.json");
    (!is_index && whole.is_some()).then(|| "This is JSON text, not a model; give the file with the weights.".into())
}

/// What a server's error says.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => map.get("message").map(said).unwrap_or_default(),
        Value::Array(values) => values.first().map(said).unwrap_or_default(),
        _ => value.to_string(),
    }
}

/// Any other text.
pub(super) fn plain(seen: &Seen<'_>) -> Option<String> {
    let text = seen.text().filter(|text| text.len() >= 4 && !text.starts_with('{'))?;
    let line = text.lines().next().unwrap_or_default();
    Some(format!(
        "This is text that begins with \"{}\", not a model; if it was downloaded, download the file itself again.",
        escape(line)
    ))
}
