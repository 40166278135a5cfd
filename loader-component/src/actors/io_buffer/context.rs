//! The buffers of io/buffer, and what its guards and actions see and do of them.
use super::events::{
    Abandon, Adopt, Allocate, Allocated, Command, Freed, Handle, Memory, Outcome, Output, Release, Retain,
};
use super::machine::{IoBufferEvents, IoBufferStateMachineContext};
use crate::actors::{Fault, Ticket, pooled, refusals, strays};
use crate::api::BufferStatus;
use crate::types::Cause;

/// One buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Buffer {
    /// Its status.
    pub status: BufferStatus,
    /// How often its number has been given out; a handle of an earlier use has a smaller one.
    pub generation: u32,
    /// What the host gave.
    pub memory: Memory,
    /// Tensors resident in it.
    pub tensors: u32,
    /// A load is under way that holds it.
    pub leased: bool,
    /// The embedder's own memory, which is never given back to the host.
    pub external: bool,
}

impl Buffer {
    const fn vacant(generation: u32) -> Self {
        Self {
            status: BufferStatus::Free,
            generation,
            memory: Memory { target: 0, len: 0 },
            tensors: 0,
            leased: false,
            external: false,
        }
    }

    /// Whether it has memory.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.status, BufferStatus::Owned | BufferStatus::FreePending)
    }
}

/// What outlives a dispatch: the buffers, the numbers that are free, and the one command that may be out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    buffers: Vec<Buffer>,
    /// The number released last is given out first.
    free: Vec<u32>,
    pub(super) ticket: Ticket,
    /// The buffer that the command is about, and the tensors that its answer takes away.
    busy: Option<(u32, u32)>,
    last_generation: u32,
    output: Output,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            buffers: Vec::new(),
            free: Vec::new(),
            ticket: Ticket::default(),
            busy: None,
            last_generation: u32::MAX,
            output: Output::default(),
        }
    }
}

impl Context {
    /// The same, with numbers that retire after so many uses, for tests of that.
    #[must_use]
    pub const fn retiring_after(mut self, uses: u32) -> Self {
        self.last_generation = uses;
        self
    }

    /// Every buffer, by number.
    #[must_use]
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// Numbers that are free; the last is given out next.
    #[must_use]
    pub fn free(&self) -> &[u32] {
        &self.free
    }

    /// The buffer that a handle means, if that use of its number is not over.
    #[must_use]
    pub fn buffer(&self, handle: Handle) -> Option<&Buffer> {
        let buffer = self.buffers.get(handle.buffer as usize)?;
        (buffer.is_live() && buffer.generation == handle.generation).then_some(buffer)
    }

    /// Buffers that nothing uses: what a failed free left.
    pub fn idle(&self) -> impl Iterator<Item = Handle> {
        let idle = |buffer: &Buffer| buffer.is_live() && buffer.tensors == 0 && !buffer.leased;
        let numbered = (0u32..).zip(&self.buffers).filter(move |(_, found)| idle(found));
        numbered.map(|(buffer, found)| Handle { buffer, generation: found.generation })
    }

    pub(super) fn make_room(&mut self, buffers: u32) {
        let missing = (buffers as usize).saturating_sub(self.free.len());
        if missing == 0 {
            return;
        }
        // There are fewer tensors than numbers, and no buffer without a tensor or a load.
        let known = self.buffers.len();
        let len = known.saturating_add(missing).min(u32::MAX as usize);
        self.buffers.resize(len, Buffer::vacant(0));
        let fresh = (known..len).rev().filter_map(|number| u32::try_from(number).ok());
        let given = self.free.len();
        self.free.extend(fresh);
        // Those that were used before are given out first.
        self.free.rotate_left(given);
        // Every number can come back without an allocation.
        self.free.reserve(len.saturating_sub(self.free.len()));
    }

    /// Clears the output, sees to it that there is a place, and says which buffer the event is about.
    pub(super) fn begin(&mut self, event: &IoBufferEvents) -> Option<u32> {
        self.output = Output::default();
        match event {
            IoBufferEvents::Allocate(_) | IoBufferEvents::Adopt(_) => {
                self.make_room(1);
                self.free.last().copied()
            }
            IoBufferEvents::Retain(e) => Some(e.handle.buffer),
            IoBufferEvents::Release(e) => Some(e.handle.buffer),
            IoBufferEvents::Abandon(e) => Some(e.handle.buffer),
            IoBufferEvents::Allocated(_) | IoBufferEvents::Freed(_) => self.busy.map(|(buffer, _)| buffer),
        }
    }

    /// Takes the output.
    pub(super) fn end(&mut self) -> Output {
        core::mem::take(&mut self.output)
    }

    fn refuse(&mut self, why: Cause) {
        self.output.outcome = Some(Outcome::Refused(Fault::new(why)));
    }

    fn command(&mut self, buffer: u32, tensors: u32, command: impl FnOnce(Ticket) -> Command) {
        self.ticket = self.ticket.next();
        self.busy = Some((buffer, tensors));
        self.output.command = Some(command(self.ticket));
    }

    fn change(&mut self, buffer: u32, change: impl FnOnce(&mut Buffer)) {
        if let Some(buffer) = self.buffers.get_mut(buffer as usize) {
            change(buffer);
        }
    }

    fn tensors(&mut self, buffer: u32, change: impl FnOnce(&mut u32)) {
        self.change(buffer, |buffer| change(&mut buffer.tensors));
    }

    /// A buffer has no memory any more. They are counted nowhere.
    const fn gone(&mut self) {}

    /// The buffer has memory now, and is leased to whoever asked.
    fn own(&mut self, buffer: u32, memory: Memory, external: bool) {
        self.change(buffer, |buffer| {
            buffer.status = BufferStatus::Owned;
            buffer.memory = memory;
            buffer.leased = true;
            buffer.external = external;
        });
        let generation = self.buffers.get(buffer as usize).map(|buffer| buffer.generation);
        self.output.outcome = generation.map(|generation| Outcome::Got(Handle { buffer, generation }));
    }

    fn is_stale(&self, handle: Handle) -> bool {
        self.buffer(handle).is_none()
    }

    fn is_external(&self, handle: Handle) -> bool {
        self.buffer(handle).is_some_and(|buffer| buffer.external)
    }
}

impl IoBufferStateMachineContext for &mut Context {
    fn nothing_registered(&self, adopt: &Adopt) -> Result<bool, ()> {
        Ok(adopt.registered.is_none())
    }

    fn too_small(&self, adopt: &Adopt) -> Result<bool, ()> {
        Ok(adopt.registered.is_some_and(|memory| memory.len < adopt.needed))
    }

    fn adopt(&mut self, adopt: &Adopt) -> Result<(), ()> {
        if let Some((memory, buffer)) = adopt.registered.and_then(|memory| Some((memory, self.free.pop()?))) {
            self.own(buffer, memory, true);
        }
        Ok(())
    }

    fn reserve(&mut self, allocate: &Allocate) -> Result<(), ()> {
        let len = allocate.len;
        if let Some(buffer) = self.free.pop() {
            self.change(buffer, |buffer| buffer.status = BufferStatus::Reserved);
            self.command(buffer, 0, |ticket| Command::Allocate { ticket, buffer, len });
        }
        Ok(())
    }

    fn allocation_stray(&self, allocated: &Allocated) -> Result<bool, ()> {
        Ok(allocated.ticket != self.ticket)
    }

    fn allocation_failed(&self, allocated: &Allocated) -> Result<bool, ()> {
        Ok(allocated.result.is_err())
    }

    fn fail_allocation(&mut self, allocated: &Allocated) -> Result<(), ()> {
        if let (Some((buffer, _)), Err(fault)) = (self.busy.take(), allocated.result) {
            self.change(buffer, |buffer| *buffer = Buffer::vacant(buffer.generation));
            self.free.push(buffer);
            self.output.outcome = Some(Outcome::Refused(fault));
        }
        Ok(())
    }

    fn commit(&mut self, allocated: &Allocated) -> Result<(), ()> {
        if let (Some((buffer, _)), Ok(memory)) = (self.busy.take(), allocated.result) {
            self.own(buffer, memory, false);
        }
        Ok(())
    }

    fn release_external(&self, release: &Release) -> Result<bool, ()> {
        Ok(self.is_external(release.handle))
    }

    fn forget(&mut self, release: &Release) -> Result<(), ()> {
        let buffer = release.handle.buffer;
        self.command(buffer, release.tensors, |ticket| Command::Drop { ticket, buffer });
        Ok(())
    }

    fn free(&mut self, release: &Release) -> Result<(), ()> {
        let buffer = release.handle.buffer;
        self.command(buffer, release.tensors, |ticket| Command::Free { ticket, buffer });
        Ok(())
    }

    fn abandon_external(&self, abandon: &Abandon) -> Result<bool, ()> {
        Ok(self.is_external(abandon.handle))
    }

    fn end_lease_and_forget(&mut self, abandon: &Abandon) -> Result<(), ()> {
        let buffer = abandon.handle.buffer;
        self.change(buffer, |buffer| buffer.leased = false);
        self.command(buffer, 0, |ticket| Command::Drop { ticket, buffer });
        Ok(())
    }

    fn end_lease_and_free(&mut self, abandon: &Abandon) -> Result<(), ()> {
        let buffer = abandon.handle.buffer;
        self.change(buffer, |buffer| buffer.leased = false);
        self.command(buffer, 0, |ticket| Command::Free { ticket, buffer });
        Ok(())
    }

    pooled! {
        Buffer, buffer, buffers;
        Freed: free_stray, free_failed, fail_free, vacate;
        pending: BufferStatus::FreePending, retired: BufferStatus::Retired, gone: Outcome::Gone
    }

    strays! { put_allocation_aside(Allocated), put_aside(Freed) }

    refusals! {
        refuse_missing(Adopt) => StrategyUnavailable,
        refuse_small(Adopt) => OutOfBounds,
    }

    fn refuse_busy(&mut self) -> Result<(), ()> {
        self.refuse(Cause::Busy);
        Ok(())
    }
}
