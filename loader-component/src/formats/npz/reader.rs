//! One array after the other, in the order of the directory.
use super::super::Limits;
use super::super::escape;
use super::super::fault::{fault, over_limit};
use super::super::handler::{Progress, Reader};
use super::super::header::{Header, Role};
use super::super::metadata::MetadataIndex;
use super::super::names::Refused;
use super::super::npy::reader::Npy;
use super::super::table::{TensorTable, Unreadable};
use super::super::window::Buffer;
use super::super::zip::{Archive, Entry};
use super::handler::{ENDING, FORMAT};
use crate::types::{Cause, Error};
use std::sync::Arc;

/// Reads the headers of all arrays of an archive.
#[derive(Debug)]
pub(super) struct Npz {
    archive: Archive,
    size: u64,
    limits: Limits,
    array: Option<Npy>,
    tensors: TensorTable,
    /// Why compressed arrays cannot be read, once for all.
    compressed: Option<Arc<Unreadable>>,
}

impl Npz {
    pub(super) fn new(archive: Archive, size: u64, limits: Limits) -> Self {
        Self { archive, size, limits, array: None, tensors: TensorTable::default(), compressed: None }
    }

    /// The name of the array in an entry.
    fn name<'e>(&self, entry_name: &'e str, entry: &Entry) -> Result<&'e str, Error> {
        let shown = escape(entry_name);
        let field = |part: &str| format!("zip.entry[\"{shown}\"].{part}");
        let bad =
            |part: &str, message: String| Err(fault(Cause::UnsupportedFormat, entry.header_at, field(part), message));
        let Some(name) = entry_name.strip_suffix(ENDING).filter(|name| !name.is_empty()) else {
            return bad("name", format!("Entry \"{shown}\" is no array: those of NPZ have a name that ends in .npy."));
        };
        let most = self.limits.name_bytes;
        if name.len() as u64 > u64::from(most) {
            let message = format!("The array's name has {} bytes; the limit is {most}.", name.len());
            return Err(over_limit(entry.header_at, field("name"), message));
        }
        Ok(name)
    }

    fn finish(&mut self) -> Header {
        let tensors = std::mem::take(&mut self.tensors);
        Header {
            format: &FORMAT,
            version: 0,
            alignment: 1,
            data_offset: tensors.first_byte().unwrap_or(self.size),
            size: self.size,
            tensors,
            metadata: MetadataIndex::default(),
            role: Role::Whole,
            findings: Vec::new(),
        }
    }
}

impl Reader for Npz {
    fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error> {
        loop {
            let number = self.tensors.len();
            let Some((entry_name, entry)) = self.archive.get(number) else {
                return Ok(Progress::Done(Box::new(self.finish())));
            };
            let name = self.name(entry_name, entry)?;
            if !entry.is_stored() {
                let why = self.compressed.get_or_insert_with(|| compressed(entry)).clone();
                let (name, at) = (name.to_owned(), entry.header_at);
                self.tensors.push_unreadable(&name, None, &[], (0, 0), why).map_err(|why| taken(&name, at, why))?;
                continue;
            }
            let (from, to, limits) = (entry.data_at, entry.data_at.saturating_add(entry.size), self.limits);
            let in_archive = |error: Error| {
                let field = format!("arrays[\"{}\"].{}", escape(name), error.field.as_deref().unwrap_or_default());
                let tensor = error.tensor.and(u32::try_from(number).ok());
                Error { field: Some(field), tensor, ..error }
            };
            let array = self.array.get_or_insert_with(|| Npy::new(from, to, limits));
            let header = match array.advance(buffer).map_err(in_archive)? {
                Progress::Done(header) => header,
                Progress::Behind { at, .. } => {
                    let message = format!(
                        "{} bytes after the array belong to nothing. If several arrays were saved to this entry, save them one \
                         by one.",
                        to.saturating_sub(at)
                    );
                    return Err(in_archive(fault(Cause::Malformed, at, "tensor_data", message)));
                }
                read => return Ok(read),
            };
            self.array = None;
            self.tensors.take(name, &header.tensors).map_err(|why| taken(name, from, why))?;
        }
    }
}

/// Why an array has no place in the table.
fn taken(name: &str, at: u64, why: Refused) -> Error {
    let message = match why {
        Refused::Duplicate(_) => format!("Two arrays have the name \"{}\".", escape(name)),
        Refused::Full => "The names of this file are too many or were made to collide.".to_owned(),
    };
    fault(Cause::Malformed, at, format!("arrays[\"{}\"]", escape(name)), message)
}

/// Why an array cannot be read whose entry is compressed: as much of it as nothing is unpacked for is its name.
fn compressed(entry: &Entry) -> Arc<Unreadable> {
    let why = format!(
        "is compressed (method {}), so that its bytes are not in the file as they are; save the arrays again with numpy.savez \
         instead of numpy.savez_compressed",
        entry.method
    );
    Arc::new(Unreadable { cause: Cause::UnsupportedFormat, offset: entry.header_at, why })
}
