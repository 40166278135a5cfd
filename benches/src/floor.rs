//! What there is to beat, written as one would by hand, without a sandbox.
use crate::Result;
use memmap2::{Mmap, MmapMut};
use std::{fs::File, os::unix::fs::FileExt as _, path::Path};

/// Maps a file.
///
/// # Errors
/// It cannot be opened or mapped.
#[allow(unsafe_code)]
pub fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: the file is one of this benchmark's own, which nothing else writes to.
    Ok(unsafe { Mmap::map(&file)? })
}

/// A part of the file.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Byte offset.
    pub offset: usize,
    /// Bytes.
    pub len: usize,
}

/// A metadata entry: where its key and its value are.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The key.
    pub key: Span,
    /// The type of the value.
    pub kind: u32,
    /// The value.
    pub value: Span,
}

/// A tensor: where its name is, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The name.
    pub name: Span,
    /// ggml's number of the type.
    pub code: u32,
    /// Dimensions.
    pub shape: [u64; 4],
    /// Byte offset in the data.
    pub offset: u64,
}

/// A GGUF header as spans of the mapped file.
#[derive(Debug, Default)]
pub struct Table {
    /// Metadata.
    pub entries: Vec<Entry>,
    /// Tensors.
    pub tensors: Vec<Info>,
}

/// Reads at a position, with every bound checked.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    fn text(&mut self) -> Option<Span> {
        let len = usize::try_from(self.u64()?).ok()?;
        let offset = self.at;
        self.take(len)?;
        Some(Span { offset, len })
    }

    /// Passes over a value.
    fn value(&mut self, kind: u32, depth: u32) -> Option<()> {
        match kind {
            0 | 1 | 7 => self.take(1).map(drop),
            2 | 3 => self.take(2).map(drop),
            4..=6 => self.take(4).map(drop),
            10..=12 => self.take(8).map(drop),
            8 => self.text().map(drop),
            9 if depth < 16 => {
                let (kind, count) = (self.u32()?, usize::try_from(self.u64()?).ok()?);
                match kind {
                    0 | 1 | 7 => self.take(count).map(drop),
                    2 | 3 => self.take(count.checked_mul(2)?).map(drop),
                    4..=6 => self.take(count.checked_mul(4)?).map(drop),
                    10..=12 => self.take(count.checked_mul(8)?).map(drop),
                    _ => (0..count).try_for_each(|_| self.value(kind, depth + 1)),
                }
            }
            _ => None,
        }
    }

    fn table(&mut self) -> Option<Table> {
        if self.take(4)? != b"GGUF" || !matches!(self.u32()?, 2 | 3) {
            return None;
        }
        let (tensors, entries) = (self.u64()?, self.u64()?);
        let mut table = Table::default();
        for _ in 0..entries {
            let key = self.text()?;
            str::from_utf8(self.bytes.get(key.offset..key.offset + key.len)?).ok()?;
            let kind = self.u32()?;
            let offset = self.at;
            self.value(kind, 0)?;
            table.entries.push(Entry { key, kind, value: Span { offset, len: self.at - offset } });
        }
        for _ in 0..tensors {
            let name = self.text()?;
            str::from_utf8(self.bytes.get(name.offset..name.offset + name.len)?).ok()?;
            let (rank, mut shape) = (self.u32()?, [1; 4]);
            for dimension in shape.get_mut(..rank as usize)? {
                *dimension = self.u64()?;
            }
            table.tensors.push(Info { name, code: self.u32()?, shape, offset: self.u64()? });
        }
        Some(table)
    }
}

/// Opens and maps a GGUF file and walks its header: every entry, every string of every array, every tensor, each bound
/// checked, nothing copied. It checks less than the loader does: no duplicates, no sizes, no layout, no limits.
///
/// # Errors
/// The file cannot be mapped, or is none.
pub fn scan(path: &Path) -> Result<(Mmap, Table)> {
    let map = map(path)?;
    let table = Cursor { bytes: &map, at: 0 }.table().ok_or("no GGUF file")?;
    Ok((map, table))
}

/// Bytes of one `pread`, as many as one thread of the loader takes at a time.
const PIECE: usize = 8 << 20;

/// Reads a file from `offset` on into fresh memory of the system, with `threads` threads.
///
/// # Errors
/// It cannot be read.
pub fn pread(path: &Path, offset: u64, threads: usize) -> Result<MmapMut> {
    let file = File::open(path)?;
    let len = usize::try_from(file.metadata()?.len().saturating_sub(offset))?;
    let mut memory = MmapMut::map_anon(len)?;
    let mut pieces: Vec<Vec<(u64, &mut [u8])>> = (0..threads).map(|_| Vec::new()).collect();
    for (at, piece) in memory.chunks_mut(PIECE).enumerate() {
        pieces[at % threads].push((offset + (at * PIECE) as u64, piece));
    }
    let read = |pieces: Vec<(u64, &mut [u8])>| {
        pieces.into_iter().try_for_each(|(offset, piece)| file.read_exact_at(piece, offset))
    };
    let first = pieces.pop().unwrap_or_default();
    std::thread::scope(|scope| {
        let others: Vec<_> = pieces.into_iter().map(|pieces| scope.spawn(|| read(pieces))).collect();
        let own = read(first);
        others.into_iter().try_fold(own, |all, other| Ok(all.and(other.join().map_err(|_| "a thread panicked")?)))
            as std::result::Result<std::io::Result<()>, &str>
    })??;
    Ok(memory)
}

/// Reads every byte.
#[must_use]
pub fn touch(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(0u64, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)));
    rest.iter().fold(sum, |sum, byte| sum.wrapping_add(u64::from(*byte)))
}
