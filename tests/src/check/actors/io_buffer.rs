//! io/buffer: two numbers, three tensors, memory of the host and of the embedder, every handle there ever was.
use super::{Actor, LATE, NOW, TICKETS, faults, must};
use std::collections::BTreeSet;
use weighbridge_loader::actors::Fault;
use weighbridge_loader::actors::io_buffer::{
    Abandon, Adopt, Allocate, Allocated, Command, Context, Event, Freed, Handle, IoBuffer, Memory, Outcome, Output,
    Release, Retain,
};
use weighbridge_loader::api::BufferStatus;
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::Cause;

/// Numbers of buffers. A further one is never asked for: the pool would grow without end.
const BUFFERS: u32 = 2;
/// Tensors that may be resident in buffers at once.
const TENSORS: u32 = 3;
const BYTES: u64 = 8;
const MEMORY: Memory = Memory { target: 5, len: BYTES };

/// What the neighbours keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Buffers {
    actor: IoBuffer,
    /// The generation after which a number retires.
    last: u32,
    out: Option<Command>,
    /// Tensors that the free which is out takes away.
    leaving: u32,
    /// By number: whose memory it has, tensors in it, and whether a load holds it.
    live: [Option<Owner>; BUFFERS as usize],
    tensors: [u32; BUFFERS as usize],
    leased: [bool; BUFFERS as usize],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Host,
    Embedder,
}

impl Buffers {
    /// Numbers that retire after this generation.
    #[must_use]
    pub fn new(last: u32) -> Self {
        let mut actor = IoBuffer::new(Context::default().retiring_after(last)).counting_from(NOW);
        actor.make_room(BUFFERS);
        Self { actor, last, out: None, leaving: 0, live: [None; 2], tensors: [0; 2], leased: [false; 2] }
    }

    fn handles(&self) -> impl Iterator<Item = Handle> {
        let last = self.last;
        (0..=BUFFERS).flat_map(move |buffer| (0..=last + 1).map(move |generation| Handle { buffer, generation }))
    }

    fn is_current(&self, handle: Handle) -> bool {
        self.actor.context().buffer(handle).is_some()
    }

    /// What a request is refused with at once, where that can be told from the outside.
    fn refusal(&self, event: &Event) -> Option<Cause> {
        if self.out.is_some() {
            return Some(Cause::Busy);
        }
        let stale = |handle: &Handle| (!self.is_current(*handle)).then_some(Cause::StaleHandle);
        match event {
            Event::Adopt(e) => match e.registered {
                None => Some(Cause::StrategyUnavailable),
                Some(memory) => (memory.len < e.needed).then_some(Cause::OutOfBounds),
            },
            Event::Retain(e) => stale(&e.handle).or((e.tensors == u32::MAX).then_some(Cause::LimitExceeded)),
            Event::Release(e) => {
                let more = || e.tensors > self.tensors[e.handle.buffer as usize];
                stale(&e.handle).or_else(|| more().then_some(Cause::InvalidRequest))
            }
            Event::Abandon(e) => {
                let free = || !self.leased[e.handle.buffer as usize];
                stale(&e.handle).or_else(|| free().then_some(Cause::InvalidRequest))
            }
            Event::Allocate(_) | Event::Allocated(_) | Event::Freed(_) => None,
        }
    }

    fn asked(&mut self, event: Event, output: Output, before: &IoBuffer) -> Result<(), String> {
        must!(!output.stray, "a request was taken for an answer");
        must!(output.outcome.is_some() != output.command.is_some(), "{} outcomes", u8::from(output.outcome.is_some()));
        if let Some(why) = self.refusal(&event) {
            let wanted = Some(Outcome::Refused(Fault::new(why)));
            must!(output.outcome == wanted, "{:?}, not {why:?}", output.outcome);
            must!(self.actor == *before, "refused, and something changed");
            return Ok(());
        }
        must!(!matches!(output.outcome, Some(Outcome::Refused(_))), "refused without a reason: {output:?}");
        match event {
            Event::Adopt(_) => match output.outcome {
                Some(Outcome::Got(handle)) => self.got(handle, Owner::Embedder, before)?,
                other => return Err(format!("what was registered came to {other:?}")),
            },
            Event::Allocate(e) => match output.command {
                Some(Command::Allocate { buffer, len, .. }) => {
                    must!(before.context().free().last() == Some(&buffer), "another number than the one released last");
                    must!(self.live[buffer as usize].is_none() && len == e.len, "{buffer} of {len} bytes");
                }
                other => return Err(format!("an allocation came to {other:?}")),
            },
            Event::Retain(e) => {
                must!(output.outcome == Some(Outcome::Kept), "{:?}", output.outcome);
                self.tensors[e.handle.buffer as usize] += e.tensors;
            }
            Event::Release(e) => {
                let buffer = e.handle.buffer as usize;
                let rest = self.tensors[buffer] - e.tensors;
                self.going(e.handle, output, rest == 0 && !self.leased[buffer])?;
                self.leaving = if output.command.is_some() { e.tensors } else { 0 };
                if output.command.is_none() {
                    self.tensors[buffer] = rest;
                }
            }
            Event::Abandon(e) => {
                let buffer = e.handle.buffer as usize;
                self.leased[buffer] = false;
                self.going(e.handle, output, self.tensors[buffer] == 0)?;
                self.leaving = 0;
            }
            Event::Allocated(_) | Event::Freed(_) => {}
        }
        if let Some(command) = output.command {
            let (Command::Allocate { ticket, .. } | Command::Free { ticket, .. } | Command::Drop { ticket, .. }) =
                command;
            must!(ticket == NOW.next(), "a command has number {ticket:?}");
            self.actor = self.actor.clone().counting_from(NOW);
            self.out = Some(command);
        }
        Ok(())
    }

    fn got(&mut self, handle: Handle, owner: Owner, before: &IoBuffer) -> Result<(), String> {
        let buffer = handle.buffer as usize;
        let found = self.actor.context().buffer(handle);
        must!(found.is_some_and(|found| found.memory == MEMORY), "memory was handed out that is not there");
        must!(found.is_some_and(|found| found.external == (owner == Owner::Embedder)), "whose is it? {found:?}");
        must!(!before.context().buffers()[buffer].is_live(), "a buffer was given out twice");
        self.live[buffer] = Some(owner);
        self.leased[buffer] = true;
        Ok(())
    }

    /// With the last tensor and no lease, and only then, it goes: to the host, or, of the embedder's memory, nowhere.
    fn going(&self, handle: Handle, output: Output, last: bool) -> Result<(), String> {
        let owner = self.live[handle.buffer as usize];
        let goes = match output.command {
            Some(Command::Free { buffer, .. }) => buffer == handle.buffer && owner == Some(Owner::Host),
            Some(Command::Drop { buffer, .. }) => buffer == handle.buffer && owner == Some(Owner::Embedder),
            Some(Command::Allocate { .. }) => return Err(format!("{output:?}")),
            None => false,
        };
        must!(goes == last, "the last one goes: {last}; the buffer of {owner:?} goes: {:?}", output.command);
        must!(last || output.outcome == Some(Outcome::Kept), "{:?}", output.outcome);
        Ok(())
    }

    fn answered(&mut self, event: Event, output: Output, before: &IoBuffer) -> Result<(), String> {
        must!(output.command.is_none(), "an answer led to a command");
        match (self.out, event) {
            (Some(Command::Allocate { buffer, .. }), Event::Allocated(Allocated { ticket: NOW, result })) => {
                match (result, output.outcome) {
                    (Ok(_), Some(Outcome::Got(handle))) if handle.buffer == buffer => {
                        self.got(handle, Owner::Host, before)?;
                    }
                    (Err(fault), Some(Outcome::Refused(other))) if fault == other => {}
                    other => return Err(format!("{other:?}")),
                }
            }
            (
                Some(Command::Free { buffer, .. } | Command::Drop { buffer, .. }),
                Event::Freed(Freed { ticket: NOW, fault }),
            ) => {
                if fault.is_none() {
                    self.live[buffer as usize] = None;
                    self.tensors[buffer as usize] -= self.leaving;
                }
                let wanted = Some(fault.map_or(Outcome::Gone, Outcome::Refused));
                must!(output.outcome == wanted, "{:?}, not {wanted:?}", output.outcome);
            }
            _ => {
                must!(output == Output { stray: true, ..Output::default() }, "{output:?}");
                must!(self.actor == *before, "an answer that nobody waits for changed something");
                return Ok(());
            }
        }
        must!(!output.stray, "an answer was put aside");
        self.out = None;
        self.leaving = 0;
        Ok(())
    }

    /// What has to hold in every state.
    fn whole(&self, before: &IoBuffer) -> Result<(), String> {
        let context = self.actor.context();
        let free: BTreeSet<u32> = context.free().iter().copied().collect();
        must!(free.len() == context.free().len(), "a number is free twice");
        must!(context.buffers().len() == BUFFERS as usize, "the pool grew");
        for (at, buffer) in (0u32..).zip(context.buffers()) {
            let number = at as usize;
            let status = buffer.status;
            must!(free.contains(&at) == (status == BufferStatus::Free), "buffer {at} is {status:?}; free: {free:?}");
            let allocating = matches!(self.out, Some(Command::Allocate { buffer, .. }) if buffer == at);
            must!(allocating == (status == BufferStatus::Reserved), "buffer {at} is {status:?}");
            let live = self.live[number];
            must!(buffer.is_live() == live.is_some(), "buffer {at} is {status:?}; its memory: {live:?}");
            must!(buffer.external == (live == Some(Owner::Embedder)), "buffer {at} is of {live:?}");
            must!(buffer.tensors == self.tensors[number], "buffer {at} counts {}", buffer.tensors);
            must!(buffer.leased == self.leased[number], "buffer {at} has another lease than it gave");
            must!(buffer.generation <= self.last, "buffer {at} is used once too often");
            let was = before.context().buffers()[number];
            must!(was.status != BufferStatus::Retired || *buffer == was, "buffer {at} came back");
            let rose = buffer.generation > was.generation;
            must!(!rose || status == BufferStatus::Free, "buffer {at} has a new generation and is {status:?}");
            must!(buffer.generation >= was.generation, "buffer {at} has an old generation");
        }
        let idle: Vec<Handle> = context.idle().collect();
        for handle in idle {
            let buffer = handle.buffer as usize;
            must!(self.tensors[buffer] == 0 && !self.leased[buffer], "buffer {buffer} is in use and idle");
        }
        Ok(())
    }
}

impl Actor for Buffers {
    type Event = Event;
    type Key = Self;

    const NAME: &'static str = IoBuffer::NAME;

    fn key(&self) -> Self {
        self.clone()
    }

    fn stands(&self) -> String {
        self.actor.state()
    }

    fn events(&self) -> Vec<Event> {
        let mut all: Vec<Event> = Vec::new();
        if !self.actor.context().free().is_empty() {
            all.push(Allocate { len: BYTES }.into());
            let adopt = |registered| Event::from(Adopt { registered, needed: BYTES });
            all.extend([None, Some(MEMORY), Some(Memory { len: BYTES - 1, ..MEMORY })].map(adopt));
        }
        let room = TENSORS - self.tensors.iter().sum::<u32>();
        for handle in self.handles() {
            all.push(Release { handle, tensors: 0 }.into());
            all.push(Abandon { handle }.into());
            if !self.is_current(handle) {
                all.push(Retain { handle, tensors: 1 }.into());
                all.push(Release { handle, tensors: 1 }.into());
                continue;
            }
            all.extend((1..=room).map(|tensors| Event::from(Retain { handle, tensors })));
            if self.tensors[handle.buffer as usize] > 0 {
                all.push(Retain { handle, tensors: u32::MAX }.into());
            }
            all.extend((1..=TENSORS + 1).map(|tensors| Event::from(Release { handle, tensors })));
        }
        for ticket in TICKETS {
            // Every cause, where an answer is waited for; elsewhere it is put aside unread.
            let read = |is: bool| faults(if is { ticket } else { LATE });
            let allocating = matches!(self.out, Some(Command::Allocate { .. }));
            let freeing = matches!(self.out, Some(Command::Free { .. } | Command::Drop { .. }));
            let memory = |fault: Option<_>| fault.map_or(Ok(MEMORY), Err);
            all.extend(read(allocating).map(|fault| Event::from(Allocated { ticket, result: memory(fault) })));
            all.extend(read(freeing).map(|fault| Event::from(Freed { ticket, fault })));
        }
        all
    }

    fn send(&mut self, event: Event, watch: &Watch) -> Result<(), String> {
        let before = self.actor.clone();
        let output = self.actor.dispatch(event, watch);
        match event {
            Event::Allocated(_) | Event::Freed(_) => self.answered(event, output, &before)?,
            _ => self.asked(event, output, &before)?,
        }
        self.whole(&before)
    }
}
