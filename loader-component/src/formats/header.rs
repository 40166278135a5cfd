//! What one file says, whichever format it has.
use super::format::Format;
use super::metadata::MetadataIndex;
use super::shard_index::ShardIndex;
use super::table::TensorTable;
use crate::api::Finding;

/// What one file's header says.
#[derive(Clone, Debug)]
pub struct Header {
    /// What the file is.
    pub format: &'static Format,
    /// The format's version; 0 where it has none.
    pub version: u32,
    /// Alignment of tensor data in bytes; 1 where the format has none.
    pub alignment: u64,
    /// Where tensor data begins, in bytes.
    pub data_offset: u64,
    /// Bytes of the source.
    pub size: u64,
    /// Tensors in file order, with offsets in the source.
    pub tensors: TensorTable,
    /// Metadata entries in file order.
    pub metadata: MetadataIndex,
    /// What the file is to its model.
    pub role: Role,
    /// What was noticed of the file; sources are not named, and tensors have their numbers in the file.
    pub findings: Vec<Finding>,
}

impl Header {
    /// Its place among numbered parts, where it is one.
    #[must_use]
    pub fn part(&self) -> Option<Part> {
        match self.role {
            Role::Part(part) => Some(part),
            Role::Whole | Role::Index(_) => None,
        }
    }

    /// What it says of shards, where it is an index.
    #[must_use]
    pub fn index(&self) -> Option<&ShardIndex> {
        match &self.role {
            Role::Index(index) => Some(index),
            Role::Whole | Role::Part(_) => None,
        }
    }
}

/// What a file is to its model.
#[derive(Clone, Debug)]
pub enum Role {
    /// All of it, or a shard that says nothing of the others.
    Whole,
    /// One of numbered parts.
    Part(Part),
    /// The list of its shards; it holds no tensors.
    Index(ShardIndex),
}

/// A file's place among the numbered parts of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of this part, from 0.
    pub no: u32,
    /// Parts.
    pub count: u32,
    /// Tensors in all parts, where the file says so.
    pub tensors: Option<u64>,
}
