//! `weighbridge.inspect/1`: what the headers say, for programs.
use super::Inspected;
use super::value::Value;
use crate::load::{FileJson, files_json};
use crate::session::Opened;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use weighbridge::model::{CacheEstimate, MemoryEstimate, Sum, Totals};
use weighbridge::{Finding, MetadataEntry, MetadataValue};

#[derive(Serialize)]
pub(super) struct Report<'a> {
    schema: &'static str,
    files: Vec<FileJson>,
    format: &'a str,
    version: u32,
    architecture: Option<&'a str>,
    alignment: u64,
    tensor_bytes: u64,
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shard_metadata: Vec<Shard<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shortened: Vec<Shortened<'a>>,
    /// What was noticed of the model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<&'a Finding>,
    totals: TotalsJson<'a>,
    memory: MemoryJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensors: Option<Vec<TensorReport<'a>>>,
}

#[derive(Serialize)]
struct Shard<'a> {
    file: u32,
    metadata: Metadata<'a>,
}

/// An array that the component had no room for.
#[derive(Serialize)]
pub(super) struct Shortened<'a> {
    file: u32,
    pub(super) key: &'a str,
    pub(super) elements: u64,
    pub(super) shown: usize,
}

/// Of metadata that were asked for whole, the arrays that are not.
pub(super) fn cut<'a>(metadata: &'a [MetadataEntry]) -> Vec<Shortened<'a>> {
    let cut = |entry: &'a MetadataEntry| match &entry.value {
        MetadataValue::Sequence(sequence) if sequence.count > sequence.head.len() as u64 => Some(Shortened {
            file: entry.source,
            key: &entry.key,
            elements: sequence.count,
            shown: sequence.head.len(),
        }),
        _ => None,
    };
    metadata.iter().filter_map(cut).collect()
}

#[derive(Serialize)]
struct TotalsJson<'a> {
    #[serde(flatten)]
    all: Sum,
    dtypes: Vec<DtypeJson<'a>>,
    layers: Vec<LayerJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unlisted_layers: Option<Sum>,
}

#[derive(Serialize)]
struct DtypeJson<'a> {
    dtype: &'a str,
    #[serde(flatten)]
    sum: Sum,
}

#[derive(Serialize)]
struct LayerJson<'a> {
    stem: &'a str,
    number: Option<u32>,
    #[serde(flatten)]
    sum: Sum,
}

#[derive(Serialize)]
struct MemoryJson<'a> {
    weights: u64,
    cache: Option<CacheEstimate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_unknown: Option<&'a str>,
    total: Option<u64>,
}

#[derive(Serialize)]
struct TensorReport<'a> {
    name: &'a str,
    dtype: &'a str,
    shape: &'a [u64],
    file: u32,
    offset: u64,
    bytes: u64,
}

impl<'a> TotalsJson<'a> {
    fn new(totals: &'a Totals) -> Self {
        Self {
            all: totals.all,
            dtypes: totals.dtypes.iter().map(|total| DtypeJson { dtype: &total.dtype, sum: total.sum }).collect(),
            layers: totals
                .layers
                .iter()
                .map(|layer| LayerJson { stem: &layer.stem, number: layer.number, sum: layer.sum })
                .collect(),
            unlisted_layers: (totals.unlisted.tensors > 0).then_some(totals.unlisted),
        }
    }
}

impl<'a> MemoryJson<'a> {
    fn new(memory: &'a MemoryEstimate) -> Self {
        Self {
            weights: memory.weights,
            cache: memory.cache,
            cache_unknown: memory.unknown.as_deref(),
            total: memory.total(),
        }
    }
}

impl<'a> Report<'a> {
    pub(super) fn new(opened: &'a Opened, model: &'a Inspected, with_tensors: bool) -> Self {
        let summary = opened.session.summary();
        let of = |file| Metadata(model.metadata.iter().filter(|entry| entry.source == file).collect());
        let shards = (1..summary.sources).map(|file| Shard { file, metadata: of(file) });
        let tensors = || {
            let reports = model.tensors.iter().map(|(_, tensor)| TensorReport {
                name: &tensor.name,
                dtype: &tensor.dtype,
                shape: &tensor.shape,
                file: tensor.source,
                offset: tensor.offset,
                bytes: tensor.bytes,
            });
            reports.collect()
        };
        Self {
            schema: "weighbridge.inspect/1",
            files: files_json(opened),
            format: &summary.format,
            version: summary.version,
            architecture: summary.architecture.as_deref(),
            alignment: summary.alignment,
            tensor_bytes: summary.tensor_bytes,
            metadata: of(0),
            shortened: cut(&model.metadata),
            findings: model.findings.iter().collect(),
            shard_metadata: shards.filter(|shard| !shard.metadata.0.is_empty()).collect(),
            totals: TotalsJson::new(&model.totals),
            memory: MemoryJson::new(&model.memory),
            tensors: with_tensors.then(tensors),
        }
    }
}

/// Entries of one file as an object, in the order of the file.
struct Metadata<'a>(Vec<&'a MetadataEntry>);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for entry in &self.0 {
            map.serialize_entry(&entry.key, &Value(&entry.value))?;
        }
        map.end()
    }
}

/// `weighbridge.metadata/1`
#[derive(Serialize)]
pub(super) struct OneEntry<'a> {
    schema: &'static str,
    key: &'a str,
    #[serde(rename = "type")]
    kind: String,
    file: u32,
    value: Value<'a>,
}

impl<'a> OneEntry<'a> {
    pub(super) fn new(entry: &'a MetadataEntry) -> Self {
        let kind = super::value::kind(entry);
        Self { schema: "weighbridge.metadata/1", key: &entry.key, kind, file: entry.source, value: Value(&entry.value) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use weighbridge::SequenceHead;

    #[test]
    fn an_array_that_is_not_whole_is_named() {
        let entry = |key: &str, count, head: &[&str]| {
            let head = head.iter().map(|text| (*text).to_owned()).collect();
            let value = MetadataValue::Sequence(SequenceHead { element: "u8".to_owned(), count, head });
            MetadataEntry { key: key.to_owned(), kind: "array".to_owned(), source: 1, value }
        };
        let entries = [entry("short", 9, &["1", "2"]), entry("whole", 1, &["1"]), entry("empty", 0, &[])];
        let json = serde_json::to_string(&cut(&entries)).unwrap();
        assert_eq!(json, "[{\"file\":1,\"key\":\"short\",\"elements\":9,\"shown\":2}]");
    }
}
