//! Options as the package's users give them: JSON text, in which everything may be left out.
use serde::Deserialize;
use std::time::Duration;
use weighbridge_core::{
    ExtentPolicy, GuestOptions, HostCapabilities, HostLimits, Level, Limits, LoadOptions, SessionOptions, Strategy,
    StrategyPolicy, Validation,
};

/// A bound of the guest's on a file; what is left out has the documented default.
#[derive(Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct GuestLimits {
    header_bytes: u64,
    tensors: u32,
    metadata_entries: u32,
    name_bytes: u32,
    nesting: u32,
}

impl Default for GuestLimits {
    fn default() -> Self {
        let Limits { header_bytes, tensors, metadata_entries, name_bytes, nesting } = Limits::default();
        Self { header_bytes, tensors, metadata_entries, name_bytes, nesting }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Guest {
    slots: u32,
    limits: GuestLimits,
    observe: Option<Level>,
}

impl From<Guest> for GuestOptions {
    fn from(Guest { slots, limits, observe }: Guest) -> Self {
        let GuestLimits { header_bytes, tensors, metadata_entries, name_bytes, nesting } = limits;
        let limits = Limits { header_bytes, tensors, metadata_entries, name_bytes, nesting };
        Self { slots, limits, observe: observe.unwrap_or_default() }
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
        let default = HostLimits { buffer_bytes: BUFFER_BYTES, ..HostLimits::default() };
        let deadline = self.deadline.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
        HostLimits {
            guest_memory: self.guest_memory.unwrap_or(default.guest_memory),
            mapped_bytes: self.mapped_bytes.unwrap_or(default.mapped_bytes),
            mappings: self.mappings.unwrap_or(default.mappings),
            header_bytes: self.header_bytes.unwrap_or(default.header_bytes),
            buffer_bytes: self.buffer_bytes.unwrap_or(default.buffer_bytes),
            deadline: deadline.filter(|time| !time.is_zero()),
            host_calls: self.host_calls.unwrap_or(default.host_calls),
            handles: self.handles.unwrap_or(default.handles),
            files: self.files.unwrap_or(default.files),
            listing_bytes: self.listing_bytes.unwrap_or(default.listing_bytes),
            trace_bytes: self.trace_bytes.unwrap_or(default.trace_bytes),
            trace_batch: self.trace_batch.unwrap_or(default.trace_batch),
            trace_names: self.trace_names.unwrap_or(default.trace_names),
            ..default
        }
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

impl Settings {
    /// Offsets of mappings are multiples of this; a power of two.
    pub(crate) fn granularity(&self) -> u64 {
        self.offers.map_granularity.filter(|bytes| bytes.is_power_of_two()).unwrap_or(GRANULARITY).into()
    }
}

impl From<Settings> for SessionOptions {
    fn from(Settings { guest, offers, limits, ring, names_in_trace }: Settings) -> Self {
        let default = Self::default();
        let HostCapabilities { max_read, max_batch, .. } = default.host;
        let host = HostCapabilities {
            mmap: offers.mmap,
            advise: offers.advise,
            max_read: offers.max_read.unwrap_or(max_read),
            max_batch: offers.max_batch.unwrap_or(max_batch),
            ..default.host
        };
        let (limits, ring) = (limits.limits(), ring.unwrap_or(default.ring));
        Self { guest: guest.into(), limits, host, ring, names_in_trace, ..default }
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
        let policy = StrategyPolicy::Only(Strategy::ExternalBuffer);
        LoadOptions { policy, staging_bytes: bytes, ..LoadOptions::default() }
    }
}

impl From<Load> for LoadOptions {
    fn from(Load { policy, extent, staging_bytes, validate }: Load) -> Self {
        let default = Self::default();
        Self {
            policy: policy.unwrap_or(default.policy),
            extent: extent.unwrap_or(default.extent),
            staging_bytes: staging_bytes.unwrap_or(default.staging_bytes),
            validate: validate.unwrap_or(default.validate),
        }
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
        assert_eq!(made.limits, HostLimits { buffer_bytes: BUFFER_BYTES, ..HostLimits::default() });
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
