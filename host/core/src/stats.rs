//! Numbers of a session: what is held now, what went over the bridge, what took how long.
use crate::quota::{Quota, Resource};
use serde::Serialize;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// What a session holds and what it did, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of the guest's linear memory.
    pub guest_memory_bytes: u64,
    /// Calls of the host into the guest.
    pub crossings_in: u64,
    /// Calls of the guest into the host, the observer's included.
    pub crossings_out: u64,
    /// Header bytes that went into the guest.
    pub bytes_to_guest: u64,
    /// Tensor bytes moved into buffers or to a consumer, of batches that succeeded.
    pub bytes_moved: u64,
    /// Bytes mapped now.
    pub mapped_bytes: u64,
    /// Mappings now.
    pub mappings: u64,
    /// Of these, private ones, where the file system has no shared mappings: what others write to the file may never be seen
    /// in them.
    pub private_mappings: u64,
    /// Bytes of host buffers now, memory of the embedder not counted.
    pub buffer_bytes: u64,
    /// Host buffers now.
    pub buffers: u64,
    /// Handles that the guest has now.
    pub handles: u64,
}

/// What a session took, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Timings {
    /// Instantiating the component.
    pub instantiate: u64,
    /// Opening the model: files, instance, headers.
    pub open: u64,
    /// Header reads of the host, all.
    pub header_read: u64,
    /// The last load.
    pub load: u64,
    /// Mapping, all.
    pub map: u64,
    /// Moving tensor bytes, all.
    pub read: u64,
    /// Allocating, all.
    pub allocate: u64,
    /// Advice, all.
    pub advise: u64,
    /// Unmapping and freeing, all.
    pub unmap: u64,
}

/// What a session and its views hold of the machine. It can be read from any thread while the session works, and after
/// the session is gone, when views may still hold something.
#[derive(Debug)]
pub struct Usage {
    quota: Arc<Quota>,
    mapped_bytes: AtomicU64,
    mappings: AtomicU64,
    private_mappings: AtomicU64,
    maps: AtomicU64,
    unmaps: AtomicU64,
    buffer_bytes: AtomicU64,
    buffers: AtomicU64,
    guest_memory: AtomicU64,
    moving: AtomicU64,
}

impl Default for Usage {
    fn default() -> Self {
        Self::new(Quota::shared())
    }
}

impl Usage {
    /// Of a session that shares `quota` with others.
    #[must_use]
    pub const fn new(quota: Arc<Quota>) -> Self {
        Self {
            quota,
            mapped_bytes: AtomicU64::new(0),
            mappings: AtomicU64::new(0),
            private_mappings: AtomicU64::new(0),
            maps: AtomicU64::new(0),
            unmaps: AtomicU64::new(0),
            buffer_bytes: AtomicU64::new(0),
            buffers: AtomicU64::new(0),
            guest_memory: AtomicU64::new(0),
            moving: AtomicU64::new(0),
        }
    }

    /// What is shared with other sessions.
    #[must_use]
    pub const fn quota(&self) -> &Arc<Quota> {
        &self.quota
    }

    /// Bytes mapped now.
    #[must_use]
    pub fn mapped_bytes(&self) -> u64 {
        self.mapped_bytes.load(Relaxed)
    }

    /// Mappings now.
    #[must_use]
    pub fn mappings(&self) -> u64 {
        self.mappings.load(Relaxed)
    }

    /// Private mappings now.
    #[must_use]
    pub fn private_mappings(&self) -> u64 {
        self.private_mappings.load(Relaxed)
    }

    /// Mappings ever made.
    #[must_use]
    pub fn maps(&self) -> u64 {
        self.maps.load(Relaxed)
    }

    /// Mappings ever ended.
    #[must_use]
    pub fn unmaps(&self) -> u64 {
        self.unmaps.load(Relaxed)
    }

    /// Bytes of host buffers now.
    #[must_use]
    pub fn buffer_bytes(&self) -> u64 {
        self.buffer_bytes.load(Relaxed)
    }

    /// Host buffers now.
    #[must_use]
    pub fn buffers(&self) -> u64 {
        self.buffers.load(Relaxed)
    }

    /// Tensor bytes moved so far, counted piece by piece while a batch runs and failed batches included: for progress.
    #[must_use]
    pub fn moving(&self) -> u64 {
        self.moving.load(Relaxed)
    }

    /// Takes a mapping of so many bytes, before it is made; whether the session may have it beside the others.
    pub(crate) fn take_mapping(&self, bytes: u64) -> bool {
        if !self.quota.take(Resource::Mappings, self.mappings(), 1) {
            return false;
        }
        if !self.quota.take(Resource::MappedBytes, self.mapped_bytes(), bytes) {
            self.quota.give(Resource::Mappings, 1);
            return false;
        }
        self.mapped_bytes.fetch_add(bytes, Relaxed);
        self.mappings.fetch_add(1, Relaxed);
        true
    }

    /// Gives back what [`Self::take_mapping`] took.
    pub(crate) fn give_mapping(&self, bytes: u64) {
        self.mapped_bytes.fetch_sub(bytes, Relaxed);
        self.mappings.fetch_sub(1, Relaxed);
        self.quota.give(Resource::MappedBytes, bytes);
        self.quota.give(Resource::Mappings, 1);
    }

    /// A mapping was made.
    pub(crate) fn mapped(&self, private: bool) {
        self.maps.fetch_add(1, Relaxed);
        self.private_mappings.fetch_add(u64::from(private), Relaxed);
    }

    /// A mapping has ended.
    pub(crate) fn unmapped(&self, bytes: u64, private: bool) {
        self.unmaps.fetch_add(1, Relaxed);
        self.private_mappings.fetch_sub(u64::from(private), Relaxed);
        self.give_mapping(bytes);
    }

    /// Memory of the session: its buffers and its guest's.
    fn memory(&self) -> u64 {
        self.buffer_bytes().saturating_add(self.guest_memory.load(Relaxed))
    }

    /// Takes a buffer of so many bytes, before it is made; whether the session may have it beside the others.
    pub(crate) fn take_buffer(&self, bytes: u64) -> bool {
        if !self.quota.take(Resource::Buffers, self.buffers(), 1) {
            return false;
        }
        if !self.quota.take(Resource::MemoryBytes, self.memory(), bytes) {
            self.quota.give(Resource::Buffers, 1);
            return false;
        }
        self.buffer_bytes.fetch_add(bytes, Relaxed);
        self.buffers.fetch_add(1, Relaxed);
        true
    }

    /// Gives back what [`Self::take_buffer`] took.
    pub(crate) fn give_buffer(&self, bytes: u64) {
        self.buffer_bytes.fetch_sub(bytes, Relaxed);
        self.buffers.fetch_sub(1, Relaxed);
        self.quota.give(Resource::MemoryBytes, bytes);
        self.quota.give(Resource::Buffers, 1);
    }

    /// Takes memory for the guest; whether the session may have it beside the others.
    pub(crate) fn take_guest_memory(&self, bytes: u64) -> bool {
        let taken = self.quota.take(Resource::MemoryBytes, self.memory(), bytes);
        if taken {
            self.guest_memory.fetch_add(bytes, Relaxed);
        }
        taken
    }

    /// Gives back memory that the guest did not get after all.
    pub(crate) fn give_guest_memory(&self, bytes: u64) {
        self.guest_memory.fetch_sub(bytes, Relaxed);
        self.quota.give(Resource::MemoryBytes, bytes);
    }

    /// The guest is gone, and its memory with it.
    pub(crate) fn guest_gone(&self) {
        let bytes = self.guest_memory.swap(0, Relaxed);
        self.quota.give(Resource::MemoryBytes, bytes);
    }

    /// So many tensor bytes were moved; for media.
    pub fn moved(&self, bytes: u64) {
        self.moving.fetch_add(bytes, Relaxed);
    }
}
