//! The host's side of the contract as a trait: what the driver performs commands through. The component implements it over
//! its imports; tests, the model checker and the fuzzers over doubles.
use crate::types::{Advice, AdviceEffect};

pub use crate::bindings::weighbridge::loader::storage::{BatchError, Capabilities, CopySpan, SourceStat, StorageError};

/// `storage` of `wit/storage.wit`, function for function.
#[expect(clippy::missing_errors_doc, reason = "the errors are those of wit/storage.wit")]
pub trait Storage {
    /// A granted file. Dropping it gives it back.
    type Source;
    /// A mapping. Dropping it unmaps when the last view goes.
    type Mapping;
    /// Memory, or a consumer. Dropping it frees when the last view goes.
    type Target;

    /// What this host can do.
    fn capabilities(&mut self) -> Capabilities;
    /// Size in bytes and identity.
    fn stat(&mut self, source: &Self::Source) -> Result<SourceStat, StorageError>;
    /// Header bytes; short only at the end of the source.
    fn read(&mut self, source: &Self::Source, offset: u64, len: u32) -> Result<Vec<u8>, StorageError>;
    /// Maps `len` bytes from an aligned offset.
    fn map_range(&mut self, source: &Self::Source, offset: u64, len: u64) -> Result<Self::Mapping, StorageError>;
    /// The host's name for a mapping.
    fn mapping_id(&mut self, mapping: &Self::Mapping) -> u64;
    /// Advice for a range of a mapping.
    fn advise(
        &mut self,
        mapping: &Self::Mapping,
        offset: u64,
        len: u64,
        advice: Advice,
    ) -> Result<AdviceEffect, StorageError>;
    /// Ends a mapping; on an error it is still there.
    fn unmap(&mut self, mapping: &Self::Mapping) -> Result<(), StorageError>;
    /// Fresh memory of `len` bytes.
    fn allocate(&mut self, len: u64) -> Result<Self::Target, StorageError>;
    /// The host's name for a target.
    fn target_id(&mut self, target: &Self::Target) -> u64;
    /// Capacity of a target in bytes.
    fn target_len(&mut self, target: &Self::Target) -> u64;
    /// Gives a target back; on an error it is still there.
    fn free(&mut self, target: &Self::Target) -> Result<(), StorageError>;
    /// The targets that the embedder registered for these tensors.
    fn registered(&mut self, tensors: &[String]) -> Result<Vec<Option<Self::Target>>, StorageError>;
    /// Moves bytes from sources to targets; all spans or none count.
    fn read_into(
        &mut self,
        sources: &[&Self::Source],
        targets: &[&Self::Target],
        batch: &[CopySpan],
    ) -> Result<(), BatchError>;
}
