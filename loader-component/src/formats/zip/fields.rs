//! Numbers in records whose length was checked, and the extra fields that hold wide ones.
use super::super::fault::fault;
use crate::types::{Cause, Error};

/// Says that a number stands in the zip64 field.
pub(super) const WIDE: u32 = u32::MAX;
/// The id of the zip64 field.
const ZIP64: u16 = 0x0001;
/// The id of a field that gives the entry another name than its own.
const UNICODE_PATH: u16 = 0x7075;

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |n| u16::from_le_bytes(*n))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |n| u32::from_le_bytes(*n))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |n| u64::from_le_bytes(*n))
}

/// Numbers of an entry that are 32 bits wide in its record, and wider in its zip64 field where that says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide {
    pub(super) size: u64,
    pub(super) compressed: u64,
    /// None in a local header, which has no such number.
    pub(super) header_at: Option<u64>,
}

/// Walks through the extra fields that begin at byte `at` of the file, and takes the wide numbers from them. Each is there
/// exactly if the narrow one is all ones, in this order.
pub(super) fn widen(narrow: Wide, extra: &[u8], at: u64, field: &dyn Fn(&str) -> String) -> Result<Wide, Error> {
    let bad = |at: u64, message: &str| Err(fault(Cause::Malformed, at, field("extra"), message));
    let (mut wide, mut rest, mut seen) = (narrow, extra, false);
    while !rest.is_empty() {
        let here = at.saturating_add((extra.len().saturating_sub(rest.len())) as u64);
        if rest.len() < 4 {
            // Aligning tools fill up with fewer bytes than a field has.
            if rest.iter().all(|byte| *byte == 0) {
                break;
            }
            return bad(here, "The extra fields end inside one.");
        }
        let (id, len) = (u16_at(rest, 0), usize::from(u16_at(rest, 2)));
        let Some(body) = rest.get(4..).and_then(|rest| rest.get(..len)) else {
            return bad(here, "An extra field is longer than what remains of them.");
        };
        match id {
            ZIP64 if seen => return bad(here, "The zip64 field is given twice."),
            ZIP64 => {
                seen = true;
                let mut numbers = body.chunks_exact(8).map(|number| u64_at(number, 0));
                let mut take = |narrow: u64| match narrow == u64::from(WIDE) {
                    true => numbers.next(),
                    false => Some(narrow),
                };
                let taken = take(narrow.size).zip(take(narrow.compressed));
                let header_at = narrow.header_at.map(&mut take);
                match (taken, header_at) {
                    (Some((size, compressed)), None | Some(Some(_))) => {
                        wide = Wide { size, compressed, header_at: header_at.flatten() };
                    }
                    _ => return bad(here, "The zip64 field has fewer numbers than the entry needs."),
                }
            }
            UNICODE_PATH => {
                return bad(
                    here,
                    "An extra field gives the entry a second name, which some readers take and some do not.",
                );
            }
            _ => {}
        }
        rest = rest.get(4usize.saturating_add(len)..).unwrap_or_default();
    }
    Ok(wide)
}
