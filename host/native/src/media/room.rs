//! Memory that the system has left, asked before any is taken: a process that takes more is ended by the system, and its
//! sessions with it.
use crate::platform;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// How long an answer of the system is good for.
const FRESH: Duration = Duration::from_millis(50);
/// Least that stays for the rest of the process.
const RESERVE: u64 = 32 << 20;

/// Memory that buffers and guests of this process have, and that has not been written to yet as far as is known here: the
/// system does not count it as used.
static UNTOUCHED: AtomicU64 = AtomicU64::new(0);

static LEFT: Mutex<Left> = Mutex::new(Left { asked: None, bytes: 0 });

struct Left {
    asked: Option<Instant>,
    /// What was left then, without what was given out since.
    bytes: u64,
}

impl Left {
    /// Takes memory; whether it was there. `available` asks the system.
    fn take(&mut self, bytes: u64, now: Instant, available: impl FnOnce() -> Option<u64>) -> bool {
        let stale = self.asked.is_none_or(|asked| now.duration_since(asked) > FRESH);
        if stale || self.bytes < bytes {
            // What is given out and not touched yet is on the way to being used.
            let left = available().map(|bytes| bytes.saturating_sub(UNTOUCHED.load(Relaxed)));
            self.bytes = left.map_or(u64::MAX, |left| left.saturating_sub(RESERVE.max(left / 16)));
            self.asked = Some(now);
        }
        match self.bytes.checked_sub(bytes) {
            Some(rest) => {
                self.bytes = rest;
                true
            }
            None => false,
        }
    }
}

/// Memory of one owner that has not been written to yet, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Untouched(u64);

impl Untouched {
    /// Takes memory for a buffer; none where the system has not so much left.
    pub(super) fn take(bytes: u64) -> Option<Self> {
        let mut taken = Self(0);
        taken.grow(bytes).then_some(taken)
    }

    /// Takes more; whether it was there.
    pub(super) fn grow(&mut self, bytes: u64) -> bool {
        let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
        let there = left.take(bytes, Instant::now(), platform::available_memory);
        if there {
            self.0 = self.0.saturating_add(bytes);
            UNTOUCHED.fetch_add(bytes, Relaxed);
        }
        there
    }

    /// So many bytes are about to be written to.
    pub(super) fn touch(&mut self, bytes: u64) {
        let bytes = bytes.min(self.0);
        self.0 -= bytes;
        UNTOUCHED.fetch_sub(bytes, Relaxed);
    }
}

impl Drop for Untouched {
    fn drop(&mut self) {
        self.touch(self.0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn no_more_is_given_out_than_the_system_has_left() {
        let mut left = Left { asked: None, bytes: 0 };
        let now = Instant::now();
        let group = || Some(2 * GIB + UNTOUCHED.load(Relaxed));
        // A file of 4 GiB, in a group of 2 GiB.
        assert!(!left.take(4 * GIB, now, group));
        assert!(left.take(GIB, now, group));
        // Asked again, as the answer is not enough: the first GiB may have been touched by now, and then is not left.
        assert!(!left.take(GIB, now, || Some(GIB + UNTOUCHED.load(Relaxed))));
        assert!(left.take(100, now, || None), "a system that says nothing refuses nothing");
    }

    #[test]
    fn what_is_touched_is_no_longer_on_the_way() {
        let mut buffer = Untouched(0);
        UNTOUCHED.fetch_add(1000, Relaxed);
        buffer.0 = 1000;
        buffer.touch(400);
        assert_eq!(buffer.0, 600);
        buffer.touch(u64::MAX);
        assert_eq!(buffer.0, 0);
    }
}
