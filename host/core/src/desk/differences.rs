//! What differs between two models, as the UI learns of it.
use crate::{
    model::TensorDifference,
    types::{MetadataEntry, TensorInfo},
};
use serde::{Deserialize, Serialize};

/// What differs between the model that is open, `a`, and another one, `b`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelDiff {
    /// The model that is open.
    pub a: DiffSide,
    /// The other one.
    pub b: DiffSide,
    /// Entries that differ: those of the first in its order, then those that only the second has.
    pub metadata: Vec<MetadataDiff>,
    /// Tensors that differ, the largest change first.
    pub tensors: Vec<TensorDiff>,
    /// Tensors of the same type and shape.
    pub comparable: u64,
    /// Whether the bytes of these were compared.
    pub compared: bool,
    /// Those of them whose bytes cannot be read.
    pub uncompared: Vec<Uncompared>,
}

impl ModelDiff {
    /// Whether nothing differs, as far as was looked.
    #[must_use]
    pub fn is_same(&self) -> bool {
        let same = self.a.format == self.b.format && self.metadata.is_empty() && self.tensors.is_empty();
        same && self.uncompared.is_empty()
    }
}

/// One of two models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffSide {
    /// How it is called (a file name), unescaped.
    pub label: String,
    /// The name of its format.
    pub format: String,
    /// Its tensors.
    pub tensors: u32,
    /// Bytes of all of them.
    pub tensor_bytes: u64,
}

/// An entry that the two do not share. Arrays have their first elements alone, though they were compared whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetadataDiff {
    /// The entry of the first; none where only the second has it.
    pub a: Option<MetadataEntry>,
    /// The entry of the second.
    pub b: Option<MetadataEntry>,
}

/// A tensor that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorDiff {
    /// How.
    pub difference: TensorDifference,
    /// Of the same type and shape, bytes that are not the same; else those of the larger one.
    pub differing: u64,
    /// Its index in the first, and what that says of it.
    pub a: Option<(u32, TensorInfo)>,
    /// Its index in the second, and what that says of it.
    pub b: Option<(u32, TensorInfo)>,
}

impl TensorDiff {
    /// Its name, unescaped.
    #[must_use]
    pub fn name(&self) -> &str {
        self.a.as_ref().or(self.b.as_ref()).map_or("", |(_, tensor)| &tensor.name)
    }

    /// Bytes of the larger one.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.a.iter().chain(&self.b).map(|(_, tensor)| tensor.bytes).max().unwrap_or(0)
    }
}

/// A tensor of which the bytes could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncompared {
    /// Its name, unescaped.
    pub name: String,
    /// Why not: a sentence.
    pub why: String,
}
