//! `weighbridge inspect`: what the headers of a model say.
use super::failure::Result;
use super::options::Files;
use super::output::{Output, shortened};
use super::session::{Opened, open, runtime};
use super::units::{bytes, grouped, plural, shape};
use clap::Args;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use std::process::ExitCode;
use weighbridge::{Finding, MetadataEntry, MetadataValue, SequenceHead, SessionOptions, TensorInfo, escape};

/// Show the metadata and the tensors of a model
///
/// Only the headers are read, by the sandboxed component.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge inspect model.gguf
  weighbridge inspect model.gguf --full | less
  weighbridge inspect model.gguf --json | jq '.metadata.\"general.architecture\"'
  weighbridge inspect model.gguf --json | jq -r '.tensors[] | select(.bytes > 1e6) | .name'")]
pub(crate) struct Inspect {
    #[command(flatten)]
    files: Files,
    /// Show arrays and texts whole (with --json they always are)
    #[arg(long)]
    full: bool,
}

/// Elements of an array that the text shows, and characters of a value.
const HEAD: u32 = 4;
const WIDTH: usize = 72;

impl Inspect {
    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        let runtime = runtime()?;
        let mut opened = open(&runtime, &self.files.files, SessionOptions::default())?;
        let head = if self.full || output.is_json() { u32::MAX } else { HEAD };
        let metadata = opened.session.metadata(head)?;
        let tensors = opened.session.tensors()?.to_vec();
        let findings = opened.session.findings()?;
        if output.is_json() {
            output.json(&Report::new(&opened, &metadata, &tensors, findings))?;
        } else {
            self.show(&opened, &metadata, &tensors, &findings, output)?;
        }
        opened.session.close()?;
        Ok(ExitCode::SUCCESS)
    }

    fn show(
        &self,
        opened: &Opened,
        metadata: &[MetadataEntry],
        tensors: &[TensorInfo],
        findings: &[Finding],
        output: &mut Output,
    ) -> Result<()> {
        let (name, rest) = opened.headline();
        output.headline(&name, &rest)?;
        let files = opened.session.files();
        let many = files.len() > 1;
        if many {
            output.title("Files")?;
            let rows = files.iter().zip(0u32..).map(|(file, index)| {
                let tensors = tensors.iter().filter(|tensor| tensor.source == index).count();
                vec![index.to_string(), escape(&file.name), bytes(file.size), grouped(tensors as u64)]
            });
            output.table(&[">", "file", ">size", ">tensors"], rows)?;
        }
        if !metadata.is_empty() {
            output.title("Metadata")?;
            let rows = metadata.iter().map(|entry| {
                let value = text(&entry.value);
                let value = if self.full { value } else { shortened(&value, WIDTH) };
                let mut row = vec![shortened(&escape(&entry.key), WIDTH), kind(entry), value];
                if many {
                    row.insert(0, entry.source.to_string());
                }
                row
            });
            let columns = if many { &[">file", "key", "type", "value"][..] } else { &["key", "type", "value"] };
            output.table(columns, rows)?;
        }
        for Shortened { key, elements, shown, .. } in cut(metadata).iter().filter(|_| self.full) {
            let (elements, shown) = (grouped(*elements), grouped(*shown as u64));
            output.note(&format!("{} has {elements} elements; the first {shown} are shown", escape(key)))?;
        }
        if !findings.is_empty() {
            output.title("Findings")?;
            let rows = findings.iter().map(|finding| {
                vec![finding.severity.name().to_owned(), escape(&finding.rule), shown(&finding.message)]
            });
            output.table(&["severity", "rule", "what"], rows)?;
        }
        output.title("Tensors")?;
        let rows = tensors.iter().zip(0u64..).map(|(tensor, index)| {
            let mut row = vec![
                index.to_string(),
                shortened(&escape(&tensor.name), WIDTH),
                escape(&tensor.dtype),
                shape(&tensor.shape),
                bytes(tensor.bytes),
                tensor.offset.to_string(),
            ];
            if many {
                row.push(tensor.source.to_string());
            }
            row
        });
        let columns = [">#", "name", "dtype", "shape", ">size", ">offset", ">file"];
        output.table(if many { &columns } else { &columns[..6] }, rows)?;
        self.types(tensors, output)
    }

    /// How many tensors there are of each type, and how large they are together.
    #[allow(clippy::unused_self, reason = "beside its caller")]
    fn types(&self, tensors: &[TensorInfo], output: &mut Output) -> Result<()> {
        let mut types: Vec<(&str, u64, u64)> = Vec::new();
        for tensor in tensors {
            match types.iter_mut().find(|(dtype, ..)| *dtype == tensor.dtype) {
                Some((_, count, size)) => {
                    *count += 1;
                    *size += tensor.bytes;
                }
                None => types.push((&tensor.dtype, 1, tensor.bytes)),
            }
        }
        types.sort_by_key(|(_, _, size)| std::cmp::Reverse(*size));
        let parts: Vec<_> = types
            .iter()
            .map(|(dtype, count, size)| format!("{}: {}, {}", escape(dtype), plural(*count, "tensor"), bytes(*size)))
            .collect();
        if parts.is_empty() { Ok(()) } else { output.note(&format!("\n {}", parts.join("; "))) }
    }
}

/// A sentence of the guest's, which has escaped the names in it, on one line.
fn shown(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn kind(entry: &MetadataEntry) -> String {
    match &entry.value {
        MetadataValue::Sequence(sequence) => format!("{}[{}]", escape(&sequence.element), grouped(sequence.count)),
        _ => escape(&entry.kind),
    }
}

/// A value for a person: one line, nothing that a terminal acts on.
pub(crate) fn text(value: &MetadataValue) -> String {
    match value {
        MetadataValue::Boolean(value) => value.to_string(),
        MetadataValue::Unsigned(value) => value.to_string(),
        MetadataValue::Signed(value) => value.to_string(),
        MetadataValue::Floating(value) => floating(*value),
        MetadataValue::Text(value) => escape(value),
        MetadataValue::Sequence(sequence) => {
            let quote = sequence.element == "string";
            let mut parts: Vec<_> = sequence
                .head
                .iter()
                .map(|element| if quote { format!("\"{}\"", escape(element)) } else { escape(element) })
                .collect();
            if sequence.count > sequence.head.len() as u64 {
                parts.push("…".to_owned());
            }
            format!("[{}]", parts.join(", "))
        }
    }
}

/// An f32 was widened: what is shown is the shortest number that it came from.
#[allow(clippy::cast_possible_truncation, reason = "checked by the comparison")]
fn floating(value: f64) -> String {
    let narrow = value as f32;
    if f64::from(narrow) == value { format!("{narrow:?}") } else { format!("{value:?}") }
}

/// `weighbridge.inspect/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    files: Vec<super::load::FileJson>,
    format: &'a str,
    version: u32,
    architecture: Option<&'a str>,
    alignment: u64,
    tensor_bytes: u64,
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shard_metadata: Vec<Shard<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shortened: Vec<Shortened<'a>>,
    /// What was noticed of the model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    tensors: Vec<TensorReport<'a>>,
}

#[derive(Serialize)]
struct Shard<'a> {
    file: u32,
    metadata: Metadata<'a>,
}

/// An array that the component had no room for.
#[derive(Serialize)]
struct Shortened<'a> {
    file: u32,
    key: &'a str,
    elements: u64,
    shown: usize,
}

/// Of metadata that were asked for whole, the arrays that are not.
fn cut<'a>(metadata: &'a [MetadataEntry]) -> Vec<Shortened<'a>> {
    let cut = |entry: &'a MetadataEntry| match &entry.value {
        MetadataValue::Sequence(sequence) if sequence.count > sequence.head.len() as u64 => Some(Shortened {
            file: entry.source,
            key: &entry.key,
            elements: sequence.count,
            shown: sequence.head.len(),
        }),
        _ => None,
    };
    metadata.iter().filter_map(cut).collect()
}

#[derive(Serialize)]
struct TensorReport<'a> {
    name: &'a str,
    dtype: &'a str,
    shape: &'a [u64],
    file: u32,
    offset: u64,
    bytes: u64,
}

impl<'a> Report<'a> {
    fn new(
        opened: &'a Opened,
        metadata: &'a [MetadataEntry],
        tensors: &'a [TensorInfo],
        findings: Vec<Finding>,
    ) -> Self {
        let summary = opened.session.summary();
        let of = |file| Metadata(metadata.iter().filter(|entry| entry.source == file).collect());
        let shards = (1..summary.sources).map(|file| Shard { file, metadata: of(file) });
        Self {
            schema: "weighbridge.inspect/1",
            files: super::load::files_json(opened),
            format: &summary.format,
            version: summary.version,
            architecture: summary.architecture.as_deref(),
            alignment: summary.alignment,
            tensor_bytes: summary.tensor_bytes,
            metadata: of(0),
            shortened: cut(metadata),
            findings,
            shard_metadata: shards.filter(|shard| !shard.metadata.0.is_empty()).collect(),
            tensors: tensors
                .iter()
                .map(|tensor| TensorReport {
                    name: &tensor.name,
                    dtype: &tensor.dtype,
                    shape: &tensor.shape,
                    file: tensor.source,
                    offset: tensor.offset,
                    bytes: tensor.bytes,
                })
                .collect(),
        }
    }
}

/// Entries of one file as an object, in the order of the file.
struct Metadata<'a>(Vec<&'a MetadataEntry>);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for entry in &self.0 {
            map.serialize_entry(&entry.key, &Value(&entry.value))?;
        }
        map.end()
    }
}

/// A value with its type.
pub(crate) struct Value<'a>(pub(crate) &'a MetadataValue);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            MetadataValue::Boolean(value) => serializer.serialize_bool(*value),
            MetadataValue::Unsigned(value) => serializer.serialize_u64(*value),
            MetadataValue::Signed(value) => serializer.serialize_i64(*value),
            MetadataValue::Floating(value) => number(*value, serializer),
            MetadataValue::Text(value) => serializer.serialize_str(value),
            MetadataValue::Sequence(sequence) => {
                let mut list = serializer.serialize_seq(Some(sequence.head.len()))?;
                for element in &sequence.head {
                    list.serialize_element(&Element { sequence, element })?;
                }
                list.end()
            }
        }
    }
}

/// JSON has no NaN and no infinity; they are texts.
#[allow(clippy::cast_possible_truncation, reason = "checked by the comparison")]
fn number<S: Serializer>(value: f64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let narrow = value as f32;
    if !value.is_finite() {
        serializer.serialize_str(&value.to_string())
    } else if f64::from(narrow) == value {
        serializer.serialize_f32(narrow)
    } else {
        serializer.serialize_f64(value)
    }
}

/// An element of an array: the guest answers texts, and the element type says what they were.
struct Element<'a> {
    sequence: &'a SequenceHead,
    element: &'a str,
}

impl Serialize for Element<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let text = self.element;
        match self.sequence.element.as_str() {
            "bool" => match text.parse() {
                Ok(value) => serializer.serialize_bool(value),
                Err(_) => serializer.serialize_str(text),
            },
            "f32" | "f64" => match text.parse() {
                Ok(value) => number(value, serializer),
                Err(_) => serializer.serialize_str(text),
            },
            "string" => serializer.serialize_str(text),
            _ => match (text.parse::<u64>(), text.parse::<i64>()) {
                (Ok(value), _) => serializer.serialize_u64(value),
                (_, Ok(value)) => serializer.serialize_i64(value),
                _ => serializer.serialize_str(text),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sequence(element: &str, head: &[&str]) -> MetadataValue {
        let head = head.iter().map(|text| (*text).to_owned()).collect();
        MetadataValue::Sequence(SequenceHead { element: element.to_owned(), count: 9, head })
    }

    #[test]
    fn values_keep_their_types_in_json() {
        let json = |value: &MetadataValue| serde_json::to_string(&Value(value)).unwrap();
        assert_eq!(json(&sequence("string", &["1", "\u{1b}"])), "[\"1\",\"\\u001b\"]");
        assert_eq!(json(&sequence("i32", &["-1", "2"])), "[-1,2]");
        assert_eq!(json(&sequence("u64", &["18446744073709551615"])), "[18446744073709551615]");
        assert_eq!(json(&sequence("f32", &["0.1", "NaN"])), "[0.1,\"NaN\"]");
        assert_eq!(json(&sequence("bool", &["true"])), "[true]");
        assert_eq!(json(&MetadataValue::Floating(f64::from(1e-5f32))), "0.00001");
        assert_eq!(json(&MetadataValue::Floating(f64::INFINITY)), "\"inf\"");
    }

    #[test]
    fn an_array_that_is_not_whole_is_named() {
        let entry =
            |key: &str, value| MetadataEntry { key: key.to_owned(), kind: "array".to_owned(), source: 1, value };
        let mut whole = SequenceHead { element: "u8".to_owned(), count: 1, head: vec!["1".to_owned()] };
        let entries =
            [entry("short", sequence("u8", &["1", "2"])), entry("whole", MetadataValue::Sequence(whole.clone()))];
        let json = serde_json::to_string(&cut(&entries)).unwrap();
        assert_eq!(json, "[{\"file\":1,\"key\":\"short\",\"elements\":9,\"shown\":2}]");
        whole.count = 0;
        assert!(cut(&[entry("empty", MetadataValue::Sequence(whole))]).is_empty());
    }

    #[test]
    fn texts_are_one_line_and_harmless() {
        assert_eq!(text(&MetadataValue::Text("a\n\u{1b}[2J".to_owned())), "a\\u{a}\\u{1b}[2J");
        assert_eq!(text(&sequence("string", &["a", "b"])), "[\"a\", \"b\", …]");
        assert_eq!(text(&MetadataValue::Floating(f64::from(1e-5f32))), "1e-5");
        assert_eq!(text(&MetadataValue::Floating(10_000.0)), "10000.0");
    }
}
