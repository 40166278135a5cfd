//! Residency is committed, undone and ended here: model/tensor decides for each tensor, io/mmap and io/buffer let go.
use super::Session;
use super::plan::Planned;
use super::transfer::Held;
use crate::actors::io_buffer;
use crate::actors::io_mmap::{Advise, Handle, Outcome as Mapping, Release as ReleaseSlot, Retain};
use crate::actors::model_tensor::{self, Apply, Bind, BindEmpty, Command, Ended, Evict, Fail, Hold, Release};
use crate::actors::{Fault, Ticket};
use crate::storage::Storage;
use crate::types::{Cause, Lifecycle, Strategy};
use std::collections::BTreeMap;

/// What holds bytes of tensors that are about to go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Nobody,
    Slot { slot: u32, generation: u32 },
    Buffer(io_buffer::Handle),
}

impl<S: Storage> Session<S> {
    /// The planned tensors are resident: their holders count them, then the load lets go of its leases.
    pub(super) fn apply(&mut self) -> Result<(), Fault> {
        let used = self.report.used.unwrap_or(Strategy::MappedFile);
        let external = self.report.used == Some(Strategy::ExternalBuffer);
        let held = std::mem::take(&mut self.held);
        let plan = std::mem::take(&mut self.plan);
        let mut result = Ok(());
        for (number, extent) in plan.extents.iter().enumerate() {
            let tensors = plan.tensors_of(extent);
            let count = u32::try_from(tensors.len()).unwrap_or(u32::MAX);
            // Of memory that the embedder registered each tensor has its own; else an extent's tensors share one holder.
            if let Some(holder) = held.get(number).filter(|_| !external)
                && let Err(fault) = self.retain(*holder, count)
            {
                result = result.and(Err(fault));
                continue;
            }
            for (place, planned) in tensors.iter().enumerate() {
                let holder = if external { held.get(extent.first + place) } else { held.get(number) };
                if let Some(holder) = holder.filter(|_| external)
                    && let Err(fault) = self.retain(*holder, 1)
                {
                    result = result.and(Err(fault));
                    continue;
                }
                let hold = holder.map_or(Hold::Nothing, |holder| self.hold(*holder, planned, external));
                let is_mapped = matches!(hold, Hold::Mapped { .. });
                let strategy = if is_mapped { Strategy::MappedFile } else { used };
                let apply = Apply { ticket: plan.ticket, hold, strategy };
                let output = self.tensors.dispatch(planned.tensor, apply, &self.watch).unwrap_or_default();
                let done = output.outcome == Some(model_tensor::Outcome::Done);
                self.watch.outcome("model/tensor", Some(planned.tensor), "load", done);
                if !done {
                    result = result.and(Err(Fault::new(Cause::Internal).at(planned.tensor)));
                }
                self.report.tensors += 1;
                self.report.bytes = self.report.bytes.saturating_add(planned.bytes);
                self.report.mapped = self.report.mapped.saturating_add(if is_mapped { planned.bytes } else { 0 });
            }
        }
        // They were unbound or evicted when they were planned, so that nothing of them is left to be dropped.
        for &tensor in &plan.empty {
            self.tensors.dispatch(tensor, BindEmpty, &self.watch);
        }
        self.report.tensors += u32::try_from(plan.empty.len()).unwrap_or(u32::MAX);
        // Nothing is mapped or allocated for memory that the embedder registered.
        let extents = if external { 0 } else { plan.extents.len() };
        self.report.extents = u32::try_from(extents).unwrap_or(u32::MAX);
        self.plan = plan;
        self.leases.extend(held);
        result
    }

    /// So many more tensors are resident in what the load got.
    fn retain(&mut self, held: Held, tensors: u32) -> Result<(), Fault> {
        match held {
            Held::Mapping { handle, .. } => match self.mmap("retain", Retain { handle, tensors }) {
                Mapping::Refused(fault) => Err(fault),
                _ => Ok(()),
            },
            Held::Buffer(handle) => match self.buffer("retain", io_buffer::Retain { handle, tensors }) {
                io_buffer::Outcome::Refused(fault) => Err(fault),
                _ => Ok(()),
            },
        }
    }

    /// Where a planned tensor lies in what the load got.
    fn hold(&self, held: Held, planned: &Planned, external: bool) -> Hold {
        match held {
            Held::Mapping { handle, mapping, offset } => {
                Hold::Mapped { handle, mapping, offset: planned.offset.saturating_sub(offset) }
            }
            Held::Buffer(handle) => self.buffers.context().buffer(handle).map_or(Hold::Nothing, |buffer| {
                let offset = if external { 0 } else { planned.tile };
                Hold::Copied { buffer: handle, target: buffer.memory.target, offset }
            }),
        }
    }

    /// The transfer failed: the planned tensors go back to where they were.
    pub(super) fn fail_plan(&mut self) -> Result<(), Fault> {
        let plan = std::mem::take(&mut self.plan);
        for planned in &plan.tensors {
            self.tensors.dispatch(planned.tensor, Fail { ticket: plan.ticket }, &self.watch);
            self.watch.outcome("model/tensor", Some(planned.tensor), "load", false);
        }
        Ok(())
    }

    /// The load is over: what it got ends where no tensor is in it. What the host would not end is asked again later.
    pub(super) fn end_leases(&mut self) {
        for held in std::mem::take(&mut self.leases) {
            self.abandon(held);
        }
    }

    /// A check after the transfer failed: what this load made resident is taken back, and what the host would not end just
    /// then holds no tensor any more.
    pub(super) fn undo(&mut self) -> Result<(), Fault> {
        let plan = std::mem::take(&mut self.plan);
        let mut tensors: Vec<u32> = plan.tensors.iter().map(|planned| planned.tensor).collect();
        tensors.extend(&plan.empty);
        let unfinished = |tensor: &&u32| self.tensors.lifecycle(**tensor) == Some(Lifecycle::Loading);
        let unfinished: Vec<u32> = tensors.iter().filter(unfinished).copied().collect();
        for tensor in unfinished {
            self.tensors.dispatch(tensor, Fail { ticket: plan.ticket }, &self.watch);
        }
        // The load's leases keep mappings and buffers until it is over, so that nothing can fail here.
        let released = self.end(&tensors, Lifecycle::MmapResident);
        let evicted = self.end(&tensors, Lifecycle::Resident);
        // Each has ended, as if it had never been loaded.
        for tensor in plan.fresh {
            self.tensors.dispatch(tensor, Bind, &self.watch);
        }
        released.and(evicted)
    }

    pub(super) fn release_selected(&mut self) -> Result<(), Fault> {
        let tensors = std::mem::take(&mut self.request.tensors);
        self.end(&tensors, Lifecycle::MmapResident)
    }

    pub(super) fn evict_selected(&mut self) -> Result<(), Fault> {
        let tensors = std::mem::take(&mut self.request.tensors);
        self.end(&tensors, Lifecycle::Resident)
    }

    /// Ends the residency of those of the tensors that have this lifecycle. One holder's failure does not keep the others;
    /// the first failure is answered.
    fn end(&mut self, tensors: &[u32], lifecycle: Lifecycle) -> Result<(), Fault> {
        self.ticket = self.ticket.next();
        let ticket = self.ticket;
        let mut leaving: BTreeMap<Holder, Vec<u32>> = BTreeMap::new();
        for &tensor in tensors {
            if self.tensors.lifecycle(tensor) != Some(lifecycle) {
                continue;
            }
            let output = if lifecycle == Lifecycle::MmapResident {
                self.tensors.dispatch(tensor, Release { ticket }, &self.watch)
            } else {
                self.tensors.dispatch(tensor, Evict { ticket }, &self.watch)
            };
            if let Some(Command::LetGo(hold)) = output.and_then(|output| output.command) {
                leaving.entry(holder(hold)).or_default().push(tensor);
            }
        }
        let mut first = Ok(());
        for (holder, tensors) in leaving {
            let result = self.let_go(holder, u32::try_from(tensors.len()).unwrap_or(u32::MAX));
            let lead = tensors.first().copied();
            self.settle(&tensors, ticket, result.err(), lifecycle);
            first = first.and(result.map_err(|fault| Fault { item: fault.item.or(lead), ..fault }));
        }
        first
    }

    fn let_go(&mut self, holder: Holder, tensors: u32) -> Result<(), Fault> {
        match holder {
            Holder::Nobody => Ok(()),
            Holder::Slot { slot, generation } => {
                match self.mmap("release", ReleaseSlot { handle: Handle { slot, generation }, tensors }) {
                    Mapping::Refused(fault) => Err(fault),
                    _ => Ok(()),
                }
            }
            Holder::Buffer(handle) => match self.buffer("release", io_buffer::Release { handle, tensors }) {
                io_buffer::Outcome::Refused(fault) => Err(fault),
                _ => Ok(()),
            },
        }
    }

    fn settle(&mut self, tensors: &[u32], ticket: Ticket, fault: Option<Fault>, lifecycle: Lifecycle) {
        let request = if lifecycle == Lifecycle::MmapResident { "release" } else { "evict" };
        for &tensor in tensors {
            self.tensors.dispatch(tensor, Ended { ticket, fault }, &self.watch);
            self.watch.outcome("model/tensor", Some(tensor), request, fault.is_none());
            self.ended += u32::from(fault.is_none());
        }
    }

    pub(super) fn advise_tensor(&mut self) -> Result<(), Fault> {
        let (Some(&tensor), Some(advice)) = (self.request.tensors.first(), self.request.advice) else {
            return Err(Fault::new(Cause::InvalidRequest));
        };
        let len = self.catalogue()?.tensor(tensor).map_or(0, |found| found.tensor.bytes);
        let Some(Hold::Mapped { handle, offset, .. }) = self.tensors.get(tensor).map(|tensor| tensor.hold) else {
            return Err(Fault::new(Cause::NotMapped).at(tensor));
        };
        match self.mmap("advise", Advise { handle, offset, len, advice }) {
            Mapping::Advised(effect) => {
                self.effect = effect;
                Ok(())
            }
            Mapping::Refused(fault) => Err(fault.at(tensor)),
            _ => Err(Fault::new(Cause::Internal)),
        }
    }

    /// Ends everything. What is busy stays, and is answered.
    pub(super) fn close_all(&mut self) -> Result<(), Fault> {
        let all: Vec<u32> = (0..self.tensors.len()).collect();
        let released = self.end(&all, Lifecycle::MmapResident);
        let evicted = self.end(&all, Lifecycle::Resident);
        released.and(evicted).and(self.sweep())
    }
}

const fn holder(hold: Hold) -> Holder {
    match hold {
        Hold::Nothing | Hold::NoBytes => Holder::Nobody,
        Hold::Mapped { handle, .. } => Holder::Slot { slot: handle.slot, generation: handle.generation },
        Hold::Copied { buffer, .. } => Holder::Buffer(buffer),
    }
}
