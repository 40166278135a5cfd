//! The header's JSON: a map of tensors and, under `__metadata__`, a map of texts.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::super::dtype::{Dtype, SizeError, tensor_bytes};
use super::super::escape::name_fault;
use super::super::metadata::MetadataIndex;
use super::super::names::Refused;
use super::super::table::TensorTable;
use super::super::{Limits, escape};
use super::dtypes;
use super::json::{Count, Part, Place, Text};
use crate::types::{Cause, Error};

/// The one key that is no tensor.
pub(super) const METADATA: &str = "__metadata__";
/// Most dimensions of a tensor: no library that writes these files makes more than 64.
const MOST_DIMENSIONS: usize = 64;

/// Fills the tables from the JSON.
pub(super) struct HeaderReader<'t> {
    limits: &'t Limits,
    tensors: &'t mut TensorTable,
    metadata: &'t mut MetadataIndex,
}

impl<'t> HeaderReader<'t> {
    pub(super) fn new(limits: &'t Limits, tensors: &'t mut TensorTable, metadata: &'t mut MetadataIndex) -> Self {
        Self { limits, tensors, metadata }
    }

    /// Reads JSON that begins at `offset` of the file. Offsets of tensors stay relative to the data.
    pub(super) fn read(self, json: &[u8], offset: u64) -> Result<(), Error> {
        let place = Place::new();
        place.read(json, offset, Document { place: &place, to: self })
    }
}

/// The error for a name or a key that could not be taken.
pub(super) fn refused<E: serde::de::Error>(place: &Place, why: Refused, name: &str) -> E {
    match why {
        Refused::Duplicate(_) => place.deny(Cause::Malformed, format!("\"{}\" is given twice.", escape(name))),
        Refused::Full => {
            place.deny(Cause::LimitExceeded, "The names of this file are too many or were made to collide.")
        }
    }
}

struct Document<'p, 't> {
    place: &'p Place,
    to: HeaderReader<'t>,
}

impl<'j> DeserializeSeed<'j> for Document<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'j>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'j> Visitor<'j> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of tensors")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { place, to: HeaderReader { limits, tensors, metadata } } = self;
        let mut described = false;
        let mut shape = Vec::new();
        while let Some(name) = map.next_key_seed(Text)? {
            if name == METADATA {
                place.outside(METADATA);
                if std::mem::replace(&mut described, true) {
                    return Err(place.deny(Cause::Malformed, "__metadata__ is given twice."));
                }
                map.next_value_seed(Texts { place, limits, metadata: &mut *metadata })?;
                continue;
            }
            let number = u32::try_from(tensors.len()).unwrap_or(u32::MAX);
            place.enter("tensor", &name, Some(number));
            if number >= limits.tensors {
                let message = format!("The file has more than {} tensors, the limit of this session.", limits.tensors);
                return Err(place.deny(Cause::LimitExceeded, message));
            }
            if name.len() as u64 > u64::from(limits.name_bytes) {
                let message = format!("A name has {} bytes; the limit is {}.", name.len(), limits.name_bytes);
                return Err(place.deny(Cause::LimitExceeded, message));
            }
            if let Some(why) = name_fault(&name) {
                return Err(place.deny(Cause::Malformed, format!("The tensor's name \"{}\" {why}.", escape(&name))));
            }
            shape.clear();
            let Described { dtype, start, bytes } = map.next_value_seed(Tensor { place, shape: &mut shape })?;
            place.at(Part::Entry);
            let taken = match dtype {
                Ok(dtype) => tensors.push(&name, dtype, &shape, start, bytes),
                Err(unknown) => tensors.push_unknown(&name, unknown, &shape, start, bytes),
            };
            taken.map_err(|why| refused(place, why, &name))?;
            place.outside("header");
        }
        Ok(())
    }
}

/// One tensor.
struct Tensor<'p, 's> {
    place: &'p Place,
    shape: &'s mut Vec<u64>,
}

struct Described {
    /// What the file says, where it is not known.
    dtype: Result<Dtype, String>,
    start: u64,
    bytes: u64,
}

impl<'j> DeserializeSeed<'j> for Tensor<'_, '_> {
    type Value = Described;
    fn deserialize<D: Deserializer<'j>>(self, reader: D) -> Result<Described, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'j> Visitor<'j> for Tensor<'_, '_> {
    type Value = Described;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tensor's dtype, shape and data_offsets")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Described, A::Error> {
        let Self { place, shape } = self;
        let (mut dtype, mut shaped, mut span) = (None, false, None);
        while let Some(key) = map.next_key_seed(Text)? {
            let twice = match &*key {
                "dtype" => {
                    place.at(Part::Field("dtype"));
                    let name = map.next_value_seed(Text)?;
                    let known = dtypes::dtype(&name).ok_or_else(|| escape(&name));
                    dtype.replace(known).is_some()
                }
                "shape" => {
                    place.at(Part::Field("shape"));
                    let twice = std::mem::replace(&mut shaped, true);
                    map.next_value_seed(Counts { place, field: "shape", most: MOST_DIMENSIONS, into: &mut *shape })?;
                    twice
                }
                "data_offsets" => {
                    place.at(Part::Field("data_offsets"));
                    let mut pair = Vec::new();
                    map.next_value_seed(Counts { place, field: "data_offsets", most: 2, into: &mut pair })?;
                    let [start, end] = pair[..] else {
                        let message = format!("data_offsets has {} numbers; it must have 2.", pair.len());
                        return Err(place.deny(Cause::Malformed, message));
                    };
                    let bytes = end.checked_sub(start).ok_or_else(|| {
                        place
                            .deny(Cause::Malformed, format!("data_offsets ends at {end}, before it begins at {start}."))
                    })?;
                    span.replace((start, bytes)).is_some()
                }
                other => {
                    place.at(Part::Entry);
                    return Err(place.deny(Cause::Malformed, format!("\"{}\" is no field of a tensor.", escape(other))));
                }
            };
            if twice {
                return Err(place.deny(Cause::Malformed, format!("{key} is given twice.")));
            }
            place.at(Part::Entry);
        }
        let missing = |field| {
            place.at(Part::Field(field));
            place.deny(Cause::Malformed, format!("The tensor has no {field}."))
        };
        let dtype = dtype.ok_or_else(|| missing("dtype"))?;
        if !shaped {
            return Err(missing("shape"));
        }
        let (start, said) = span.ok_or_else(|| missing("data_offsets"))?;
        let dtype = match dtype {
            Ok(dtype) => dtype,
            // Its bytes are known all the same.
            Err(unknown) => return Ok(Described { dtype: Err(unknown), start, bytes: said }),
        };
        let bytes = tensor_bytes(dtype, shape).map_err(|why| {
            place.at(match why {
                SizeError::Dimension(at) => Part::Element("shape", at),
                _ => Part::Field("shape"),
            });
            place.deny(Cause::Malformed, format!("The shape {shape:?} of type {dtype:?} has no size: {why}."))
        })?;
        if said != bytes {
            place.at(Part::Field("data_offsets"));
            let message =
                format!("data_offsets gives {said} bytes, but shape {shape:?} of type {dtype:?} needs {bytes}.");
            return Err(place.deny(Cause::Malformed, message));
        }
        Ok(Described { dtype: Ok(dtype), start, bytes })
    }
}

/// A list of integers.
struct Counts<'p, 's> {
    place: &'p Place,
    field: &'static str,
    most: usize,
    into: &'s mut Vec<u64>,
}

impl<'j> DeserializeSeed<'j> for Counts<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'j>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'j> Visitor<'j> for Counts<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of integers")
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut seq: A) -> Result<(), A::Error> {
        self.place.at(Part::Element(self.field, 0));
        while let Some(value) = seq.next_element_seed(Count)? {
            if self.into.len() >= self.most {
                self.place.at(Part::Field(self.field));
                let message = format!("{} has more than {} numbers.", self.field, self.most);
                return Err(self.place.deny(Cause::Malformed, message));
            }
            self.into.push(value);
            self.place.at(Part::Element(self.field, self.into.len()));
        }
        self.place.at(Part::Field(self.field));
        Ok(())
    }
}

/// `__metadata__`: texts under distinct keys.
struct Texts<'p, 't> {
    place: &'p Place,
    limits: &'t Limits,
    metadata: &'t mut MetadataIndex,
}

impl<'j> DeserializeSeed<'j> for Texts<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'j>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'j> Visitor<'j> for Texts<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { place, limits, metadata } = self;
        while let Some(key) = map.next_key_seed(Text)? {
            place.enter(METADATA, &key, None);
            if metadata.len() as u64 >= u64::from(limits.metadata_entries) {
                let message = format!("The file has more than {} metadata entries.", limits.metadata_entries);
                return Err(place.deny(Cause::LimitExceeded, message));
            }
            let text = map.next_value_seed(Text)?;
            metadata.push_text(&key, text.as_bytes(), None).map_err(|why| refused(place, why, &key))?;
        }
        place.outside("header");
        Ok(())
    }
}
