//! A GGUF file with other metadata: every entry that stays keeps its bytes, and so do the tensors' infos and their data.
use super::super::escape;
use super::super::header::Header;
use super::super::kind::Kind;
use super::super::rewrite::{Parts, kind_of, refused};
use super::entries::{ALIGNMENT, LONGEST_KEY};
use super::values::code;
use crate::api::{FilePart, MetadataEdit, NewValue};
use crate::types::{Cause, Error};

/// Bytes of magic, version and the number of tensors.
const BEFORE_COUNT: u64 = 16;
/// Bytes of those and of the number of entries.
const FIXED: u64 = 24;
/// Bytes of an entry beside its key and its value: the key's length and the value's type.
const AROUND_KEY: u64 = 8 + 4;
/// Bytes of a tensor's info beside its name and its dimensions.
const INFO: u64 = 8 + 4 + 4 + 8;

pub(super) fn rewrite(header: &Header, edits: &[MetadataEdit], _block: u64) -> Result<Vec<FilePart>, Error> {
    let metadata = &header.metadata;
    let infos_at = metadata.end().unwrap_or(FIXED);
    let of_key = |key: &str| edits.iter().find(|edit| edit.key == key);
    let mut entries = Parts::default();
    let mut count = 0u64;
    // An entry begins where its key's length stands, and ends where the next one begins.
    let start = |index: usize| match metadata.placed(index) {
        Some((key, _, Some(value_at))) => value_at.saturating_sub(AROUND_KEY).saturating_sub(key.len() as u64),
        _ => infos_at,
    };
    for index in 0..metadata.len() {
        let Some((key, ..)) = metadata.placed(index) else { break };
        match of_key(key) {
            None => entries.kept(start(index), start(index.saturating_add(1))),
            Some(MetadataEdit { value: None, .. }) => {
                alignment_stays(key)?;
                continue;
            }
            Some(MetadataEdit { value: Some(value), .. }) => {
                entries.bytes(&entry(key, value, metadata.kind_of(key))?);
            }
        }
        count = count.saturating_add(1);
    }
    for MetadataEdit { key, value } in edits.iter().filter(|edit| metadata.find(&edit.key).is_none()) {
        let Some(value) = value else { continue };
        entries.bytes(&entry(key, value, None)?);
        count = count.saturating_add(1);
    }
    let mut parts = Parts::default();
    parts.kept(0, BEFORE_COUNT);
    parts.bytes(&count.to_le_bytes());
    for part in entries.done() {
        match part {
            FilePart::Bytes(bytes) => parts.bytes(&bytes),
            FilePart::Kept(span) => parts.kept(span.offset, span.offset.saturating_add(span.len)),
        }
    }
    let infos_end = header.tensors.iter().fold(infos_at, |at, info| {
        at.saturating_add(INFO).saturating_add(info.name.len() as u64).saturating_add(8 * info.shape.len() as u64)
    });
    parts.kept(infos_at, infos_end);
    if !header.tensors.is_empty() {
        let padded = parts.len().checked_next_multiple_of(header.alignment).unwrap_or(parts.len());
        let padding = usize::try_from(padded.saturating_sub(parts.len())).unwrap_or_default();
        parts.bytes(&vec![0; padding]);
    }
    parts.kept(header.data_offset, header.size);
    Ok(parts.done())
}

/// Tensors' offsets are multiples of the alignment, and where their data begins depends on it.
fn alignment_stays(key: &str) -> Result<(), Error> {
    if key == ALIGNMENT {
        let why = "says where tensor data lies, so it stays as long as the data does; it can be changed where the file is made";
        return Err(refused(key, Cause::InvalidRequest, why));
    }
    Ok(())
}

/// The bytes of an entry.
fn entry(key: &str, value: &NewValue, there: Option<(Kind, bool)>) -> Result<Vec<u8>, Error> {
    alignment_stays(key)?;
    if key.is_empty() || key.len() as u64 > LONGEST_KEY || key.contains('\0') {
        let why = format!("cannot be: a key has 1 to {LONGEST_KEY} bytes, and no NUL among them");
        return Err(refused(key, Cause::InvalidRequest, &why));
    }
    let kind = kind_of(key, value, there)?;
    let mut bytes = Vec::new();
    text(key, &mut bytes);
    if value.sequence {
        bytes.extend(code(Kind::Array).to_le_bytes());
        bytes.extend(code(kind).to_le_bytes());
        bytes.extend((value.elements.len() as u64).to_le_bytes());
    } else {
        bytes.extend(code(kind).to_le_bytes());
    }
    for element in &value.elements {
        if scalar(kind, element, &mut bytes).is_none() {
            let why = format!("cannot be \"{}\", which is no {}", escape(element), kind.name());
            return Err(refused(key, Cause::InvalidRequest, &why));
        }
    }
    Ok(bytes)
}

fn text(text: &str, to: &mut Vec<u8>) {
    to.extend((text.len() as u64).to_le_bytes());
    to.extend(text.as_bytes());
}

/// Writes a value that is given as text; none where it is no value of the type.
fn scalar(kind: Kind, given: &str, to: &mut Vec<u8>) -> Option<()> {
    macro_rules! number {
        ($type:ty) => {
            to.extend(given.trim().parse::<$type>().ok()?.to_le_bytes())
        };
    }
    match kind {
        Kind::U8 => number!(u8),
        Kind::I8 => number!(i8),
        Kind::U16 => number!(u16),
        Kind::I16 => number!(i16),
        Kind::U32 => number!(u32),
        Kind::I32 => number!(i32),
        Kind::U64 => number!(u64),
        Kind::I64 => number!(i64),
        Kind::F32 => number!(f32),
        Kind::F64 => number!(f64),
        Kind::Bool => to.push(u8::from(given.trim().parse::<bool>().ok()?)),
        Kind::String => text(given, to),
        Kind::Array => return None,
    }
    Some(())
}
