//! Which tensors a load has to bring in, and how they are cut into extents.
use super::Session;
use crate::actors::model_tensor::Plan as PlanTensor;
use crate::actors::{Fault, Ticket};
use crate::formats::{Catalogue, escape, listed};
use crate::storage::Storage;
use crate::types::{Cause, Error, ExtentPolicy, Lifecycle, Phase};

/// Tensors in a buffer begin at multiples of this many bytes: a cache line, and more than any element needs.
const TILE: u64 = 64;

/// One tensor of a plan.
#[derive(Clone, Copy)]
pub(super) struct Planned {
    pub(super) tensor: u32,
    pub(super) source: u32,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    /// Where it goes in its extent's buffer.
    pub(super) tile: u64,
}

/// Tensors that are mapped, or allocated, together.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub(super) source: u32,
    /// What is mapped.
    pub(super) offset: u64,
    pub(super) len: u64,
    /// What is allocated.
    pub(super) buffer: u64,
    /// Its tensors: so many, from this one on.
    pub(super) first: usize,
    pub(super) count: usize,
}

/// A load's work.
#[derive(Clone, Default)]
pub(super) struct Plan {
    pub(super) ticket: Ticket,
    /// Tensors with bytes, by source and offset.
    pub(super) tensors: Vec<Planned>,
    /// Tensors without bytes, which need no transfer.
    pub(super) empty: Vec<u32>,
    /// Those of all these that were never loaded before.
    pub(super) fresh: Vec<u32>,
    pub(super) extents: Vec<Extent>,
}

impl Plan {
    pub(super) fn tensors_of(&self, extent: &Extent) -> &[Planned] {
        self.tensors.get(extent.first..extent.first + extent.count).unwrap_or_default()
    }

    /// Cuts what was gathered into extents. A sum that wraps leaves the extent too long to be mapped or allocated.
    /// `granularity` is the host's: a mapping begins at a multiple of so many bytes, so it may begin before its extent.
    fn cut(&mut self, policy: ExtentPolicy, granularity: u64, source_len: impl Fn(u32) -> u64) {
        let mapped_from = |offset: u64| offset - offset % granularity.max(1);
        self.tensors.sort_unstable_by_key(|planned| (planned.source, planned.offset));
        for (index, planned) in self.tensors.iter_mut().enumerate() {
            let end = planned.offset.saturating_add(planned.bytes);
            let joins = self.extents.last().is_some_and(|extent| {
                extent.source == planned.source
                    && match policy {
                        ExtentPolicy::WholeFile => true,
                        ExtentPolicy::PerTensor => false,
                        ExtentPolicy::Window(most) => end.saturating_sub(mapped_from(extent.offset)) <= most,
                    }
            });
            if !joins {
                let (offset, len) = match policy {
                    ExtentPolicy::WholeFile => (0, source_len(planned.source)),
                    _ => (planned.offset, 0),
                };
                self.extents.push(Extent { source: planned.source, offset, len, buffer: 0, first: index, count: 0 });
            }
            if let Some(extent) = self.extents.last_mut() {
                planned.tile = extent.buffer.checked_next_multiple_of(TILE).unwrap_or(u64::MAX);
                extent.buffer = planned.tile.saturating_add(planned.bytes);
                extent.len = extent.len.max(end.saturating_sub(extent.offset));
                extent.count += 1;
            }
        }
    }
}

impl<S: Storage> Session<S> {
    /// Plans the selected tensors that are not resident. What an earlier request could not end is asked again first.
    pub(super) fn make_plan(&mut self) -> Result<(), Fault> {
        // Whether or not it works now: what stays busy keeps its slot, and nothing more.
        let _still_busy = self.sweep();
        self.ticket = self.ticket.next();
        let mut plan = Plan { ticket: self.ticket, ..Plan::default() };
        if let Some(error) = self.not_loadable() {
            return Err(self.note(error));
        }
        let catalogue = self.catalogue.as_ref().ok_or(Fault::new(Cause::InvalidRequest))?;
        for &tensor in &self.request.tensors {
            let lifecycle = self.tensors.lifecycle(tensor);
            let waiting = matches!(lifecycle, Some(Lifecycle::Unbound | Lifecycle::Evicted));
            let Some(found) = catalogue.tensor(tensor).filter(|_| waiting) else { continue };
            if lifecycle == Some(Lifecycle::Unbound) {
                plan.fresh.push(tensor);
            }
            if found.tensor.bytes == 0 {
                plan.empty.push(tensor);
                continue;
            }
            let (source, offset, bytes) = (found.source, found.tensor.offset, found.tensor.bytes);
            plan.tensors.push(Planned { tensor, source, offset, bytes, tile: 0 });
        }
        let size = |source: u32| self.sources.get(source as usize).map_or(0, |source| source.size);
        plan.cut(self.request.extent.unwrap_or(ExtentPolicy::WholeFile), self.host.map_granularity, size);
        for planned in &plan.tensors {
            self.tensors.dispatch(planned.tensor, PlanTensor { ticket: plan.ticket }, &self.watch);
        }
        self.plan = plan;
        Ok(())
    }

    /// What of the selection is listed and cannot be loaded: all of a model that lacks tensors, a tensor of a type that is not
    /// known.
    fn not_loadable(&self) -> Option<Error> {
        let catalogue = self.catalogue.as_ref()?;
        if self.request.whole && !self.missing.is_empty() {
            return Some(self.files_missing(Phase::Plan));
        }
        if let Some(error) = self.first_cut_off(catalogue) {
            return Some(error);
        }
        for (rule, cause) in [("missing-files", Cause::NotFound), ("unread-tensors", Cause::UnsupportedFormat)] {
            let found = catalogue.findings().iter().find(|finding| finding.rule == rule);
            if let Some(finding) = found.filter(|_| self.request.whole) {
                let error = Error::new(Phase::Plan, cause, finding.message.clone());
                return Some(Error { source: finding.source, offset: finding.offset, ..error });
            }
        }
        if self.request.whole && !catalogue.absent().is_empty() {
            let message = format!(
                "The index names tensors that its files do not have: {}. Fetch an index and files of one revision, or select \
                 the tensors that are there.",
                listed(catalogue.absent().iter().map(String::as_str))
            );
            return Some(Error::new(Phase::Plan, Cause::Malformed, message).at_field("weight_map"));
        }
        let unknown = |tensor: &u32| Some((*tensor, catalogue.unknown_dtype(*tensor)?));
        let (tensor, said) = self.request.tensors.iter().find_map(unknown)?;
        let found = catalogue.tensor(tensor)?;
        let message = format!(
            "Tensor \"{}\" is of {said}, which is not known here. Select the other tensors, or get the model in a type that is \
             known.",
            escape(found.tensor.name)
        );
        Some(Error::new(Phase::Plan, Cause::UnsupportedDtype, message).at_tensor(tensor).in_source(found.source))
    }

    /// The first of the selected tensors whose file ends before it does, of a model that was opened though it is partial.
    fn first_cut_off(&self, catalogue: &Catalogue) -> Option<Error> {
        if !self.limits.partial {
            return None;
        }
        let (tensor, found, size) = self.request.tensors.iter().find_map(|tensor| {
            let found = catalogue.tensor(*tensor)?;
            let size = self.sources.get(found.source as usize)?.size;
            (found.tensor.offset.saturating_add(found.tensor.bytes) > size).then_some((*tensor, found, size))
        })?;
        let message = format!(
            "Tensor \"{}\" ends at byte {}, and the file has {size}: it is cut off. Fetch the rest of it, or select the tensors \
             that are there.",
            escape(found.tensor.name),
            found.tensor.offset.saturating_add(found.tensor.bytes)
        );
        Some(Error::new(Phase::Plan, Cause::EndOfSource, message).at_tensor(tensor).in_source(found.source))
    }
}
