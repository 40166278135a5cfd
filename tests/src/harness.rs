//! A host with a session on it: the driver over the double, or the component on wasmtime over real files.
use crate::double::Leaks;
use crate::faults::Fault;
use crate::files::Model;
use weighbridge_loader::api::{
    BufferState, LoadOptions, LoadReport, MachineStatus, Selection, SessionOptions, SlotState, TensorInfo, TensorState,
};
use weighbridge_loader::types::{Advice, AdviceEffect, Error};

/// What a host is to be like.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// The guest's options.
    pub options: SessionOptions,
    /// The host can map.
    pub mmap: bool,
    /// The host advises.
    pub advise: bool,
    /// Most spans of a batch.
    pub max_batch: u32,
    /// Most bytes of a header read.
    pub max_read: u32,
    /// Granularity of mappings; the double's alone to choose.
    pub granularity: u64,
    /// Nobody has to know which rows were taken.
    pub quiet: bool,
    /// Memory that is registered: tensor and bytes.
    pub registered: Vec<(String, usize)>,
}

/// What a scenario does to a session and sees of it. Every answer is in the contract's own types.
pub trait Harness {
    /// Opens the files that are given at first.
    ///
    /// # Errors
    /// As the session's.
    fn open(model: &Model, setup: &Setup, faults: &[Fault]) -> Result<Self, Error>
    where
        Self: Sized;
    /// Names of missing files.
    fn missing(&mut self) -> Vec<String>;
    /// Gives files by their number in the model.
    ///
    /// # Errors
    /// As the session's.
    fn provide(&mut self, files: &[usize]) -> Result<(), Error>;
    /// What the headers say.
    fn tensors(&mut self) -> Vec<TensorInfo>;
    /// `session.load`.
    ///
    /// # Errors
    /// As the session's.
    fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error>;
    /// `session.release`.
    ///
    /// # Errors
    /// As the session's.
    fn release(&mut self, selection: &Selection) -> Result<u32, Error>;
    /// `session.evict`.
    ///
    /// # Errors
    /// As the session's.
    fn evict(&mut self, selection: &Selection) -> Result<u32, Error>;
    /// `session.advise`.
    ///
    /// # Errors
    /// As the session's.
    fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error>;
    /// `session.states`, all.
    fn states(&mut self) -> Vec<TensorState>;
    /// `session.buffers`.
    fn buffers(&mut self) -> Vec<BufferState>;
    /// `session.slots`.
    fn slots(&mut self) -> Vec<SlotState>;
    /// `session.machines`.
    fn machines(&mut self) -> Vec<MachineStatus>;
    /// `session.close`.
    ///
    /// # Errors
    /// As the session's.
    fn close(&mut self) -> Result<(), Error>;
    /// The bytes of a resident tensor, as a user sees them.
    fn bytes(&mut self, tensor: u32) -> Option<Vec<u8>>;
    /// Takes a view and keeps it.
    fn view(&mut self, tensor: u32);
    /// Drops all views.
    fn unview(&mut self);
    /// Arms a fault.
    fn arm(&mut self, fault: Fault);
    /// Disarms all faults.
    fn disarm(&mut self);
    /// How many calls of storage functions there were, of one kind or of any.
    fn calls(&mut self, kind: Option<crate::faults::Kind>) -> usize;
    /// How many calls faults have struck.
    fn struck(&mut self) -> usize;
    /// As [`Self::slots`], where a closed session still answers.
    fn slots_when_closed(&mut self) -> Vec<SlotState>;
    /// The file gets another length, in a way that the host notices.
    fn change(&mut self, file: usize, len: usize);
    /// What is held.
    fn leaks(&mut self) -> Leaks;
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            options: default_options(),
            mmap: true,
            advise: true,
            max_batch: 1 << 16,
            max_read: 1 << 20,
            granularity: 4096,
            quiet: false,
            registered: Vec::new(),
        }
    }
}

/// The guest's defaults.
#[must_use]
pub const fn default_options() -> SessionOptions {
    use weighbridge_loader::api::Limits;
    use weighbridge_loader::types::Level;
    SessionOptions {
        slots: 0,
        limits: Limits { header_bytes: 0, tensors: 0, metadata_entries: 0, name_bytes: 0, nesting: 0 },
        observe: Level::Off,
        partial: false,
    }
}
