//! One item of the header, read from the window it begins in.
use super::super::bytes::little;
use super::super::fault::{Length, cut_off, fault, over_limit, truncated};
use super::super::window::{Buffer, Got, Stop};
use crate::types::{Cause, Error};

/// How far the header may reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of the source.
    pub(super) size: u64,
    /// Bytes that the header may have.
    pub(super) header: u64,
    /// Arrays that may be inside one another.
    pub(super) nesting: u32,
}

impl Bounds {
    /// Where `count` things of at least `each` bytes end that begin at `at`, as the number at `said_at` says; the error is
    /// about that number.
    pub(super) fn room(
        &self,
        at: u64,
        count: u64,
        each: u64,
        said_at: u64,
        field: impl FnOnce() -> String,
    ) -> Result<u64, Error> {
        let left = self.size.saturating_sub(at);
        let Some(end) = count.checked_mul(each).filter(|n| *n <= left).and_then(|n| at.checked_add(n)) else {
            let field = field();
            let end = count.checked_mul(each).and_then(|n| at.checked_add(n));
            // No header is so long: the number is wrong. Else the file may well be the beginning of one that has it all.
            if let Some(end) = end.filter(|end| *end <= self.header) {
                let what = format!("where {field} is {count}");
                return Err(cut_off(said_at, field, self.size, Length::AtLeast(end), &what));
            }
            let what = if each == 1 { String::new() } else { format!(" of at least {each} bytes each") };
            let message = format!("{field} is {count}{what}, but only {left} bytes of the file remain.");
            return Err(fault(Cause::Malformed, said_at, field, message));
        };
        self.within(end, said_at, field)?;
        Ok(end)
    }

    /// That the header may reach as far as `end`.
    pub(super) fn within(&self, end: u64, said_at: u64, field: impl FnOnce() -> String) -> Result<(), Error> {
        if end <= self.header {
            return Ok(());
        }
        let message = format!("The header is longer than {} bytes, the limit of this session.", self.header);
        Err(over_limit(said_at, field(), message))
    }
}

/// Reads fields one after the other from where the item begins. When the window ends too early the whole item is read
/// again, so that nothing may be kept of it before its last field is here.
pub(super) struct Item<'b> {
    base: u64,
    used: u64,
    bytes: &'b [u8],
    bounds: Bounds,
}

impl<'b> Item<'b> {
    pub(super) fn new(buffer: &'b Buffer, at: u64, bounds: Bounds) -> Self {
        Self { base: at, used: 0, bytes: buffer.from(at), bounds }
    }

    /// The offset in the source of the next field.
    pub(super) fn at(&self) -> u64 {
        self.base.saturating_add(self.used)
    }

    /// The next `n` bytes.
    pub(super) fn take(&mut self, n: u64, field: impl FnOnce() -> String) -> Got<&'b [u8]> {
        let at = self.at();
        let Some(end) = at.checked_add(n).filter(|end| *end <= self.bounds.size) else {
            return Err(truncated(at, n, field(), self.bounds.size).into());
        };
        self.bounds.within(end, at, field)?;
        let used = self.used.saturating_add(n);
        let range = usize::try_from(self.used).ok().zip(usize::try_from(used).ok());
        let bytes = range.and_then(|(from, to)| self.bytes.get(from..to)).ok_or(Stop::Need(used))?;
        self.used = used;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, field: impl FnOnce() -> String) -> Got<u32> {
        self.take(4, field).map(|bytes| little(bytes, 4) as u32)
    }

    pub(super) fn u64(&mut self, field: impl FnOnce() -> String) -> Got<u64> {
        self.take(8, field).map(|bytes| little(bytes, 8))
    }
}
