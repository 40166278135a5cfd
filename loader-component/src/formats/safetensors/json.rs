//! What both JSON readers share: where they are, what went wrong, and texts without a copy.
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};

use super::super::escape;
use super::super::fault::fault;
use crate::types::{Cause, Error};

/// Characters of a message of the JSON library that are shown.
const SHOWN: usize = 200;

/// The part of an entry that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// The document itself.
    Document,
    /// The entry as a whole.
    Entry,
    /// One field of it.
    Field(&'static str),
    /// One element of a field.
    Element(&'static str, usize),
}

/// Where the reader is, so that an error can name it. Written down for every value, formatted for the one that fails.
#[derive(Debug)]
pub(super) struct Place {
    table: Cell<&'static str>,
    entry: RefCell<String>,
    part: Cell<Part>,
    number: Cell<Option<u32>>,
    fault: RefCell<Option<(Cause, String)>>,
}

impl Place {
    pub(super) fn new() -> Self {
        let (table, part) = (Cell::new("header"), Cell::new(Part::Document));
        Self { table, part, entry: RefCell::default(), number: Cell::new(None), fault: RefCell::default() }
    }

    /// Steps to another entry of a table.
    pub(super) fn enter(&self, table: &'static str, entry: &str, number: Option<u32>) {
        self.table.set(table);
        self.number.set(number);
        self.part.set(Part::Entry);
        let mut kept = self.entry.borrow_mut();
        kept.clear();
        kept.push_str(entry);
    }

    /// Steps to a part of the entry.
    pub(super) fn at(&self, part: Part) {
        self.part.set(part);
    }

    /// Steps out of all entries, to the document or to a table as a whole.
    pub(super) fn outside(&self, table: &'static str) {
        self.table.set(table);
        self.number.set(None);
        self.part.set(Part::Document);
    }

    fn field(&self) -> String {
        let table = self.table.get();
        let entry = || format!("{table}[\"{}\"]", escape(&self.entry.borrow()));
        match self.part.get() {
            Part::Document => table.into(),
            Part::Entry => entry(),
            Part::Field(name) => format!("{}.{name}", entry()),
            Part::Element(name, index) => format!("{}.{name}[{index}]", entry()),
        }
    }

    /// An error of ours, on its way through the JSON library.
    pub(super) fn deny<E: serde::de::Error>(&self, cause: Cause, message: impl Into<String>) -> E {
        self.fault.replace(Some((cause, message.into())));
        E::custom("refused")
    }

    /// Reads a whole document that begins at `offset` of the file.
    pub(super) fn read<'j, S: DeserializeSeed<'j>>(
        &self,
        json: &'j [u8],
        offset: u64,
        seed: S,
    ) -> Result<S::Value, Error> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let read = seed.deserialize(&mut reader).and_then(|value| {
            self.outside("header");
            reader.end().map(|()| value)
        });
        read.map_err(|error| {
            let at = offset.saturating_add(position(json, error.line(), error.column()));
            let (cause, message) = self.fault.take().unwrap_or_else(|| (Cause::Malformed, said(&error)));
            let error = fault(cause, at, self.field(), message);
            match self.number.get() {
                Some(number) => error.at_tensor(number),
                None => error,
            }
        })
    }
}

/// The byte that a line and a column mean, both from 1.
fn position(json: &[u8], line: usize, column: usize) -> u64 {
    let mut start = 0usize;
    for text in json.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)) {
        start = start.saturating_add(text.len());
    }
    start.saturating_add(column.saturating_sub(1)).min(json.len()) as u64
}

/// The JSON library's sentence, without its line and column and fit to be shown.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    let shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    format!("The JSON is wrong here: {}.", shown.replace("\\\"", "\"").replace("\\'", "'"))
}

/// A text that is borrowed from the document where it has no escapes.
pub(super) struct Text;

impl<'j> DeserializeSeed<'j> for Text {
    type Value = Cow<'j, str>;
    fn deserialize<D: Deserializer<'j>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'j> Visitor<'j> for Text {
    type Value = Cow<'j, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'j str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.into()))
    }
}

/// An integer from 0 to 2^64 − 1, written as one.
pub(super) struct Count;

impl<'j> DeserializeSeed<'j> for Count {
    type Value = u64;
    fn deserialize<D: Deserializer<'j>>(self, reader: D) -> Result<u64, D::Error> {
        reader.deserialize_u64(self)
    }
}

impl Visitor<'_> for Count {
    type Value = u64;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer from 0 to 18446744073709551615")
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<u64, E> {
        u64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }
}

/// Any value, passed over, to a depth.
pub(super) struct Skip<'p> {
    pub(super) place: &'p Place,
    pub(super) depth: u32,
}

impl<'p> Skip<'p> {
    fn inner<E: serde::de::Error>(&self) -> Result<Skip<'p>, E> {
        let too_deep = || self.place.deny(Cause::LimitExceeded, "The JSON is nested deeper than this session allows.");
        let depth = self.depth.checked_sub(1).ok_or_else(too_deep)?;
        Ok(Skip { place: self.place, depth })
    }
}

impl<'j> DeserializeSeed<'j> for Skip<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'j>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'j> Visitor<'j> for Skip<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(())
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(())
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(())
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(())
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(())
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'j>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element_seed(self.inner()?)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(self.inner()?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_bytes() {
        assert_eq!(position(b"{\n  x", 2, 3), 4);
        assert_eq!(position(b"abc", 1, 1), 0);
        assert_eq!(position(b"abc", 9, 9), 3);
    }
}
