//! What goes into which file, and where: decided before anything is written.
use super::{
    ConvertOptions,
    dtypes::rank,
    header::{HEADER_MOST, METADATA, header},
};
use crate::{error::Error, media::Native, session::Session};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use weighbridge_core::{
    Cause, Engine, MetadataValue, Pattern, Phase, Selection, TensorInfo, TensorLayout, escape, escape_path,
};

/// Most bytes of a metadata text that is carried over.
const LONGEST_TEXT: usize = 16 << 20;
/// Names that a sentence lists.
const LISTED: usize = 3;

/// A tensor as it will be.
pub(super) struct Planned {
    /// Its index in the model.
    pub(super) index: u32,
    pub(super) info: TensorInfo,
    /// Elements per dimension, the last one the fastest.
    pub(super) shape: Vec<u64>,
    /// The same of its strides; empty where the elements lie one after the other.
    pub(super) strides: Vec<u64>,
    /// Bytes of an element, where it has strides.
    pub(super) width: u64,
    /// Its bytes in the new file.
    pub(super) bytes: u64,
    rank: usize,
}

/// A file as it will be.
pub(super) struct Shard {
    pub(super) path: PathBuf,
    /// In the order of their bytes.
    pub(super) tensors: Vec<Planned>,
    pub(super) header: Vec<u8>,
}

/// All files.
pub(super) struct Plan {
    pub(super) shards: Vec<Shard>,
    /// Where the index of the shards goes, and its text, where there are several.
    pub(super) index: Option<(PathBuf, String)>,
    /// Metadata entries that have no place in the new files.
    pub(super) left_out: u32,
}

fn refused(cause: Cause, message: impl Into<String>) -> Error {
    Error::new(Phase::Request, cause, message)
}

impl Plan {
    pub(super) fn new<E: Engine<Media = Native>>(
        session: &mut Session<E>,
        to: &Path,
        options: &ConvertOptions,
    ) -> Result<Self, Error> {
        let tensors = chosen(session, &options.selection)?;
        let (metadata, left_out) = metadata(session, options)?;
        let parts = cut(tensors, options.shard_bytes);
        let count = parts.len();
        let mut shards = Vec::new();
        for (mut tensors, number) in parts.into_iter().zip(1..) {
            tensors.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.info.name.cmp(&b.info.name)));
            let header = header(&tensors, &metadata);
            if header.len() as u64 > HEADER_MOST + 8 {
                let message = format!(
                    "the header of {} would have {} bytes, and readers of safetensors take {HEADER_MOST}; write several \
                     files, each with fewer tensors",
                    escape_path(to),
                    header.len()
                );
                return Err(refused(Cause::LimitExceeded, message));
            }
            let path = if count == 1 { to.to_owned() } else { shard_path(to, number, count)? };
            shards.push(Shard { path, tensors, header });
        }
        let index = if count == 1 { None } else { Some((index_path(to)?, index(&shards))) };
        Ok(Self { shards, index, left_out })
    }
}

/// The tensors that are wanted, in the order of the model; the error lists those that safetensors cannot hold.
fn chosen<E: Engine<Media = Native>>(session: &mut Session<E>, selection: &Selection) -> Result<Vec<Planned>, Error> {
    let infos = session.tensors()?.to_vec();
    let wanted: Vec<u32> = match selection {
        Selection::All => (0..).take(infos.len()).collect(),
        Selection::Tensors(list) => {
            let mut list = list.clone();
            list.sort_unstable();
            list.dedup();
            list
        }
        Selection::Matching(glob) => {
            let pattern = Pattern::new(glob).map_err(|why| {
                let message = format!("the pattern {} is none: {why}", escape(glob));
                let mut error = weighbridge_core::Error::new(Phase::Request, Cause::InvalidRequest, message);
                error.field = Some("select".to_owned());
                Error::from(error)
            })?;
            (0..).zip(&infos).filter(|(_, info)| pattern.matches(&info.name)).map(|(index, _)| index).collect()
        }
    };
    if let (Selection::Matching(glob), true) = (selection, wanted.is_empty()) {
        let message = format!("no tensor's name matches {}; the model has {} tensors", escape(glob), infos.len());
        let mut error = weighbridge_core::Error::new(Phase::Request, Cause::NotFound, message);
        error.field = Some("select".to_owned());
        return Err(error.into());
    }
    let mut planned = Vec::new();
    let mut strange: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for index in wanted {
        let Some(info) = infos.get(index as usize) else {
            return Err(refused(Cause::NotFound, format!("there is no tensor {index}; the model has {}", infos.len())));
        };
        if info.name == METADATA {
            let message =
                format!("a tensor is called {METADATA}, which safetensors has for its metadata; leave it out");
            return Err(refused(Cause::InvalidRequest, message));
        }
        match (rank(&info.dtype), session.layout(index)?) {
            (Some(rank), Some(layout)) => planned.push(Planned::new(index, info, rank, layout)?),
            _ => strange.entry(info.dtype.clone()).or_default().push(info.name.clone()),
        }
    }
    if strange.is_empty() { Ok(planned) } else { Err(no_such_types(&strange)) }
}

/// The error for tensors whose types safetensors does not have.
fn no_such_types(strange: &BTreeMap<String, Vec<String>>) -> Error {
    let types: Vec<String> = strange
        .iter()
        .map(|(dtype, names)| {
            let some: Vec<String> = names.iter().take(LISTED).map(|name| escape(name)).collect();
            let more = names.len().saturating_sub(LISTED);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{} ({}{more})", escape(dtype), some.join(", "))
        })
        .collect();
    let message = format!(
        "safetensors has no element type for {}. Quantized weights have to be made numbers of a plain type first (of a \
         GGUF file: `llama-quantize --allow-requantize IN OUT f16`); or select the other tensors",
        types.join("; ")
    );
    refused(Cause::UnsupportedDtype, message)
}

impl Planned {
    fn new(index: u32, info: &TensorInfo, rank: usize, layout: TensorLayout) -> Result<Self, Error> {
        let TensorLayout { fastest_first, block_bytes, strides, .. } = layout;
        let order = |mut list: Vec<u64>| {
            if fastest_first {
                list.reverse();
            }
            list
        };
        let (shape, strides) = (order(info.shape.clone()), order(strides));
        let bytes = if strides.is_empty() {
            Some(info.bytes)
        } else {
            shape.iter().try_fold(block_bytes, |bytes, dimension| bytes.checked_mul(*dimension))
        };
        let bytes = bytes.ok_or_else(|| {
            let message = format!("tensor {} would have 2^64 bytes or more; leave it out", escape(&info.name));
            refused(Cause::LimitExceeded, message)
        })?;
        Ok(Self { index, info: info.clone(), shape, strides, width: block_bytes, bytes, rank })
    }
}

/// The entries of the new `__metadata__`, and how many of the model have no place there: that of other formats is no text.
fn metadata<E: Engine<Media = Native>>(
    session: &mut Session<E>,
    options: &ConvertOptions,
) -> Result<(BTreeMap<String, String>, u32), Error> {
    let mut texts = BTreeMap::new();
    let format = session.summary().format.as_str();
    let is_own = format == "safetensors";
    // A checkpoint has no metadata: the entries are what the component says of it.
    let left_out = if is_own || format == "pytorch" { 0 } else { session.summary().metadata_entries };
    if is_own {
        for entry in session.metadata(0)? {
            let MetadataValue::Text(text) = entry.value else { continue };
            if text.len() > LONGEST_TEXT {
                let message = format!("the metadata entry {} has more than 16 MiB of text", escape(&entry.key));
                return Err(refused(Cause::LimitExceeded, message));
            }
            // Of shards that say different things the first counts.
            texts.entry(entry.key).or_insert(text);
        }
    }
    texts.extend(options.metadata.iter().cloned());
    Ok((texts, left_out))
}

/// Tensors in their order, as many in each file as `most` bytes hold; at least one.
fn cut(tensors: Vec<Planned>, most: Option<u64>) -> Vec<Vec<Planned>> {
    let Some(most) = most else { return vec![tensors] };
    let mut parts: Vec<Vec<Planned>> = Vec::new();
    let mut room = 0u64;
    for tensor in tensors {
        match (parts.last_mut(), room.checked_sub(tensor.bytes)) {
            (Some(last), Some(left)) => {
                room = left;
                last.push(tensor);
            }
            _ => {
                room = most.saturating_sub(tensor.bytes);
                parts.push(vec![tensor]);
            }
        }
    }
    if parts.is_empty() { vec![Vec::new()] } else { parts }
}

/// `model.safetensors` as its parts before and after the number of a shard.
fn stem(to: &Path) -> Result<&str, Error> {
    let name = to.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.strip_suffix(".safetensors")).filter(|stem| !stem.is_empty()).ok_or_else(|| {
        let message = format!(
            "{} cannot be cut into several files: their names are made of one that ends in .safetensors",
            escape_path(to)
        );
        refused(Cause::InvalidRequest, message)
    })
}

fn shard_path(to: &Path, number: usize, count: usize) -> Result<PathBuf, Error> {
    Ok(to.with_file_name(format!("{}-{number:05}-of-{count:05}.safetensors", stem(to)?)))
}

fn index_path(to: &Path) -> Result<PathBuf, Error> {
    Ok(to.with_file_name(format!("{}.safetensors.index.json", stem(to)?)))
}

/// The index, as `transformers` writes it.
fn index(shards: &[Shard]) -> String {
    let name =
        |shard: &Shard| shard.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut map = BTreeMap::new();
    let mut total = 0u64;
    for shard in shards {
        for tensor in &shard.tensors {
            total = total.saturating_add(tensor.bytes);
            map.insert(tensor.info.name.as_str(), name(shard));
        }
    }
    let index = serde_json::json!({ "metadata": { "total_size": total }, "weight_map": map });
    format!("{index:#}\n")
}
