//! Storage of this machine: files, mappings and memory.
use super::{
    Backend, Buffer, Mapping, Source,
    target::{Sink, Target},
    transfer::Batch,
};
use crate::{
    external::{External, Memory},
    options::{Control, HostCapabilities, HostLimits},
    platform,
    stats::Usage,
    trace::{Answer, Call},
    types::{Advice, AdviceEffect, BatchError, Capabilities, CopySpan, Error, StorageError, Strategy},
};
use std::{collections::HashMap, sync::Arc};

/// The order of `auto`: map, else read in chunks (with progress, and a point to cancel, between them), else read at once.
const AUTO: [Strategy; 3] = [Strategy::MappedFile, Strategy::StagedRead, Strategy::ReadCopy];

/// The table of one session.
pub(crate) struct Native {
    offers: HostCapabilities,
    limits: HostLimits,
    pub(crate) usage: Arc<Usage>,
    pub(crate) sources: Vec<Source>,
    mappings: HashMap<u64, Arc<Mapping>>,
    targets: HashMap<u64, Target>,
    /// Registered memory; none while a target stands for it.
    registered: HashMap<String, Option<Arc<Buffer>>>,
    pub(crate) sink: Option<Sink>,
    /// Names for mappings and targets, never used twice. They fit the 32 bits of a handle's representation.
    next: u32,
}

impl Native {
    pub(crate) fn new(offers: HostCapabilities, limits: HostLimits, external: External) -> Self {
        let mut native = Self {
            offers,
            limits,
            usage: Arc::default(),
            sources: Vec::new(),
            mappings: HashMap::new(),
            targets: HashMap::new(),
            registered: HashMap::new(),
            sink: None,
            next: 1,
        };
        for (name, memory) in external.buffers {
            native.register(name, memory);
        }
        native
    }

    /// Registers memory of the embedder; false while a target stands for what was registered under that name.
    pub(crate) fn register(&mut self, name: String, memory: Box<dyn Memory>) -> bool {
        if matches!(self.registered.get(&name), Some(None)) {
            return false;
        }
        self.registered.insert(name, Some(Arc::new(Buffer::external(memory, &self.usage))));
        true
    }

    /// Takes a file into the table and answers its number.
    pub(crate) fn add(&mut self, source: Source) -> u32 {
        self.sources.push(source);
        u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn mapping(&self, id: u64) -> Option<&Arc<Mapping>> {
        self.mappings.get(&id)
    }

    pub(crate) fn buffer(&self, id: u64) -> Option<&Arc<Buffer>> {
        match self.targets.get(&id)? {
            Target::Fresh(buffer) | Target::Registered { buffer, .. } => Some(buffer),
            Target::Consumer { .. } => None,
        }
    }

    /// Whether a target is the consumer's.
    pub(crate) fn is_consumed(&self, id: u64) -> bool {
        matches!(self.targets.get(&id), Some(Target::Consumer { .. }))
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        Capabilities {
            mmap: self.offers.mmap,
            advise: self.offers.advise,
            map_granularity: platform::map_granularity(),
            max_read: self.offers.max_read.max(1),
            max_batch: self.offers.max_batch.max(1),
            auto: AUTO.to_vec(),
        }
    }

    fn source(&self, number: u32) -> Result<&Source, StorageError> {
        self.sources.get(number as usize).ok_or(StorageError::OutOfBounds)
    }

    fn name(&mut self) -> Result<u64, StorageError> {
        let id = self.next;
        self.next = id.checked_add(1).ok_or(StorageError::Exhausted)?;
        Ok(u64::from(id))
    }

    fn map(&mut self, source: u32, offset: u64, len: u64) -> Result<Answer, StorageError> {
        if !self.offers.mmap {
            return Err(StorageError::Unsupported);
        }
        // Clamp: what is unmapped while a view has it counts too, as it is one of the process's.
        if self.usage.mappings() >= u64::from(self.limits.mappings) {
            return Err(StorageError::Exhausted);
        }
        let mapping = Mapping::new(self.source(source)?, offset, len, self.limits.mapped_bytes, &self.usage)?;
        let id = self.name()?;
        self.mappings.insert(id, Arc::new(mapping));
        Ok(Answer::Mapping(id))
    }

    fn advise(&self, id: u64, offset: u64, len: u64, advice: Advice) -> Result<Answer, StorageError> {
        let mapping = self.mappings.get(&id).ok_or(StorageError::OutOfBounds)?;
        if !self.offers.advise {
            return Ok(Answer::Effect(AdviceEffect::Unsupported));
        }
        Ok(Answer::Effect(mapping.advise(offset, len, advice)?))
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

    fn allocate(&mut self, len: u64) -> Result<Answer, StorageError> {
        let buffer = Buffer::new(len, self.limits.buffer_bytes, &self.usage)?;
        let id = self.name()?;
        self.targets.insert(id, Target::Fresh(Arc::new(buffer)));
        Ok(Answer::Target { id, len })
    }

    fn free(&mut self, id: u64) -> Result<Answer, StorageError> {
        match self.targets.get_mut(&id).ok_or(StorageError::OutOfBounds)?.writable() {
            Ok(_) => {
                self.let_go(id);
                Ok(Answer::Done)
            }
            Err(error) => Err(error),
        }
    }

    fn let_go(&mut self, id: u64) {
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
                Some(sink) => sink.tensors.get(name).map(|&(tensor, len)| Target::Consumer { tensor, len }),
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

    fn read_into(
        &mut self,
        sources: &[u32],
        targets: &[u64],
        spans: &[CopySpan],
        control: &Control,
    ) -> Result<(), BatchError> {
        let max = self.offers.max_batch.max(1);
        // Clamp: the lists too, each source of which costs a system call.
        if spans.len().max(sources.len()).max(targets.len()) > max as usize {
            return Err(BatchError { span: max, error: StorageError::Exhausted });
        }
        let sources: Result<Vec<&Source>, StorageError> =
            sources.iter().map(|&number| self.sources.get(number as usize).ok_or(StorageError::OutOfBounds)).collect();
        let sources = sources.map_err(|error| BatchError { span: 0, error })?;
        let batch = Batch { sources, targets, spans };
        batch.validate(&self.targets)?;
        batch.run(&mut self.targets, self.sink.as_ref(), self.offers.threads, &self.usage, control)
    }
}

impl Backend for Native {
    fn perform(&mut self, call: &Call, control: &Control) -> Result<Answer, Error> {
        let answer = match call {
            Call::GetCapabilities => Ok(Answer::Capabilities(self.capabilities())),
            Call::Stat { source } => self.source(*source).and_then(Source::stat).map(Answer::Stat),
            // Clamp: more than `max-read` is refused, not shortened, since a short answer means the end of the file.
            Call::Read { len, .. } if *len > self.offers.max_read.max(1) => Err(StorageError::Exhausted),
            Call::Read { source, offset, len } => self
                .source(*source)
                .and_then(|source| source.read(*offset, *len))
                .map(|bytes| Answer::Bytes(bytes.into())),
            Call::MapRange { source, offset, len } => self.map(*source, *offset, *len),
            Call::Advise { mapping, offset, len, advice } => self.advise(*mapping, *offset, *len, *advice),
            Call::Unmap { mapping } => self.unmap(*mapping),
            Call::Allocate { len } => self.allocate(*len),
            Call::Free { target } => self.free(*target),
            Call::Registered { tensors } => self.registered(tensors),
            Call::ReadInto { sources, targets, batch } => {
                return Ok(match self.read_into(sources, targets, batch, control) {
                    Ok(()) => Answer::Done,
                    Err(error) => Answer::BatchFailed(error),
                });
            }
        };
        Ok(answer.unwrap_or_else(Answer::Failed))
    }

    fn drop_mapping(&mut self, id: u64) {
        self.mappings.remove(&id);
    }

    fn drop_target(&mut self, id: u64) {
        self.let_go(id);
    }

    fn native(&mut self) -> Option<&mut Native> {
        Some(self)
    }
}
