//! What two models' headers say differently.
use crate::{MetadataEntry, MetadataValue, TensorInfo};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// A model's headers, as far as they are compared.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// The name of the format.
    pub format: &'a str,
    /// All metadata, arrays whole.
    pub metadata: &'a [MetadataEntry],
    /// All tensors.
    pub tensors: &'a [TensorInfo],
}

/// A metadata entry that the two do not share.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataChange<'a> {
    /// The entry of the first; none where only the second has it.
    pub a: Option<&'a MetadataEntry>,
    /// The entry of the second.
    pub b: Option<&'a MetadataEntry>,
}

impl<'a> MetadataChange<'a> {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> &'a str {
        self.a.or(self.b).map_or("", |entry| &entry.key)
    }
}

/// How a tensor differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TensorDifference {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// The shapes differ, as rows and columns.
    Shape,
    /// The element types differ.
    Dtype,
    /// Type and shape are the same: the bytes can be compared.
    Comparable,
}

impl TensorDifference {
    /// What differs, in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Shape => "shape",
            Self::Dtype => "dtype",
            Self::Comparable => "bytes",
        }
    }
}

/// A tensor of one or both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorPair<'a> {
    /// Its index and what the first says of it.
    pub a: Option<(u32, &'a TensorInfo)>,
    /// Its index and what the second says of it.
    pub b: Option<(u32, &'a TensorInfo)>,
    /// How it differs.
    pub difference: TensorDifference,
}

impl<'a> TensorPair<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.a.or(self.b).map_or("", |(_, tensor)| &tensor.name)
    }

    /// Bytes of the larger one.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.a.iter().chain(&self.b).map(|(_, tensor)| tensor.bytes).max().unwrap_or(0)
    }
}

/// Dimensions from the outermost to the contiguous one: GGUF has them the other way round.
#[must_use]
pub fn row_major(format: &str, shape: &[u64]) -> Vec<u64> {
    if format == "gguf" { shape.iter().rev().copied().collect() } else { shape.to_vec() }
}

/// The entries that differ: those of the first in its order, then those that only the second has. An entry of a split
/// model is the first of its key.
#[must_use]
pub fn metadata_changes<'a>(a: &Headers<'a>, b: &Headers<'a>) -> Vec<MetadataChange<'a>> {
    let (ours, theirs) = (first_of_each(a.metadata), first_of_each(b.metadata));
    let find: HashMap<&str, &MetadataEntry> = theirs.iter().map(|entry| (entry.key.as_str(), *entry)).collect();
    let mut seen = HashSet::new();
    let mut changes = Vec::new();
    for entry in ours {
        seen.insert(entry.key.as_str());
        let other = find.get(entry.key.as_str()).copied();
        if other.is_none_or(|other| other.kind != entry.kind || !same(&other.value, &entry.value)) {
            changes.push(MetadataChange { a: Some(entry), b: other });
        }
    }
    let added = theirs.into_iter().filter(|entry| !seen.contains(entry.key.as_str()));
    changes.extend(added.map(|entry| MetadataChange { a: None, b: Some(entry) }));
    changes
}

fn first_of_each(entries: &[MetadataEntry]) -> Vec<&MetadataEntry> {
    let mut seen = HashSet::new();
    entries.iter().filter(|entry| seen.insert(entry.key.as_str())).collect()
}

/// A NaN is the same as the same NaN.
fn same(a: &MetadataValue, b: &MetadataValue) -> bool {
    match (a, b) {
        (MetadataValue::Floating(a), MetadataValue::Floating(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

/// Every tensor of both, by name: those of the first in its order, then those that only the second has.
#[must_use]
pub fn tensor_pairs<'a>(a: &Headers<'a>, b: &Headers<'a>) -> Vec<TensorPair<'a>> {
    let mut theirs: HashMap<&str, (u32, &TensorInfo)> =
        b.tensors.iter().zip(0..).map(|(tensor, index)| (tensor.name.as_str(), (index, tensor))).collect();
    let mut pairs = Vec::new();
    for (tensor, index) in a.tensors.iter().zip(0..) {
        let other = theirs.remove(tensor.name.as_str());
        let difference = match other {
            None => TensorDifference::Removed,
            Some((_, other)) if row_major(a.format, &tensor.shape) != row_major(b.format, &other.shape) => {
                TensorDifference::Shape
            }
            Some((_, other)) if tensor.dtype != other.dtype || tensor.bytes != other.bytes => TensorDifference::Dtype,
            Some(_) => TensorDifference::Comparable,
        };
        pairs.push(TensorPair { a: Some((index, tensor)), b: other, difference });
    }
    for (tensor, index) in b.tensors.iter().zip(0..) {
        if theirs.contains_key(tensor.name.as_str()) {
            pairs.push(TensorPair { a: None, b: Some((index, tensor)), difference: TensorDifference::Added });
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, dtype: &str, shape: &[u64]) -> TensorInfo {
        let (name, dtype, shape) = (name.to_owned(), dtype.to_owned(), shape.to_vec());
        TensorInfo { name, dtype, shape, source: 0, offset: 0, bytes: 8 }
    }

    fn entry(key: &str, value: MetadataValue) -> MetadataEntry {
        MetadataEntry { key: key.to_owned(), kind: "x".to_owned(), source: 0, value }
    }

    #[test]
    fn tensors_are_paired_by_name_across_formats() {
        let a = [tensor("same", "F32", &[2, 1]), tensor("gone", "F32", &[2]), tensor("typed", "F32", &[2])];
        let b = [tensor("typed", "I32", &[2]), tensor("new", "F32", &[2]), tensor("same", "F32", &[1, 2])];
        let a = Headers { format: "gguf", metadata: &[], tensors: &a };
        let b = Headers { format: "safetensors", metadata: &[], tensors: &b };
        let pairs = tensor_pairs(&a, &b);
        let found: Vec<_> = pairs.iter().map(|pair| (pair.name(), pair.difference)).collect();
        assert_eq!(
            found,
            [
                ("same", TensorDifference::Comparable),
                ("gone", TensorDifference::Removed),
                ("typed", TensorDifference::Dtype),
                ("new", TensorDifference::Added)
            ]
        );
        assert_eq!(tensor_pairs(&a, &Headers { format: "npy", ..a })[0].difference, TensorDifference::Shape);
    }

    #[test]
    fn metadata_are_compared_by_value_and_type() {
        let nan = || MetadataValue::Floating(f64::NAN);
        let a = [entry("nan", nan()), entry("n", MetadataValue::Unsigned(1)), entry("gone", nan())];
        let b = [entry("n", MetadataValue::Unsigned(2)), entry("nan", nan()), entry("new", nan())];
        let a = Headers { format: "gguf", metadata: &a, tensors: &[] };
        let b = Headers { format: "gguf", metadata: &b, tensors: &[] };
        let changes = metadata_changes(&a, &b);
        let found: Vec<_> = changes.iter().map(|c| (c.key(), c.a.is_some(), c.b.is_some())).collect();
        assert_eq!(found, [("n", true, true), ("gone", true, false), ("new", false, true)]);
    }
}
