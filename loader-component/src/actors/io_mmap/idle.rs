//! Which slots may be shared: found by their extents, however many there are.
use super::context::Slot;
use std::collections::VecDeque;

/// What is mapped: number of the source, offset and bytes.
pub(super) type Extent = (u32, u64, u64);

/// Numbers of the slots with a mapping that no load holds, in the order of their extents. Loads and releases mostly go
/// from one end of a file to the other, and at either end of a deque nothing has to be moved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Idle {
    slots: VecDeque<u32>,
}

impl Idle {
    /// None yet, with room for all slots.
    pub(super) fn new(slots: u32) -> Self {
        Self { slots: VecDeque::with_capacity(slots as usize) }
    }

    /// The lowest slot that has this extent.
    pub(super) fn find(&self, all: &[Slot], extent: Extent) -> Option<u32> {
        let slot = *self.slots.get(self.place(all, (extent, 0)))?;
        (key(all, slot).0 == extent).then_some(slot)
    }

    /// Takes a slot in, which has its extent already.
    pub(super) fn insert(&mut self, all: &[Slot], slot: u32) {
        let place = self.place(all, key(all, slot));
        if self.slots.get(place) != Some(&slot) {
            self.slots.insert(place, slot);
        }
    }

    /// Forgets a slot, which still has its extent.
    pub(super) fn remove(&mut self, all: &[Slot], slot: u32) {
        let place = self.place(all, key(all, slot));
        if self.slots.get(place) == Some(&slot) {
            self.slots.remove(place);
        }
    }

    fn place(&self, all: &[Slot], wanted: (Extent, u32)) -> usize {
        self.slots.partition_point(|slot| key(all, *slot) < wanted)
    }
}

fn key(all: &[Slot], slot: u32) -> (Extent, u32) {
    #[cfg(test)]
    VISITS.with(|visits| visits.set(visits.get() + 1));
    let extent = all.get(slot as usize).map_or((0, 0, 0), |slot| (slot.source, slot.offset, slot.len));
    (extent, slot)
}

#[cfg(test)]
thread_local! {
    /// Slots that were looked at.
    static VISITS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test")]
mod tests {
    use super::super::{Abandon, Command, Context, Handle, IoMmap, Map, Mapped, Outcome, Release, Retain, Unmapped};
    use super::*;
    use crate::bindings::weighbridge::loader::storage::Capabilities;
    use crate::observe::Watch;
    use crate::types::Level;

    const SLOTS: u32 = 65_536;
    const HOST: Capabilities =
        Capabilities { mmap: true, advise: true, map_granularity: 4_096, max_read: 1, max_batch: 1, auto: Vec::new() };

    fn map(pool: &mut IoMmap, watch: &Watch, number: u32) -> Handle {
        let map = Map { source: 0, offset: u64::from(number) * 5_000, len: 5_000, source_len: 1 << 40 };
        let mut output = pool.dispatch(map, watch);
        if let Some(Command::Map { ticket, .. }) = output.command {
            output = pool.dispatch(Mapped { ticket, result: Ok(u64::from(number)) }, watch);
        }
        match output.outcome {
            Some(Outcome::Mapped { handle, .. }) => handle,
            other => panic!("{other:?}"),
        }
    }

    /// A load of every tensor on its own, a second one that shares all, and the release: no request may look at all slots.
    #[test]
    fn no_request_looks_at_every_slot() {
        let watch = Watch::new(Level::Off, Box::new(()));
        let mut pool = IoMmap::new(Context::new(SLOTS, &HOST));
        let visits = || VISITS.with(std::cell::Cell::take);
        visits();
        let first: Vec<Handle> = (0..SLOTS).map(|number| map(&mut pool, &watch, number)).collect();
        assert_eq!(visits(), 0, "nothing can be shared in a first load");
        for &handle in &first {
            pool.dispatch(Retain { handle, tensors: 1 }, &watch);
            pool.dispatch(Abandon { handle }, &watch);
        }
        let again: Vec<Handle> = (0..SLOTS).map(|number| map(&mut pool, &watch, number)).collect();
        assert_eq!(first, again);
        for &handle in &first {
            pool.dispatch(Abandon { handle }, &watch);
            let output = pool.dispatch(Release { handle, tensors: 1 }, &watch);
            let Some(Command::Unmap { ticket, .. }) = output.command else { panic!("{output:?}") };
            pool.dispatch(Unmapped { ticket, fault: None }, &watch);
        }
        // Each looks a few times for its place among the others, in halves.
        let most = u64::from(SLOTS) * 5 * u64::from(SLOTS.ilog2() + 4);
        let seen = visits();
        assert!((1..most).contains(&seen), "{seen} of {most}");
        assert_eq!(pool.context().free().len(), SLOTS as usize);
    }
}
