//! What a session answers without moving: summary, tensors, metadata, states, slots, machines.
use super::{Session, explain};
use crate::actors::io_buffer::IoBuffer;
use crate::actors::io_loader::IoLoader;
use crate::actors::io_mmap::IoMmap;
use crate::actors::io_read::IoRead;
use crate::actors::io_staged_read::IoStagedRead;
use crate::actors::model_loader::ModelLoader;
use crate::actors::model_tensor::Hold;
use crate::api::{
    BufferState, FilePart, Location, MachineStatus, MetadataEdit, MetadataEntry, ModelSummary, Place, SlotState,
    TensorInfo, TensorLayout, TensorState,
};
use crate::formats::{self, Budget, CatalogueTensor};
use crate::storage::Storage;
use crate::types::{Cause, Error, Lifecycle, Phase};

impl<S: Storage> Session<S> {
    /// What the headers say of the model; of one whose files are missing, only how many it has so far.
    #[must_use]
    pub fn summary(&self) -> ModelSummary {
        match &self.catalogue {
            Some(catalogue) => catalogue.summary(),
            None => ModelSummary {
                format: String::new(),
                version: 0,
                architecture: None,
                sources: u32::try_from(self.sources.len()).unwrap_or(u32::MAX),
                tensors: 0,
                metadata_entries: 0,
                tensor_bytes: 0,
                alignment: 1,
            },
        }
    }

    /// Tensors from index `start`, at most `count`.
    #[must_use]
    pub fn tensors(&self, start: u32, count: u32) -> Vec<TensorInfo> {
        let Some(catalogue) = &self.catalogue else { return Vec::new() };
        let end = start.saturating_add(count).min(catalogue.len());
        (start..end).filter_map(|index| catalogue.tensor(index)).map(info).collect()
    }

    /// The index of a tensor, by its exact name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        self.catalogue.as_ref()?.find(name)
    }

    /// How a tensor's elements lie in its bytes; none for one that is not there, or whose type is not known.
    #[must_use]
    pub fn layout(&self, tensor: u32) -> Option<TensorLayout> {
        self.catalogue.as_ref()?.layout(tensor)
    }

    /// A file of the model with other metadata, as the parts that it consists of. Nothing is read for it.
    ///
    /// # Errors
    /// The file's format has no metadata of this kind, or no such value; the model is not whole.
    pub fn rewrite(&self, source: u32, edits: &[MetadataEdit], block: u64) -> Result<Vec<FilePart>, Error> {
        let Some(catalogue) = &self.catalogue else {
            let message = "The model is not whole yet: provide the missing files first.";
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        };
        let Some((_, header)) = catalogue.files().get(source as usize) else {
            let message = format!("There is no file {source}; the model has {}.", catalogue.files().len());
            return Err(Error::new(Phase::Request, Cause::NotFound, message));
        };
        formats::rewrite(header, edits, block).map_err(|error| error.in_source(source))
    }

    /// Metadata entries from index `start`, at most `count`; of a sequence, at most `head` elements. An answer has at most
    /// about 32 MiB: it ends before the entry that would be too much, or, where that is its only one, has it shortened.
    ///
    /// # Errors
    /// What the host answers when it is asked for the bytes of a value.
    pub fn metadata(&mut self, start: u32, count: u32, head: u32) -> Result<Vec<MetadataEntry>, Error> {
        let Some(catalogue) = &self.catalogue else {
            let message = "The model is not whole yet: provide the missing files first.";
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        };
        self.watch.flush();
        let end = start.saturating_add(count).min(catalogue.metadata_len());
        let (mut entries, mut budget) = (Vec::new(), Budget::default());
        for index in start..end {
            let Some((source, at)) = catalogue.metadata(index) else { break };
            let Some((_, header)) = catalogue.files().get(source as usize) else { break };
            let Some((key, kind)) = header.metadata.get(at) else { break };
            let (storage, from, most) = (&mut self.storage, self.sources.get(source as usize), self.host.max_read);
            let mut fetch = |offset: u64, len: u32| match from {
                Some(from) => storage
                    .read(&from.handle, offset, len.min(most))
                    .map_err(|error| explain::host_error(Phase::Parse, &error).in_source(source)),
                None => Err(Error::new(Phase::Parse, Cause::Internal, "The file is not at hand.")),
            };
            let value = header.metadata.decode(at, head, &mut budget, &mut fetch);
            let value = value.map_err(|error| error.in_source(source))?;
            if budget.is_cut() && !entries.is_empty() {
                break;
            }
            entries.push(MetadataEntry { key: key.to_owned(), kind: kind.to_owned(), source, value });
        }
        Ok(entries)
    }

    /// States from tensor `start`, at most `count`.
    #[must_use]
    pub fn states(&self, start: u32, count: u32) -> Vec<TensorState> {
        let end = start.saturating_add(count).min(self.tensors.len());
        (start..end).map(|index| self.state_of(index)).collect()
    }

    fn state_of(&self, index: u32) -> TensorState {
        let lifecycle = self.tensors.lifecycle(index).unwrap_or(Lifecycle::Unbound);
        let tensor = self.tensors.get(index).copied().unwrap_or_default();
        let bytes = self.catalogue.as_ref().and_then(|c| c.tensor(index)).map_or(0, |found| found.tensor.bytes);
        let (slot, location) = match tensor.hold {
            Hold::Nothing | Hold::NoBytes => (None, None),
            Hold::Mapped { handle, mapping, offset } => {
                (Some(handle.slot), Some(Location { place: Place::Mapping(mapping), offset, bytes }))
            }
            Hold::Copied { target, offset, .. } => {
                (None, Some(Location { place: Place::Target(target), offset, bytes }))
            }
        };
        TensorState { lifecycle, strategy: tensor.strategy, slot, location }
    }

    /// Every slot of the pool.
    #[must_use]
    pub fn slots(&self) -> Vec<SlotState> {
        let state = |slot: &crate::actors::io_mmap::Slot| SlotState {
            status: slot.status,
            generation: slot.generation,
            source: slot.source,
            offset: slot.offset,
            bytes: slot.len,
            tensors: slot.tensors,
        };
        self.mmap.context().slots().iter().map(state).collect()
    }

    /// Buffers from number `start`, at most `count`.
    #[must_use]
    pub fn buffers(&self, start: u32, count: u32) -> Vec<BufferState> {
        let state = |buffer: &crate::actors::io_buffer::Buffer| BufferState {
            status: buffer.status,
            generation: buffer.generation,
            target: buffer.memory.target,
            bytes: buffer.memory.len,
            tensors: buffer.tensors,
            external: buffer.external,
        };
        let buffers = self.buffers.context().buffers().iter();
        buffers.skip(start as usize).take(count as usize).map(state).collect()
    }

    /// Where every machine stands but those of single tensors.
    #[must_use]
    pub fn machines(&self) -> Vec<MachineStatus> {
        let machines = [
            (ModelLoader::NAME, self.loader.state()),
            (IoLoader::NAME, self.io.state()),
            (IoMmap::NAME, self.mmap.state()),
            (IoBuffer::NAME, self.buffers.state()),
            (IoRead::NAME, self.read.state()),
            (IoStagedRead::NAME, self.staged.state()),
        ];
        let status =
            |(machine, state): (&str, String)| MachineStatus { machine: machine.into(), instance: None, state };
        machines.into_iter().map(status).collect()
    }
}

fn info(found: CatalogueTensor<'_>) -> TensorInfo {
    TensorInfo {
        name: found.tensor.name.to_owned(),
        dtype: found.tensor.dtype.to_owned(),
        shape: found.tensor.shape.to_vec(),
        source: found.source,
        offset: found.tensor.offset,
        bytes: found.tensor.bytes,
    }
}
