//! `model.safetensors.index.json`: which shard has which tensor. `pytorch_model.bin.index.json` is written by the same tools
//! in the same form, and its shards are of another format.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::super::escape::{file_name_fault, name_fault};
use super::super::fault::over_limit;
use super::super::handler::{Progress, Reader};
use super::super::header::{Header, Role};
use super::super::metadata::MetadataIndex;
use super::super::names::Names;
use super::super::registry;
use super::super::shard_index::ShardIndex;
use super::super::table::TensorTable;
use super::super::window::Buffer;
use super::super::{Limits, escape};
use super::format::{FORMAT, header_limit};
use super::header::refused;
use super::json::{Place, Skip, Text};
use crate::types::{Cause, Error};

/// Reads one index, which is held whole while it is read.
#[derive(Debug)]
pub(super) struct Index {
    size: u64,
    limits: Limits,
}

impl Index {
    pub(super) fn new(size: u64, limits: Limits) -> Self {
        Self { size, limits }
    }
}

impl Reader for Index {
    fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error> {
        let most = header_limit(&self.limits);
        if self.size > most {
            let message = format!("The index has {} bytes; at most {most} are read.", self.size);
            return Err(over_limit(0, "header", message));
        }
        if !buffer.has(0, self.size) {
            return Ok(Progress::read(buffer, 0, self.size, self.size));
        }
        let place = Place::new();
        let index = place.read(buffer.from(0), 0, Document { place: &place, limits: &self.limits })?;
        Ok(Progress::Done(Box::new(Header {
            format: registry::of_shards(&index).unwrap_or(&FORMAT),
            version: 0,
            alignment: 1,
            data_offset: self.size,
            size: self.size,
            tensors: TensorTable::default(),
            metadata: MetadataIndex::default(),
            role: Role::Index(index),
            findings: Vec::new(),
        })))
    }
}

struct Document<'p> {
    place: &'p Place,
    limits: &'p Limits,
}

impl<'j> DeserializeSeed<'j> for Document<'_> {
    type Value = ShardIndex;
    fn deserialize<D: Deserializer<'j>>(self, reader: D) -> Result<ShardIndex, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'j> Visitor<'j> for Document<'_> {
    type Value = ShardIndex;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with a weight_map")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<ShardIndex, A::Error> {
        let Self { place, limits } = self;
        let mut index = ShardIndex::default();
        let mut seen = Names::default();
        while let Some(key) = map.next_key_seed(Text)? {
            place.enter("index", &key, None);
            seen.push(&key).map_err(|why| refused(place, why, &key))?;
            match &*key {
                "weight_map" => {
                    place.outside("weight_map");
                    map.next_value_seed(WeightMap { place, limits, index: &mut index })?;
                }
                // `metadata` has the size of all tensors, about which tools disagree where tensors are tied; what other keys
                // there are is the tools' own. None of them says where a tensor is.
                _ => map.next_value_seed(Skip { place, depth: limits.nesting })?,
            }
            place.outside("header");
        }
        if seen.find("weight_map").is_none() {
            place.outside("weight_map");
            return Err(place.deny(Cause::Malformed, "The index has no weight_map."));
        }
        Ok(index)
    }
}

/// `weight_map`: tensor → file.
struct WeightMap<'p> {
    place: &'p Place,
    limits: &'p Limits,
    index: &'p mut ShardIndex,
}

impl<'j> DeserializeSeed<'j> for WeightMap<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'j>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'j> Visitor<'j> for WeightMap<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of tensors to files")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { place, limits, index } = self;
        while let Some(name) = map.next_key_seed(Text)? {
            place.enter("weight_map", &name, None);
            if index.len() as u64 >= u64::from(limits.tensors) {
                let message = format!("The index names more than {} tensors.", limits.tensors);
                return Err(place.deny(Cause::LimitExceeded, message));
            }
            if name.len() as u64 > u64::from(limits.name_bytes) {
                let message = format!("A name has {} bytes; the limit is {}.", name.len(), limits.name_bytes);
                return Err(place.deny(Cause::LimitExceeded, message));
            }
            if let Some(why) = name_fault(&name) {
                return Err(place.deny(Cause::Malformed, format!("The tensor's name \"{}\" {why}.", escape(&name))));
            }
            let file = map.next_value_seed(Text)?;
            if let Some(why) = file_name_fault(&file) {
                let message = format!("The file name \"{}\" {why}; a shard has a plain file name.", escape(&file));
                return Err(place.deny(Cause::Malformed, message));
            }
            index.push(&name, &file).map_err(|why| refused(place, why, &name))?;
        }
        Ok(())
    }
}
