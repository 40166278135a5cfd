//! io/mmap: slots, generations, leases, and answers that nobody asked for.
use super::cases;
use crate::double::Double;
use crate::rows::watch;
use weighbridge_loader::actors::io_mmap::{
    Abandon, Advise, Advised, Command, Context, Event, Handle, IoMmap, Map, Mapped, Outcome, Output, Release, Retain,
    Unmapped,
};
use weighbridge_loader::actors::{Fault, Ticket};
use weighbridge_loader::api::SlotStatus;
use weighbridge_loader::observe::Watch;
use weighbridge_loader::storage::Capabilities;
use weighbridge_loader::types::{Advice, AdviceEffect, Cause};

cases! {
    slots_are_given_out_in_order_and_reused_last_first
    refusals_in_their_order
    bounds_to_the_byte
    offsets_are_aligned_down
    a_host_whose_granularity_makes_no_sense_cannot_map
    stale_and_fabricated_handles_harm_nobody
    a_slot_whose_generation_would_wrap_retires
    counts_of_tensors_are_checked
    a_lease_keeps_the_mapping
    a_leased_extent_is_not_shared
    a_failed_unmap_keeps_the_slot
    a_failed_map_gives_the_slot_back
    advice_is_checked_and_answered
    strays_change_nothing
    requests_in_between_are_busy
}

struct Pool {
    actor: IoMmap,
    watch: Watch,
    next: u64,
}

const SOURCE: u64 = 1 << 30;

impl Pool {
    fn new(slots: u32) -> Self {
        Self::of(Context::new(slots, &Double::capabilities()))
    }

    fn of(context: Context) -> Self {
        Self { actor: IoMmap::new(context), watch: watch("io/mmap", None, "ready"), next: 100 }
    }

    fn send(&mut self, event: impl Into<Event>) -> Output {
        self.actor.dispatch(event, &self.watch)
    }

    fn refused(&mut self, event: impl Into<Event>, why: Cause) {
        let before = self.actor.clone();
        let output = self.send(event);
        assert_eq!(output.outcome, Some(Outcome::Refused(Fault::new(why))));
        assert_eq!(output.command, None);
        assert_eq!(self.actor, before, "a refusal changes nothing");
    }

    fn answer(&mut self, command: Command) -> Output {
        self.next += 1;
        let event: Event = match command {
            Command::Map { ticket, .. } => Mapped { ticket, result: Ok(self.next) }.into(),
            Command::Unmap { ticket, .. } => Unmapped { ticket, fault: None }.into(),
            Command::Advise { ticket, .. } => Advised { ticket, result: Ok(AdviceEffect::Applied) }.into(),
        };
        self.send(event)
    }

    fn done(&mut self, event: impl Into<Event>) -> Outcome {
        let mut output = self.send(event);
        while let Some(command) = output.command {
            assert_eq!(output.outcome, None);
            output = self.answer(command);
        }
        self.check();
        output.outcome.unwrap()
    }

    fn map(&mut self, offset: u64, len: u64) -> Handle {
        match self.done(Map { source: 0, offset, len, source_len: SOURCE }) {
            Outcome::Mapped { handle, .. } => handle,
            other => panic!("{other:?}"),
        }
    }

    /// Slots that are free are on the free stack, once, and no others.
    fn check(&self) {
        let context = self.actor.context();
        let mut free = context.free().to_vec();
        free.sort_unstable();
        let known: Vec<u32> = (0u32..)
            .zip(context.slots())
            .filter(|(_, slot)| slot.status == SlotStatus::Free)
            .map(|(number, _)| number)
            .collect();
        assert_eq!(free, known);
    }
}

fn map(offset: u64, len: u64) -> Map {
    Map { source: 0, offset, len, source_len: SOURCE }
}

fn slots_are_given_out_in_order_and_reused_last_first() {
    let mut pool = Pool::new(3);
    assert_eq!(pool.actor.state(), "ready");
    let handles: Vec<Handle> = (0..3).map(|n| pool.map(n * 8192, 4096)).collect();
    assert_eq!(handles.iter().map(|handle| handle.slot).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(pool.actor.context().peak(), 3);
    pool.refused(map(1 << 20, 1), Cause::SlotsExhausted);
    for handle in [handles[0], handles[2], handles[1]] {
        assert_eq!(pool.done(Abandon { handle }), Outcome::Unmapped);
    }
    assert_eq!((pool.map(0, 1).slot, pool.map(9000, 1).slot, pool.map(90_000, 1).slot), (1, 2, 0));
    assert_eq!(pool.actor.context().peak(), 3);
}

fn refusals_in_their_order() {
    let bad = Map { source: 65_535, offset: u64::MAX, len: 0, source_len: 0 };
    let mut pool = Pool::of(Context::new(0, &Capabilities { mmap: false, ..Double::capabilities() }));
    pool.refused(bad, Cause::InvalidRequest);
    pool.refused(Map { len: u64::MAX, ..bad }, Cause::InvalidRequest);
    pool.refused(Map { source: 0, len: (1 << 40) + 1, ..bad }, Cause::LimitExceeded);
    pool.refused(Map { source: 0, len: 1 << 40, ..bad }, Cause::OutOfBounds);
    pool.refused(Map { source: 0, len: 1, offset: 4096, source_len: 0 }, Cause::StrategyUnavailable);
    let mut pool = Pool::new(0);
    pool.refused(Map { source: 0, len: 1, offset: 4096, source_len: 0 }, Cause::SlotsExhausted);
    let mut pool = Pool::new(1);
    pool.refused(Map { source: 0, len: 1, offset: 4096, source_len: 0 }, Cause::OutOfBounds);
    // None of them cost a slot.
    assert_eq!(pool.map(0, 1), Handle { slot: 0, generation: 0 });
}

fn bounds_to_the_byte() {
    let mut pool = Pool::new(8);
    for (offset, len) in [(SOURCE - 1, 1), (0, SOURCE), (4096, SOURCE - 4096)] {
        pool.map(offset, len);
    }
    for (offset, len) in [(SOURCE, 1), (SOURCE - 1, 2), (0, SOURCE + 1), (u64::MAX - 1, 1)] {
        pool.refused(map(offset, len), Cause::OutOfBounds);
    }
    let large = Map { source: 65_534, offset: 0, len: 1 << 40, source_len: 1 << 40 };
    assert!(matches!(pool.done(large), Outcome::Mapped { .. }));
    pool.refused(Map { source: 65_535, ..large }, Cause::InvalidRequest);
    pool.refused(Map { len: (1 << 40) + 1, source_len: u64::MAX, ..large }, Cause::LimitExceeded);
}

fn offsets_are_aligned_down() {
    for granularity in [1, 512, 4096, 16_384, 65_536] {
        let host = Capabilities { map_granularity: granularity, ..Double::capabilities() };
        let mut pool = Pool::of(Context::new(4, &host));
        for offset in [0, 17, granularity - 1, granularity, granularity + 1, 100_000] {
            let output = pool.send(map(offset, 1000));
            let Some(Command::Map { offset: asked, len, .. }) = output.command else { panic!("{output:?}") };
            assert_eq!(asked % granularity, 0);
            assert!(asked <= offset && offset - asked < granularity);
            assert_eq!(asked + len, offset + 1000);
            let Some(Outcome::Mapped { handle, offset, .. }) = pool.answer(output.command.unwrap()).outcome else {
                panic!()
            };
            assert_eq!(offset, asked);
            pool.done(Abandon { handle });
        }
    }
}

fn a_host_whose_granularity_makes_no_sense_cannot_map() {
    for granularity in [0, 3, 4095, u64::MAX] {
        let host = Capabilities { map_granularity: granularity, ..Double::capabilities() };
        Pool::of(Context::new(4, &host)).refused(map(0, 1), Cause::StrategyUnavailable);
    }
}

fn stale_and_fabricated_handles_harm_nobody() {
    let mut pool = Pool::new(2);
    let old = pool.map(0, 4096);
    pool.done(Abandon { handle: old });
    let new = pool.map(0, 4096);
    assert_eq!((old.slot, new.slot), (0, 0));
    assert_ne!(old.generation, new.generation);
    let never = Handle { slot: 1, generation: 0 };
    let future = Handle { generation: 7, ..new };
    for handle in [old, never, future, Handle { slot: 2, generation: 0 }, Handle { slot: u32::MAX, generation: 0 }] {
        pool.refused(Retain { handle, tensors: 1 }, Cause::StaleHandle);
        pool.refused(Release { handle, tensors: 0 }, Cause::StaleHandle);
        pool.refused(Abandon { handle }, Cause::StaleHandle);
        pool.refused(Advise { handle, offset: 0, len: 1, advice: Advice::Normal }, Cause::StaleHandle);
    }
    assert_eq!(pool.done(Retain { handle: new, tensors: 1 }), Outcome::Kept);
    assert_eq!(pool.done(Abandon { handle: new }), Outcome::Kept);
    assert_eq!(pool.done(Release { handle: new, tensors: 1 }), Outcome::Unmapped);
    pool.refused(Release { handle: new, tensors: 0 }, Cause::StaleHandle);
}

fn a_slot_whose_generation_would_wrap_retires() {
    let mut pool = Pool::of(Context::new(2, &Double::capabilities()).retiring_after(1));
    for _ in 0..2 {
        let handle = pool.map(0, 1);
        assert_eq!(handle.slot, 0);
        pool.done(Abandon { handle });
    }
    assert_eq!(pool.actor.context().slots()[0].status, SlotStatus::Retired);
    let handle = pool.map(0, 1);
    assert_eq!(handle, Handle { slot: 1, generation: 0 });
    pool.done(Abandon { handle });
    let handle = pool.map(0, 1);
    pool.done(Abandon { handle });
    pool.refused(map(0, 1), Cause::SlotsExhausted);
    for generation in 0..3 {
        pool.refused(Release { handle: Handle { slot: 0, generation }, tensors: 0 }, Cause::StaleHandle);
    }
}

fn counts_of_tensors_are_checked() {
    let mut pool = Pool::new(1);
    let handle = pool.map(0, 1);
    pool.refused(Release { handle, tensors: 1 }, Cause::InvalidRequest);
    pool.done(Retain { handle, tensors: 3 });
    pool.refused(Retain { handle, tensors: u32::MAX }, Cause::LimitExceeded);
    pool.refused(Release { handle, tensors: 4 }, Cause::InvalidRequest);
    assert_eq!(pool.done(Abandon { handle }), Outcome::Kept);
    pool.refused(Abandon { handle }, Cause::InvalidRequest);
    assert_eq!(pool.done(Release { handle, tensors: 2 }), Outcome::Kept);
    assert_eq!(pool.done(Release { handle, tensors: 1 }), Outcome::Unmapped);
}

fn a_lease_keeps_the_mapping() {
    let mut pool = Pool::new(1);
    let handle = pool.map(0, 1);
    pool.done(Retain { handle, tensors: 2 });
    assert_eq!(pool.done(Release { handle, tensors: 2 }), Outcome::Kept);
    assert_eq!(pool.done(Abandon { handle }), Outcome::Unmapped);
}

fn a_leased_extent_is_not_shared() {
    let mut pool = Pool::new(2);
    let one = pool.map(0, 4096);
    let two = pool.map(0, 4096);
    assert_ne!(one.slot, two.slot);
    pool.done(Retain { handle: one, tensors: 1 });
    pool.done(Abandon { handle: one });
    let again = pool.map(0, 4096);
    assert_eq!(again, one);
    pool.done(Abandon { handle: again });
    // Another source, another length, another offset is another extent.
    pool.done(Abandon { handle: two });
    for other in [map(0, 4097), map(4096, 4096), Map { source: 1, ..map(0, 4096) }] {
        match pool.done(other) {
            Outcome::Mapped { handle, .. } => {
                assert_ne!(handle.slot, one.slot);
                pool.done(Abandon { handle });
            }
            other => panic!("{other:?}"),
        }
    }
}

fn a_failed_unmap_keeps_the_slot() {
    let mut pool = Pool::new(1);
    let handle = pool.map(0, 4096);
    pool.done(Retain { handle, tensors: 2 });
    pool.done(Abandon { handle });
    for why in [Cause::Busy, Cause::Io, Cause::Busy] {
        let command = pool.send(Release { handle, tensors: 2 }).command.unwrap();
        let Command::Unmap { ticket, slot: 0 } = command else { panic!("{command:?}") };
        let fault = Fault::new(why);
        assert_eq!(pool.send(Unmapped { ticket, fault: Some(fault) }).outcome, Some(Outcome::Refused(fault)));
        pool.check();
        let slot = pool.actor.context().slots()[0];
        assert_eq!((slot.status, slot.tensors, slot.mapping), (SlotStatus::UnmapPending, 2, 101));
        pool.refused(map(8192, 1), Cause::SlotsExhausted);
        // A late second answer to the same command is nobody's.
        assert!(pool.send(Unmapped { ticket, fault: None }).stray);
        assert_eq!(pool.actor.context().slots()[0], slot);
    }
    assert_eq!(pool.done(Release { handle, tensors: 2 }), Outcome::Unmapped);
    assert_eq!(pool.actor.context().free(), [0]);
    // One that no tensor needs any more is asked again with none.
    let handle = pool.map(0, 4096);
    let Some(Command::Unmap { ticket, .. }) = pool.send(Abandon { handle }).command else { panic!() };
    pool.send(Unmapped { ticket, fault: Some(Fault::new(Cause::Busy)) });
    assert_eq!(pool.done(Release { handle, tensors: 0 }), Outcome::Unmapped);
}

fn a_failed_map_gives_the_slot_back() {
    let mut pool = Pool::new(1);
    for why in [Cause::Io, Cause::OutOfBounds, Cause::Cancelled] {
        let output = pool.send(map(0, 4096));
        let Some(Command::Map { ticket, slot: 0, .. }) = output.command else { panic!("{output:?}") };
        assert_eq!(pool.actor.context().slots()[0].status, SlotStatus::Reserved);
        let fault = Fault { os_code: Some(12), ..Fault::new(why) };
        assert_eq!(pool.send(Mapped { ticket, result: Err(fault) }).outcome, Some(Outcome::Refused(fault)));
        let slot = pool.actor.context().slots()[0];
        assert_eq!((slot.status, slot.mapping, slot.len, slot.tensors), (SlotStatus::Free, 0, 0, 0));
        pool.check();
    }
    pool.map(0, 1);
}

fn advice_is_checked_and_answered() {
    let mut pool = Pool::new(1);
    let handle = pool.map(0, 8192);
    let advise = |offset, len| Advise { handle, offset, len, advice: Advice::WillNeed };
    for (offset, len) in [(0, 0), (0, 8193), (8192, 1), (1, u64::MAX), (u64::MAX, 1)] {
        pool.refused(advise(offset, len), Cause::OutOfBounds);
    }
    for (offset, len) in [(0, 8192), (8191, 1), (24, 1000)] {
        assert_eq!(pool.done(advise(offset, len)), Outcome::Advised(AdviceEffect::Applied));
    }
    for effect in [AdviceEffect::Ignored, AdviceEffect::Unsupported] {
        let Some(Command::Advise { ticket, .. }) = pool.send(advise(0, 1)).command else { panic!() };
        assert_eq!(pool.send(Advised { ticket, result: Ok(effect) }).outcome, Some(Outcome::Advised(effect)));
    }
    let Some(Command::Advise { ticket, .. }) = pool.send(advise(0, 1)).command else { panic!() };
    let fault = Fault::new(Cause::Io);
    assert_eq!(pool.send(Advised { ticket, result: Err(fault) }).outcome, Some(Outcome::Refused(fault)));
    assert_eq!(pool.done(advise(0, 1)), Outcome::Advised(AdviceEffect::Applied));

    let mut pool = Pool::of(Context::new(1, &Capabilities { advise: false, ..Double::capabilities() }));
    let handle = pool.map(0, 8192);
    let output = pool.send(Advise { handle, offset: 0, len: 1, advice: Advice::DontNeed });
    assert_eq!((output.outcome, output.command), (Some(Outcome::Advised(AdviceEffect::Unsupported)), None));
}

fn answers(ticket: Ticket) -> [Event; 6] {
    let fault = Fault::new(Cause::Io);
    [
        Mapped { ticket, result: Ok(9) }.into(),
        Mapped { ticket, result: Err(fault) }.into(),
        Unmapped { ticket, fault: None }.into(),
        Unmapped { ticket, fault: Some(fault) }.into(),
        Advised { ticket, result: Ok(AdviceEffect::Applied) }.into(),
        Advised { ticket, result: Err(fault) }.into(),
    ]
}

/// A pool in each of its states, with the ticket of the command that is out.
fn in_every_state() -> Vec<(Pool, Option<Command>)> {
    let mapped = || {
        let mut pool = Pool::new(2);
        let handle = pool.map(0, 4096);
        (pool, handle)
    };
    let mut states = vec![(mapped().0, None)];
    let (mut pool, _) = mapped();
    let command = pool.send(map(8192, 1)).command;
    states.push((pool, command));
    let (mut pool, handle) = mapped();
    let command = pool.send(Abandon { handle }).command;
    states.push((pool, command));
    let (mut pool, handle) = mapped();
    let command = pool.send(Advise { handle, offset: 0, len: 1, advice: Advice::Random }).command;
    states.push((pool, command));
    states
}

fn ticket_of(command: Command) -> Ticket {
    match command {
        Command::Map { ticket, .. } | Command::Unmap { ticket, .. } | Command::Advise { ticket, .. } => ticket,
    }
}

fn strays_change_nothing() {
    for (mut pool, command) in in_every_state() {
        let out = command.map_or(Ticket(1), ticket_of);
        let state = pool.actor.state();
        for ticket in [out, Ticket(0), out.next(), Ticket(u32::MAX)] {
            for answer in answers(ticket) {
                let expected = matches!(
                    (&answer, command),
                    (Event::Mapped(_), Some(Command::Map { .. }))
                        | (Event::Unmapped(_), Some(Command::Unmap { .. }))
                        | (Event::Advised(_), Some(Command::Advise { .. }))
                );
                if expected && ticket == out {
                    continue;
                }
                let before = pool.actor.clone();
                let output = pool.send(answer);
                assert!(output.stray && output.outcome.is_none() && output.command.is_none(), "{state}");
                assert_eq!(pool.actor, before, "{state}");
            }
        }
        // The command that is out is still answered.
        if let Some(command) = command {
            assert!(pool.answer(command).outcome.is_some());
            assert_eq!(pool.actor.state(), "ready");
        }
    }
}

fn requests_in_between_are_busy() {
    let handle = Handle { slot: 0, generation: 0 };
    for (mut pool, command) in in_every_state() {
        let Some(command) = command else { continue };
        pool.refused(map(0, 1), Cause::Busy);
        pool.refused(Retain { handle, tensors: 1 }, Cause::Busy);
        pool.refused(Release { handle, tensors: 0 }, Cause::Busy);
        pool.refused(Abandon { handle }, Cause::Busy);
        pool.refused(Advise { handle, offset: 0, len: 1, advice: Advice::Normal }, Cause::Busy);
        assert!(!matches!(pool.answer(command).outcome, Some(Outcome::Refused(_)) | None));
    }
}
