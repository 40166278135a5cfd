//! A safetensors file: the length, then the header, which is checked as a whole.
use super::super::Limits;
use super::super::escape::escape_bytes;
use super::super::fault::{Length, cut_off, fault, over_limit, truncated};
use super::super::handler::{Progress, Reader};
use super::super::header::{Header, Role};
use super::super::metadata::MetadataIndex;
use super::super::table::TensorTable;
use super::super::window::Buffer;
use super::format::{FORMAT, header_limit};
use super::header::HeaderReader;
use super::layout;
use crate::types::{Cause, Error};

/// Bytes of the length before the header.
pub(super) const PREFIX: u64 = 8;

/// Reads one safetensors header, whose JSON is held once, as bytes arrive.
#[derive(Debug)]
pub(super) struct Safetensors {
    size: u64,
    max_read: u32,
    limits: Limits,
    /// Whether the header's first byte, if it is here, is what it must be.
    begins_well: bool,
    length: Option<u64>,
}

impl Safetensors {
    pub(super) fn new(size: u64, head: &[u8], max_read: u32, limits: Limits) -> Self {
        let begins_well = head.get(8).is_none_or(|byte| *byte == b'{');
        Self { size, max_read, limits, begins_well, length: None }
    }

    fn check(&self, length: u64) -> Result<u64, Error> {
        let left = self.size.saturating_sub(PREFIX);
        let most = header_limit(&self.limits);
        if length > left && length <= most && self.begins_well {
            let needed = Length::AtLeast(PREFIX.saturating_add(length));
            return Err(cut_off(0, "header.length", self.size, needed, "inside its header"));
        }
        if length > left {
            let message = format!(
                "The header's length is {length}, but only {left} bytes of the file remain, and no header is so long."
            );
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

    fn header(&self, json: &[u8]) -> Result<Progress, Error> {
        if json.first() != Some(&b'{') {
            let found = escape_bytes(json.get(..1).unwrap_or_default());
            let message = format!("The header begins with \"{found}\"; it must begin with {{.");
            return Err(fault(Cause::Malformed, PREFIX, "header", message));
        }
        let mut tensors = TensorTable::default();
        let mut metadata = MetadataIndex::new(self.max_read);
        HeaderReader::new(&self.limits, &mut tensors, &mut metadata).read(json, PREFIX)?;
        let data_offset = PREFIX.saturating_add(json.len() as u64);
        let (end, found) = layout::check(&mut tensors, data_offset, self.size, self.limits.partial)?;
        let header = Box::new(Header {
            format: &FORMAT,
            version: 0,
            alignment: 1,
            data_offset,
            size: self.size,
            tensors,
            metadata,
            role: Role::Whole,
            findings: found.into_iter().collect(),
        });
        Ok(if end < self.size { Progress::Behind { header, at: end, forbidden: true } } else { Progress::Done(header) })
    }
}

impl Reader for Safetensors {
    fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error> {
        let length = match self.length {
            Some(length) => length,
            None => {
                if self.size < PREFIX {
                    return Err(truncated(0, PREFIX, "header.length", self.size));
                }
                let Some(prefix) = buffer.from(0).first_chunk::<8>() else {
                    return Ok(Progress::read(buffer, 0, PREFIX, PREFIX));
                };
                let length = self.check(u64::from_le_bytes(*prefix))?;
                self.length = Some(length);
                length
            }
        };
        if !buffer.has(PREFIX, length) {
            return Ok(Progress::read(buffer, PREFIX, length, length));
        }
        let json = usize::try_from(length).ok().and_then(|length| buffer.from(PREFIX).get(..length));
        self.header(json.unwrap_or_default())
    }
}
