//! What runs a guest: the trait where the core ends above.
use crate::{host::Host, media::Media};
use weighbridge_wit::{
    Advice, AdviceEffect, BufferState, Error, FilePart, Finding, FormatInfo, GuestOptions, Level, LoadOptions,
    LoadReport, MachineStatus, MachineTable, MetadataEdit, MetadataEntry, ModelSummary, Selection, SlotState,
    TensorInfo, TensorLayout, TensorState,
};

/// A file as the guest gets it: a name, and its number in the host's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The name that the guest knows it by.
    pub name: String,
    /// Its number.
    pub number: u32,
}

/// A file of the system that an engine works on.
pub type SourceOf<E> = <<E as Engine>::Media as Media>::Source;

/// What an export returned: what the guest said, or why the guest was ended. A guest that was ended is not called again.
pub type Called<T> = Result<T, Error>;

/// One instance of a loader component that can be called. Its imports go to the [`Host`] that it holds.
///
/// Each method calls the export of the same name; `open` keeps the session that the guest hands out, and the others use
/// it. The core calls nothing before `open` but `formats` and `describe`.
#[allow(missing_docs, reason = "each is the export of its name in wit/loader.wit")]
pub trait Engine {
    /// The files and the memory that the guest's imports work with.
    type Media: Media;

    /// Gives access to the host's side of the session. It is not held while an export runs.
    fn host<R>(&mut self, use_it: impl FnOnce(&mut Host<Self::Media>) -> R) -> R;

    fn formats(&mut self) -> Called<Vec<FormatInfo>>;
    fn describe(&mut self) -> Called<Vec<MachineTable>>;
    fn open(&mut self, sources: &[Grant], options: GuestOptions) -> Called<Result<(), Error>>;
    fn missing(&mut self) -> Called<Vec<String>>;
    fn provide(&mut self, sources: &[Grant]) -> Called<Result<(), Error>>;
    fn summary(&mut self) -> Called<ModelSummary>;
    fn tensors(&mut self, start: u32, count: u32) -> Called<Vec<TensorInfo>>;
    fn layout(&mut self, tensor: u32) -> Called<Option<TensorLayout>>;
    fn rewrite(&mut self, source: u32, edits: &[MetadataEdit], block: u64) -> Called<Result<Vec<FilePart>, Error>>;
    fn metadata(&mut self, start: u32, count: u32, head: u32) -> Called<Result<Vec<MetadataEntry>, Error>>;
    fn findings(&mut self) -> Called<Vec<Finding>>;
    fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Called<Result<LoadReport, Error>>;
    fn release(&mut self, selection: &Selection) -> Called<Result<u32, Error>>;
    fn evict(&mut self, selection: &Selection) -> Called<Result<u32, Error>>;
    fn advise(&mut self, tensor: u32, advice: Advice) -> Called<Result<AdviceEffect, Error>>;
    fn states(&mut self, start: u32, count: u32) -> Called<Vec<TensorState>>;
    fn slots(&mut self) -> Called<Vec<SlotState>>;
    fn buffers(&mut self, start: u32, count: u32) -> Called<Vec<BufferState>>;
    fn machines(&mut self) -> Called<Vec<MachineStatus>>;
    fn observe(&mut self, level: Level) -> Called<()>;
    fn close(&mut self) -> Called<Result<(), Error>>;
}
