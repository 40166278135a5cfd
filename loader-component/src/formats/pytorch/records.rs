//! The small records of an archive, and where in it things are looked up.
use super::super::escape;
use super::super::escape::escape_bytes;
use super::super::fault::fault;
use super::super::zip::{Archive, Entry};
use crate::types::{Cause, Error};

/// Longest record that is read.
pub(super) const LONGEST: u64 = 64;

/// The directory in the archive that all its records are in: that of the first entry, as `PyTorchStreamReader` takes it.
pub(super) fn prefix(archive: &Archive) -> Result<String, Error> {
    let Some((first, entry)) = archive.iter().next() else {
        return Err(fault(Cause::UnsupportedFormat, 0, "zip.directory", "The archive is empty."));
    };
    match first.split_once('/') {
        Some((prefix, _)) => Ok(prefix.to_owned()),
        None => {
            let message = format!("Entry \"{}\" is in no directory, so this is no PyTorch checkpoint.", escape(first));
            Err(fault(Cause::UnsupportedFormat, entry.header_at, "zip.directory[0].name", message))
        }
    }
}

/// That an entry is its bytes. Whoever packs a checkpoint again packs the storages too, and those are read by nobody then,
/// so there is no unpacking here at all.
pub(super) fn stored(name: &str, entry: &Entry) -> Result<(), Error> {
    if entry.is_stored() {
        return Ok(());
    }
    let shown = escape(name);
    let message = format!(
        "Entry \"{shown}\" is compressed (method {}); PyTorch stores its entries. Save the checkpoint again with torch.save.",
        entry.method
    );
    Err(fault(Cause::UnsupportedFormat, entry.header_at, format!("zip.entry[\"{shown}\"].method"), message))
}

/// That a record says little-endian.
pub(super) fn byte_order(bytes: &[u8], at: u64) -> Result<(), Error> {
    match bytes {
        b"little" => Ok(()),
        b"big" => Err(fault(
            Cause::UnsupportedFormat,
            at,
            "byteorder",
            "The checkpoint was saved on a big-endian machine; only little-endian ones are read.",
        )),
        other => {
            let message = format!("The record says \"{}\"; it has to be little or big.", escape_bytes(other));
            Err(fault(Cause::Malformed, at, "byteorder", message))
        }
    }
}

/// The number in the record of the version.
pub(super) fn version(bytes: &[u8], at: u64) -> Result<u64, Error> {
    let text = str::from_utf8(bytes).ok().map(str::trim);
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let message = format!("The record says \"{}\", which is no version.", escape_bytes(bytes));
        fault(Cause::Malformed, at, "version", message)
    })
}
