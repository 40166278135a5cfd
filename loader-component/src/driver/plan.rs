//! Which tensors a load has to bring in, and how they are cut into extents.
use super::Session;
use crate::actors::model_tensor::Plan as PlanTensor;
use crate::actors::{Fault, Ticket};
use crate::formats::{Catalogue, escape, listed};
use crate::storage::Storage;
use crate::types::{Cause, Error, ExtentPolicy, Lifecycle, Phase};

/// Tensors in a buffer begin at multiples of this many bytes: a cache line, and more than any element needs.
const TILE: u64 = 64;
/// Bytes between two tensors that are mapped with them rather than around: some pages that nobody touches cost less than a
/// mapping.
const BETWEEN: u64 = 64 << 10;

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
    fn cut(&mut self, policy: ExtentPolicy, cut: &Cut<'_>) {
        self.tensors.sort_unstable_by_key(|planned| (planned.source, planned.offset));
        self.gather(|extent, next| match policy {
            ExtentPolicy::WholeFile => true,
            ExtentPolicy::PerTensor => false,
            ExtentPolicy::Window(most) => next.end().saturating_sub(cut.mapped_from(extent.offset)) <= most,
            ExtentPolicy::Auto => {
                let between = next.offset.saturating_sub(extent.offset.saturating_add(extent.len));
                (cut.is_whole)(next.source) || between <= BETWEEN.max(cut.granularity)
            }
        });
        if policy == ExtentPolicy::Auto && self.extents.len() > cut.slots {
            self.gather(|_, _| true);
        }
        for extent in &mut self.extents {
            if policy == ExtentPolicy::WholeFile || policy == ExtentPolicy::Auto && (cut.is_whole)(extent.source) {
                (extent.offset, extent.len) = (0, (cut.source_len)(extent.source).max(extent.end()));
            }
        }
    }

    /// Puts each tensor into an extent with those before it in its file, or into one of its own.
    fn gather(&mut self, joins: impl Fn(&Extent, &Planned) -> bool) {
        self.extents.clear();
        for (index, planned) in self.tensors.iter_mut().enumerate() {
            let last = self.extents.last_mut();
            match last.filter(|extent| extent.source == planned.source && joins(extent, planned)) {
                Some(extent) => extent.take(planned),
                None => self.extents.push(Extent::of(planned, index)),
            }
        }
    }

    /// Cuts an extent in two of about as many bytes; none where it is of one tensor.
    pub(super) fn divide(&mut self, number: usize) -> Option<()> {
        let extent = *self.extents.get(number)?;
        let tensors = self.tensors.get_mut(extent.first..extent.first.checked_add(extent.count)?)?;
        let all = tensors.iter().fold(0u64, |sum, planned| sum.saturating_add(planned.bytes));
        let mut before = 0u64;
        let half = tensors.iter().take_while(|planned| {
            before = before.saturating_add(planned.bytes);
            before <= all / 2
        });
        let at = half.count().clamp(1, extent.count.checked_sub(1).filter(|most| *most > 0)?);
        let mut halves = Vec::with_capacity(2);
        for (index, planned) in tensors.iter_mut().enumerate() {
            match halves.last_mut() {
                Some(half) if index != at => Extent::take(half, planned),
                _ => halves.push(Extent::of(planned, extent.first + index)),
            }
        }
        self.extents.splice(number..=number, halves);
        Some(())
    }

    /// Puts an extent behind all others.
    pub(super) fn set_aside(&mut self, number: usize) {
        if let Some(behind) = self.extents.get_mut(number..).filter(|behind| !behind.is_empty()) {
            behind.rotate_left(1);
        }
    }
}

/// What a plan is cut by.
struct Cut<'c> {
    /// The host's: a mapping begins at a multiple of so many bytes, so it may begin before its extent.
    granularity: u64,
    /// Slots that are free.
    slots: usize,
    source_len: &'c dyn Fn(u32) -> u64,
    /// Whether every tensor of a source was asked for.
    is_whole: &'c dyn Fn(u32) -> bool,
}

impl Cut<'_> {
    fn mapped_from(&self, offset: u64) -> u64 {
        offset - offset % self.granularity.max(1)
    }
}

impl Planned {
    const fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes)
    }
}

impl Extent {
    /// One with a tensor, which has this place in the plan.
    fn of(planned: &mut Planned, first: usize) -> Self {
        let mut extent = Self { source: planned.source, offset: planned.offset, len: 0, buffer: 0, first, count: 0 };
        extent.take(planned);
        extent
    }

    /// Takes the tensor that comes next.
    fn take(&mut self, planned: &mut Planned) {
        planned.tile = self.buffer.checked_next_multiple_of(TILE).unwrap_or(u64::MAX);
        self.buffer = planned.tile.saturating_add(planned.bytes);
        self.len = self.len.max(planned.end().saturating_sub(self.offset));
        self.count += 1;
    }

    const fn end(&self) -> u64 {
        self.offset.saturating_add(self.len)
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
        // Only a part of a model has files of which a part is asked for.
        let mut asked = vec![0usize; self.sources.len()];
        for tensor in self.request.tensors.iter().filter(|_| !self.request.whole) {
            let count = catalogue.source_of(*tensor).and_then(|source| asked.get_mut(source as usize));
            if let Some(count) = count {
                *count += 1;
            }
        }
        let cut = Cut {
            granularity: self.host.map_granularity,
            slots: self.mmap.context().free().len(),
            source_len: &|source| self.sources.get(source as usize).map_or(0, |source| source.size),
            is_whole: &|source| {
                self.request.whole || asked.get(source as usize).copied() == catalogue.tensors_in(source)
            },
        };
        plan.cut(self.request.extent.unwrap_or(ExtentPolicy::WholeFile), &cut);
        for planned in &plan.tensors {
            self.tensors.dispatch(planned.tensor, PlanTensor { ticket: plan.ticket }, &self.watch);
        }
        self.plan = plan;
        Ok(())
    }

    /// What of the selection is listed and cannot be loaded: all of a model that lacks tensors, a tensor that cannot be read or is
    /// of a type that is not known.
    fn not_loadable(&self) -> Option<Error> {
        let catalogue = self.catalogue.as_ref()?;
        if self.request.whole && !self.missing.is_empty() {
            return Some(self.files_missing(Phase::Plan));
        }
        if let Some(error) = self.first_cut_off(catalogue) {
            return Some(error);
        }
        let gap = catalogue.findings().iter().find(|finding| finding.rule == "missing-files");
        if let Some(finding) = gap.filter(|_| self.request.whole) {
            let error = Error::new(Phase::Plan, Cause::NotFound, finding.message.clone());
            return Some(Error { source: finding.source, offset: finding.offset, ..error });
        }
        if self.request.whole && !catalogue.absent().is_empty() {
            let message = format!(
                "The index names tensors that its files do not have: {}. Fetch an index and files of one revision, or select \
                 the tensors that are there.",
                listed(catalogue.absent().iter().map(String::as_str))
            );
            return Some(Error::new(Phase::Plan, Cause::Malformed, message).at_field("weight_map"));
        }
        let unreadable = |tensor: &u32| Some((*tensor, catalogue.unreadable(*tensor)?));
        if let Some((tensor, why)) = self.request.tensors.iter().find_map(unreadable) {
            let found = catalogue.tensor(tensor)?;
            let name = escape(found.tensor.name);
            let message = format!("Tensor \"{name}\" {}. Select the other tensors.", why.why);
            let error = Error::new(Phase::Plan, why.cause, message).at_field(format!("tensor[\"{name}\"]"));
            return Some(Error { offset: Some(why.offset), ..error.at_tensor(tensor).in_source(found.source) });
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
