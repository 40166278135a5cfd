//! A safetensors file with other metadata: the header's JSON is written anew from the tables, tensors in the order in which
//! they are there, and the data stays.
use super::super::escape;
use super::super::fault::over_limit;
use super::super::header::Header;
use super::super::kind::Kind;
use super::super::rewrite::{Parts, kind_of, refused};
use super::format::MOST;
use super::header::METADATA;
use super::reader::PREFIX;
use crate::api::{FilePart, MetadataEdit};
use crate::types::{Cause, Error, Phase};

/// Headers are padded so that the data begins at a multiple of this, as the format's own writer does.
const ALIGNMENT: u64 = 8;

pub(super) fn rewrite(header: &Header, edits: &[MetadataEdit], block: u64) -> Result<Vec<FilePart>, Error> {
    let mut json = String::from("{");
    let texts = metadata(header, edits)?;
    if !texts.is_empty() {
        json.push_str(&format!("\"{METADATA}\":{{{}}}", texts.join(",")));
    }
    for (tensor, number) in header.tensors.iter().zip(0u32..) {
        if header.tensors.unknown(number).is_some() {
            let message = format!(
                "Tensor \"{}\" is of a type that is not known here, so the header cannot be written anew.",
                escape(tensor.name)
            );
            return Err(Error::new(Phase::Request, Cause::UnsupportedDtype, message).at_tensor(number));
        }
        if json.len() > 1 {
            json.push(',');
        }
        let start = tensor.offset.saturating_sub(header.data_offset);
        let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
        json.push_str(&format!(
            "{}:{{\"dtype\":{},\"shape\":[{}],\"data_offsets\":[{start},{}]}}",
            quoted(tensor.name),
            quoted(tensor.dtype),
            shape.join(","),
            start.saturating_add(tensor.bytes)
        ));
    }
    json.push('}');
    let begins = PREFIX.saturating_add(json.len() as u64);
    let padding = usize::try_from(padding(begins, header.data_offset, block)).unwrap_or_default();
    json.push_str(&" ".repeat(padding));
    if json.len() as u64 > MOST {
        let message = format!("The header would have {} bytes; readers of safetensors take {MOST}.", json.len());
        return Err(Error { phase: Phase::Request, ..over_limit(0, "header.length", message) });
    }
    let mut parts = Parts::default();
    parts.bytes(&(json.len() as u64).to_le_bytes());
    parts.bytes(json.as_bytes());
    parts.kept(header.data_offset, header.size);
    Ok(parts.done())
}

/// Bytes between the JSON, which ends at `end`, and the data: as far behind a multiple of `block` as it was, where that is a
/// multiple of 8 as well.
fn padding(end: u64, was: u64, block: u64) -> u64 {
    let to = |place: u64, of: u64| {
        place
            .checked_sub(end.checked_rem(of).unwrap_or(0))
            .unwrap_or_else(|| place.saturating_add(of).saturating_sub(end.checked_rem(of).unwrap_or(0)))
    };
    if block > ALIGNMENT && block.is_power_of_two() && was.is_multiple_of(ALIGNMENT) {
        return to(was.checked_rem(block).unwrap_or(0), block);
    }
    to(0, ALIGNMENT)
}

/// The entries of `__metadata__` as they will be.
fn metadata(header: &Header, edits: &[MetadataEdit]) -> Result<Vec<String>, Error> {
    let entry = |key: &str, text: &str| format!("{}:{}", quoted(key), quoted(text));
    let mut texts = Vec::new();
    for index in 0..header.metadata.len() {
        let Some((key, ..)) = header.metadata.placed(index) else { break };
        match edits.iter().find(|edit| edit.key == key) {
            None => texts.push(entry(key, header.metadata.get_text(key).unwrap_or_default())),
            Some(edit) => texts.extend(new(edit)?.map(|text| entry(key, text))),
        }
    }
    for edit in edits.iter().filter(|edit| header.metadata.find(&edit.key).is_none()) {
        texts.extend(new(edit)?.map(|text| entry(&edit.key, text)));
    }
    Ok(texts)
}

/// The text that an entry gets.
fn new(edit: &MetadataEdit) -> Result<Option<&str>, Error> {
    let Some(value) = &edit.value else { return Ok(None) };
    if kind_of(&edit.key, value, None)? != Kind::String || value.sequence {
        let why = "cannot be of that type: the metadata of safetensors are strings";
        return Err(refused(&edit.key, Cause::InvalidRequest, why));
    }
    Ok(value.elements.first().map(String::as_str))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
