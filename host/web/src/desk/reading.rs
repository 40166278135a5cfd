//! A file that is read for itself: a recording, or the bytes around a place that is to blame.
use crate::media::Source;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes that are read at once: the first time, and at most. A look at the beginning costs little, and a whole file few reads.
const FIRST: u64 = 4 << 10;
const MOST: u64 = 1 << 20;

/// A file with a window of it.
pub(super) struct Reading {
    source: Source,
    at: u64,
    window: Vec<u8>,
    /// Where the window begins.
    from: u64,
}

impl Reading {
    pub(super) const fn new(source: Source) -> Self {
        Self { source, at: 0, window: Vec::new(), from: 0 }
    }

    /// What of the window lies from here on.
    fn rest(&self) -> &[u8] {
        let skipped = self.at.checked_sub(self.from).and_then(|skipped| usize::try_from(skipped).ok());
        skipped.and_then(|skipped| self.window.get(skipped..)).unwrap_or_default()
    }
}

impl Read for Reading {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let left = self.source.size().saturating_sub(self.at);
        if left > 0 && self.rest().is_empty() {
            let len = (self.window.len() as u64 * 4).clamp(FIRST, MOST).min(left);
            self.window = self.source.read(self.at, len).map_err(io::Error::other)?.to_vec();
            self.from = self.at;
        }
        let rest = self.rest();
        let len = rest.len().min(to.len());
        if let (Some(to), Some(rest)) = (to.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(rest);
        }
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for Reading {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.source.size().checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
