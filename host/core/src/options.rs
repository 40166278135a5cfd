//! What an embedder sets for a session. Everything has a default that is right for a model from a stranger.
use crate::{
    media::Clock,
    observer::{Interpose, Observer},
    quota::Quota,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use weighbridge_wit::{GuestOptions, Level, StorageError};

/// Fixed for the life of a session.
///
/// ```
/// use std::time::Duration;
/// use weighbridge_core::{HostLimits, SessionOptions};
///
/// let options = SessionOptions::new().deadline(Duration::from_secs(30)).ring(0);
/// assert_eq!(options.limits, HostLimits::new().deadline(Duration::from_secs(30)));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct SessionOptions {
    /// What the guest is told: slots, bounds on the file, what the observer hears.
    pub guest: GuestOptions,
    /// What the host lets the guest do.
    pub limits: HostLimits,
    /// What the host offers; a host without mmap is a setting, not a machine.
    pub host: HostCapabilities,
    /// Hears every record of the session as it happens.
    pub observer: Option<Arc<dyn Observer>>,
    /// May answer the guest in the host's place: injected faults.
    pub interpose: Option<Arc<dyn Interpose>>,
    /// Cancels the work from another thread.
    pub cancel: CancelToken,
    /// Records kept for [`Session::records`](crate::Session::records) after the fact; 0 keeps none.
    pub ring: usize,
    /// What this session shares with others: together they hold no more than it allows. The default is the one of the
    /// process.
    pub quota: Arc<Quota>,
    /// Whether a link is followed where a further file of the model should be. Links as caches of models have them (to
    /// `blobs` above the folder) always are; another one may lead a stranger's model to any file of its reader. Default no.
    pub follow_links: bool,
    /// Whether file names may stand in the trace as they are. Otherwise `file-0`, `file-1` … stand for the part that names
    /// the model; what a guest could need of them (numbers of shards, extensions) stays.
    pub names_in_trace: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            guest: GuestOptions::default(),
            limits: HostLimits::default(),
            host: HostCapabilities::default(),
            observer: None,
            interpose: None,
            cancel: CancelToken::default(),
            ring: 65_536,
            quota: Quota::shared(),
            follow_links: false,
            names_in_trace: false,
        }
    }
}

/// Chainable setters, each with the name of its field.
macro_rules! setters {
    ($of:ident: $($field:ident: $type:ty),* $(,)?) => {
        impl $of {
            /// All as they are by default.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

setters! { SessionOptions:
    guest: GuestOptions,
    limits: HostLimits,
    host: HostCapabilities,
    cancel: CancelToken,
    ring: usize,
    names_in_trace: bool,
    follow_links: bool,
    quota: Arc<Quota>,
}

impl SessionOptions {
    /// Sets [`observer`](Self#structfield.observer).
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Sets [`interpose`](Self#structfield.interpose).
    #[must_use]
    pub fn interpose(mut self, interpose: Arc<dyn Interpose>) -> Self {
        self.interpose = Some(interpose);
        self
    }

    /// Sets what the observer is told: [`GuestOptions::observe`].
    #[must_use]
    pub fn observe(mut self, level: Level) -> Self {
        self.guest.observe = level;
        self
    }

    /// Sets the longest that one call into the guest may take: [`HostLimits::deadline`].
    #[must_use]
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> Self {
        self.limits.deadline = deadline.into();
        self
    }
}

impl std::fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionOptions")
            .field("guest", &self.guest)
            .field("limits", &self.limits)
            .field("host", &self.host)
            .field("observer", &self.observer.is_some())
            .field("interpose", &self.interpose.is_some())
            .field("cancel", &self.cancel)
            .field("ring", &self.ring)
            .field("names_in_trace", &self.names_in_trace)
            .finish()
    }
}

/// Bounds on what a guest may use of this process. Reaching one is an answer where the contract has one, and else ends the
/// session with `limit-exceeded`; other sessions go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostLimits {
    /// Most bytes of the guest's linear memory. Default 1 GiB.
    pub guest_memory: u64,
    /// Most elements of the guest's tables. Default 65,536.
    pub table_elements: u32,
    /// Most core instances, tables and memories, each. Default 32.
    pub instances: u32,
    /// Most bytes mapped at once. Default 64 TiB: address space, not memory.
    pub mapped_bytes: u64,
    /// Most mappings at once; a system has a bound of its own for the whole process (65,530 on Linux). Default 32,768.
    pub mappings: u32,
    /// Most header bytes that one call into the guest may read, all its reads together. Default 1 GiB.
    pub header_bytes: u64,
    /// Most bytes of host buffers at once. Default 64 GiB; a host that knows its machine's memory says less.
    pub buffer_bytes: u64,
    /// Longest that one call into the guest may take, host work and an observer that waits included; storage answers
    /// `deadline` after it. Default none.
    pub deadline: Option<Duration>,
    /// Longest that one export may compute in the guest, in time of its processor where the system has such a clock: a
    /// machine that is busy or stopped is no fault of the guest. Host work does not count; the parts of a list count
    /// together, for each 1,048,576 entries of it. Default 10 s.
    pub guest_time: Duration,
    /// Most bytes that one call may carry out of the guest, lists and strings. Default 128 MiB.
    pub hostcall_bytes: usize,
    /// Most calls into the host that one export may make. Default 16,777,216.
    pub host_calls: u64,
    /// Most work that one export may make the host do, in units of about a microsecond, whatever the bytes: a system call is
    /// 4 to 32 units, a span of a batch half a unit, a name one, and the parts of a list count together. Default 268,435,456.
    pub host_work: u64,
    /// Most handles (sources, mappings, targets) at once. Default 1,048,576.
    pub handles: u32,
    /// Most files of a model. Default 4,097: an index and 4,096 shards.
    pub files: u32,
    /// Most bytes of the list of tensors that the host keeps. Default 1 GiB.
    pub listing_bytes: u64,
    /// Most bytes of the ring of records, header bytes that it keeps included. Default 64 MiB.
    pub trace_bytes: u64,
    /// Most entries of one `emit`. Default 65,536.
    pub trace_batch: u32,
    /// Most names that a guest may give its observer, of at most 1,024 bytes each. Default 65,536.
    pub trace_names: u32,
}

setters! { HostLimits:
    guest_memory: u64,
    table_elements: u32,
    instances: u32,
    mapped_bytes: u64,
    mappings: u32,
    header_bytes: u64,
    buffer_bytes: u64,
    guest_time: Duration,
    hostcall_bytes: usize,
    host_calls: u64,
    host_work: u64,
    handles: u32,
    files: u32,
    listing_bytes: u64,
    trace_bytes: u64,
    trace_batch: u32,
    trace_names: u32,
}

impl HostLimits {
    /// Sets [`deadline`](Self#structfield.deadline).
    #[must_use]
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> Self {
        self.deadline = deadline.into();
        self
    }
}

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            guest_memory: 1 << 30,
            table_elements: 1 << 16,
            instances: 32,
            mapped_bytes: 1 << 46,
            mappings: 1 << 15,
            header_bytes: 1 << 30,
            buffer_bytes: 1 << 36,
            deadline: None,
            guest_time: Duration::from_secs(10),
            hostcall_bytes: 128 << 20,
            host_calls: 1 << 24,
            host_work: 1 << 28,
            handles: 1 << 20,
            files: 4097,
            listing_bytes: 1 << 30,
            trace_bytes: 64 << 20,
            trace_batch: 1 << 16,
            trace_names: 1 << 16,
        }
    }
}

/// What the host offers the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostCapabilities {
    /// Files can be mapped.
    pub mmap: bool,
    /// Advice is passed on to the system.
    pub advise: bool,
    /// Most bytes of one header read. Default 1 MiB.
    pub max_read: u32,
    /// Most spans of one `read-into`. Default 65,536.
    pub max_batch: u32,
    /// Threads that move the bytes of one batch, where the host has threads; 0 = its own choice, which natively is as many as
    /// there are processors, at most 8.
    pub threads: usize,
}

setters! { HostCapabilities:
    mmap: bool,
    advise: bool,
    max_read: u32,
    max_batch: u32,
    threads: usize,
}

impl Default for HostCapabilities {
    fn default() -> Self {
        Self { mmap: true, advise: true, max_read: 1 << 20, max_batch: 1 << 16, threads: 0 }
    }
}

/// Cancels work from another thread. Clones cancel the same work.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// From now on storage answers `cancelled` to all that is work; what gives back is still done.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Allows work again.
    pub fn reset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// What may stop the host's work.
#[derive(Clone, Debug)]
pub struct Control {
    pub(crate) cancel: CancelToken,
    pub(crate) deadline: Option<u64>,
    pub(crate) clock: Clock,
}

impl Control {
    /// Of work that `cancel` may end.
    #[must_use]
    pub const fn new(clock: Clock, cancel: CancelToken) -> Self {
        Self { cancel, deadline: None, clock }
    }

    /// Work from now on must end within `time`.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.start(Some(time));
        self
    }

    /// Sets the moment at which work must end, counted from now.
    pub(crate) fn start(&mut self, deadline: Option<Duration>) {
        self.deadline = deadline.map(|time| (self.clock)().saturating_add(nanos(time)));
    }

    /// Whether work may go on.
    ///
    /// # Errors
    /// `cancelled` or `deadline`: the answer to the guest when it must stop.
    pub fn check(&self) -> Result<(), StorageError> {
        if self.cancel.is_cancelled() {
            return Err(StorageError::Cancelled);
        }
        if self.deadline.is_some_and(|deadline| (self.clock)() >= deadline) {
            return Err(StorageError::Deadline);
        }
        Ok(())
    }
}

/// A duration in the unit of all times here.
#[must_use]
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
