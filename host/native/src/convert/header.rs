//! The header of a safetensors file, byte for byte as the format's own writer makes it: JSON without blanks, padded with
//! spaces to a multiple of 8 bytes.
use super::plan::Planned;
use std::{collections::BTreeMap, fmt::Write as _};

/// The one key that is no tensor.
pub(super) const METADATA: &str = "__metadata__";
/// Most bytes of a header that readers take.
pub(super) const HEADER_MOST: u64 = 100_000_000;

/// The length and the header of a file whose tensors lie in this order, one behind the other.
pub(super) fn header(tensors: &[Planned], metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut json = String::from("{");
    if !metadata.is_empty() {
        let texts: Vec<String> =
            metadata.iter().map(|(key, text)| format!("{}:{}", quoted(key), quoted(text))).collect();
        // Writing to a string has no way to fail.
        let _ = write!(json, "\"{METADATA}\":{{{}}}", texts.join(","));
    }
    let mut at = 0u64;
    for tensor in tensors {
        let separator = if json.len() > 1 { "," } else { "" };
        let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
        let end = at.saturating_add(tensor.bytes);
        let _ = write!(
            json,
            "{separator}{}:{{\"dtype\":{},\"shape\":[{}],\"data_offsets\":[{at},{end}]}}",
            quoted(&tensor.info.name),
            quoted(&tensor.info.dtype),
            shape.join(",")
        );
        at = end;
    }
    json.push('}');
    json.push_str(&" ".repeat(json.len().next_multiple_of(8) - json.len()));
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(json.as_bytes());
    bytes
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
