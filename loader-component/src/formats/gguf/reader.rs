//! The header from front to back: fixed fields, metadata, tensor infos, layout.
use super::super::fault::{fault, over_limit};
use super::super::handler::{Progress, Reader};
use super::super::header::{Header, Role};
use super::super::metadata::MetadataIndex;
use super::super::names::Refused;
use super::super::noticed::{Severity, listed, noticed};
use super::super::table::{TensorRef, TensorTable};
use super::super::window::{Buffer, Got, Stop};
use super::super::{Limits, escape};
use super::arrays::ArrayWalk;
use super::entries::PendingArray;
use super::format::FORMAT;
use super::item::{Bounds, Item};
use crate::api::Finding;
use crate::types::{Cause, Error};

/// Most bytes of a header unless the caller says otherwise: 1 GiB.
const MOST: u64 = 1 << 30;
/// Bytes of magic, version and counts.
const FIXED: u64 = 24;
/// Least bytes of an entry: a key of one byte and a value of one.
const LEAST_ENTRY: u64 = 8 + 1 + 4 + 1;
/// Least bytes of a tensor's info: a name of one byte and no dimensions.
const LEAST_INFO: u64 = 8 + 1 + 4 + 4 + 8;

/// Tensors that room is made for at once.
const MOST_RESERVED: usize = 1024;

/// Longest name that ggml reads.
const GGML_NAME: usize = 63;
/// Most dimensions that it reads.
const GGML_DIMENSIONS: usize = 4;

#[derive(Debug)]
enum Phase {
    Fixed,
    Entries,
    Array(ArrayWalk, PendingArray),
    Infos,
}

/// Reads one GGUF header.
#[derive(Debug)]
pub(super) struct Gguf {
    phase: Phase,
    /// Where the next item begins.
    pub(super) at: u64,
    pub(super) bounds: Bounds,
    pub(super) limits: Limits,
    version: u32,
    tensor_count: u64,
    entry_count: u64,
    pub(super) alignment: Option<u32>,
    pub(super) infos_at: u64,
    pub(super) metadata: MetadataIndex,
    pub(super) tensors: TensorTable,
    /// That the file ends before its last tensor.
    pub(super) cut_off: Option<Finding>,
}

impl Gguf {
    pub(super) fn new(size: u64, max_read: u32, limits: Limits) -> Self {
        Self {
            phase: Phase::Fixed,
            at: 0,
            bounds: Bounds { size, header: limits.header_or(MOST), nesting: limits.nesting },
            limits,
            version: 0,
            tensor_count: 0,
            entry_count: 0,
            alignment: None,
            infos_at: 0,
            metadata: MetadataIndex::new(max_read),
            tensors: TensorTable::default(),
            cut_off: None,
        }
    }

    /// Bytes of the header that are certain from where the item begins on, of which `n` are needed now: each item that is
    /// still to come has a least size. So the header is read in large windows, and no byte behind it ever is.
    fn sure(&self, n: u64) -> u64 {
        let entries = self.entry_count.saturating_sub(self.metadata.len() as u64);
        let infos = self.tensor_count.saturating_sub(self.tensors.len() as u64);
        let (this, entries, infos) = match &self.phase {
            Phase::Fixed => (FIXED, 0, 0),
            Phase::Entries => (LEAST_ENTRY, entries.saturating_sub(1), infos),
            Phase::Array(walk, _) => (walk.least(), entries.saturating_sub(1), infos),
            Phase::Infos => (LEAST_INFO, 0, infos.saturating_sub(1)),
        };
        let after = entries.saturating_mul(LEAST_ENTRY).saturating_add(infos.saturating_mul(LEAST_INFO));
        n.max(this).saturating_add(after)
    }

    /// Reads one item; true when there are no more.
    fn item(&mut self, buffer: &Buffer) -> Got<bool> {
        match &mut self.phase {
            Phase::Fixed => {
                self.fixed(buffer)?;
                self.phase = Phase::Entries;
            }
            Phase::Entries if self.metadata.len() as u64 == self.entry_count => {
                self.infos_at = self.at;
                self.metadata.ends_at(self.at);
                self.phase = Phase::Infos;
            }
            Phase::Entries => {
                if let Some((walk, pending)) = self.entry(buffer)? {
                    self.phase = Phase::Array(walk, pending);
                }
            }
            Phase::Array(walk, pending) => {
                let key = pending.key.as_str();
                walk.run(&mut self.at, buffer, self.bounds, &|| format!("kv[\"{}\"]", escape(key)))?;
                let pending = std::mem::take(pending);
                self.phase = Phase::Entries;
                self.keep_array(&pending)?;
            }
            Phase::Infos if self.tensors.len() as u64 == self.tensor_count => return Ok(true),
            Phase::Infos => self.info(buffer)?,
        }
        Ok(false)
    }

    fn fixed(&mut self, buffer: &Buffer) -> Got<()> {
        let mut item = Item::new(buffer, 0, self.bounds);
        item.take(4, || "magic".into())?;
        let version = item.u32(|| "version".into())?;
        version_fault(version)?;
        let tensors_at = item.at();
        let tensors = item.u64(|| "tensor_count".into())?;
        let entries_at = item.at();
        let entries = item.u64(|| "metadata_kv_count".into())?;
        let at = item.at();
        // What remains first: a count that the file cannot hold is a lie, not a matter of limits.
        let infos = self.bounds.room(at, entries, LEAST_ENTRY, entries_at, || "metadata_kv_count".into())?;
        self.bounds.room(infos, tensors, LEAST_INFO, tensors_at, || "tensor_count".into())?;
        let caps = [
            (entries, self.limits.metadata_entries, entries_at, "metadata_kv_count"),
            (tensors, self.limits.tensors, tensors_at, "tensor_count"),
        ];
        for (count, most, at, field) in caps {
            if count > u64::from(most) {
                let message = format!("{field} is {count}; the limit of this session is {most}.");
                return Err(over_limit(at, field, message).into());
            }
        }
        (self.version, self.tensor_count, self.entry_count, self.at) = (version, tensors, entries, at);
        // No more than any model has: what the file claims beyond that it must show.
        self.tensors.reserve(usize::try_from(tensors).unwrap_or(usize::MAX).min(MOST_RESERVED));
        Ok(())
    }

    fn finish(&mut self) -> Result<Progress, Error> {
        let data_offset = self.lay_out()?;
        let role = self.part()?.map_or(Role::Whole, Role::Part);
        let last = self.last_end(data_offset);
        let mut findings = self.findings();
        findings.extend(self.cut_off.take());
        let header = Box::new(Header {
            format: &FORMAT,
            version: self.version,
            alignment: u64::from(self.alignment()),
            data_offset,
            size: self.bounds.size,
            tensors: std::mem::take(&mut self.tensors),
            metadata: std::mem::take(&mut self.metadata),
            role,
            findings,
        });
        // ggml reads no further than the last tensor, and so do others.
        let is_behind = !header.tensors.is_empty() && last < header.size;
        Ok(if is_behind { Progress::Behind { header, at: last, forbidden: false } } else { Progress::Done(header) })
    }

    /// What others do not read.
    fn findings(&self) -> Vec<Finding> {
        let tensors = || self.tensors.iter().zip(0u32..);
        let long = |tensor: &TensorRef<'_>| tensor.name.len() > GGML_NAME;
        let wide = |tensor: &TensorRef<'_>| tensor.shape.len() > GGML_DIMENSIONS;
        let found = |rule: &str, is: &dyn Fn(&TensorRef<'_>) -> bool, what: &str| {
            let (_, first) = tensors().find(|(tensor, _)| is(tensor))?;
            let names = tensors().map(|(tensor, _)| tensor).filter(|tensor| is(tensor)).map(|tensor| tensor.name);
            let message = format!("These tensors {what}: {}.", listed(names));
            Some(noticed(rule, Severity::Note, message).of_tensor(first))
        };
        [
            found("long-names", &long, "have names of 64 bytes or more, which gguf-py reads and ggml does not"),
            found("many-dimensions", &wide, "have more than 4 dimensions, which gguf-py reads and ggml does not"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Reader for Gguf {
    fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error> {
        loop {
            match self.item(buffer) {
                Ok(false) => {}
                Ok(true) => return self.finish(),
                Err(Stop::Fail(error)) => return Err(error),
                Err(Stop::Need(n)) => {
                    return Ok(Progress::read(buffer, self.at, n, self.sure(n)));
                }
            }
        }
    }
}

/// The error for a name that could not be taken.
pub(super) fn refused(why: Refused, at: u64, field: String, name: &str) -> Error {
    let name = escape(name);
    match why {
        Refused::Duplicate(first) => {
            let message = format!("\"{name}\" is given twice; it was number {first} already.");
            fault(Cause::Malformed, at, field, message)
        }
        Refused::Full => over_limit(at, field, "The names of this file are too many or were made to collide."),
    }
}

fn version_fault(version: u32) -> Result<(), Error> {
    let unsupported = |message: String| Err(fault(Cause::UnsupportedFormat, 4, "version", message));
    match version {
        2 | 3 => Ok(()),
        1 => unsupported(
            "This is GGUF version 1, of 2023, whose lengths are 32 bits wide; convert it to version 3.".into(),
        ),
        0 => unsupported("GGUF version 0 does not exist.".into()),
        // ggml takes a zero low half for the sign of swapped bytes too.
        _ if version & 0xffff == 0 => unsupported(format!(
            "This is a big-endian GGUF file (its version reads {} with the bytes swapped); only little-endian files \
             are read. Convert it with gguf-py's gguf_convert_endian.py.",
            version.swap_bytes()
        )),
        _ => unsupported(format!("This is GGUF version {version}; versions 2 and 3 are read.")),
    }
}
