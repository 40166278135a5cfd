//! The one piece of the file that is held at a time.
use super::fault::{fault, misuse};
use crate::types::{Cause, Error};

/// Most bytes of one read that nobody needs yet.
const READ_AHEAD: u64 = 256 << 10;
/// What is left of a window is read again with the next if that is so many times as long.
const READ_AGAIN: u64 = 64;

/// Bytes of a source, from an offset on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Byte offset in the source.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A sliding part of the source. What lies before the item being read is dropped when more is asked for, so it holds one
/// read and the beginning of one item.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: u64,
    end_of_source: u64,
    max_read: u32,
    asked: Option<(u64, u32)>,
}

impl Buffer {
    /// A view of a source of `size` bytes, which is read at most `max_read` bytes at a time.
    pub(crate) fn new(size: u64, max_read: u32) -> Self {
        let max_read = max_read.max(1);
        Self { bytes: Vec::new(), start: 0, end_of_source: size, max_read, asked: None }
    }

    /// The bytes that are here, from `at` on; empty where none are.
    pub(crate) fn from(&self, at: u64) -> &[u8] {
        let skip = at.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.bytes.get(skip..)).unwrap_or_default()
    }

    /// Whether `n` bytes from `at` on are here.
    pub(crate) fn has(&self, at: u64, n: u64) -> bool {
        self.from(at).len() as u64 >= n
    }

    /// The next read on the way to `n` bytes from `at` on, which the caller knows to lie in the source and not to be here.
    /// Of the header there are at least `sure` bytes from `at` on, and no more than that is read ahead: no byte that is not
    /// of the header is ever asked for. Forgets everything before `at`.
    pub(crate) fn ask(&mut self, at: u64, n: u64, sure: u64) -> (u64, u32) {
        let ahead = n.max(sure.min(READ_AHEAD));
        let mut kept = self.from(at).len();
        // The next read stands for itself where few bytes are left: reading those again takes less than moving all that is
        // read to where they are. The memory is given back first, for the read to be put into it.
        if (kept as u64).saturating_mul(READ_AGAIN) <= ahead.min(u64::from(self.max_read)) {
            kept = 0;
            self.bytes = Vec::new();
        } else {
            self.bytes.drain(..self.bytes.len().saturating_sub(kept));
        }
        self.start = at;
        let offset = at.saturating_add(kept as u64);
        let wanted = ahead.saturating_sub(kept as u64);
        let len = wanted.min(u64::from(self.max_read)).min(self.end_of_source.saturating_sub(offset));
        let asked = (offset, u32::try_from(len).unwrap_or(u32::MAX));
        self.asked = Some(asked);
        asked
    }

    /// Takes the answer to the last read, and nothing else.
    pub(crate) fn accept(&mut self, window: Option<Window>) -> Result<(), Error> {
        match (self.asked.take(), window) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(misuse("The parser was given bytes that it had not asked for.")),
            (Some(_), None) => Err(misuse("The parser was not given the bytes that it had asked for.")),
            (Some((offset, len)), Some(window)) => {
                if window.offset != offset || window.bytes.len() as u64 != u64::from(len) {
                    let message = format!(
                        "The host answered {} bytes from byte {} where {len} bytes from byte {offset} were asked for.",
                        window.bytes.len(),
                        window.offset
                    );
                    return Err(fault(Cause::EndOfSource, offset, "window", message));
                }
                if self.bytes.is_empty() {
                    self.bytes = window.bytes;
                } else {
                    self.bytes.extend_from_slice(&window.bytes);
                }
                Ok(())
            }
        }
    }
}

/// Cause an item was not read.
pub(crate) enum Stop {
    /// This many bytes from the item's beginning are needed first.
    Need(u64),
    /// It is wrong.
    Fail(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

/// An item, or why there is none.
pub(crate) type Got<T> = Result<T, Stop>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_beginning_of_an_item_and_reads_on() {
        let mut buffer = Buffer::new(100, 10);
        assert_eq!(buffer.ask(0, 4, 40), (0, 10));
        buffer.accept(Some(Window { offset: 0, bytes: (0..10).collect() })).unwrap();
        assert_eq!(buffer.from(8), [8, 9]);
        assert_eq!(buffer.ask(8, 20, 20), (10, 10));
        buffer.accept(Some(Window { offset: 10, bytes: (10..20).collect() })).unwrap();
        assert!(!buffer.has(8, 20));
        assert_eq!(buffer.ask(8, 20, 20), (20, 8));
        buffer.accept(Some(Window { offset: 20, bytes: (20..28).collect() })).unwrap();
        assert_eq!(buffer.from(8).get(..3), Some(&[8, 9, 10][..]));
        assert_eq!(buffer.ask(95, 4, 9), (95, 5));
    }

    #[test]
    fn reads_ahead_only_what_is_sure() {
        let mut buffer = Buffer::new(1 << 30, 1 << 20);
        assert_eq!(buffer.ask(0, 8, 9), (0, 9));
        buffer.accept(Some(Window { offset: 0, bytes: vec![0; 9] })).unwrap();
        assert_eq!(buffer.ask(100, 8, 1 << 29), (100, 256 << 10));
    }

    #[test]
    fn reads_little_again_rather_than_move_much() {
        let mut buffer = Buffer::new(1 << 30, 1 << 20);
        assert_eq!(buffer.ask(0, 4, 1 << 20), (0, 256 << 10));
        buffer.accept(Some(Window { offset: 0, bytes: vec![7; 256 << 10] })).unwrap();
        let at = (256 << 10) - 100;
        assert_eq!(buffer.ask(at, 200, 1 << 20), (at, 256 << 10));
        buffer.accept(Some(Window { offset: at, bytes: vec![7; 256 << 10] })).unwrap();
        // Much is kept.
        assert_eq!(buffer.ask(at + 10, 300 << 10, 1 << 20), (at + (256 << 10), (44 << 10) + 10));
    }

    #[test]
    fn refuses_other_bytes_than_it_asked_for() {
        for wrong in [Window { offset: 1, bytes: vec![0; 10] }, Window { offset: 0, bytes: vec![0; 9] }] {
            let mut buffer = Buffer::new(100, 10);
            buffer.ask(0, 4, 10);
            assert_eq!(buffer.accept(Some(wrong)).unwrap_err().cause, Cause::EndOfSource);
        }
    }
}
