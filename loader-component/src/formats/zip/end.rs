//! The end of the archive: where its directory lies and how many entries it has.
use super::super::fault::{fault, over_limit, truncated};
use super::super::window::{Buffer, Got, Stop};
use super::fields::{u16_at, u32_at, u64_at};
use crate::types::{Cause, Error};

const END: &[u8; 4] = b"PK\x05\x06";
const LOCATOR: &[u8; 4] = b"PK\x06\x07";
const END64: &[u8; 4] = b"PK\x06\x06";
const END_BYTES: u64 = 22;
const LOCATOR_BYTES: u64 = 20;
const END64_BYTES: u64 = 56;
/// What stands before the end record in an archive of more than 4 GiB, and in every one that PyTorch writes.
const BEFORE: u64 = LOCATOR_BYTES + END64_BYTES;
/// Longest comment: the field has 16 bits.
const LONGEST_COMMENT: u64 = 65_535;
/// Bytes of the smallest entry of a directory.
pub(super) const LEAST_ENTRY: u64 = 46;

/// What the end of the archive says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) directory_at: u64,
    pub(super) directory_end: u64,
    pub(super) entries: u64,
    /// Where the end record begins, or the zip64 one before it.
    pub(super) at: u64,
    /// Bytes of the comment.
    pub(super) comment: u16,
    /// Where the comment ends.
    pub(super) over_at: u64,
}

/// Where the end is looked for: first in as many bytes as an archive without a comment ends with, then in as many as the
/// longest comment makes it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Search {
    wide: bool,
}

impl Search {
    /// Where the bytes begin that are needed, and how many they are.
    pub(super) fn span(self, size: u64) -> (u64, u64) {
        let comment = if self.wide { LONGEST_COMMENT } else { 0 };
        let len = (BEFORE + END_BYTES + comment).min(size);
        (size.saturating_sub(len), len)
    }

    /// The end record, from the bytes that [`Search::span`] names.
    pub(super) fn run(&mut self, buffer: &Buffer, size: u64, limits: Limits) -> Got<End> {
        if size < END_BYTES {
            return Err(truncated(0, END_BYTES, "zip.end", size).into());
        }
        let (tail_at, len) = self.span(size);
        if !buffer.has(tail_at, len) {
            return Err(Stop::Need(len));
        }
        let tail = buffer.from(tail_at);
        let usual = size.saturating_sub(END_BYTES);
        let record = at(tail, tail_at, usual);
        let bare = record.starts_with(END) && u16_at(record, 20) == 0;
        if !bare && !self.wide {
            self.wide = true;
            return self.run(buffer, size, limits);
        }
        let found = if bare { Some(usual) } else { last(tail, tail_at, size) };
        let Some(end_at) = found else {
            let message = format!(
                "The file begins like a ZIP archive, but no end record is in the last 65,557 of its {size} bytes: it is cut off, \
                 or more than a comment follows the archive. Fetch the rest of it."
            );
            return Err(fault(Cause::EndOfSource, size, "zip.end", message).into());
        };
        read(tail, tail_at, end_at, size, limits).map_err(Stop::Fail)
    }
}

/// Bounds on a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most bytes.
    pub(super) bytes: u64,
    /// Most entries.
    pub(super) entries: u32,
}

fn at(tail: &[u8], tail_at: u64, offset: u64) -> &[u8] {
    let skip = offset.checked_sub(tail_at).and_then(|skip| usize::try_from(skip).ok());
    skip.and_then(|skip| tail.get(skip..)).unwrap_or_default()
}

/// The last place where an end record could begin, as every reader looks for it.
fn last(tail: &[u8], tail_at: u64, size: u64) -> Option<u64> {
    let first = size.saturating_sub(END_BYTES + LONGEST_COMMENT).max(tail_at);
    let from = at(tail, tail_at, first);
    let starts = from.len().checked_sub(END_BYTES as usize)?;
    let found = (0..=starts).rev().find(|start| from.get(*start..).is_some_and(|rest| rest.starts_with(END)))?;
    first.checked_add(found as u64)
}

fn read(tail: &[u8], tail_at: u64, end_at: u64, size: u64, limits: Limits) -> Result<End, Error> {
    let bad = |offset: u64, field: &str, message: String| fault(Cause::Malformed, offset, field, message);
    let record = at(tail, tail_at, end_at);
    let comment = u16_at(record, 20);
    let over_at = end_at.saturating_add(END_BYTES).saturating_add(u64::from(comment));
    if over_at > size {
        let message = format!("The comment has {comment} bytes, but fewer remain of the file.");
        return Err(bad(end_at.saturating_add(20), "zip.end.comment_length", message));
    }
    one_disk(u16_at(record, 4).max(u16_at(record, 6)).into(), end_at.saturating_add(4))?;
    let narrow = [u64::from(u16_at(record, 10)), u64::from(u32_at(record, 12)), u64::from(u32_at(record, 16))];
    let here = u64::from(u16_at(record, 8));
    let locator_at = end_at.checked_sub(LOCATOR_BYTES).filter(|at| *at >= tail_at);
    let locator =
        locator_at.map(|from| (from, at(tail, tail_at, from))).filter(|(_, bytes)| bytes.starts_with(LOCATOR));
    let (begin, here, numbers) = match locator {
        None => (end_at, here, narrow),
        Some((locator_at, locator)) => {
            let said = u64_at(locator, 8);
            one_disk(u32_at(locator, 4), locator_at.saturating_add(4))?;
            let wide_at = locator_at.checked_sub(END64_BYTES).filter(|at| *at >= tail_at && *at == said);
            let wide = wide_at.map(|from| at(tail, tail_at, from)).filter(|bytes| bytes.starts_with(END64));
            let (Some(wide_at), Some(wide)) = (wide_at, wide) else {
                let message =
                    format!("The zip64 end record is not at byte {said}, where its locator says it is, before that.");
                return Err(bad(locator_at.saturating_add(8), "zip.zip64_locator.offset", message));
            };
            if u64_at(wide, 4) != END64_BYTES - 12 {
                let message = "The zip64 end record has another length than that of version 1.".to_owned();
                return Err(bad(wide_at.saturating_add(4), "zip.zip64_end.size", message));
            }
            one_disk(u32_at(wide, 16).max(u32_at(wide, 20)), wide_at.saturating_add(16))?;
            let numbers = [u64_at(wide, 32), u64_at(wide, 40), u64_at(wide, 48)];
            let all_ones = [u64::from(u16::MAX), u64::from(u32::MAX), u64::from(u32::MAX)];
            let agree = narrow
                .iter()
                .zip(&numbers)
                .zip(&all_ones)
                .all(|((narrow, wide), ones)| narrow == wide || narrow == ones);
            if !agree {
                let message = "The end record and the zip64 end record describe different directories.".to_owned();
                return Err(bad(end_at.saturating_add(8), "zip.end", message));
            }
            (wide_at, u64_at(wide, 24), numbers)
        }
    };
    let [entries, bytes, directory_at] = numbers;
    let (count_at, offset_at) = (end_at.saturating_add(10), end_at.saturating_add(16));
    if here != entries {
        let message =
            format!("{here} of {entries} entries are said to be in this file; archives in parts are not read.");
        return Err(bad(end_at.saturating_add(8), "zip.end.entries", message));
    }
    // Others add what is missing to every offset: the same bytes are two archives then.
    if directory_at.checked_add(bytes) != Some(begin) {
        let message = format!(
            "The directory of {bytes} bytes from byte {directory_at} on does not end at byte {begin}, where its end record begins."
        );
        return Err(bad(offset_at, "zip.end.directory_offset", message));
    }
    if entries.checked_mul(LEAST_ENTRY).is_none_or(|least| least > bytes) {
        let message = format!("{entries} entries do not fit into a directory of {bytes} bytes.");
        return Err(bad(count_at, "zip.end.entries", message));
    }
    if bytes > limits.bytes || entries > u64::from(limits.entries) {
        let message = format!(
            "The directory has {entries} entries in {bytes} bytes; at most {} in {} are read.",
            limits.entries, limits.bytes
        );
        return Err(over_limit(count_at, "zip.end.entries", message));
    }
    Ok(End { directory_at, directory_end: begin, entries, at: begin, comment, over_at })
}

fn one_disk(number: u32, at: u64) -> Result<(), Error> {
    if number == 0 {
        return Ok(());
    }
    Err(fault(Cause::UnsupportedFormat, at, "zip.end.disk", "Archives in several parts are not read."))
}
