//! For checkers, which branch: a copy of a session, and a look at all that it keeps.
use super::Session;
use crate::actors::io_buffer::IoBuffer;
use crate::actors::io_loader::IoLoader;
use crate::actors::io_mmap::{Context as Slots, IoMmap};
use crate::actors::io_read::IoRead;
use crate::actors::io_staged_read::IoStagedRead;
use crate::actors::model_loader::ModelLoader;
use crate::actors::model_tensor::ModelTensor;
use crate::observe::Watch;
use crate::storage::Storage;
use crate::types::Level;

/// What a session keeps.
pub struct Insides<'s, S: Storage> {
    /// model/loader.
    pub loader: &'s ModelLoader,
    /// model/tensor.
    pub tensors: &'s ModelTensor,
    /// io/loader.
    pub io: &'s IoLoader,
    /// io/mmap.
    pub mmap: &'s IoMmap,
    /// io/buffer.
    pub buffers: &'s IoBuffer,
    /// io/read.
    pub read: &'s IoRead,
    /// io/staged_read.
    pub staged: &'s IoStagedRead,
    /// The host's mapping of each slot.
    pub mappings: &'s [Option<S::Mapping>],
    /// The host's target of each buffer.
    pub targets: &'s [Option<S::Target>],
}

impl<S: Storage> Session<S> {
    /// A copy that goes its own way, between two requests. Nobody watches it, and no header is half read in it.
    #[must_use]
    pub fn fork(&self) -> Self
    where
        S: Clone,
        S::Source: Clone,
        S::Mapping: Clone,
        S::Target: Clone,
    {
        Self {
            storage: self.storage.clone(),
            host: self.host.clone(),
            limits: self.limits,
            watch: Watch::new(Level::Off, Box::new(())),
            sources: self.sources.clone(),
            headers: self.headers.clone(),
            reading: None,
            missing: self.missing.clone(),
            provided: self.provided,
            catalogue: self.catalogue.clone(),
            loader: self.loader.clone(),
            tensors: self.tensors.clone(),
            io: self.io.clone(),
            mmap: self.mmap.clone(),
            read: self.read.clone(),
            staged: self.staged.clone(),
            slots_by_default: self.slots_by_default,
            mappings: self.mappings.clone(),
            targets: self.targets.clone(),
            buffers: self.buffers.clone(),
            request: self.request.clone(),
            plan: self.plan.clone(),
            held: self.held.clone(),
            ticket: self.ticket,
            report: self.report.clone(),
            ended: self.ended,
            effect: self.effect,
            phase: self.phase,
            errors: self.errors.clone(),
            leases: self.leases.clone(),
        }
    }

    /// The same with slots that retire early, before anything is mapped.
    #[must_use]
    pub fn retiring_after(mut self, generation: u32) -> Self {
        let slots = u32::try_from(self.mappings.len()).unwrap_or(u32::MAX);
        self.mmap = IoMmap::new(Slots::new(slots, &self.host).retiring_after(generation));
        self
    }

    /// All that the session keeps.
    #[must_use]
    pub fn insides(&self) -> Insides<'_, S> {
        Insides {
            loader: &self.loader,
            tensors: &self.tensors,
            io: &self.io,
            mmap: &self.mmap,
            buffers: &self.buffers,
            read: &self.read,
            staged: &self.staged,
            mappings: &self.mappings,
            targets: &self.targets,
        }
    }
}
