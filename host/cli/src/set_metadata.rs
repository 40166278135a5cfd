//! `weighbridge set-metadata`: other metadata before the same data.
use super::failure::Result;
use super::jail::Paths;
use super::output::Output;
use super::session::{open, runtime};
use super::units::{bytes_exact, plural};
use super::write_file::WriteArgs;
use clap::{ArgGroup, Args};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use weighbridge::{MetadataEdit, NewValue, SessionOptions, escape_path};

/// Write a GGUF or safetensors file with other metadata
///
/// Tensor data and all other entries stay as they are. The new file appears when it is whole, and takes the old one's place
/// only then; where the file system can, it shares the data with it. A value has the type that the entry has, and a new entry
/// is a string; KEY:TYPE=VALUE gives another type of GGUF (u8 to i64, f32, f64, bool, string), and KEY:[TYPE]=A,B,C an array.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).args(["output", "in_place"])))]
#[command(after_help = "Examples:
  weighbridge set-metadata model.gguf general.name='My model' --output named.gguf
  weighbridge set-metadata model.gguf llama.context_length:u32=8192 --in-place
  weighbridge set-metadata model.gguf 'general.tags:[string]=a,b' --remove general.url --in-place
  weighbridge set-metadata model.safetensors format=pt --in-place")]
pub(crate) struct SetMetadata {
    /// The file
    file: PathBuf,
    /// What an entry is to be: KEY=VALUE, KEY:TYPE=VALUE or KEY:[TYPE]=VALUE,…
    #[arg(value_name = "KEY=VALUE", value_parser = parse_edit, required_unless_present = "remove")]
    set: Vec<MetadataEdit>,
    /// Take this entry away
    #[arg(long, value_name = "KEY")]
    remove: Vec<String>,
    /// Write it there
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file
    #[arg(long)]
    in_place: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl SetMetadata {
    /// The files that it needs in a jail.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths::default().read([&self.file]).write(&self.output).write([&self.file])
    }

    pub(crate) fn run(mut self, output: &mut Output) -> Result<ExitCode> {
        let mut edits = std::mem::take(&mut self.set);
        let (set, removed) = (edits.len(), self.remove.len());
        edits.extend(self.remove.drain(..).map(|key| MetadataEdit { key, value: None }));
        let to = self.output.as_ref().unwrap_or(&self.file);
        let overwrite = self.in_place || self.write.may_replace();
        if !overwrite {
            self.write.check(to)?;
        }
        let runtime = runtime()?;
        let mut opened = open(&runtime, std::slice::from_ref(&self.file), SessionOptions::default())?;
        let bytes = opened.session.rewrite(0, &edits, to, overwrite)?;
        opened.session.close()?;
        if output.is_json() {
            let file = &to.to_string_lossy();
            output.json(&Report { schema: "weighbridge.set-metadata/1", file, bytes, set, removed })?;
        } else {
            let mut done = Vec::new();
            if set > 0 {
                done.push(format!("{set} set"));
            }
            if removed > 0 {
                done.push(format!("{removed} removed"));
            }
            let entries = plural(edits.len() as u64, "change");
            let text = format!("{}: {entries} ({}), {}", escape_path(to), done.join(", "), bytes_exact(bytes));
            output.verdict(true, &text)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `KEY=VALUE`, `KEY:TYPE=VALUE` or `KEY:[TYPE]=A,B,C`, where the last may also be a list in JSON.
fn parse_edit(text: &str) -> std::result::Result<MetadataEdit, String> {
    let (left, value) = text.split_once('=').ok_or("it has to be KEY=VALUE")?;
    let is_kind =
        |kind: &str| !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let (key, kind, sequence) = match left.rsplit_once(':') {
        Some((key, kind)) if is_kind(kind) => (key, Some(kind), false),
        Some((key, list)) => match list.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
            Some(kind) if is_kind(kind) => (key, Some(kind), true),
            _ => (left, None, false),
        },
        None => (left, None, false),
    };
    if key.is_empty() {
        return Err("a key has at least one character".to_owned());
    }
    let elements = if sequence { parse_list(value)? } else { vec![value.to_owned()] };
    Ok(MetadataEdit {
        key: key.to_owned(),
        value: Some(NewValue { kind: kind.map(str::to_owned), sequence, elements }),
    })
}

/// `a,b,c`, or `["a","b,c"]`; nothing is no element.
fn parse_list(text: &str) -> std::result::Result<Vec<String>, String> {
    if !text.trim_start().starts_with('[') {
        return Ok(if text.is_empty() { Vec::new() } else { text.split(',').map(str::to_owned).collect() });
    }
    let list: Vec<serde_json::Value> =
        serde_json::from_str(text).map_err(|error| format!("the list is no JSON: {error}"))?;
    let element = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Ok(value.to_string()),
        _ => Err("an element of the list is no text, number or bool".to_owned()),
    };
    list.into_iter().map(element).collect()
}

/// `weighbridge.set-metadata/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    file: &'a str,
    bytes: u64,
    set: usize,
    removed: usize,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_person_writes_is_an_edit() {
        let edit = |text: &str| {
            let MetadataEdit { key, value } = parse_edit(text).unwrap();
            let NewValue { kind, sequence, elements } = value.unwrap();
            (key, kind, sequence, elements.join("|"))
        };
        let of = |key: &str, kind: Option<&str>, sequence, elements: &str| {
            (key.to_owned(), kind.map(str::to_owned), sequence, elements.to_owned())
        };
        assert_eq!(edit("a.b=c=d"), of("a.b", None, false, "c=d"));
        assert_eq!(edit("a="), of("a", None, false, ""));
        assert_eq!(edit("a:u32=5"), of("a", Some("u32"), false, "5"));
        assert_eq!(edit("a:B c=5"), of("a:B c", None, false, "5"));
        assert_eq!(edit("a:b:string=5"), of("a:b", Some("string"), false, "5"));
        assert_eq!(edit("a:[f32]=1,2.5"), of("a", Some("f32"), true, "1|2.5"));
        assert_eq!(edit("a:[string]=[\"x,y\",\"z\",3,true]"), of("a", Some("string"), true, "x,y|z|3|true"));
        assert_eq!(edit("a:[u8]="), of("a", Some("u8"), true, ""));
        for wrong in ["a", "=1", ":u32=1", "a:[string]=[", "a:[string]=[[1]]"] {
            assert!(parse_edit(wrong).is_err(), "{wrong}");
        }
    }
}
