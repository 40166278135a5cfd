//! The central directory: what entries there are and what is said of them.
use super::super::escape;
use super::super::escape::escape_bytes;
use super::super::fault::{fault, over_limit};
use super::super::names::{Names, Refused};
use super::super::window::{Buffer, Got, Stop};
use super::end::{End, LEAST_ENTRY};
use super::fields::{Wide, u16_at, u32_at, widen};
use super::names::entry_name_fault;
use crate::types::{Cause, Error};
use std::ops::Range;

const SIGNATURE: &[u8; 4] = b"PK\x01\x02";
/// Flags: encrypted, strongly encrypted, patched, masked.
const UNREADABLE: u16 = 1 | 1 << 5 | 1 << 6 | 1 << 13;
/// Flag: sizes and checksum follow the data.
pub(super) const DESCRIBED_BEHIND: u16 = 1 << 3;
/// Attempts at a name in another encoding are refused: names are UTF-8, as ASCII is.
const STORED: u16 = 0;
/// Most spans outside of entries that are listed; their sum counts all.
const MOST_LISTED: usize = 64;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where its local header begins.
    pub header_at: u64,
    /// Where its data begins.
    pub data_at: u64,
    /// Bytes of its data in the file.
    pub compressed: u64,
    /// Bytes of its data once it is unpacked.
    pub size: u64,
    /// The checksum of those.
    pub crc: u32,
    /// How it is packed; 0 = stored.
    pub method: u16,
    pub(super) flags: u16,
    /// Where its record in the directory begins.
    pub(super) record_at: u64,
}

impl Entry {
    /// Whether its data is its bytes in the file.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.method == STORED
    }
}

/// What an archive holds.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    pub(super) names: Names,
    /// The names without case.
    folded: Names,
    /// The first two entries whose names differ by case alone: readers that look names up without it take one or the other.
    twins: Option<(u32, u32)>,
    pub(super) entries: Vec<Entry>,
    outside: Vec<Range<u64>>,
    outside_bytes: u64,
    pub(super) comment: u16,
}

impl Archive {
    /// Names and entries in the order of the directory.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        (0u32..).zip(&self.entries).map(|(number, entry)| (self.names.get(number), entry))
    }

    /// The entry with this number in the directory, and its name.
    pub(crate) fn get(&self, number: usize) -> Option<(&str, &Entry)> {
        Some((self.names.get(u32::try_from(number).ok()?), self.entries.get(number)?))
    }

    /// The entry with exactly this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.get(self.names.find(name)? as usize)
    }

    /// Bytes that belong to no entry and to no record of the archive: the first such spans, in their order.
    #[must_use]
    pub fn outside(&self) -> &[Range<u64>] {
        &self.outside
    }

    /// How many bytes all such spans have.
    #[must_use]
    pub const fn outside_bytes(&self) -> u64 {
        self.outside_bytes
    }

    /// Bytes of the archive's comment.
    #[must_use]
    pub const fn comment_bytes(&self) -> u16 {
        self.comment
    }

    /// The entry before this one whose name differs from it by case alone. Looked for once in an archive.
    fn twin_of(&self, name: &str, number: u32) -> Option<u32> {
        (0..number).find(|other| self.names.get(*other).eq_ignore_ascii_case(name))
    }

    /// That no two names differ by case alone.
    ///
    /// # Errors
    /// Two do, so that readers who look names up without case see another archive.
    pub(crate) fn require_distinct_without_case(&self) -> Result<(), Error> {
        let Some((first, second)) = self.twins else { return Ok(()) };
        let at = self.entries.get(second as usize).map_or(0, |entry| entry.record_at.saturating_add(LEAST_ENTRY));
        let (name, other) = (escape(self.names.get(second)), escape(self.names.get(first)));
        let message = format!(
            "Entry \"{name}\" is there already, as \"{other}\" (number {first}); readers take one or the other."
        );
        Err(fault(Cause::Malformed, at, format!("zip.directory[{second}].name"), message))
    }

    pub(super) fn note_outside(&mut self, span: Range<u64>) {
        let bytes = span.end.saturating_sub(span.start);
        if bytes > 0 {
            self.outside_bytes = self.outside_bytes.saturating_add(bytes);
            if self.outside.len() < MOST_LISTED {
                self.outside.push(span);
            }
        }
    }

    /// Reads the record of one entry at `at`, and answers where the next one begins.
    pub(super) fn record(&mut self, buffer: &Buffer, at: u64, end: End) -> Got<u64> {
        let number = self.entries.len();
        let part = |part: &str| format!("zip.directory[{number}].{part}");
        let bad = |at: u64, field: &str, message: String| Stop::Fail(fault(Cause::Malformed, at, part(field), message));
        let left = end.directory_end.saturating_sub(at);
        if left < LEAST_ENTRY {
            return Err(bad(at, "signature", format!("The directory ends after {number} of {} entries.", end.entries)));
        }
        let bytes = buffer.from(at);
        if (bytes.len() as u64) < LEAST_ENTRY {
            return Err(Stop::Need(LEAST_ENTRY));
        }
        if !bytes.starts_with(SIGNATURE) {
            let shown = escape_bytes(bytes.get(..4).unwrap_or_default());
            return Err(bad(at, "signature", format!("An entry was expected here; there is \"{shown}\".")));
        }
        let [name, extra, comment] = [28, 30, 32].map(|field| usize::from(u16_at(bytes, field)));
        let fixed = LEAST_ENTRY as usize;
        let len = [name, extra, comment].iter().fold(fixed, |sum, part| sum.saturating_add(*part));
        if len as u64 > left {
            let at = at.saturating_add(28);
            return Err(bad(
                at,
                "name_length",
                format!("The entry needs {len} bytes, but the directory has {left} left."),
            ));
        }
        let Some(bytes) = bytes.get(..len) else { return Err(Stop::Need(len as u64)) };
        let (name_end, name_at) = (fixed.saturating_add(name), at.saturating_add(fixed as u64));
        let raw = bytes.get(fixed..name_end).unwrap_or_default();
        let Ok(text) = str::from_utf8(raw) else {
            return Err(bad(name_at, "name", format!("The entry's name \"{}\" is not UTF-8.", escape_bytes(raw))));
        };
        if let Some(why) = entry_name_fault(text) {
            return Err(bad(name_at, "name", format!("The entry's name \"{}\" {why}.", escape(text))));
        }
        let flags = u16_at(bytes, 8);
        if flags & UNREADABLE != 0 {
            let message = format!("Entry \"{}\" is encrypted or patched; such entries are not read.", escape(text));
            return Err(fault(Cause::UnsupportedFormat, at.saturating_add(8), part("flags"), message).into());
        }
        if u16_at(bytes, 34) != 0 {
            let message = format!("Entry \"{}\" begins in another file; archives in parts are not read.", escape(text));
            return Err(fault(Cause::UnsupportedFormat, at.saturating_add(34), part("disk"), message).into());
        }
        let narrow = Wide {
            compressed: u32_at(bytes, 20).into(),
            size: u32_at(bytes, 24).into(),
            header_at: Some(u32_at(bytes, 42).into()),
        };
        let extra = bytes.get(name_end..name_end.saturating_add(extra)).unwrap_or_default();
        let wide = widen(narrow, extra, at.saturating_add(name_end as u64), &part)?;
        let method = u16_at(bytes, 10);
        let entry = Entry {
            header_at: wide.header_at.unwrap_or(0),
            data_at: 0,
            compressed: wide.compressed,
            size: wide.size,
            crc: u32_at(bytes, 16),
            method,
            flags,
            record_at: at,
        };
        if entry.is_stored() && entry.compressed != entry.size {
            let message = format!(
                "Entry \"{}\" is stored, but {} bytes are said to be {}.",
                escape(text),
                entry.compressed,
                entry.size
            );
            return Err(bad(at.saturating_add(20), "sizes", message));
        }
        self.keep(text, entry, name_at, part("name"))?;
        Ok(at.saturating_add(len as u64))
    }

    fn keep(&mut self, name: &str, entry: Entry, at: u64, field: String) -> Result<(), Error> {
        let taken = self.names.push(name).and_then(|number| match self.folded.push(&name.to_ascii_lowercase()) {
            Ok(_) => Ok(()),
            Err(Refused::Duplicate(_)) => {
                self.twins = self.twins.or_else(|| self.twin_of(name, number).map(|first| (first, number)));
                Ok(())
            }
            Err(Refused::Full) => Err(Refused::Full),
        });
        match taken {
            Ok(()) => {
                self.entries.push(entry);
                Ok(())
            }
            Err(Refused::Duplicate(first)) => {
                let other = escape(self.names.get(first));
                let message = format!(
                    "Entry \"{}\" is there already, as \"{other}\" (number {first}); readers take one or the other.",
                    escape(name)
                );
                Err(fault(Cause::Malformed, at, field, message))
            }
            Err(Refused::Full) => {
                Err(over_limit(at, field, "The names of this archive are too many or made to collide."))
            }
        }
    }
}
