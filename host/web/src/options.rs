//! Options as the package's users give them: JSON text, in which everything may be left out.
use serde::Deserialize;
use std::time::Duration;
use weighbridge_core::{
    ExtentPolicy, GuestOptions, HostCapabilities, HostLimits, Level, LoadOptions, SessionOptions, Strategy,
    StrategyPolicy, Validation,
};

/// Bounds of the guest's on a file.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct GuestLimits {
    header_bytes: Option<u64>,
    tensors: Option<u32>,
    metadata_entries: Option<u32>,
    name_bytes: Option<u32>,
    nesting: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Guest {
    slots: Option<u32>,
    limits: GuestLimits,
    observe: Option<Level>,
    partial: bool,
}

impl From<Guest> for GuestOptions {
    fn from(Guest { slots, limits, observe, partial }: Guest) -> Self {
        let mut options = Self::default();
        set(&mut options.slots, slots);
        set(&mut options.observe, observe);
        options.partial = partial;
        set(&mut options.limits.header_bytes, limits.header_bytes);
        set(&mut options.limits.tensors, limits.tensors);
        set(&mut options.limits.metadata_entries, limits.metadata_entries);
        set(&mut options.limits.name_bytes, limits.name_bytes);
        set(&mut options.limits.nesting, limits.nesting);
        options
    }
}

/// What the host offers the guest.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Offers {
    mmap: bool,
    advise: bool,
    map_granularity: Option<u32>,
    max_read: Option<u32>,
    max_batch: Option<u32>,
    auto: Option<Vec<Strategy>>,
}

/// Bounds on what a guest may use; see [`HostLimits`]. Times are milliseconds.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Bounds {
    guest_memory: Option<u64>,
    mapped_bytes: Option<u64>,
    mappings: Option<u32>,
    header_bytes: Option<u64>,
    buffer_bytes: Option<u64>,
    deadline: Option<f64>,
    host_calls: Option<u64>,
    host_work: Option<u64>,
    handles: Option<u32>,
    files: Option<u32>,
    listing_bytes: Option<u64>,
    trace_bytes: Option<u64>,
    trace_batch: Option<u32>,
    trace_names: Option<u32>,
}

/// Bytes of buffers at once, where nothing else is said: what a page may have of memory.
const BUFFER_BYTES: u64 = 1 << 31;

impl Bounds {
    fn limits(&self) -> HostLimits {
        let mut limits = HostLimits::new().buffer_bytes(BUFFER_BYTES);
        let deadline = self.deadline.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
        limits.deadline = deadline.filter(|time| !time.is_zero());
        set(&mut limits.guest_memory, self.guest_memory);
        set(&mut limits.mapped_bytes, self.mapped_bytes);
        set(&mut limits.mappings, self.mappings);
        set(&mut limits.header_bytes, self.header_bytes);
        set(&mut limits.buffer_bytes, self.buffer_bytes);
        set(&mut limits.host_calls, self.host_calls);
        set(&mut limits.host_work, self.host_work);
        set(&mut limits.handles, self.handles);
        set(&mut limits.files, self.files);
        set(&mut limits.listing_bytes, self.listing_bytes);
        set(&mut limits.trace_bytes, self.trace_bytes);
        set(&mut limits.trace_batch, self.trace_batch);
        set(&mut limits.trace_names, self.trace_names);
        limits
    }
}

fn set<T>(field: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *field = given;
    }
}

/// What is fixed for the life of a session.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Settings {
    guest: Guest,
    offers: Offers,
    limits: Bounds,
    ring: Option<usize>,
    names_in_trace: bool,
}

/// Offsets of mappings are multiples of so many bytes, where nothing else is said: a page of wasm.
const GRANULARITY: u32 = 65_536;

/// Reading at once comes before reading in chunks: large pieces come faster, are kept as they came, and there is a point to
/// cancel between them.
const AUTO: [Strategy; 3] = [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead];

impl Settings {
    /// Offsets of mappings are multiples of this; a power of two.
    pub(crate) fn granularity(&self) -> u64 {
        self.offers.map_granularity.filter(|bytes| bytes.is_power_of_two()).unwrap_or(GRANULARITY).into()
    }

    /// The order of `auto`.
    pub(crate) fn auto(&self) -> Vec<Strategy> {
        self.offers.auto.clone().unwrap_or_else(|| AUTO.to_vec())
    }
}

impl From<Settings> for SessionOptions {
    fn from(Settings { guest, offers, limits, ring, names_in_trace }: Settings) -> Self {
        let mut host = HostCapabilities::new().mmap(offers.mmap).advise(offers.advise);
        set(&mut host.max_read, offers.max_read);
        set(&mut host.max_batch, offers.max_batch);
        let mut options =
            Self::new().guest(guest.into()).limits(limits.limits()).host(host).names_in_trace(names_in_trace);
        set(&mut options.ring, ring);
        options
    }
}

/// How to load; what is left out has the contract's default.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Load {
    policy: Option<StrategyPolicy>,
    extent: Option<ExtentPolicy>,
    staging_bytes: Option<u64>,
    validate: Option<Validation>,
}

impl Load {
    /// To a consumer, in chunks of so many bytes.
    pub(crate) fn staged(bytes: u64) -> LoadOptions {
        let mut options = LoadOptions::default();
        options.policy = StrategyPolicy::Only(Strategy::ExternalBuffer);
        options.staging_bytes = bytes;
        options
    }
}

impl From<Load> for LoadOptions {
    fn from(Load { policy, extent, staging_bytes, validate }: Load) -> Self {
        let mut options = Self::default();
        set(&mut options.policy, policy);
        set(&mut options.extent, extent);
        set(&mut options.staging_bytes, staging_bytes);
        set(&mut options.validate, validate);
        options
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options(text: &str) -> SessionOptions {
        serde_json::from_str::<Settings>(text).unwrap().into()
    }

    #[test]
    fn what_is_left_out_has_its_default_and_a_page_maps_nothing() {
        let made = options("{}");
        assert_eq!((made.guest, made.ring), (GuestOptions::default(), SessionOptions::default().ring));
        assert_eq!(made.limits, HostLimits::new().buffer_bytes(BUFFER_BYTES));
        assert!(!made.host.mmap && !made.host.advise && !made.names_in_trace);
        for (offers, granularity) in
            [("{}", 65_536), (r#"{"map-granularity":4096}"#, 4096), (r#"{"map-granularity":3}"#, 65_536)]
        {
            let settings: Settings = serde_json::from_str(&format!("{{\"offers\":{offers}}}")).unwrap();
            assert_eq!(settings.granularity(), granularity);
        }
    }

    #[test]
    fn what_is_given_counts_and_what_nobody_knows_is_refused() {
        let made =
            options(r#"{"guest":{"observe":"steps"},"limits":{"deadline":250,"handles":7},"offers":{"mmap":true}}"#);
        assert_eq!((made.guest.observe, made.limits.handles), (Level::Steps, 7));
        assert_eq!(made.limits.deadline, Some(Duration::from_millis(250)));
        assert!(made.host.mmap);
        assert_eq!(options(r#"{"limits":{"deadline":0}}"#).limits.deadline, None);
        assert!(serde_json::from_str::<Settings>(r#"{"limit":{}}"#).is_err());
        assert!(serde_json::from_str::<Load>(r#"{"policy":{"only":"teleport"}}"#).is_err());
    }
}
