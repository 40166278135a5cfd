//! The slots of io/mmap, and what its guards and actions see and do of them.
use super::events::{
    Abandon, Advise, Advised, Command, Handle, Map, Mapped, Outcome, Output, Release, Retain, Unmapped,
};
use super::idle::{Extent, Idle};
use super::machine::{IoMmapEvents, IoMmapStateMachineContext};
use crate::actors::{Fault, Ticket, pooled, refusals, strays};
use crate::api::SlotStatus;
use crate::bindings::weighbridge::loader::storage::Capabilities;
use crate::types::{AdviceEffect, Cause};

/// Most bytes of one mapping, as in the reference: far above any model, far below where sums could wrap.
const EXTENT_BYTES: u64 = 1 << 40;
/// Most sources; the reference keeps the last number of 16 bits for itself.
const SOURCES: u32 = 65_535;

/// One slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Its status.
    pub status: SlotStatus,
    /// How often it has been given out; a handle of an earlier use has a smaller one.
    pub generation: u32,
    /// The source that is mapped.
    pub source: u32,
    /// Where the mapping begins in the source.
    pub offset: u64,
    /// Bytes of the mapping.
    pub len: u64,
    /// The host's name for the mapping.
    pub mapping: u64,
    /// Tensors resident in it.
    pub tensors: u32,
    /// A load is under way that holds it.
    pub leased: bool,
}

impl Slot {
    const fn vacant(generation: u32) -> Self {
        Self {
            status: SlotStatus::Free,
            generation,
            source: 0,
            offset: 0,
            len: 0,
            mapping: 0,
            tensors: 0,
            leased: false,
        }
    }

    /// Whether it holds a mapping.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.status, SlotStatus::Owned | SlotStatus::UnmapPending)
    }

    /// Whether a load may share its mapping.
    const fn is_idle(&self) -> bool {
        self.is_live() && !self.leased
    }
}

/// What outlives a dispatch: the slots, their free stack, and the one command that may be out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    slots: Vec<Slot>,
    /// The slot released last is given out first; at first 0, 1, 2, …
    free: Vec<u32>,
    /// The slots that a load may share.
    idle: Idle,
    /// The one of them that has the extent which the event asks for.
    shared: Option<u32>,
    mmap: bool,
    advise: bool,
    granularity: u64,
    pub(super) ticket: Ticket,
    /// The slot that the command is about, and the tensors that its answer takes away.
    busy: Option<(u32, u32)>,
    owned: u32,
    peak: u32,
    last_generation: u32,
    output: Output,
}

impl Context {
    /// A pool of `slots` slots over what the host can do. All that is allocated is allocated here.
    #[must_use]
    pub fn new(slots: u32, host: &Capabilities) -> Self {
        Self {
            slots: vec![Slot::vacant(0); slots as usize],
            free: (0..slots).rev().collect(),
            idle: Idle::new(slots),
            shared: None,
            mmap: host.mmap && host.map_granularity.is_power_of_two(),
            advise: host.advise,
            granularity: host.map_granularity,
            ticket: Ticket::default(),
            busy: None,
            owned: 0,
            peak: 0,
            last_generation: u32::MAX,
            output: Output::default(),
        }
    }

    /// The same, with slots that retire after so many uses, for tests of that.
    #[must_use]
    pub const fn retiring_after(mut self, uses: u32) -> Self {
        self.last_generation = uses;
        self
    }

    /// Every slot.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Numbers of the free slots; the last is given out next.
    #[must_use]
    pub fn free(&self) -> &[u32] {
        &self.free
    }

    /// Most slots that were owned at once.
    #[must_use]
    pub const fn peak(&self) -> u32 {
        self.peak
    }

    /// The slot that a handle means, if that use of it is not over.
    #[must_use]
    pub fn slot(&self, handle: Handle) -> Option<&Slot> {
        let slot = self.slots.get(handle.slot as usize)?;
        (slot.is_live() && slot.generation == handle.generation).then_some(slot)
    }

    /// The handle of a slot's present use.
    #[must_use]
    pub fn handle(&self, slot: u32) -> Option<Handle> {
        let generation = self.slots.get(slot as usize).filter(|slot| slot.is_live())?.generation;
        Some(Handle { slot, generation })
    }

    /// Clears the output and says which slot the event is about.
    pub(super) fn begin(&mut self, event: &IoMmapEvents) -> Option<u32> {
        self.output = Output::default();
        match event {
            IoMmapEvents::Map(map) => {
                self.shared = self.idle.find(&self.slots, self.extent(map));
                self.shared.or_else(|| self.free.last().copied())
            }
            IoMmapEvents::Retain(e) => Some(e.handle.slot),
            IoMmapEvents::Release(e) => Some(e.handle.slot),
            IoMmapEvents::Abandon(e) => Some(e.handle.slot),
            IoMmapEvents::Advise(e) => Some(e.handle.slot),
            IoMmapEvents::Mapped(_) | IoMmapEvents::Unmapped(_) | IoMmapEvents::Advised(_) => {
                self.busy.map(|(slot, _)| slot)
            }
        }
    }

    /// Takes the output.
    pub(super) fn end(&mut self) -> Output {
        self.shared = None;
        core::mem::take(&mut self.output)
    }

    /// What is to be mapped, aligned.
    fn extent(&self, map: &Map) -> Extent {
        let delta = map.offset % self.granularity.max(1);
        (map.source, map.offset - delta, map.len.saturating_add(delta))
    }

    fn refuse(&mut self, why: Cause) {
        self.output.outcome = Some(Outcome::Refused(Fault::new(why)));
    }

    fn command(&mut self, slot: u32, tensors: u32, command: impl FnOnce(Ticket) -> Command) {
        self.ticket = self.ticket.next();
        self.busy = Some((slot, tensors));
        self.output.command = Some(command(self.ticket));
    }

    /// Changes what a slot is; whether it may be shared then follows.
    fn change(&mut self, slot: u32, change: impl FnOnce(&mut Slot)) {
        if self.is_idle(slot) {
            self.idle.remove(&self.slots, slot);
        }
        if let Some(slot) = self.slots.get_mut(slot as usize) {
            change(slot);
        }
        if self.is_idle(slot) {
            self.idle.insert(&self.slots, slot);
        }
    }

    fn is_idle(&self, slot: u32) -> bool {
        self.slots.get(slot as usize).is_some_and(Slot::is_idle)
    }

    /// The number of tensors in a slot, which changes nothing else.
    fn tensors(&mut self, slot: u32, change: impl FnOnce(&mut u32)) {
        if let Some(slot) = self.slots.get_mut(slot as usize) {
            change(&mut slot.tensors);
        }
    }

    fn answer_mapped(&mut self, slot: u32) {
        if let Some((handle, found)) = self.handle(slot).and_then(|handle| Some((handle, *self.slot(handle)?))) {
            self.output.outcome = Some(Outcome::Mapped { handle, mapping: found.mapping, offset: found.offset });
        }
    }

    /// A slot has no mapping any more.
    fn gone(&mut self) {
        self.owned -= 1;
    }

    fn is_stale(&self, handle: Handle) -> bool {
        self.slot(handle).is_none()
    }
}

impl IoMmapStateMachineContext for &mut Context {
    fn extent_empty(&self, map: &Map) -> Result<bool, ()> {
        Ok(map.len == 0)
    }

    fn source_unknown(&self, map: &Map) -> Result<bool, ()> {
        Ok(map.source >= SOURCES)
    }

    fn extent_too_long(&self, map: &Map) -> Result<bool, ()> {
        Ok(map.len > EXTENT_BYTES)
    }

    fn extent_wraps(&self, map: &Map) -> Result<bool, ()> {
        Ok(map.offset.checked_add(map.len).is_none())
    }

    fn mapping_unsupported(&self, _: &Map) -> Result<bool, ()> {
        Ok(!self.mmap)
    }

    fn extent_live(&self, _: &Map) -> Result<bool, ()> {
        Ok(self.shared.is_some())
    }

    fn pool_empty(&self, _: &Map) -> Result<bool, ()> {
        Ok(self.free.is_empty())
    }

    fn extent_past_end(&self, map: &Map) -> Result<bool, ()> {
        Ok(map.offset.saturating_add(map.len) > map.source_len)
    }

    fn share(&mut self, _: &Map) -> Result<(), ()> {
        if let Some(slot) = self.shared {
            self.change(slot, |slot| {
                slot.leased = true;
                slot.status = SlotStatus::Owned;
            });
            self.answer_mapped(slot);
        }
        Ok(())
    }

    fn reserve(&mut self, map: &Map) -> Result<(), ()> {
        let (source, offset, len) = self.extent(map);
        if let Some(slot) = self.free.pop() {
            self.change(slot, |slot| {
                let vacant = Slot::vacant(slot.generation);
                *slot = Slot { status: SlotStatus::Reserved, source, offset, len, ..vacant };
            });
            self.command(slot, 0, |ticket| Command::Map { ticket, slot, source, offset, len });
        }
        Ok(())
    }

    fn map_stray(&self, mapped: &Mapped) -> Result<bool, ()> {
        Ok(mapped.ticket != self.ticket)
    }

    fn map_succeeded(&self, mapped: &Mapped) -> Result<bool, ()> {
        Ok(mapped.result.is_ok())
    }

    fn commit(&mut self, mapped: &Mapped) -> Result<(), ()> {
        if let (Some((slot, _)), Ok(mapping)) = (self.busy.take(), mapped.result) {
            self.change(slot, |slot| {
                slot.status = SlotStatus::Owned;
                slot.mapping = mapping;
                slot.leased = true;
            });
            self.owned += 1;
            self.peak = self.peak.max(self.owned);
            self.answer_mapped(slot);
        }
        Ok(())
    }

    fn fail_map(&mut self, mapped: &Mapped) -> Result<(), ()> {
        if let (Some((slot, _)), Err(fault)) = (self.busy.take(), mapped.result) {
            self.change(slot, |slot| *slot = Slot::vacant(slot.generation));
            self.free.push(slot);
            self.output.outcome = Some(Outcome::Refused(fault));
        }
        Ok(())
    }

    fn unmap(&mut self, release: &Release) -> Result<(), ()> {
        let slot = release.handle.slot;
        self.command(slot, release.tensors, |ticket| Command::Unmap { ticket, slot });
        Ok(())
    }

    fn end_lease_and_unmap(&mut self, abandon: &Abandon) -> Result<(), ()> {
        let slot = abandon.handle.slot;
        self.change(slot, |slot| slot.leased = false);
        self.command(slot, 0, |ticket| Command::Unmap { ticket, slot });
        Ok(())
    }

    fn advise_stale(&self, advise: &Advise) -> Result<bool, ()> {
        Ok(self.is_stale(advise.handle))
    }

    fn range_outside(&self, advise: &Advise) -> Result<bool, ()> {
        let end = advise.offset.checked_add(advise.len);
        let inside = self.slot(advise.handle).is_some_and(|slot| end.is_some_and(|end| end <= slot.len));
        Ok(advise.len == 0 || !inside)
    }

    fn advice_unsupported(&self, _: &Advise) -> Result<bool, ()> {
        Ok(!self.advise)
    }

    fn answer_unsupported(&mut self, _: &Advise) -> Result<(), ()> {
        self.output.outcome = Some(Outcome::Advised(AdviceEffect::Unsupported));
        Ok(())
    }

    fn advise(&mut self, advise: &Advise) -> Result<(), ()> {
        let Advise { handle: Handle { slot, .. }, offset, len, advice } = *advise;
        self.command(slot, 0, |ticket| Command::Advise { ticket, slot, offset, len, advice });
        Ok(())
    }

    fn advice_stray(&self, advised: &Advised) -> Result<bool, ()> {
        Ok(advised.ticket != self.ticket)
    }

    fn answer_advice(&mut self, advised: &Advised) -> Result<(), ()> {
        self.busy = None;
        self.output.outcome = Some(match advised.result {
            Ok(effect) => Outcome::Advised(effect),
            Err(fault) => Outcome::Refused(fault),
        });
        Ok(())
    }

    pooled! {
        Slot, slot, slots;
        Unmapped: unmap_stray, unmap_failed, fail_unmap, free;
        pending: SlotStatus::UnmapPending, retired: SlotStatus::Retired, gone: Outcome::Unmapped
    }

    strays! { put_map_aside(Mapped), put_aside(Unmapped), put_advice_aside(Advised) }

    refusals! {
        refuse_empty(Map) => InvalidRequest,
        refuse_source(Map) => InvalidRequest,
        refuse_length(Map) => LimitExceeded,
        refuse_wrap(Map) => OutOfBounds,
        refuse_platform(Map) => StrategyUnavailable,
        refuse_pool(Map) => SlotsExhausted,
        refuse_end(Map) => OutOfBounds,
        refuse_stale_advice(Advise) => StaleHandle,
        refuse_range(Advise) => OutOfBounds,
    }

    fn refuse_busy(&mut self) -> Result<(), ()> {
        self.refuse(Cause::Busy);
        Ok(())
    }
}
