//! io/mmap: two slots, extents of three tensors, every handle there ever was, and answers of every kind.
use super::{Actor, LATE, NOW, TICKETS, faults, must};
use std::collections::BTreeSet;
use weighbridge_loader::actors::Fault;
use weighbridge_loader::actors::io_mmap::{
    Abandon, Advise, Advised, Command, Context, Event, Handle, IoMmap, Map, Mapped, Outcome, Output, Release, Retain,
    Unmapped,
};
use weighbridge_loader::api::SlotStatus;
use weighbridge_loader::observe::Watch;
use weighbridge_loader::storage::Capabilities;
use weighbridge_loader::types::{Advice, AdviceEffect, Cause};

const SLOTS: u32 = 2;
/// Tensors that may be resident in extents at once.
const TENSORS: u32 = 3;
const SOURCE_LEN: u64 = 100;
/// A tensor at an aligned place, one that is not, and the whole file.
const EXTENTS: [Map; 3] = [map(0, 0, 24), map(0, 40, 24), map(0, 0, SOURCE_LEN)];
/// Wrong in every way, in the order in which one wrong hides another.
const WRONG: [(Map, Cause); 6] = [
    (map(70_000, u64::MAX, 0), Cause::InvalidRequest),
    (map(65_535, 0, u64::MAX), Cause::InvalidRequest),
    (map(0, u64::MAX, (1 << 40) + 1), Cause::LimitExceeded),
    (map(0, u64::MAX - 1, 2), Cause::OutOfBounds),
    (map(0, 90, 24), Cause::OutOfBounds),
    (map(0, SOURCE_LEN, 1), Cause::OutOfBounds),
];

const fn map(source: u32, offset: u64, len: u64) -> Map {
    Map { source, offset, len, source_len: SOURCE_LEN }
}

/// What the neighbours keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mmap {
    actor: IoMmap,
    can: (bool, bool),
    /// The generation after which a slot retires.
    last: u32,
    out: Option<Command>,
    /// Tensors that the unmap which is out takes away.
    leaving: u32,
    /// By slot: whether the host has a mapping for it, tensors in it, and whether a load holds it.
    live: [bool; SLOTS as usize],
    tensors: [u32; SLOTS as usize],
    leased: [bool; SLOTS as usize],
}

impl Mmap {
    /// Over a host that can map and advise, or not, with slots that retire after this generation.
    #[must_use]
    pub fn new(mmap: bool, advise: bool, last: u32) -> Self {
        let can = Capabilities { mmap, advise, map_granularity: 16, max_read: 1, max_batch: 1, auto: Vec::new() };
        let actor = IoMmap::new(Context::new(SLOTS, &can).retiring_after(last)).counting_from(NOW);
        Self {
            actor,
            can: (mmap, advise),
            last,
            out: None,
            leaving: 0,
            live: [false; 2],
            tensors: [0; 2],
            leased: [false; 2],
        }
    }

    /// The actor.
    #[must_use]
    pub const fn actor(&self) -> &IoMmap {
        &self.actor
    }

    fn handles(&self) -> impl Iterator<Item = Handle> {
        let last = self.last;
        (0..=SLOTS).flat_map(move |slot| (0..=last + 1).map(move |generation| Handle { slot, generation }))
    }

    fn is_current(&self, handle: Handle) -> bool {
        self.actor.context().slot(handle).is_some()
    }

    /// What a request is answered at once, where that can be told from the outside.
    fn refusal(&self, event: &Event) -> Option<Cause> {
        if self.out.is_some() {
            return Some(Cause::Busy);
        }
        let stale = |handle: &Handle| (!self.is_current(*handle)).then_some(Cause::StaleHandle);
        let full = self.actor.context().free().is_empty();
        match event {
            Event::Map(map) => match WRONG.iter().find(|(wrong, _)| wrong == map) {
                // Wrong numbers are wrong on every host; what lies outside the file is looked at last.
                Some((wrong, why)) if wrong.offset > SOURCE_LEN || wrong.len == 0 || wrong.source > 0 => Some(*why),
                _ if !self.can.0 => Some(Cause::StrategyUnavailable),
                Some(_) if full => Some(Cause::SlotsExhausted),
                Some((_, why)) => Some(*why),
                None => None,
            },
            Event::Retain(e) => stale(&e.handle).or((e.tensors == u32::MAX).then_some(Cause::LimitExceeded)),
            Event::Release(e) => {
                let more = || e.tensors > self.tensors[e.handle.slot as usize];
                stale(&e.handle).or_else(|| more().then_some(Cause::InvalidRequest))
            }
            Event::Abandon(e) => {
                let free = || !self.leased[e.handle.slot as usize];
                stale(&e.handle).or_else(|| free().then_some(Cause::InvalidRequest))
            }
            Event::Advise(e) => {
                stale(&e.handle).or((e.len == 0 || e.offset > SOURCE_LEN).then_some(Cause::OutOfBounds))
            }
            Event::Mapped(_) | Event::Unmapped(_) | Event::Advised(_) => None,
        }
    }

    fn asked(&mut self, event: Event, output: Output, before: &IoMmap) -> Result<(), String> {
        must!(!output.stray, "a request was taken for an answer");
        must!(output.outcome.is_some() != output.command.is_some(), "{} outcomes", u8::from(output.outcome.is_some()));
        if let Some(why) = self.refusal(&event) {
            let wanted = Some(Outcome::Refused(Fault::new(why)));
            must!(output.outcome == wanted, "answered {:?}, not {why:?}", output.outcome);
        }
        if let Some(Outcome::Refused(_)) = output.outcome {
            must!(self.actor == *before, "refused, and something changed");
            return Ok(());
        }
        match event {
            Event::Map(_) => match (output.outcome, output.command) {
                (Some(Outcome::Mapped { handle, .. }), _) => self.lease(handle)?,
                (_, Some(Command::Map { slot, .. })) => {
                    must!(before.context().free().last() == Some(&slot), "the slot released last was not taken first");
                    must!(!self.live[slot as usize], "a slot with a mapping is mapped");
                }
                other => return Err(format!("a map was answered {other:?}")),
            },
            Event::Retain(e) => {
                must!(output.outcome == Some(Outcome::Kept), "answered {:?}", output.outcome);
                self.tensors[e.handle.slot as usize] += e.tensors;
            }
            Event::Release(e) => {
                let slot = e.handle.slot as usize;
                let rest = self.tensors[slot] - e.tensors;
                self.going(e.handle, output, rest == 0 && !self.leased[slot])?;
                self.leaving = if output.command.is_some() { e.tensors } else { 0 };
                if output.command.is_none() {
                    self.tensors[slot] = rest;
                }
            }
            Event::Abandon(e) => {
                let slot = e.handle.slot as usize;
                self.leased[slot] = false;
                self.going(e.handle, output, self.tensors[slot] == 0)?;
                self.leaving = 0;
            }
            Event::Advise(e) => match output.command {
                Some(Command::Advise { slot, .. }) => must!(slot == e.handle.slot, "another slot was advised"),
                other => {
                    let unsupported = Some(Outcome::Advised(AdviceEffect::Unsupported));
                    must!(!self.can.1 && output.outcome == unsupported, "answered {other:?} {:?}", output.outcome);
                }
            },
            Event::Mapped(_) | Event::Unmapped(_) | Event::Advised(_) => {}
        }
        if let Some(command) = output.command {
            self.out = Some(self.renumber(command)?);
        }
        Ok(())
    }

    fn lease(&mut self, handle: Handle) -> Result<(), String> {
        let slot = handle.slot as usize;
        must!(self.is_current(handle) && self.live[slot], "a mapping was handed out that is not there");
        must!(!self.leased[slot], "a lease was given twice");
        self.leased[slot] = true;
        Ok(())
    }

    /// With the last tensor and no lease, and only then, the mapping ends.
    fn going(&self, handle: Handle, output: Output, last: bool) -> Result<(), String> {
        let unmaps = matches!(output.command, Some(Command::Unmap { slot, .. }) if slot == handle.slot);
        must!(unmaps == last, "the last one goes: {last}; the mapping ends: {unmaps}");
        must!(last || output.outcome == Some(Outcome::Kept), "answered {:?}", output.outcome);
        must!(!last || self.live[handle.slot as usize], "a mapping that is not there is ended");
        Ok(())
    }

    /// Counts from [`NOW`] again.
    fn renumber(&mut self, command: Command) -> Result<Command, String> {
        let (Command::Map { ticket, .. } | Command::Unmap { ticket, .. } | Command::Advise { ticket, .. }) = command;
        must!(ticket == NOW.next(), "a command has number {ticket:?}");
        self.actor = self.actor.clone().counting_from(NOW);
        Ok(command)
    }

    fn answered(&mut self, event: Event, output: Output, before: &IoMmap) -> Result<(), String> {
        must!(output.command.is_none(), "an answer was answered with a command");
        let (slot, wanted) = match (self.out, event) {
            (Some(Command::Map { slot, .. }), Event::Mapped(Mapped { ticket: NOW, result })) => {
                self.live[slot as usize] = result.is_ok();
                (slot, result.err().map(Outcome::Refused))
            }
            (Some(Command::Unmap { slot, .. }), Event::Unmapped(Unmapped { ticket: NOW, fault })) => {
                if fault.is_none() {
                    self.live[slot as usize] = false;
                    self.tensors[slot as usize] -= self.leaving;
                }
                (slot, Some(fault.map_or(Outcome::Unmapped, Outcome::Refused)))
            }
            (Some(Command::Advise { slot, .. }), Event::Advised(Advised { ticket: NOW, result })) => {
                (slot, Some(result.map_or_else(Outcome::Refused, Outcome::Advised)))
            }
            _ => {
                must!(output.stray && output.outcome.is_none(), "an answer that nobody waits for had an outcome");
                must!(self.actor == *before, "an answer that nobody waits for changed something");
                return Ok(());
            }
        };
        must!(!output.stray, "an answer was put aside");
        match (wanted, output.outcome) {
            (None, Some(Outcome::Mapped { handle, .. })) if handle.slot == slot => self.lease(handle)?,
            (wanted, outcome) => must!(wanted.is_some() && wanted == outcome, "answered {outcome:?}, not {wanted:?}"),
        }
        self.out = None;
        self.leaving = 0;
        Ok(())
    }

    /// What has to hold in every state.
    fn whole(&self, before: &IoMmap) -> Result<(), String> {
        let context = self.actor.context();
        let free: BTreeSet<u32> = context.free().iter().copied().collect();
        must!(free.len() == context.free().len(), "a slot is twice on the free stack");
        for (number, slot) in context.slots().iter().enumerate() {
            let at = u32::try_from(number).unwrap();
            must!(
                free.contains(&at) == (slot.status == SlotStatus::Free),
                "slot {at} is {:?}; free are {free:?}",
                slot.status
            );
            let mapping = matches!(self.out, Some(Command::Map { slot, .. }) if slot == at);
            must!(mapping == (slot.status == SlotStatus::Reserved), "slot {at} is {:?}", slot.status);
            must!(
                slot.is_live() == self.live[number],
                "slot {at} is {:?}; its mapping: {}",
                slot.status,
                self.live[number]
            );
            must!(
                slot.tensors == self.tensors[number],
                "slot {at} counts {} of {}",
                slot.tensors,
                self.tensors[number]
            );
            must!(slot.leased == self.leased[number], "slot {at} has another lease than it gave");
            must!(slot.generation <= self.last, "slot {at} is used once too often");
            let was = before.context().slots()[number];
            must!(was.status != SlotStatus::Retired || *slot == was, "slot {at} came back");
            must!(
                slot.generation >= was.generation
                    && (slot.generation == was.generation || slot.status == SlotStatus::Free),
                "slot {at} has generation {} after {}",
                slot.generation,
                was.generation
            );
        }
        let owned = self.live.iter().filter(|live| **live).count();
        must!(context.peak() as usize >= owned, "the peak is below what is owned");
        Ok(())
    }
}

impl Actor for Mmap {
    type Event = Event;
    type Key = Self;

    const NAME: &'static str = IoMmap::NAME;

    fn key(&self) -> Self {
        self.clone()
    }

    fn stands(&self) -> String {
        self.actor.state()
    }

    fn events(&self) -> Vec<Event> {
        let mut all: Vec<Event> =
            EXTENTS.iter().chain(WRONG.iter().map(|(map, _)| map)).map(|map| (*map).into()).collect();
        let room = TENSORS - self.tensors.iter().sum::<u32>();
        for handle in self.handles() {
            let advise = |offset: u64, len: u64| Advise { handle, offset, len, advice: Advice::WillNeed };
            all.push(Release { handle, tensors: 0 }.into());
            all.push(Abandon { handle }.into());
            all.push(advise(0, 1).into());
            if !self.is_current(handle) {
                all.push(Retain { handle, tensors: 1 }.into());
                all.push(Release { handle, tensors: 1 }.into());
                continue;
            }
            all.extend((1..=room).map(|tensors| Event::from(Retain { handle, tensors })));
            if self.tensors[handle.slot as usize] > 0 {
                all.push(Retain { handle, tensors: u32::MAX }.into());
            }
            all.extend((1..=TENSORS + 1).map(|tensors| Event::from(Release { handle, tensors })));
            all.extend([advise(0, 0), advise(SOURCE_LEN + 1, 1), advise(u64::MAX, 1)].map(Event::from));
        }
        for ticket in TICKETS {
            // Every cause, where an answer is waited for; elsewhere it is put aside unread.
            let read = |is: bool| faults(if is { ticket } else { LATE });
            let (map, unmap, advise) = (
                matches!(self.out, Some(Command::Map { .. })),
                matches!(self.out, Some(Command::Unmap { .. })),
                matches!(self.out, Some(Command::Advise { .. })),
            );
            all.extend(read(map).map(|fault| Event::from(Mapped { ticket, result: fault.map_or(Ok(9), Err) })));
            all.extend(read(unmap).map(|fault| Event::from(Unmapped { ticket, fault })));
            let effect = |fault: Option<_>| fault.map_or(Ok(AdviceEffect::Applied), Err);
            all.extend(read(advise).map(|fault| Event::from(Advised { ticket, result: effect(fault) })));
        }
        all
    }

    fn send(&mut self, event: Event, watch: &Watch) -> Result<(), String> {
        let before = self.actor.clone();
        let output = self.actor.dispatch(event, watch);
        match event {
            Event::Mapped(_) | Event::Unmapped(_) | Event::Advised(_) => self.answered(event, output, &before)?,
            _ => self.asked(event, output, &before)?,
        }
        self.whole(&before)
    }
}
