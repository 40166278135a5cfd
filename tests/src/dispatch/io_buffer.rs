//! io/buffer: numbers, generations, leases, memory of the host and of the embedder, and answers that nobody asked for.
use super::cases;
use crate::rows::watch;
use weighbridge_loader::actors::io_buffer::{
    Abandon, Adopt, Allocate, Allocated, Command, Context, Event, Freed, Handle, IoBuffer, Memory, Outcome, Output,
    Release, Retain,
};
use weighbridge_loader::actors::{Fault, Ticket};
use weighbridge_loader::api::BufferStatus;
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;

cases! {
    numbers_are_given_out_in_order_and_reused_last_first
    room_is_made_once
    what_is_registered_is_checked
    memory_of_the_embedder_is_forgotten_and_never_freed
    a_lease_keeps_the_buffer
    counts_of_tensors_are_checked
    stale_and_fabricated_handles_harm_nobody
    a_number_whose_generation_would_wrap_retires
    a_failed_allocation_gives_the_number_back
    a_failed_free_keeps_the_buffer
    strays_change_nothing
    requests_in_between_are_busy
}

struct Pool {
    actor: IoBuffer,
    watch: Watch,
    next: u64,
    freed: Vec<u32>,
    dropped: Vec<u32>,
}

impl Pool {
    fn new() -> Self {
        Self::of(Context::default())
    }

    fn of(context: Context) -> Self {
        let watch = watch("io/buffer", None, "ready");
        Self { actor: IoBuffer::new(context), watch, next: 100, freed: Vec::new(), dropped: Vec::new() }
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

    fn done(&mut self, event: impl Into<Event>) -> Outcome {
        let mut output = self.send(event);
        while let Some(command) = output.command {
            assert_eq!(output.outcome, None);
            output = match command {
                Command::Allocate { ticket, len, .. } => {
                    self.next += 1;
                    let memory = Memory { target: self.next, len };
                    self.send(Allocated { ticket, result: Ok(memory) })
                }
                Command::Free { ticket, buffer } => {
                    self.freed.push(buffer);
                    self.send(Freed { ticket, fault: None })
                }
                Command::Drop { ticket, buffer } => {
                    self.dropped.push(buffer);
                    self.send(Freed { ticket, fault: None })
                }
            };
        }
        self.check();
        output.outcome.unwrap()
    }

    fn allocate(&mut self, len: u64) -> Handle {
        match self.done(Allocate { len }) {
            Outcome::Got(handle) => handle,
            other => panic!("{other:?}"),
        }
    }

    fn adopt(&mut self, len: u64) -> Handle {
        match self.done(Adopt { registered: Some(Memory { target: 7, len }), needed: len }) {
            Outcome::Got(handle) => handle,
            other => panic!("{other:?}"),
        }
    }

    fn status(&self, handle: Handle) -> BufferStatus {
        self.actor.context().buffers()[handle.buffer as usize].status
    }

    /// Numbers that are free are so once, and no others.
    fn check(&self) {
        let context = self.actor.context();
        let mut free = context.free().to_vec();
        free.sort_unstable();
        let is_free = |number: &u32| context.buffers()[*number as usize].status == BufferStatus::Free;
        let known: Vec<u32> = (0..u32::try_from(context.buffers().len()).unwrap()).filter(is_free).collect();
        assert_eq!(free, known);
    }
}

fn numbers_are_given_out_in_order_and_reused_last_first() {
    let mut pool = Pool::new();
    pool.actor.make_room(3);
    let handles: Vec<Handle> = (0..3).map(|_| pool.allocate(8)).collect();
    assert_eq!(handles.iter().map(|handle| handle.buffer).collect::<Vec<_>>(), [0, 1, 2]);
    for handle in [handles[0], handles[2], handles[1]] {
        assert_eq!(pool.done(Abandon { handle }), Outcome::Gone);
    }
    assert_eq!(pool.freed, [0, 2, 1]);
    // Those that were used come before those that never were.
    pool.actor.make_room(4);
    let again: Vec<u32> = (0..4).map(|_| pool.allocate(8).buffer).collect();
    assert_eq!(again, [1, 2, 0, 3]);
}

fn room_is_made_once() {
    let mut pool = Pool::new();
    pool.actor.make_room(5);
    pool.actor.make_room(4);
    assert_eq!(pool.actor.context().buffers().len(), 5);
    let handles: Vec<Handle> = (0..5).map(|_| pool.allocate(1)).collect();
    let buffers = pool.actor.context().buffers();
    assert!(handles.iter().all(|handle| buffers[handle.buffer as usize].is_live()));
    assert_eq!(pool.allocate(1).buffer, 5, "nobody made room for it");
}

fn what_is_registered_is_checked() {
    let mut pool = Pool::new();
    let memory = Memory { target: 3, len: 9 };
    pool.actor.make_room(1);
    pool.refused(Adopt { registered: None, needed: 0 }, Cause::StrategyUnavailable);
    pool.refused(Adopt { registered: Some(memory), needed: 10 }, Cause::OutOfBounds);
    let Outcome::Got(handle) = pool.done(Adopt { registered: Some(memory), needed: 9 }) else { panic!() };
    let buffer = *pool.actor.context().buffer(handle).unwrap();
    assert_eq!((buffer.memory, buffer.external, buffer.leased, buffer.tensors), (memory, true, true, 0));
}

fn memory_of_the_embedder_is_forgotten_and_never_freed() {
    let mut pool = Pool::new();
    let (first, second) = (pool.adopt(4), pool.adopt(4));
    assert_eq!(pool.done(Abandon { handle: first }), Outcome::Gone);
    assert_eq!(pool.done(Retain { handle: second, tensors: 1 }), Outcome::Kept);
    assert_eq!(pool.done(Abandon { handle: second }), Outcome::Kept);
    assert_eq!(pool.done(Release { handle: second, tensors: 1 }), Outcome::Gone);
    assert_eq!((pool.freed.len(), pool.dropped.as_slice()), (0, &[0, 1][..]));
    // Its number may have memory of the host next, which is freed.
    let third = pool.allocate(4);
    assert_eq!(third.buffer, 1);
    pool.done(Abandon { handle: third });
    assert_eq!(pool.freed, [1]);
}

fn a_lease_keeps_the_buffer() {
    let mut pool = Pool::new();
    let handle = pool.allocate(4);
    assert_eq!(pool.done(Retain { handle, tensors: 2 }), Outcome::Kept);
    assert_eq!(pool.done(Release { handle, tensors: 2 }), Outcome::Kept, "a load holds it");
    assert_eq!(pool.done(Abandon { handle }), Outcome::Gone);
    let handle = pool.allocate(4);
    pool.done(Retain { handle, tensors: 2 });
    assert_eq!(pool.done(Abandon { handle }), Outcome::Kept);
    pool.refused(Abandon { handle }, Cause::InvalidRequest);
    assert_eq!(pool.done(Release { handle, tensors: 1 }), Outcome::Kept);
    assert_eq!(pool.done(Release { handle, tensors: 1 }), Outcome::Gone);
}

fn counts_of_tensors_are_checked() {
    let mut pool = Pool::new();
    let handle = pool.allocate(4);
    pool.done(Retain { handle, tensors: 2 });
    pool.refused(Release { handle, tensors: 3 }, Cause::InvalidRequest);
    pool.refused(Retain { handle, tensors: u32::MAX }, Cause::LimitExceeded);
    assert_eq!(pool.actor.context().buffer(handle).unwrap().tensors, 2);
}

fn stale_and_fabricated_handles_harm_nobody() {
    let mut pool = Pool::new();
    let old = pool.allocate(4);
    pool.done(Abandon { handle: old });
    let new = pool.allocate(4);
    assert_eq!((new.buffer, new.generation), (old.buffer, old.generation + 1));
    for handle in
        [old, Handle { generation: 9, ..new }, Handle { buffer: 1, ..new }, Handle { buffer: u32::MAX, ..new }]
    {
        pool.refused(Retain { handle, tensors: 1 }, Cause::StaleHandle);
        pool.refused(Release { handle, tensors: 0 }, Cause::StaleHandle);
        pool.refused(Abandon { handle }, Cause::StaleHandle);
    }
    assert!(pool.actor.context().buffer(new).is_some());
}

fn a_number_whose_generation_would_wrap_retires() {
    let mut pool = Pool::of(Context::default().retiring_after(1));
    for generation in 0..=1 {
        let handle = pool.allocate(4);
        assert_eq!((handle.buffer, handle.generation), (0, generation));
        assert_eq!(pool.done(Abandon { handle }), Outcome::Gone);
    }
    assert_eq!(pool.status(Handle { buffer: 0, generation: 1 }), BufferStatus::Retired);
    assert_eq!(pool.allocate(4).buffer, 1);
}

fn a_failed_allocation_gives_the_number_back() {
    let mut pool = Pool::new();
    let Some(Command::Allocate { ticket, buffer, len: 4 }) = pool.send(Allocate { len: 4 }).command else { panic!() };
    assert_eq!(pool.status(Handle { buffer, generation: 0 }), BufferStatus::Reserved);
    assert_eq!(pool.actor.state(), "allocating");
    let fault = Fault { os_code: Some(12), ..Fault::new(Cause::OutOfMemory) };
    let output = pool.send(Allocated { ticket, result: Err(fault) });
    assert_eq!(output.outcome, Some(Outcome::Refused(fault)));
    pool.check();
    let handle = pool.allocate(4);
    assert_eq!((handle.buffer, handle.generation), (buffer, 0), "nobody was given that use of it");
}

fn a_failed_free_keeps_the_buffer() {
    let mut pool = Pool::new();
    let handle = pool.allocate(4);
    pool.done(Retain { handle, tensors: 1 });
    pool.done(Abandon { handle });
    let fault = Fault::new(Cause::Busy);
    for _ in 0..2 {
        let Some(Command::Free { ticket, .. }) = pool.send(Release { handle, tensors: 1 }).command else { panic!() };
        let output = pool.send(Freed { ticket, fault: Some(fault) });
        assert_eq!(output.outcome, Some(Outcome::Refused(fault)));
        assert_eq!(pool.status(handle), BufferStatus::FreePending);
        assert_eq!(pool.actor.context().buffer(handle).unwrap().tensors, 1, "its tensor is still in it");
    }
    assert_eq!(pool.actor.context().idle().count(), 0, "a tensor is in it");
    assert_eq!(pool.done(Release { handle, tensors: 1 }), Outcome::Gone);
    // Of a load that ended: no tensor is in it, so that it is asked for again by itself.
    let handle = pool.allocate(4);
    let Some(Command::Free { ticket, .. }) = pool.send(Abandon { handle }).command else { panic!() };
    pool.send(Freed { ticket, fault: Some(fault) });
    assert_eq!(pool.actor.context().idle().collect::<Vec<_>>(), [handle]);
    assert_eq!(pool.done(Release { handle, tensors: 0 }), Outcome::Gone);
}

/// In every state, with the command that is out.
fn in_every_state() -> Vec<(Pool, Option<Command>)> {
    let allocating = |pool: &mut Pool| pool.send(Allocate { len: 4 }).command;
    let freeing = |pool: &mut Pool| {
        let handle = pool.allocate(4);
        pool.send(Abandon { handle }).command
    };
    let mut states = vec![(Pool::new(), None)];
    for begin in [&allocating as &dyn Fn(&mut Pool) -> Option<Command>, &freeing] {
        let mut pool = Pool::new();
        let command = begin(&mut pool);
        assert!(command.is_some());
        states.push((pool, command));
    }
    states
}

fn strays_change_nothing() {
    for (mut pool, command) in in_every_state() {
        let out = match command {
            Some(Command::Allocate { ticket, .. } | Command::Free { ticket, .. } | Command::Drop { ticket, .. }) => {
                ticket
            }
            None => Ticket(50),
        };
        let other = matches!(command, Some(Command::Allocate { .. }));
        let memory = Ok(Memory { target: 9, len: 9 });
        let mut strays: Vec<Event> = Vec::new();
        for ticket in [out.next(), Ticket(u32::MAX)] {
            strays.extend([Event::from(Allocated { ticket, result: memory }), Freed { ticket, fault: None }.into()]);
        }
        // The right number on the answer to another command.
        let wrong: Event = match other {
            true => Freed { ticket: out, fault: None }.into(),
            false => Allocated { ticket: out, result: memory }.into(),
        };
        strays.push(wrong);
        for stray in strays {
            let before = pool.actor.clone();
            let output = pool.send(stray);
            assert!(output.stray && output.outcome.is_none() && output.command.is_none(), "{}", before.state());
            assert_eq!(pool.actor, before);
        }
    }
}

fn requests_in_between_are_busy() {
    for (mut pool, command) in in_every_state().into_iter().filter(|(_, command)| command.is_some()) {
        // What a request might need a place for is seen to before it, in any state.
        pool.actor.make_room(1);
        let handle = Handle { buffer: 0, generation: 0 };
        let requests: [Event; 5] = [
            Allocate { len: 1 }.into(),
            Adopt { registered: None, needed: 0 }.into(),
            Retain { handle, tensors: 1 }.into(),
            Release { handle, tensors: 0 }.into(),
            Abandon { handle }.into(),
        ];
        for request in requests {
            pool.refused(request, Cause::Busy);
        }
        assert!(command.is_some());
    }
}
