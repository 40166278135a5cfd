//! A file with other metadata, as the parts that it consists of: bytes that are new, and spans of the file that stay. Made of
//! the tables alone; how a format writes is its own affair (`rewrite` of its handler).
use std::collections::BTreeSet;

use super::escape;
use super::header::Header;
use super::kind::Kind;
use super::registry::handler;
use crate::api::{FilePart, KeptSpan, MetadataEdit, NewValue};
use crate::types::{Cause, Error, Phase};

/// The file of this header with these changes, part after part.
///
/// # Errors
/// The format has no metadata that anybody could change, or not such a value; an entry that is to go is not there.
pub fn rewrite(header: &Header, edits: &[MetadataEdit], block: u64) -> Result<Vec<FilePart>, Error> {
    let rewrite = handler(header.format).and_then(|handler| handler.rewrite).filter(|_| header.index().is_none());
    let Some(rewrite) = rewrite else {
        let what = if header.index().is_some() { "An index" } else { "A file of this format" };
        let message = format!(
            "{what} ({}) has no metadata that can be changed here; those of GGUF and safetensors files can.",
            header.format.title
        );
        return Err(Error::new(Phase::Request, Cause::UnsupportedFormat, message).at_field("source"));
    };
    let mut keys = BTreeSet::new();
    for MetadataEdit { key, value } in edits {
        if !keys.insert(key.as_str()) {
            return Err(refused(key, Cause::InvalidRequest, "is to be changed twice; say once what it is to be"));
        }
        if value.is_none() && header.metadata.find(key).is_none() {
            return Err(refused(key, Cause::NotFound, "is not there, so it cannot be taken away"));
        }
    }
    rewrite(header, edits, block)
}

/// The error about one entry.
pub(crate) fn refused(key: &str, cause: Cause, why: &str) -> Error {
    let shown = escape(key);
    Error::new(Phase::Request, cause, format!("The entry \"{shown}\" {why}.")).at_field(format!("kv[\"{shown}\"]"))
}

/// The type of a new value; `there` is the type that the entry has, and whether it is an array of that.
pub(crate) fn kind_of(key: &str, new: &NewValue, there: Option<(Kind, bool)>) -> Result<Kind, Error> {
    let bad = |why: String| Err(refused(key, Cause::InvalidRequest, &why));
    let kind = match (&new.kind, there) {
        (Some(name), _) => match Kind::of(name) {
            Some(kind) => kind,
            None => {
                let names: Vec<&str> = Kind::SCALARS.iter().map(|kind| kind.name()).collect();
                return bad(format!(
                    "cannot be of type \"{}\"; the types are {}, and arrays of these",
                    escape(name),
                    names.join(", ")
                ));
            }
        },
        (None, Some((Kind::Array, true))) => {
            return bad("is an array of arrays; give the type of a simple array to replace it".into());
        }
        (None, Some((kind, true))) if !new.sequence => {
            return bad(format!("is an array of {}; give the type to replace it by a single value", kind.name()));
        }
        (None, there) => there.map_or(Kind::String, |(kind, _)| kind),
    };
    if !new.sequence && new.elements.len() != 1 {
        return bad(format!("is to be one value, but {} were given", new.elements.len()));
    }
    Ok(kind)
}

/// Parts of a file, in their order; those that touch are one.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    parts: Vec<FilePart>,
    len: u64,
}

impl Parts {
    /// Bytes so far.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// These bytes come next.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.len = self.len.saturating_add(bytes.len() as u64);
        match self.parts.last_mut() {
            _ if bytes.is_empty() => {}
            Some(FilePart::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.parts.push(FilePart::Bytes(bytes.to_vec())),
        }
    }

    /// The file's bytes from `start` to `end` come next.
    pub(crate) fn kept(&mut self, start: u64, end: u64) {
        let len = end.saturating_sub(start);
        self.len = self.len.saturating_add(len);
        match self.parts.last_mut() {
            _ if len == 0 => {}
            Some(FilePart::Kept(last)) if last.offset.checked_add(last.len) == Some(start) => {
                last.len = last.len.saturating_add(len);
            }
            _ => self.parts.push(FilePart::Kept(KeptSpan { offset: start, len })),
        }
    }

    pub(crate) fn done(self) -> Vec<FilePart> {
        self.parts
    }
}
