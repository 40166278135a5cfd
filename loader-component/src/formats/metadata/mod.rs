//! Metadata of one file: keys in memory, values where they are.
mod decode;

pub use decode::Budget;
pub(crate) use decode::Values;

use super::kind::Kind;
use super::names::{Names, Refused};
use crate::types::Error;

/// Strings up to this many bytes are kept; longer ones are read again when somebody asks.
pub(crate) const INLINE: u64 = 256;

/// A value, or where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stored {
    /// A scalar's little-endian bytes, widened with zeros.
    Bits(u64),
    /// A string of the arena.
    Text { start: u32, len: u32 },
    /// A string in the file.
    Far { offset: u64, len: u64 },
    /// An array in the file: `len` bytes of elements from `offset` on, and who reads them.
    Sequence { element: Kind, count: u64, offset: u64, len: u64, read: ReadElement },
}

/// How a format writes the elements of its arrays: reads the next one, where the budget has room for it.
pub(crate) type ReadElement = fn(&mut Values<'_>, Kind, &mut Budget) -> Result<Option<String>, Error>;

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: Kind,
    stored: Stored,
    /// Where the value begins in the file, for errors about it; none where the format does not say.
    at: Option<u64>,
}

/// Metadata entries in file order. Keys are distinct. Scalars and strings of at most 256 bytes are kept; everything else
/// is a span of the file and is read by [`decode`](Self::decode) alone.
#[derive(Clone, Debug, Default)]
pub struct MetadataIndex {
    keys: Names,
    entries: Vec<Entry>,
    text: Vec<u8>,
    max_read: u32,
    /// Where the last entry ends in the file, where the format says.
    end: Option<u64>,
}

impl MetadataIndex {
    /// An empty index whose values are read at most `max_read` bytes at a time.
    pub(crate) fn new(max_read: u32) -> Self {
        Self { max_read, ..Self::default() }
    }

    /// Entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Key of an entry and the name of its type (`u32`, `string`, `array`).
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(&str, &'static str)> {
        let entry = self.entries.get(index)?;
        Some((self.keys.get(u32::try_from(index).ok()?), entry.kind.name()))
    }

    /// The index of an entry, by its exact key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<usize> {
        self.keys.find(key).map(|index| index as usize)
    }

    /// The value of an integer entry that is not negative; none for anything else.
    #[must_use]
    pub fn get_u64(&self, key: &str) -> Option<u64> {
        let entry = self.entry(key)?;
        let Stored::Bits(bits) = entry.stored else { return None };
        match entry.kind {
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => Some(bits),
            Kind::I8 | Kind::I16 | Kind::I32 | Kind::I64 => u64::try_from(signed(entry.kind, bits)).ok(),
            _ => None,
        }
    }

    /// A string entry of at most 256 bytes (of any length in safetensors) that is UTF-8; none for anything else.
    #[must_use]
    pub fn get_text(&self, key: &str) -> Option<&str> {
        match self.entry(key)?.stored {
            Stored::Text { start, len } => str::from_utf8(self.inline(start, len)).ok(),
            _ => None,
        }
    }

    /// The name of an entry's type.
    #[must_use]
    pub fn kind(&self, key: &str) -> Option<&'static str> {
        self.entry(key).map(|entry| entry.kind.name())
    }

    /// Where the value under this key begins in the file; none for safetensors.
    pub(crate) fn value_at(&self, key: &str) -> Option<u64> {
        self.entry(key)?.at
    }

    /// Whether there is an array under this key, and how many elements it has.
    #[must_use]
    pub fn sequence_len(&self, key: &str) -> Option<u64> {
        match self.entry(key)?.stored {
            Stored::Sequence { count, .. } => Some(count),
            _ => None,
        }
    }

    /// Whose value an entry is, its type, and where the value begins in the file, by its index.
    pub(crate) fn placed(&self, index: usize) -> Option<(&str, Kind, Option<u64>)> {
        let entry = self.entries.get(index)?;
        Some((self.keys.get(u32::try_from(index).ok()?), entry.kind, entry.at))
    }

    /// The type of an entry; of an array, that of its elements, and true.
    pub(crate) fn kind_of(&self, key: &str) -> Option<(Kind, bool)> {
        let entry = self.entry(key)?;
        Some(match entry.stored {
            Stored::Sequence { element, .. } => (element, true),
            _ => (entry.kind, false),
        })
    }

    /// Where the last entry ends in the file; none where the format does not say.
    pub(crate) fn end(&self) -> Option<u64> {
        self.end
    }

    /// Says where the last entry ends.
    pub(crate) fn ends_at(&mut self, end: u64) {
        self.end = Some(end);
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.find(key).and_then(|index| self.entries.get(index))
    }

    fn inline(&self, start: u32, len: u32) -> &[u8] {
        let (start, len) = (start as usize, len as usize);
        start.checked_add(len).and_then(|end| self.text.get(start..end)).unwrap_or_default()
    }

    /// Adds an entry whose value begins at `at` of the file.
    pub(crate) fn push(&mut self, key: &str, kind: Kind, stored: Stored, at: Option<u64>) -> Result<(), Refused> {
        self.keys.push(key)?;
        self.entries.push(Entry { kind, stored, at });
        Ok(())
    }

    /// Adds a string that is kept.
    pub(crate) fn push_text(&mut self, key: &str, text: &[u8], at: Option<u64>) -> Result<(), Refused> {
        let start = u32::try_from(self.text.len()).map_err(|_| Refused::Full)?;
        let len = u32::try_from(text.len()).map_err(|_| Refused::Full)?;
        self.push(key, Kind::String, Stored::Text { start, len }, at)?;
        self.text.extend_from_slice(text);
        Ok(())
    }
}

/// The value of a signed integer of this type.
fn signed(kind: Kind, bits: u64) -> i64 {
    match kind {
        Kind::I8 => i64::from(bits as u8 as i8),
        Kind::I16 => i64::from(bits as u16 as i16),
        Kind::I32 => i64::from(bits as u32 as i32),
        _ => bits as i64,
    }
}
