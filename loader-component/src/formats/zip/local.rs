//! Local headers: what stands before each entry's data, and that it says what the directory says.
use super::super::escape;
use super::super::escape::escape_bytes;
use super::super::fault::fault;
use super::super::window::{Buffer, Got, Stop};
use super::MAGIC;
use super::descriptor;
use super::directory::{Archive, DESCRIBED_BEHIND, Entry};
use super::fields::{WIDE, Wide, u16_at, u32_at, widen};
use crate::types::Cause;

/// Bytes of a header without its name.
const FIXED: usize = 30;
/// A descriptor and what an aligning writer leaves before the next header: as much is read with that header.
const NEAR: u64 = 256;

/// Where the walk over the entries is: at the header of one, or behind its data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    next: usize,
    /// Where the data of the entry ends whose descriptor is to be read.
    behind: Option<u64>,
    /// Everything before is read or refused.
    reached: u64,
}

impl Walk {
    pub(super) const fn new() -> Self {
        Self { next: 0, behind: None, reached: 0 }
    }

    /// Where what is needed next begins, and how many bytes from there on are sure to be no data.
    pub(super) fn span(&self, archive: &Archive, order: &[u32], directory_at: u64) -> (u64, u64) {
        let header = |index: usize| {
            let number = order.get(index).copied()?;
            let entry = archive.entries.get(number as usize)?;
            Some((entry.header_at, FIXED.saturating_add(archive.names.get(number).len()) as u64))
        };
        match self.behind {
            None => header(self.next).unwrap_or((directory_at, 0)),
            Some(behind) => {
                let (next_at, len) = header(self.next.saturating_add(1)).unwrap_or((directory_at, 0));
                let gap = next_at.saturating_sub(behind);
                (behind, if gap <= NEAR { gap.saturating_add(len) } else { gap.min(descriptor::LONGEST) })
            }
        }
    }

    /// Reads one header, or one descriptor; true when there are no more.
    pub(super) fn step(
        &mut self,
        archive: &mut Archive,
        order: &[u32],
        directory_at: u64,
        buffer: &Buffer,
    ) -> Got<bool> {
        let Some(number) = order.get(self.next).copied() else {
            archive.note_outside(self.reached..directory_at);
            return Ok(true);
        };
        let Some(entry) = archive.entries.get(number as usize).copied() else { return Ok(true) };
        let after = order.get(self.next.saturating_add(1)).and_then(|next| archive.entries.get(*next as usize));
        // The directory is in the order of the headers for this walk: what follows begins no earlier.
        let limit = after.map_or(directory_at, |next| next.header_at.min(directory_at));
        let name = archive.names.get(number);
        match self.behind {
            None => {
                let data_at = header(&entry, name, limit, directory_at, buffer)?;
                let end = data_at.saturating_add(entry.compressed);
                if end > limit {
                    return Err(overlap(&entry, name, end, limit, directory_at));
                }
                archive.note_outside(self.reached..entry.header_at);
                if let Some(entry) = archive.entries.get_mut(number as usize) {
                    entry.data_at = data_at;
                }
                self.reached = end;
                if entry.flags & DESCRIBED_BEHIND == 0 {
                    self.next = self.next.saturating_add(1);
                } else {
                    self.behind = Some(end);
                }
            }
            Some(end) => {
                let want = limit.saturating_sub(end).min(descriptor::LONGEST);
                if !buffer.has(end, want) {
                    return Err(Stop::Need(want));
                }
                let want = usize::try_from(want).unwrap_or(usize::MAX);
                let bytes = buffer.from(end).get(..want).unwrap_or_default();
                let Some(len) = descriptor::length(bytes, &entry) else {
                    let field = format!("zip.entry[\"{}\"].descriptor", escape(name));
                    let message = "The data descriptor is missing, or says other than the directory.";
                    return Err(fault(Cause::Malformed, end, field, message).into());
                };
                self.reached = end.saturating_add(len);
                self.behind = None;
                self.next = self.next.saturating_add(1);
            }
        }
        Ok(false)
    }
}

fn overlap(entry: &Entry, name: &str, end: u64, limit: u64, directory_at: u64) -> Stop {
    let field = format!("zip.entry[\"{}\"].size", escape(name));
    let what = if limit == directory_at { "the directory begins" } else { "another entry begins" };
    let message = format!("Entry \"{}\" reaches to byte {end}, but {what} at byte {limit}.", escape(name));
    Stop::Fail(fault(Cause::Malformed, entry.record_at.saturating_add(20), field, message))
}

/// Checks the header of an entry and answers where its data begins.
fn header(entry: &Entry, name: &str, limit: u64, directory_at: u64, buffer: &Buffer) -> Got<u64> {
    let at = entry.header_at;
    let field = |part: &str| format!("zip.entry[\"{}\"].local.{part}", escape(name));
    let bad = |at: u64, part: &str, message: String| Stop::Fail(fault(Cause::Malformed, at, field(part), message));
    let len = FIXED.saturating_add(name.len());
    let end = at.saturating_add(len as u64);
    if end > limit {
        return Err(overlap(entry, name, end, limit, directory_at));
    }
    let Some(bytes) = buffer.from(at).get(..len) else { return Err(Stop::Need(len as u64)) };
    if !bytes.starts_with(MAGIC) {
        let shown = escape_bytes(bytes.get(..4).unwrap_or_default());
        return Err(bad(at, "signature", format!("A local header was expected here; there is \"{shown}\".")));
    }
    let says = |part: &str, skip: u64, here: u64, there: u64| {
        let message = format!("The local header of \"{}\" says {here} where the directory says {there}.", escape(name));
        Err(bad(at.saturating_add(skip), part, message))
    };
    let flags = u16_at(bytes, 6);
    if flags != entry.flags {
        return says("flags", 6, flags.into(), entry.flags.into());
    }
    if u16_at(bytes, 8) != entry.method {
        return says("method", 8, u16_at(bytes, 8).into(), entry.method.into());
    }
    let (name_len, extra_len) = (usize::from(u16_at(bytes, 26)), usize::from(u16_at(bytes, 28)));
    if name_len != name.len() || bytes.get(FIXED..) != Some(name.as_bytes()) {
        let shown = escape_bytes(bytes.get(FIXED..).unwrap_or_default());
        let message = format!("The local header says \"{shown}\" where the directory says \"{}\".", escape(name));
        return Err(bad(at.saturating_add(FIXED as u64), "name", message));
    }
    let data_at = end.saturating_add(extra_len as u64);
    let narrow = Wide { compressed: u32_at(bytes, 18).into(), size: u32_at(bytes, 22).into(), header_at: None };
    let wide = if narrow.size == u64::from(WIDE) || narrow.compressed == u64::from(WIDE) {
        let all = len.saturating_add(extra_len);
        if data_at > limit {
            return Err(overlap(entry, name, data_at, limit, directory_at));
        }
        let Some(extra) = buffer.from(at).get(len..all) else { return Err(Stop::Need(all as u64)) };
        widen(narrow, extra, end, &field)?
    } else {
        narrow
    };
    // What follows the data says it in its place.
    let later = flags & DESCRIBED_BEHIND != 0;
    let checks = [
        ("crc", 14, u64::from(u32_at(bytes, 14)), u64::from(entry.crc)),
        ("compressed_size", 18, wide.compressed, entry.compressed),
        ("size", 22, wide.size, entry.size),
    ];
    for (part, skip, here, there) in checks {
        if here != there && !(later && here == 0) {
            return says(part, skip, here, there);
        }
    }
    Ok(data_at)
}
