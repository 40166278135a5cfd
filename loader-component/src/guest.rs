//! The component: the driver over the imports of `wit/storage.wit` and `wit/observer.wit`.
use crate::actors::tables;
use crate::api::{
    BufferState, FilePart, Finding, FormatInfo, Guest, GuestSession, LoadOptions, LoadReport, MachineStatus,
    MachineTable, MetadataEdit, MetadataEntry, ModelSummary, NamedSource, Selection, Session as SessionHandle,
    SessionOptions, SlotState, TensorInfo, TensorLayout, TensorState,
};
use crate::bindings::weighbridge::loader::observer::{self, Entry};
use crate::bindings::weighbridge::loader::storage as host;
use crate::driver::Session;
use crate::formats::formats;
use crate::observe::Observer;
use crate::storage::{BatchError, Capabilities, CopySpan, SourceStat, Storage, StorageError};
use crate::types::{Advice, AdviceEffect, Error, Level};
use std::cell::RefCell;

struct Component;

#[expect(unsafe_code, reason = "the exports of the component, as wit-bindgen writes them")]
mod exports {
    crate::bindings::export!(Component with_types_in crate::bindings);
    use super::Component;
}

impl Guest for Component {
    type Session = Shared;

    fn formats() -> Vec<FormatInfo> {
        formats().map(FormatInfo::from).collect()
    }

    fn describe() -> Vec<MachineTable> {
        tables()
    }
}

/// The imports.
struct Host;

impl Storage for Host {
    type Source = host::Source;
    type Mapping = host::Mapping;
    type Target = host::Target;

    fn capabilities(&mut self) -> Capabilities {
        host::get_capabilities()
    }

    fn stat(&mut self, source: &Self::Source) -> Result<SourceStat, StorageError> {
        source.stat()
    }

    fn read(&mut self, source: &Self::Source, offset: u64, len: u32) -> Result<Vec<u8>, StorageError> {
        source.read(offset, len)
    }

    fn map_range(&mut self, source: &Self::Source, offset: u64, len: u64) -> Result<Self::Mapping, StorageError> {
        source.map_range(offset, len)
    }

    fn mapping_id(&mut self, mapping: &Self::Mapping) -> u64 {
        mapping.id()
    }

    fn advise(
        &mut self,
        mapping: &Self::Mapping,
        offset: u64,
        len: u64,
        advice: Advice,
    ) -> Result<AdviceEffect, StorageError> {
        mapping.advise(offset, len, advice)
    }

    fn unmap(&mut self, mapping: &Self::Mapping) -> Result<(), StorageError> {
        mapping.unmap()
    }

    fn allocate(&mut self, len: u64) -> Result<Self::Target, StorageError> {
        host::allocate(len)
    }

    fn target_id(&mut self, target: &Self::Target) -> u64 {
        target.id()
    }

    fn target_len(&mut self, target: &Self::Target) -> u64 {
        target.len()
    }

    fn free(&mut self, target: &Self::Target) -> Result<(), StorageError> {
        target.free()
    }

    fn registered(&mut self, tensors: &[String]) -> Result<Vec<Option<Self::Target>>, StorageError> {
        host::registered(tensors)
    }

    fn read_into(
        &mut self,
        sources: &[&Self::Source],
        targets: &[&Self::Target],
        batch: &[CopySpan],
    ) -> Result<(), BatchError> {
        host::read_into(sources, targets, batch)
    }
}

struct Import;

impl Observer for Import {
    fn add_names(&mut self, names: &[String]) {
        observer::add_names(names);
    }

    fn emit(&mut self, entries: &[Entry]) {
        observer::emit(entries);
    }
}

/// A session behind the shared handle that the contract's methods get. No method calls back into the guest, so the borrow
/// is always free.
struct Shared(RefCell<Session<Host>>);

fn unpack(sources: Vec<NamedSource>) -> Vec<(String, host::Source)> {
    sources.into_iter().map(|NamedSource { name, source }| (name, source)).collect()
}

impl GuestSession for Shared {
    fn open(sources: Vec<NamedSource>, options: SessionOptions) -> Result<SessionHandle, Error> {
        let session = Session::open(Host, unpack(sources), &options, Box::new(Import))?;
        Ok(SessionHandle::new(Self(RefCell::new(session))))
    }

    fn missing(&self) -> Vec<String> {
        self.0.borrow().missing().to_vec()
    }

    fn provide(&self, sources: Vec<NamedSource>) -> Result<(), Error> {
        self.0.borrow_mut().provide(unpack(sources))
    }

    fn summary(&self) -> ModelSummary {
        self.0.borrow().summary()
    }

    fn tensors(&self, start: u32, count: u32) -> Vec<TensorInfo> {
        self.0.borrow().tensors(start, count)
    }

    fn find(&self, name: String) -> Option<u32> {
        self.0.borrow().find(&name)
    }

    fn layout(&self, tensor: u32) -> Option<TensorLayout> {
        self.0.borrow().layout(tensor)
    }

    fn rewrite(&self, source: u32, edits: Vec<MetadataEdit>, block: u64) -> Result<Vec<FilePart>, Error> {
        self.0.borrow().rewrite(source, &edits, block)
    }

    fn metadata(&self, start: u32, count: u32, head: u32) -> Result<Vec<MetadataEntry>, Error> {
        self.0.borrow_mut().metadata(start, count, head)
    }

    fn findings(&self) -> Vec<Finding> {
        self.0.borrow().findings()
    }

    fn load(&self, tensors: Selection, options: LoadOptions) -> Result<LoadReport, Error> {
        self.0.borrow_mut().load(&tensors, &options)
    }

    fn release(&self, tensors: Selection) -> Result<u32, Error> {
        self.0.borrow_mut().release(&tensors)
    }

    fn evict(&self, tensors: Selection) -> Result<u32, Error> {
        self.0.borrow_mut().evict(&tensors)
    }

    fn advise(&self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        self.0.borrow_mut().advise(tensor, advice)
    }

    fn states(&self, start: u32, count: u32) -> Vec<TensorState> {
        self.0.borrow().states(start, count)
    }

    fn slots(&self) -> Vec<SlotState> {
        self.0.borrow().slots()
    }

    fn buffers(&self, start: u32, count: u32) -> Vec<BufferState> {
        self.0.borrow().buffers(start, count)
    }

    fn machines(&self) -> Vec<MachineStatus> {
        self.0.borrow().machines()
    }

    fn observe(&self, level: Level) {
        self.0.borrow_mut().observe(level);
    }

    fn close(&self) -> Result<(), Error> {
        self.0.borrow_mut().close()
    }
}
