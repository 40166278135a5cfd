//! Performs the commands of io/buffer.
use super::Session;
use crate::actors::Fault;
use crate::actors::io_buffer::{
    Adopt, Allocate, Allocated, Command, Event, Freed, Handle, IoBuffer, Memory, Outcome, Release,
};
use crate::storage::Storage;
use crate::types::Cause;

impl<S: Storage> Session<S> {
    /// Runs one request of io/buffer to its outcome.
    pub(super) fn buffer(&mut self, request: &'static str, event: impl Into<Event>) -> Outcome {
        let mut output = self.buffers.dispatch(event, &self.watch);
        let mut buffer = None;
        while let Some(command) = output.command {
            buffer = Some(command.buffer());
            self.watch.command(IoBuffer::NAME, buffer, command.name());
            let answer = self.perform_buffer(command);
            output = self.buffers.dispatch(answer, &self.watch);
        }
        let outcome = output.outcome.unwrap_or(Outcome::Refused(Fault::new(Cause::Internal)));
        let buffer = buffer.or(match outcome {
            Outcome::Got(handle) => Some(handle.buffer),
            _ => None,
        });
        self.watch.outcome(IoBuffer::NAME, buffer, request, !matches!(outcome, Outcome::Refused(_)));
        outcome
    }

    fn perform_buffer(&mut self, command: Command) -> Event {
        let buffer = command.buffer();
        let (event, ok): (Event, bool) = match command {
            Command::Allocate { ticket, len, .. } => {
                let result = self.allocate_target(buffer, len);
                (Allocated { ticket, result }.into(), result.is_ok())
            }
            Command::Free { ticket, .. } => {
                let fault = self.free_target(buffer).err();
                (Freed { ticket, fault }.into(), fault.is_none())
            }
            Command::Drop { ticket, .. } => {
                self.drop_target(buffer);
                (Freed { ticket, fault: None }.into(), true)
            }
        };
        self.watch.answer(IoBuffer::NAME, Some(buffer), command.name(), ok);
        event
    }

    fn allocate_target(&mut self, buffer: u32, len: u64) -> Result<Memory, Fault> {
        self.watch.flush();
        let target = self.storage.allocate(len).map_err(|error| self.host_fault(&error))?;
        let memory = self.memory_of(&target);
        self.keep_target(buffer, target);
        Ok(memory)
    }

    fn free_target(&mut self, buffer: u32) -> Result<(), Fault> {
        self.watch.flush();
        if let Some(target) = self.targets.get(buffer as usize).and_then(Option::as_ref) {
            self.storage.free(target).map_err(|error| self.host_fault(&error))?;
        }
        self.drop_target(buffer);
        Ok(())
    }

    fn drop_target(&mut self, buffer: u32) {
        if let Some(place) = self.targets.get_mut(buffer as usize) {
            *place = None;
        }
    }

    fn memory_of(&mut self, target: &S::Target) -> Memory {
        Memory { target: self.storage.target_id(target), len: self.storage.target_len(target) }
    }

    fn keep_target(&mut self, buffer: u32, target: S::Target) {
        let place = buffer as usize;
        if self.targets.len() <= place {
            self.targets.resize_with(place.saturating_add(1), || None);
        }
        if let Some(place) = self.targets.get_mut(place) {
            *place = Some(target);
        }
    }

    /// Memory of the host, leased.
    pub(super) fn allocate_buffer(&mut self, len: u64) -> Result<Handle, Fault> {
        got(self.buffer("allocate", Allocate { len }))
    }

    /// Memory that the embedder registered, if it did, leased. What io/buffer does not take is dropped.
    pub(super) fn adopt_buffer(&mut self, registered: Option<S::Target>, needed: u64) -> Result<Handle, Fault> {
        let memory = registered.as_ref().map(|target| self.memory_of(target));
        let handle = got(self.buffer("adopt", Adopt { registered: memory, needed }))?;
        if let Some(target) = registered {
            self.keep_target(handle.buffer, target);
        }
        Ok(handle)
    }

    /// Asks again for the buffers that the host would not take back before.
    pub(super) fn sweep_buffers(&mut self) -> Result<(), Fault> {
        let handles: Vec<Handle> = self.buffers.context().idle().collect();
        let mut first = Ok(());
        for handle in handles {
            if let Outcome::Refused(fault) = self.buffer("release", Release { handle, tensors: 0 }) {
                first = first.and(Err(fault));
            }
        }
        first
    }
}

const fn got(outcome: Outcome) -> Result<Handle, Fault> {
    match outcome {
        Outcome::Got(handle) => Ok(handle),
        Outcome::Refused(fault) => Err(fault),
        Outcome::Kept | Outcome::Gone => Err(Fault::new(Cause::Internal)),
    }
}
