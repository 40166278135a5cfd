//! What a session's guest can name: its files, mappings and targets. Every span is checked here, against the handle and
//! the quotas, before the media see it.
mod batch;
mod buffer;
mod mapping;
mod target;

pub use buffer::Buffer;
pub use mapping::Mapping;
pub(crate) use target::Target;
pub use target::{Consumer, Sink};

use crate::{
    media::{Media, Span},
    options::{Control, HostCapabilities, HostLimits},
    stats::Usage,
    trace::{Answer, Call},
    types::{Advice, AdviceEffect, BatchError, Capabilities, CopySpan, StorageError},
};
use std::{collections::HashMap, sync::Arc};

/// How many times the bytes of its files a session may have in buffers at once: a copy of the model, as much again of one
/// that is being replaced while views of it are out, and room.
const COPIES: u64 = 4;
/// Buffers that any session may have, however small its files.
const LEAST_BUFFERS: u64 = 64 << 20;

/// The table of one session.
pub struct Table<M: Media> {
    media: M,
    offers: HostCapabilities,
    limits: HostLimits,
    usage: Arc<Usage>,
    sources: Vec<Arc<M::Source>>,
    /// Bytes of all sources together, as they were granted.
    granted: u64,
    mappings: HashMap<u64, Arc<Mapping<M>>>,
    targets: HashMap<u64, Target<M>>,
    /// Registered memory; none while a target stands for it.
    registered: HashMap<String, Option<Arc<Buffer<M>>>>,
    sink: Option<Sink>,
    /// Names for mappings and targets, never used twice. They fit the 32 bits of a handle's representation.
    next: u32,
}

impl<M: Media> Table<M> {
    pub(crate) fn new(media: M, offers: HostCapabilities, limits: HostLimits, usage: Arc<Usage>) -> Self {
        Self {
            media,
            offers,
            limits,
            usage,
            sources: Vec::new(),
            granted: 0,
            mappings: HashMap::new(),
            targets: HashMap::new(),
            registered: HashMap::new(),
            sink: None,
            next: 1,
        }
    }

    /// What does the work.
    pub const fn media(&self) -> &M {
        &self.media
    }

    /// As [`Self::media`], to change it.
    pub(crate) const fn media_mut(&mut self) -> &mut M {
        &mut self.media
    }

    /// What the session holds; it outlives the session with the last view.
    #[must_use]
    pub fn usage(&self) -> Arc<Usage> {
        self.usage.clone()
    }

    /// Takes a file into the table and returns its number.
    pub fn add(&mut self, source: M::Source) -> u32 {
        self.granted = self.granted.saturating_add(self.media.size(&source));
        self.sources.push(Arc::new(source));
        u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
    }

    /// A file by its number.
    #[must_use]
    pub fn source(&self, number: u32) -> Option<&Arc<M::Source>> {
        self.sources.get(number as usize)
    }

    /// Files so far.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    /// Bytes of all files together.
    pub(crate) const fn granted_bytes(&self) -> u64 {
        self.granted
    }

    /// Registers memory of the embedder for a tensor; false while a target stands for what was registered before.
    pub fn register(&mut self, name: String, memory: M::Buffer) -> bool {
        if matches!(self.registered.get(&name), Some(None)) {
            return false;
        }
        self.registered.insert(name, Some(Arc::new(Buffer::registered(memory, &self.usage))));
        true
    }

    /// Registers fresh memory of the medium for a tensor, which counts as the embedder's.
    pub(crate) fn register_fresh(&mut self, name: String, len: u64) -> Result<(), StorageError> {
        let memory = self.media.allocate(len)?;
        if self.register(name, memory) { Ok(()) } else { Err(StorageError::Busy) }
    }

    /// Bytes of a file to be shown to a person: at most `most` from `offset` on, or none where there are none.
    pub(crate) fn excerpt(&mut self, number: u32, offset: u64, most: u64) -> Option<Vec<u8>> {
        let source = self.sources.get(number as usize)?;
        let size = self.media.size(source);
        let span = Span::within(offset, most.min(size.checked_sub(offset)?), size).ok()?;
        self.media.read(source, span).ok()
    }

    /// Bytes of a file from `offset` on for a tool of the embedder's: as many as `to` has, all of the file.
    pub(crate) fn read_at(&mut self, number: u32, offset: u64, to: &mut [u8]) -> Result<(), StorageError> {
        let source = self.sources.get(number as usize).ok_or(StorageError::OutOfBounds)?;
        let span = Span::within(offset, to.len() as u64, self.media.size(source))?;
        self.media.read_into(source, span, to)
    }

    /// The consumer that the next loads by `external-buffer` go to, or none; the one before it is the answer.
    pub fn set_sink(&mut self, sink: Option<Sink>) -> Option<Sink> {
        std::mem::replace(&mut self.sink, sink)
    }

    /// A mapping by its id.
    #[must_use]
    pub fn mapping(&self, id: u64) -> Option<&Arc<Mapping<M>>> {
        self.mappings.get(&id)
    }

    /// The buffer that a target's id stands for.
    #[must_use]
    pub fn buffer(&self, id: u64) -> Option<&Arc<Buffer<M>>> {
        match self.targets.get(&id)? {
            Target::Fresh(buffer) | Target::Registered { buffer, .. } => Some(buffer),
            Target::Consumer { .. } => None,
        }
    }

    /// Whether a target stands for a tensor whose bytes a consumer got, all of them.
    pub(crate) fn is_delivered(&self, id: u64, tensor: u32, bytes: u64) -> bool {
        let of = |target: &Target<M>| matches!(target, Target::Consumer { tensor: of, taken, .. } if *of == tensor && *taken == bytes);
        self.targets.get(&id).is_some_and(of)
    }

    /// Whether a target is the consumer's.
    pub(crate) fn is_consumed(&self, id: u64) -> bool {
        matches!(self.targets.get(&id), Some(Target::Consumer { .. }))
    }

    /// What this host offers the guest.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            mmap: self.offers.mmap,
            advise: self.offers.advise,
            map_granularity: self.media.map_granularity(),
            max_read: self.offers.max_read.max(1),
            max_batch: self.offers.max_batch.max(1),
            auto: self.media.auto().to_vec(),
        }
    }

    /// Does what the guest asks, or answers why not.
    pub(crate) fn perform(&mut self, call: &Call, control: &Control) -> Answer {
        let answer = match call {
            Call::GetCapabilities => Ok(Answer::Capabilities(self.capabilities())),
            Call::Stat { source } => {
                self.granted(*source).and_then(|source| self.media.stat(&source)).map(Answer::Stat)
            }
            Call::Read { source, offset, len } => self.read(*source, *offset, *len),
            Call::MapRange { source, offset, len } => self.map(*source, *offset, *len),
            Call::Advise { mapping, offset, len, advice } => self.advise(*mapping, *offset, *len, *advice),
            Call::Unmap { mapping } => self.unmap(*mapping),
            Call::Allocate { len } => self.allocate(*len),
            Call::Free { target } => self.free(*target),
            Call::Registered { tensors } => self.registered(tensors),
            Call::ReadInto { sources, targets, batch } => {
                return match self.read_into(sources, targets, batch, control) {
                    Ok(()) => Answer::Done,
                    Err(error) => Answer::BatchFailed(error),
                };
            }
        };
        answer.unwrap_or_else(Answer::Failed)
    }

    fn granted(&self, number: u32) -> Result<Arc<M::Source>, StorageError> {
        self.source(number).cloned().ok_or(StorageError::OutOfBounds)
    }

    fn name(&mut self) -> Result<u64, StorageError> {
        let id = self.next;
        self.next = id.checked_add(1).ok_or(StorageError::Exhausted)?;
        Ok(u64::from(id))
    }

    /// Clamp: more than `max-read` is refused, not shortened, since a short answer means the end of the file; at the end of
    /// the file the span is shortened, and beyond it refused, as the contract says.
    fn read(&mut self, source: u32, offset: u64, len: u32) -> Result<Answer, StorageError> {
        if len > self.offers.max_read.max(1) {
            return Err(StorageError::Exhausted);
        }
        let source = self.granted(source)?;
        let rest = self.media.size(&source).checked_sub(offset).ok_or(StorageError::OutOfBounds)?;
        let span = Span::within(offset, u64::from(len).min(rest), self.media.size(&source))?;
        self.media.read(&source, span).map(|bytes| Answer::Bytes(bytes.into()))
    }

    /// Clamp: the offset must be a multiple of the granularity, the span must not be empty and must lie inside the file as it
    /// was granted, and it must fit into what may be mapped at once, in bytes and in number. What is unmapped while a view
    /// has it counts too, as it is one of the process's.
    fn map(&mut self, source: u32, offset: u64, len: u64) -> Result<Answer, StorageError> {
        if !self.offers.mmap {
            return Err(StorageError::Unsupported);
        }
        if self.usage.mappings() >= u64::from(self.limits.mappings) {
            return Err(StorageError::Exhausted);
        }
        let source = self.granted(source)?;
        if len == 0 || !offset.is_multiple_of(self.media.map_granularity()) {
            return Err(StorageError::OutOfBounds);
        }
        let span = Span::within(offset, len, self.media.size(&source))?;
        if len > self.limits.mapped_bytes.saturating_sub(self.usage.mapped_bytes()) {
            return Err(StorageError::Exhausted);
        }
        if !self.usage.take_mapping(len) {
            return Err(StorageError::Exhausted);
        }
        let made = self.name().and_then(|id| Ok((id, self.media.map(&source, span)?)));
        let (id, inner) = made.inspect_err(|_| self.usage.give_mapping(len))?;
        self.mappings.insert(id, Arc::new(Mapping::new(inner, source, span, &self.usage)));
        Ok(Answer::Mapping(id))
    }

    /// Clamp: the span must lie inside the mapping; an empty one has nothing to be acted on.
    fn advise(&mut self, id: u64, offset: u64, len: u64, advice: Advice) -> Result<Answer, StorageError> {
        let mapping = self.mappings.get(&id).ok_or(StorageError::OutOfBounds)?;
        let span = Span::within(offset, len, mapping.len())?;
        if !self.offers.advise {
            return Ok(Answer::Effect(AdviceEffect::Unsupported));
        }
        if span.is_empty() {
            return Ok(Answer::Effect(AdviceEffect::Ignored));
        }
        let effect = self.media.advise(mapping.source(), mapping.inner(), mapping.offset(), span, advice)?;
        Ok(Answer::Effect(effect))
    }

    /// Ends a mapping that no view uses; else it stays, and can be asked again.
    fn unmap(&mut self, id: u64) -> Result<Answer, StorageError> {
        let mapping = self.mappings.remove(&id).ok_or(StorageError::OutOfBounds)?;
        match Arc::try_unwrap(mapping) {
            Ok(mapping) => {
                drop(mapping);
                Ok(Answer::Done)
            }
            Err(used) => {
                self.mappings.insert(id, used);
                Err(StorageError::Busy)
            }
        }
    }

    /// Clamp: what may be in buffers at once is bounded by a setting, by what the files could need, and by what other
    /// sessions hold.
    fn allocate(&mut self, len: u64) -> Result<Answer, StorageError> {
        let most = self.limits.buffer_bytes.min(self.granted.saturating_mul(COPIES).saturating_add(LEAST_BUFFERS));
        if len > most.saturating_sub(self.usage.buffer_bytes()) {
            return Err(StorageError::Exhausted);
        }
        if !self.usage.take_buffer(len) {
            return Err(StorageError::Exhausted);
        }
        let made = self.name().and_then(|id| Ok((id, self.media.allocate(len)?)));
        let (id, memory) = made.inspect_err(|_| self.usage.give_buffer(len))?;
        self.targets.insert(id, Target::Fresh(Arc::new(Buffer::fresh(memory, len, &self.usage))));
        Ok(Answer::Target { id, len })
    }

    fn free(&mut self, id: u64) -> Result<Answer, StorageError> {
        if !self.targets.get_mut(&id).ok_or(StorageError::OutOfBounds)?.is_unused() {
            return Err(StorageError::Busy);
        }
        self.drop_target(id);
        Ok(Answer::Done)
    }

    pub(crate) fn drop_mapping(&mut self, id: u64) {
        self.mappings.remove(&id);
    }

    pub(crate) fn drop_target(&mut self, id: u64) {
        if let Some(Target::Registered { name, buffer }) = self.targets.remove(&id) {
            self.registered.insert(name, Some(buffer));
        }
    }

    /// The targets registered for tensors: the consumer's if there is one, else buffers. All that were asked for or, where
    /// one is in use, none.
    fn registered(&mut self, tensors: &[String]) -> Result<Answer, StorageError> {
        if tensors.iter().any(|name| matches!(self.registered.get(name), Some(None))) && self.sink.is_none() {
            return Err(StorageError::Busy);
        }
        let mut answers = Vec::new();
        answers.try_reserve_exact(tensors.len()).map_err(|_| StorageError::Exhausted)?;
        for name in tensors {
            let target = match &self.sink {
                Some(sink) => sink.tensors.get(name).map(|&(tensor, len)| Target::Consumer { tensor, len, taken: 0 }),
                None => self
                    .registered
                    .get_mut(name)
                    .and_then(Option::take)
                    .map(|buffer| Target::Registered { name: name.clone(), buffer }),
            };
            let answer = match target {
                Some(target) => {
                    let (id, len) = (self.name()?, target.len());
                    self.targets.insert(id, target);
                    Some((id, len))
                }
                None => None,
            };
            answers.push(answer);
        }
        Ok(Answer::Targets(answers))
    }

    /// Clamp: as many spans as were offered, and the lists too, each source of which costs a system call.
    fn read_into(
        &mut self,
        sources: &[u32],
        targets: &[u64],
        spans: &[CopySpan],
        control: &Control,
    ) -> Result<(), BatchError> {
        let max = self.offers.max_batch.max(1);
        if spans.len().max(sources.len()).max(targets.len()) > max as usize {
            return Err(BatchError { span: max, error: StorageError::Exhausted });
        }
        let granted: Result<Vec<Arc<M::Source>>, StorageError> =
            sources.iter().map(|&number| self.granted(number)).collect();
        let granted = granted.map_err(|error| BatchError { span: 0, error })?;
        let batch = batch::Batch { sources: &granted, numbers: sources, targets, spans };
        batch.run(&mut self.media, &mut self.targets, self.sink.as_mut(), &self.usage, control)
    }
}
