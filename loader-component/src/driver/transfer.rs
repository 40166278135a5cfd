//! Performs the commands of io/loader: extents are mapped by io/mmap, or allocated and filled by io/read or
//! io/staged_read.
use super::Session;
use super::plan::Extent;
use crate::actors::io_buffer;
use crate::actors::io_loader::{Command, IoLoader, Load, Outcome};
use crate::actors::io_mmap::{Abandon, Handle, Map, Outcome as Mapping};
use crate::actors::io_read::{self, IoRead};
use crate::actors::io_staged_read::{self, IoStagedRead};
use crate::actors::spans::{Span, first_wrong};
use crate::actors::{Answered, Fault};
use crate::api::Refusal;
use crate::storage::{BatchError, CopySpan, Storage};
use crate::types::{Cause, ExtentPolicy, Strategy};

/// What a load has got so far: one for each extent, or, of registered targets, one for each tensor.
#[derive(Clone, Copy)]
pub(super) enum Held {
    /// A mapping, leased.
    Mapping { handle: Handle, mapping: u64, offset: u64 },
    /// A buffer, leased.
    Buffer(io_buffer::Handle),
}

impl<S: Storage> Session<S> {
    /// Runs io/loader over the plan.
    pub(super) fn transfer(&mut self) -> Result<(), Fault> {
        self.held.clear();
        let extents = u32::try_from(self.plan.extents.len()).unwrap_or(u32::MAX);
        let flexible = self.request.extent == Some(ExtentPolicy::Auto);
        let load = Load { policy: self.request.policy, extents, flexible };
        let mut output = self.io.dispatch(load, &self.watch);
        while let Some(command) = output.command {
            self.watch.command(IoLoader::NAME, None, command.name());
            let result = match command {
                Command::Map(_, extent) => self.map_extent(extent),
                Command::Allocate(_, extent) => self.allocate(extent),
                Command::Registered(_) => self.ask_registered(),
                Command::Read(_) => self.read_spans(),
                Command::Stage(_) => self.stage_spans(),
                Command::GiveBack(..) => self.give_back(),
                Command::Divide(_, extent) => self.plan.divide(extent as usize).ok_or(Fault::new(Cause::LimitExceeded)),
                Command::SetAside(_, extent) => {
                    self.plan.set_aside(extent as usize);
                    Ok(())
                }
            };
            let fault = result.err();
            let strategy = self.io.context().strategy();
            if fault.is_some() && strategy == Some(Strategy::ExternalBuffer) {
                // Memory of the embedder is no extent of the load, which gives those back one by one.
                self.drop_registered();
            }
            self.watch.answer(IoLoader::NAME, None, command.name(), fault.is_none());
            output = self.io.dispatch(Answered { ticket: command.ticket(), fault }, &self.watch);
        }
        let outcome = output.outcome.unwrap_or(Outcome::Refused(None, Fault::new(Cause::Internal)));
        self.watch.outcome(IoLoader::NAME, None, "load", matches!(outcome, Outcome::Done(_)));
        let refused = self.io.context().refused().to_vec();
        self.report.refused = refused
            .into_iter()
            .map(|(strategy, fault)| Refusal { strategy, reason: self.refusal(strategy, fault) })
            .collect();
        match outcome {
            Outcome::Done(used) => {
                self.report.used = used;
                self.tell_other_extents();
                Ok(())
            }
            Outcome::Refused(strategy, fault) => {
                let mut error = match strategy {
                    Some(strategy) => self.refusal(strategy, fault),
                    None => super::explain::sentence(crate::types::Phase::Transfer, None, fault),
                };
                // There is no report to name those that were refused before it.
                for Refusal { strategy, reason } in &self.report.refused {
                    let before = format!(" Before it, {} was refused: {}", strategy_name(*strategy), reason.message);
                    error.message.push_str(&before);
                }
                Err(self.note(error))
            }
        }
    }

    /// Says what became of what could not be mapped as it was planned, where a part is mapped all the same.
    fn tell_other_extents(&mut self) {
        let (all, kept) = (self.plan.extents.len(), self.io.context().kept());
        let told = match self.report.used {
            Some(Strategy::MappedFile) => format!(" So it was mapped in smaller extents, {all} in all."),
            _ if kept > 0 => {
                format!(" So {} of {all} extents were copied; the others are mapped.", all - kept as usize)
            }
            _ => return,
        };
        let refused = self.report.refused.iter_mut();
        for refusal in refused.filter(|refusal| refusal.strategy == Strategy::MappedFile) {
            refusal.reason.message.push_str(&told);
        }
    }

    /// The first tensor of an extent stands for it in an error.
    fn lead(&self, extent: u32) -> Option<u32> {
        let extent = self.plan.extents.get(extent as usize)?;
        self.plan.tensors.get(extent.first).map(|planned| planned.tensor)
    }

    fn map_extent(&mut self, number: u32) -> Result<(), Fault> {
        let extent = *self.plan.extents.get(number as usize).ok_or(Fault::new(Cause::Internal))?;
        let source_len = self.sources.get(extent.source as usize).map_or(0, |source| source.size);
        let map = Map { source: extent.source, offset: extent.offset, len: extent.len, source_len };
        match self.mmap("map", map) {
            Mapping::Mapped { handle, mapping, offset } => {
                self.held.push(Held::Mapping { handle, mapping, offset });
                Ok(())
            }
            Mapping::Refused(fault) => Err(Fault { item: self.lead(number), ..fault }),
            _ => Err(Fault::new(Cause::Internal)),
        }
    }

    fn allocate(&mut self, number: u32) -> Result<(), Fault> {
        let len = self.plan.extents.get(number as usize).map_or(0, |extent| extent.buffer);
        let item = self.lead(number);
        let missing = self.plan.extents.len().saturating_sub(self.held.len());
        self.buffers.make_room(u32::try_from(missing).unwrap_or(u32::MAX));
        let handle = self.allocate_buffer(len).map_err(|fault| Fault { item, ..fault })?;
        self.held.push(Held::Buffer(handle));
        Ok(())
    }

    /// One crossing for all tensors of the plan. A missing or a small target is named before any byte moves.
    fn ask_registered(&mut self) -> Result<(), Fault> {
        let catalogue = self.catalogue()?;
        let name = |tensor: u32| catalogue.tensor(tensor).map(|found| found.tensor.name.to_owned()).unwrap_or_default();
        let names: Vec<String> = self.plan.tensors.iter().map(|planned| name(planned.tensor)).collect();
        self.watch.flush();
        let targets = self.storage.registered(&names).map_err(|error| self.host_fault(&error))?;
        if targets.len() != names.len() {
            return Err(Fault::new(Cause::Other));
        }
        let wanted: Vec<(u32, u64)> = self.plan.tensors.iter().map(|planned| (planned.tensor, planned.bytes)).collect();
        self.buffers.make_room(u32::try_from(targets.len()).unwrap_or(u32::MAX));
        for (registered, (tensor, needed)) in targets.into_iter().zip(wanted) {
            let handle = self.adopt_buffer(registered, needed).map_err(|fault| fault.at(tensor))?;
            self.held.push(Held::Buffer(handle));
        }
        Ok(())
    }

    /// Ends the leases of all memory that the embedder registered: it is no extent of the load, which gives those back.
    fn drop_registered(&mut self) {
        for held in std::mem::take(&mut self.held) {
            self.abandon(held);
        }
    }

    /// The load no longer needs it. What the host would not end now is asked again later.
    pub(super) fn abandon(&mut self, held: Held) -> Option<Fault> {
        match held {
            Held::Mapping { handle, .. } => match self.mmap("abandon", Abandon { handle }) {
                Mapping::Refused(fault) => Some(fault),
                _ => None,
            },
            Held::Buffer(handle) => match self.buffer("abandon", io_buffer::Abandon { handle }) {
                io_buffer::Outcome::Refused(fault) => Some(fault),
                _ => None,
            },
        }
    }

    /// Gives the extent back that was got last. What the host would not take now is asked again later.
    fn give_back(&mut self) -> Result<(), Fault> {
        let fault = self.held.pop().and_then(|held| self.abandon(held));
        fault.map_or(Ok(()), Err)
    }

    /// The extents that are copied: all but those that are mapped and stay so.
    fn copied(&self) -> impl Iterator<Item = &Extent> {
        self.plan.extents.iter().skip(self.io.context().kept() as usize)
    }

    /// The batch of this plan: every tensor to its place.
    fn spans(&self) -> (Vec<Span>, Vec<u64>, Vec<u32>) {
        let external = self.io.context().strategy() == Some(Strategy::ExternalBuffer);
        let mut spans = Vec::with_capacity(self.plan.tensors.len());
        for (number, extent) in (0u32..).zip(self.copied()) {
            for planned in self.plan.tensors_of(extent) {
                let own = u32::try_from(spans.len()).unwrap_or(u32::MAX);
                let (target, target_offset) = if external { (own, 0) } else { (number, planned.tile) };
                let (source, offset, len) = (planned.source, planned.offset, planned.bytes);
                spans.push(Span { source, offset, len, target, target_offset });
            }
        }
        let handles: Vec<io_buffer::Handle> = self
            .held
            .iter()
            .filter_map(|held| match held {
                Held::Buffer(handle) => Some(*handle),
                Held::Mapping { .. } => None,
            })
            .collect();
        let size =
            |handle: &io_buffer::Handle| self.buffers.context().buffer(*handle).map_or(0, |buffer| buffer.memory.len);
        let sizes = handles.iter().map(size).collect();
        (spans, sizes, handles.iter().map(|handle| handle.buffer).collect())
    }

    fn source_sizes(&self) -> Vec<u64> {
        self.sources.iter().map(|source| source.size).collect()
    }

    /// The tensor that a span of the batch is of.
    fn of_span(&self, fault: Fault) -> Fault {
        let planned = |span: u32| self.copied().flat_map(|extent| self.plan.tensors_of(extent)).nth(span as usize);
        Fault { item: fault.item.and_then(planned).map(|planned| planned.tensor), ..fault }
    }

    fn read_spans(&mut self) -> Result<(), Fault> {
        let (spans, sizes, numbers) = self.spans();
        let wrong = first_wrong(&spans, &self.source_sizes(), &sizes);
        self.read.stage(spans);
        let mut output = self.read.dispatch(io_read::Submit { max_batch: self.host.max_batch, wrong }, &self.watch);
        while let Some(io_read::Command { ticket, first, count }) = output.command {
            let batch = self.read.context().spans().iter().skip(first as usize).take(count as usize);
            let batch: Vec<CopySpan> = batch.map(|span| copy(span, 0, span.len)).collect();
            let fault = self.cross(IoRead::NAME, &batch, &numbers).err();
            output = self.read.dispatch(io_read::Read { ticket, fault }, &self.watch);
        }
        let outcome = output.outcome;
        self.watch.outcome(IoRead::NAME, None, "read", matches!(outcome, Some(io_read::Outcome::Done(_))));
        match outcome {
            Some(io_read::Outcome::Done(moved)) => {
                self.report.moved = moved;
                Ok(())
            }
            Some(io_read::Outcome::Refused(fault)) => Err(self.of_span(fault)),
            None => Err(Fault::new(Cause::Internal)),
        }
    }

    fn stage_spans(&mut self) -> Result<(), Fault> {
        let (spans, sizes, numbers) = self.spans();
        let wrong = first_wrong(&spans, &self.source_sizes(), &sizes);
        self.staged.stage(spans);
        let (chunk, max_batch) = (self.request.staging_bytes, self.host.max_batch);
        let mut output = self.staged.dispatch(io_staged_read::Submit { chunk, max_batch, wrong }, &self.watch);
        while let Some(command) = output.command {
            let context = self.staged.context();
            let piece = |piece: io_staged_read::Piece| {
                context.spans().get(piece.span as usize).map(|span| copy(span, piece.offset, piece.len))
            };
            let batch: Vec<CopySpan> = context.pieces(command).filter_map(piece).collect();
            let fault = self.cross(IoStagedRead::NAME, &batch, &numbers).err();
            output = self.staged.dispatch(io_staged_read::Staged { ticket: command.ticket, fault }, &self.watch);
        }
        let outcome = output.outcome;
        self.watch.outcome(
            IoStagedRead::NAME,
            None,
            "stage",
            matches!(outcome, Some(io_staged_read::Outcome::Done(_))),
        );
        match outcome {
            Some(io_staged_read::Outcome::Done(moved)) => {
                self.report.moved = moved;
                Ok(())
            }
            Some(io_staged_read::Outcome::Refused(fault)) => Err(self.of_span(fault)),
            None => Err(Fault::new(Cause::Internal)),
        }
    }

    /// One crossing: only the sources and targets that the batch names go with it.
    fn cross(&mut self, machine: &'static str, batch: &[CopySpan], numbers: &[u32]) -> Result<(), Fault> {
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        let mut local: Vec<CopySpan> = batch.to_vec();
        for span in &mut local {
            span.source = renumber(&mut sources, span.source);
            span.target = renumber(&mut targets, span.target);
        }
        let sources: Vec<&S::Source> = sources
            .iter()
            .filter_map(|source| self.sources.get(*source as usize))
            .map(|source| &source.handle)
            .collect();
        let targets: Vec<&S::Target> = targets
            .iter()
            .filter_map(|target| self.targets.get(*numbers.get(*target as usize)? as usize)?.as_ref())
            .collect();
        self.watch.command(machine, None, "read-into");
        self.watch.flush();
        let result = self.storage.read_into(&sources, &targets, &local);
        self.watch.answer(machine, None, "read-into", result.is_ok());
        result.map_err(|BatchError { span, error }| self.host_fault(&error).at(span))
    }
}

const fn copy(span: &Span, from: u64, len: u64) -> CopySpan {
    CopySpan {
        source: span.source,
        offset: span.offset + from,
        len,
        target: span.target,
        target_offset: span.target_offset + from,
    }
}

const fn strategy_name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::MappedFile => "mapped-file",
        Strategy::ReadCopy => "read-copy",
        Strategy::StagedRead => "staged-read",
        Strategy::ExternalBuffer => "external-buffer",
    }
}

/// Spans are in order of their sources and of their targets, so a number is the last one given or a new one.
fn renumber(known: &mut Vec<u32>, number: u32) -> u32 {
    if known.last() != Some(&number) {
        known.push(number);
    }
    u32::try_from(known.len() - 1).unwrap_or(u32::MAX)
}
