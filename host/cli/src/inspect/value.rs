//! Values of metadata, as a person and as a program read them.
use crate::units::grouped;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use weighbridge::{MetadataEntry, MetadataValue, SequenceHead, escape};

/// The format's name of a value's type.
pub(crate) fn kind(entry: &MetadataEntry) -> String {
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

/// A whole value: a text with its lines, an array with a line for each element, and nothing that a terminal acts on.
pub(super) fn whole(value: &MetadataValue) -> String {
    let line = |line: &str| line.split('\t').map(escape).collect::<Vec<_>>().join("\t");
    match value {
        MetadataValue::Text(text) => text.split('\n').map(line).collect::<Vec<_>>().join("\n"),
        MetadataValue::Sequence(sequence) => {
            let mut lines: Vec<_> = sequence.head.iter().map(|element| escape(element)).collect();
            if sequence.count > sequence.head.len() as u64 {
                lines.push("…".to_owned());
            }
            lines.join("\n")
        }
        other => text(other),
    }
}

/// An f32 was widened: what is shown is the shortest number that it came from.
#[allow(clippy::cast_possible_truncation, reason = "checked by the comparison")]
fn floating(value: f64) -> String {
    let narrow = value as f32;
    if f64::from(narrow) == value { format!("{narrow:?}") } else { format!("{value:?}") }
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
    fn whole_values_keep_their_lines() {
        assert_eq!(whole(&MetadataValue::Text("a\n\tb\u{1b}[2J\n".to_owned())), "a\n\tb\\u{1b}[2J\n");
        assert_eq!(whole(&sequence("string", &["a\nb", "c"])), "a\\u{a}b\nc\n…");
        assert_eq!(whole(&MetadataValue::Signed(-1)), "-1");
    }

    #[test]
    fn texts_are_one_line_and_harmless() {
        assert_eq!(text(&MetadataValue::Text("a\n\u{1b}[2J".to_owned())), "a\\u{a}\\u{1b}[2J");
        assert_eq!(text(&sequence("string", &["a", "b"])), "[\"a\", \"b\", …]");
        assert_eq!(text(&MetadataValue::Floating(f64::from(1e-5f32))), "1e-5");
        assert_eq!(text(&MetadataValue::Floating(10_000.0)), "10000.0");
    }
}
