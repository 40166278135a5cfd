//! safetensors: a length, a JSON header, tensor data without holes. The rules are those of the crate safetensors 0.8,
//! and a few that its JSON library does not enforce: no name twice, no unknown field, nothing before the `{`.
mod header;
mod index;
mod json;
mod layout;

pub(crate) use index::Index;
pub use index::ShardIndex;

use super::Limits;
use super::fault::{fault, over_limit, truncated};
use super::metadata::MetadataIndex;
use super::parser::{Format, Header, Progress};
use super::table::TensorTable;
use super::window::Buffer;
use crate::types::{Cause, Error};
use header::HeaderReader;

/// Bytes of the length before the header.
const PREFIX: u64 = 8;

/// Reads one safetensors header, whose JSON is held once, as bytes arrive.
#[derive(Debug)]
pub(crate) struct Safetensors {
    size: u64,
    max_read: u32,
    limits: Limits,
    length: Option<u64>,
}

impl Safetensors {
    pub(crate) fn new(size: u64, max_read: u32, limits: Limits) -> Self {
        Self { size, max_read, limits, length: None }
    }

    pub(crate) fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error> {
        let length = match self.length {
            Some(length) => length,
            None => {
                if self.size < PREFIX {
                    return Err(truncated(0, "header.length", self.size));
                }
                let Some(prefix) = buffer.from(0).first_chunk::<8>() else {
                    let (offset, len) = buffer.ask(0, PREFIX, PREFIX);
                    return Ok(Progress::Read { offset, len });
                };
                let length = self.check(u64::from_le_bytes(*prefix))?;
                self.length = Some(length);
                buffer.end_at(PREFIX.saturating_add(length));
                length
            }
        };
        if !buffer.has(PREFIX, length) {
            let (offset, len) = buffer.ask(PREFIX, length, length);
            return Ok(Progress::Read { offset, len });
        }
        let json = usize::try_from(length).ok().and_then(|length| buffer.from(PREFIX).get(..length));
        self.header(json.unwrap_or_default()).map(|header| Progress::Done(Box::new(header)))
    }

    fn check(&self, length: u64) -> Result<u64, Error> {
        let left = self.size.saturating_sub(PREFIX);
        let most = self.limits.json_header();
        if length > left {
            let message = format!("The header's length is {length}, but only {left} bytes of the file remain.");
            return Err(fault(Cause::Malformed, 0, "header.length", message));
        }
        if length > most {
            let message = format!("The header has {length} bytes; at most {most} are read.");
            return Err(over_limit(0, "header.length", message));
        }
        if length < 2 {
            let message = format!("The header's length is {length}; the shortest header is {{}}.");
            return Err(fault(Cause::Malformed, 0, "header.length", message));
        }
        Ok(length)
    }

    fn header(&self, json: &[u8]) -> Result<Header, Error> {
        if json.first() != Some(&b'{') {
            let found = super::escape::escape_bytes(json.get(..1).unwrap_or_default());
            let message = format!("The header begins with \"{found}\"; it must begin with {{.");
            return Err(fault(Cause::Malformed, PREFIX, "header", message));
        }
        let mut tensors = TensorTable::default();
        let mut metadata = MetadataIndex::new(self.max_read);
        HeaderReader::new(&self.limits, &mut tensors, &mut metadata).read(json, PREFIX)?;
        let data_offset = PREFIX.saturating_add(json.len() as u64);
        layout::check(&mut tensors, data_offset, self.size)?;
        Ok(Header {
            format: Format::Safetensors,
            version: 0,
            alignment: 1,
            data_offset,
            size: self.size,
            tensors,
            metadata,
            split: None,
            index: None,
            tensor_limit: self.limits.tensors,
        })
    }
}
