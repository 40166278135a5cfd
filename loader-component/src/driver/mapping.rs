//! Performs the commands of io/mmap.
use super::{MOST_NOTED, Session, explain};
use crate::actors::Fault;
use crate::actors::io_mmap::{Advised, Command, Event, Handle, IoMmap, Mapped, Outcome, Release, Unmapped};
use crate::storage::{Storage, StorageError};
use crate::types::Cause;

impl<S: Storage> Session<S> {
    /// Runs one request of io/mmap to its outcome.
    pub(super) fn mmap(&mut self, request: &'static str, event: impl Into<Event>) -> Outcome {
        let mut output = self.mmap.dispatch(event, &self.watch);
        let mut slot = None;
        while let Some(command) = output.command {
            slot = Some(slot_of(command));
            self.watch.command(IoMmap::NAME, slot, command.name());
            self.watch.flush();
            let answer = self.perform_mapping(command);
            output = self.mmap.dispatch(answer, &self.watch);
        }
        let outcome = output.outcome.unwrap_or(Outcome::Refused(Fault::new(Cause::Internal)));
        let slot = slot.or(match outcome {
            Outcome::Mapped { handle, .. } => Some(handle.slot),
            _ => None,
        });
        self.watch.outcome(IoMmap::NAME, slot, request, !matches!(outcome, Outcome::Refused(_)));
        outcome
    }

    fn perform_mapping(&mut self, command: Command) -> Event {
        let slot = slot_of(command);
        let (event, ok): (Event, bool) = match command {
            Command::Map { ticket, source, offset, len, .. } => {
                let result = self.map_range(slot, source, offset, len);
                (Mapped { ticket, result }.into(), result.is_ok())
            }
            Command::Unmap { ticket, .. } => {
                let result = self
                    .mappings
                    .get(slot as usize)
                    .and_then(Option::as_ref)
                    .map_or(Ok(()), |mapping| self.storage.unmap(mapping));
                if result.is_ok()
                    && let Some(place) = self.mappings.get_mut(slot as usize)
                {
                    *place = None;
                }
                let fault = result.err().map(|error| self.host_fault(&error));
                (Unmapped { ticket, fault }.into(), fault.is_none())
            }
            Command::Advise { ticket, offset, len, advice, .. } => {
                let result = match self.mappings.get(slot as usize).and_then(Option::as_ref) {
                    Some(mapping) => self.storage.advise(mapping, offset, len, advice),
                    None => Err(StorageError::OutOfBounds),
                };
                let result = result.map_err(|error| self.host_fault(&error));
                (Advised { ticket, result }.into(), result.is_ok())
            }
        };
        self.watch.answer(IoMmap::NAME, Some(slot), command.name(), ok);
        event
    }

    fn map_range(&mut self, slot: u32, source: u32, offset: u64, len: u64) -> Result<u64, Fault> {
        let Some(from) = self.sources.get(source as usize) else {
            return Err(Fault::new(Cause::InvalidRequest));
        };
        let mapping = self.storage.map_range(&from.handle, offset, len).map_err(|error| self.host_fault(&error))?;
        let id = self.storage.mapping_id(&mapping);
        let place = self.mappings.get_mut(slot as usize).ok_or(Fault::new(Cause::Internal))?;
        *place = Some(mapping);
        Ok(id)
    }

    /// A fault of the host. Its own words, if it has any, are noted; else its cause says all.
    pub(super) fn host_fault(&mut self, error: &StorageError) -> Fault {
        match error {
            StorageError::Other(_) if self.errors.len() < MOST_NOTED => {
                self.note(explain::host_error(self.phase, error))
            }
            _ => Fault::from(error),
        }
    }

    /// Asks again for what the host would not end before.
    pub(super) fn sweep(&mut self) -> Result<(), Fault> {
        let idle = |slot: u32| {
            let handle = self.mmap.context().handle(slot)?;
            self.mmap.context().slot(handle).filter(|slot| slot.tensors == 0 && !slot.leased).map(|_| handle)
        };
        let slots = u32::try_from(self.mappings.len()).unwrap_or(u32::MAX);
        let handles: Vec<Handle> = (0..slots).filter_map(idle).collect();
        let mut first = Ok(());
        for handle in handles {
            if let Outcome::Refused(fault) = self.mmap("release", Release { handle, tensors: 0 }) {
                first = first.and(Err(fault));
            }
        }
        first.and(self.sweep_buffers())
    }
}

const fn slot_of(command: Command) -> u32 {
    match command {
        Command::Map { slot, .. } | Command::Unmap { slot, .. } | Command::Advise { slot, .. } => slot,
    }
}
