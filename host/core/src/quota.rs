//! What all sessions of a process may hold together.
//!
//! A system has bounds for a process (65,530 mappings on Linux, 2^47 bytes of addresses, its memory), and one session at its
//! own limits could use them up. So nobody may take all that is left: however much others hold, a session that comes now
//! gets a part.
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Bounds of a [`Quota`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaLimits {
    /// Most mappings, of which a session may have half of what others leave. Default 57,344 (Linux has 65,530, and a program
    /// needs some itself).
    pub mappings: u64,
    /// Most bytes mapped, of which a session may have half of what others leave. Default 96 TiB (x86-64 has 128 TiB).
    pub mapped_bytes: u64,
    /// Most bytes of memory, buffers and what guests have, of which a session may have seven eighths of what others leave.
    /// Default 2^48; what the machine and the control group have left bounds it as well.
    pub memory_bytes: u64,
    /// Most host buffers, of which a session may have half of what others leave. Default 4,194,304.
    pub buffers: u64,
    /// Most guests. Default 4,096.
    pub guests: u64,
    /// Most threads that move bytes or run loads. Default 64. A batch that gets none is moved by its own thread.
    pub threads: u64,
}

impl Default for QuotaLimits {
    fn default() -> Self {
        Self {
            mappings: 57_344,
            mapped_bytes: 96 << 40,
            memory_bytes: 1 << 48,
            buffers: 1 << 22,
            guests: 4096,
            threads: 64,
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Mappings,
    MappedBytes,
    MemoryBytes,
    Buffers,
    Guests,
    Threads,
}

/// Counts what sessions hold, and says no in time. Sessions that share one are fair to each other; all of a process share
/// [`Quota::shared`] unless an embedder gives them another.
#[derive(Debug)]
pub struct Quota {
    limits: QuotaLimits,
    held: [AtomicU64; 6],
}

impl Quota {
    /// With these bounds, and nothing held.
    #[must_use]
    pub fn new(limits: QuotaLimits) -> Arc<Self> {
        Arc::new(Self { limits, held: Default::default() })
    }

    /// The one that sessions have by default.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Quota>> = OnceLock::new();
        SHARED.get_or_init(|| Self::new(QuotaLimits::default())).clone()
    }

    /// Its bounds.
    #[must_use]
    pub const fn limits(&self) -> &QuotaLimits {
        &self.limits
    }

    const fn most(&self, of: Resource) -> u64 {
        match of {
            Resource::Mappings => self.limits.mappings,
            Resource::MappedBytes => self.limits.mapped_bytes,
            Resource::MemoryBytes => self.limits.memory_bytes,
            Resource::Buffers => self.limits.buffers,
            Resource::Guests => self.limits.guests,
            Resource::Threads => self.limits.threads,
        }
    }

    const fn counter(&self, of: Resource) -> &AtomicU64 {
        let [mappings, mapped, memory, buffers, guests, threads] = &self.held;
        match of {
            Resource::Mappings => mappings,
            Resource::MappedBytes => mapped,
            Resource::MemoryBytes => memory,
            Resource::Buffers => buffers,
            Resource::Guests => guests,
            Resource::Threads => threads,
        }
    }

    /// What one session may have in all while others hold `others`.
    fn share(&self, of: Resource, others: u64) -> u64 {
        let left = self.most(of).saturating_sub(others);
        match of {
            Resource::Mappings | Resource::MappedBytes | Resource::Buffers => left / 2,
            Resource::MemoryBytes => left - left / 8,
            Resource::Guests | Resource::Threads => left,
        }
    }

    /// Takes `more` for a session that holds `own` already; whether it was there.
    pub(crate) fn take(&self, of: Resource, own: u64, more: u64) -> bool {
        let take = |held: u64| {
            let wanted = own.checked_add(more)?;
            let all = held.checked_add(more)?;
            (wanted <= self.share(of, held.saturating_sub(own))).then_some(all)
        };
        self.counter(of).fetch_update(Relaxed, Relaxed, take).is_ok()
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, of: Resource, bytes: u64) {
        self.counter(of).fetch_sub(bytes, Relaxed);
    }

    /// A thread, as long as the answer is kept; none where all are taken.
    #[must_use]
    pub fn thread(self: &Arc<Self>) -> Option<Taken> {
        Taken::one(self, Resource::Threads)
    }
}

/// One of something countable; given back when it is dropped.
#[derive(Debug)]
pub struct Taken(Arc<Quota>, Resource);

impl Taken {
    pub(crate) fn one(quota: &Arc<Quota>, of: Resource) -> Option<Self> {
        quota.take(of, 0, 1).then(|| Self(quota.clone(), of))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.give(self.1, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much as there is, as a session takes that wants all.
    fn all(quota: &Quota, of: Resource) -> u64 {
        let mut own = 0;
        while quota.take(of, own, 1) {
            own += 1;
        }
        own
    }

    #[test]
    fn two_sessions_that_take_all_leave_a_third_its_part() {
        let quota = Quota::new(QuotaLimits { mappings: 1000, ..QuotaLimits::default() });
        let (first, second) = (all(&quota, Resource::Mappings), all(&quota, Resource::Mappings));
        assert_eq!((first, second), (500, 250));
        assert_eq!(all(&quota, Resource::Mappings), 125);
        quota.give(Resource::Mappings, first);
        assert_eq!(all(&quota, Resource::Mappings), 312);
    }

    #[test]
    fn what_is_taken_is_counted_exactly_however_many_threads_take_it() {
        let quota = Quota::new(QuotaLimits { threads: 100, ..QuotaLimits::default() });
        let taken = std::thread::scope(|scope| {
            let take = || (0..50).filter_map(|_| quota.thread()).collect::<Vec<_>>();
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect::<Vec<_>>()
        });
        assert_eq!(taken.len(), 100);
        assert!(quota.thread().is_none());
        drop(taken);
        assert!(quota.thread().is_some());
    }

    #[test]
    fn absurd_numbers_are_refused() {
        let quota = Quota::new(QuotaLimits::default());
        assert!(!quota.take(Resource::MappedBytes, 1, u64::MAX));
        assert!(!quota.take(Resource::MappedBytes, 0, u64::MAX));
        assert!(quota.take(Resource::MappedBytes, 0, 48 << 40));
        assert!(!quota.take(Resource::MappedBytes, 48 << 40, 1));
    }
}
