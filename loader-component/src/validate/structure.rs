//! Every layer is whole: block indices have no holes, and each block has the same tensors.
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};

use crate::formats::{Catalogue, escape};
use crate::types::{Cause, Error, Phase};

/// Name segments that a block's number follows.
const MARKERS: &[&str] = &["blk", "layers", "layer", "h", "blocks", "block"];
/// The group that `<arch>.block_count` counts.
const MAIN: &str = "blk";

/// Parts of names that models of mixed blocks have: mixtures of experts (some blocks are dense), state-space and
/// convolution hybrids, linear attention, cross attention in some blocks, multi-token prediction in the last.
const MIXED: &[&str] = &[
    "_exps",
    "shexp",
    "expert",
    "router",
    "ssm",
    "mamba",
    "shortconv",
    "conv",
    "linear_attn",
    "cross_attn",
    "nextn",
    "mtp",
];
/// Parts of names that quantized safetensors have. Such files often leave some blocks at full width, without these.
const QUANTIZED: &[&str] =
    &["qweight", "weight_packed", "weight_scale", "input_scale", "scale_inv", "absmax", "quant_state", "qzeros"];
/// Metadata, after the architecture's name, of models of mixed blocks; where it is an array it says so per block.
const MIXED_KEYS: &[&str] = &[
    "expert_count",
    "leading_dense_block_count",
    "nextn_predict_layers",
    "attention.shared_kv_layers",
    "full_attention_interval",
];
const PER_BLOCK_KEYS: &[&str] = &["attention.head_count", "attention.head_count_kv", "feed_forward_length"];
/// Tensors that one block keeps for all: relative position biases of T5.
const SHARED: &[&str] = &["attn_rel_b", "relative_attention_bias", "rope_freqs", "rotary_emb"];

struct Block {
    first: u32,
    /// A sum over the suffixes' hashes, so that order does not count.
    signature: u64,
    tensors: u32,
}

#[derive(Default)]
struct Group<'m> {
    blocks: BTreeMap<u32, Block>,
    mixed: bool,
    example: &'m str,
}

/// A tensor's place in a block: `(model.layers, 3, self_attn.q_proj.weight)`.
fn place(name: &str) -> Option<(&str, u32, &str)> {
    let mut from = 0usize;
    for segment in name.split('.') {
        let end = from.checked_add(segment.len())?;
        if MARKERS.contains(&segment)
            && let Some((number, suffix)) = name.get(end.checked_add(1)?..).and_then(|rest| rest.split_once('.'))
            && number.bytes().all(|byte| byte.is_ascii_digit())
            // `layers.2.weight` is a step of a sequence, whose activations have numbers and no tensors.
            && suffix.contains('.')
            && let Ok(number) = number.parse()
        {
            return Some((name.get(..end)?, number, suffix));
        }
        from = end.checked_add(1)?;
    }
    None
}

fn is_shared(suffix: &str) -> bool {
    SHARED.iter().any(|shared| suffix.contains(shared))
}

fn hash(suffix: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(suffix.as_bytes());
    hasher.finish()
}

/// Checks that blocks are numbered from 0 without holes, that the blocks of a group have the same tensors, and that there
/// are as many as `<arch>.block_count` says. In models of mixed blocks (experts, hybrids, per-block shapes in the
/// metadata) blocks may differ, so only holes and the count are checked. Groups, such as the encoder and the decoder of a
/// model, are told apart by what stands before the number.
///
/// # Errors
/// Phase `structure`, cause `malformed`, with the first tensor of the block that differs and, as field, the name that is
/// missing.
pub fn structure(model: &Catalogue) -> Result<(), Error> {
    numbering(model)?;
    let mixed = MIXED_KEYS.iter().any(|name| model.get_u64(&key(model, name)).is_some_and(|value| value > 0))
        || PER_BLOCK_KEYS.iter().any(|name| {
            let key = key(model, name);
            model.metadata_with(&key).is_some_and(|metadata| metadata.sequence_len(&key).is_some())
        });
    for group in groups(model).values().filter(|group| !mixed && !group.mixed) {
        alike(model, group)?;
    }
    Ok(())
}

/// Block numbers have no holes, and the blocks are as many as `<arch>.block_count` says.
fn numbering(model: &Catalogue) -> Result<(), Error> {
    let groups = groups(model);
    for group in groups.values() {
        holes(group)?;
    }
    let have = groups.get(MAIN).map_or(0, |group| group.blocks.len() as u64);
    let count = key(model, "block_count");
    let Some(said) = model.get_u64(&count) else { return Ok(()) };
    // The blocks that predict further tokens are counted, and often left out of the file.
    let optional = model.get_u64(&key(model, "nextn_predict_layers")).unwrap_or(0);
    let elsewhere = have == 0 && !groups.is_empty();
    if elsewhere || (said.saturating_sub(optional)..=said).contains(&have) {
        return Ok(());
    }
    let message = format!("{} is {said}, but the model has {have} blocks.", escape(&count));
    Err(broken(message, format!("kv[\"{}\"]", escape(&count))))
}

fn key(model: &Catalogue, name: &str) -> String {
    format!("{}.{name}", model.get_text("general.architecture").unwrap_or_default())
}

fn groups(model: &Catalogue) -> BTreeMap<&str, Group<'_>> {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for (tensor, index) in model.iter().zip(0u32..) {
        let name = tensor.tensor.name;
        let Some((prefix, number, suffix)) = place(name) else { continue };
        let group = groups.entry(prefix).or_default();
        group.example = prefix;
        if is_shared(suffix) {
            continue;
        }
        group.mixed |= MIXED.iter().chain(QUANTIZED).any(|mixed| suffix.contains(mixed));
        let block = group.blocks.entry(number).or_insert(Block { first: index, signature: 0, tensors: 0 });
        block.signature = block.signature.wrapping_add(hash(suffix));
        block.tensors = block.tensors.saturating_add(1);
    }
    groups
}

/// Checks that every tensor of a block belongs to one of the `<arch>.block_count` blocks; a model that gives no count has
/// nothing to hold them against.
///
/// # Errors
/// Phase `map-layers`, cause `malformed`, with the first tensor that belongs to no block.
pub fn layers(model: &Catalogue) -> Result<(), Error> {
    let key = format!("{}.block_count", model.get_text("general.architecture").unwrap_or_default());
    let Some(blocks) = model.get_u64(&key) else { return Ok(()) };
    for (tensor, index) in model.iter().zip(0u32..) {
        let name = tensor.tensor.name;
        let Some((MAIN, number, _)) = place(name) else { continue };
        if u64::from(number) >= blocks {
            let (name, key) = (escape(name), escape(&key));
            let message = format!("Tensor \"{name}\" belongs to block {number}, but {key} is {blocks}.");
            return Err(Error::new(Phase::MapLayers, Cause::Malformed, message).at_field(name).at_tensor(index));
        }
    }
    Ok(())
}

fn holes(group: &Group<'_>) -> Result<(), Error> {
    for ((number, block), wanted) in group.blocks.iter().zip(0u32..) {
        if *number != wanted {
            let name = format!("{}.{wanted}", escape(group.example));
            let message = format!("There is no block {name}, but there is a block {number}.");
            return Err(broken(message, name).at_tensor(block.first));
        }
    }
    Ok(())
}

fn alike(model: &Catalogue, group: &Group<'_>) -> Result<(), Error> {
    let kind = |block: &Block| (block.signature, block.tensors);
    // What most blocks are is right; with no majority, what the first is.
    let mut kinds: BTreeMap<(u64, u32), u32> = BTreeMap::new();
    for block in group.blocks.values() {
        *kinds.entry(kind(block)).or_default() += 1;
    }
    let half = group.blocks.len() / 2;
    let major = kinds.iter().find(|(_, blocks)| **blocks as usize > half).map(|(kind, _)| *kind);
    let Some(wanted) = major.or_else(|| group.blocks.values().next().map(kind)) else { return Ok(()) };
    let Some((number, block)) = group.blocks.iter().find(|(_, block)| kind(block) != wanted) else { return Ok(()) };
    let Some((good, _)) = group.blocks.iter().find(|(_, block)| kind(block) == wanted) else { return Ok(()) };
    let suffixes = |of: u32| -> BTreeSet<&str> {
        let places = model.iter().filter_map(|tensor| place(tensor.tensor.name));
        let own = places.filter(|(prefix, at, suffix)| *prefix == group.example && *at == of && !is_shared(suffix));
        own.map(|(_, _, suffix)| suffix).collect()
    };
    let (these, those) = (suffixes(*number), suffixes(*good));
    let (here, there) = (format!("{}.{number}", group.example), format!("{}.{good}", group.example));
    let (message, field) = match (those.difference(&these).next(), these.difference(&those).next()) {
        (Some(missing), _) => {
            let name = escape(&format!("{here}.{missing}"));
            (format!("Tensor \"{name}\" is missing; block {} has one.", escape(&there)), name)
        }
        (None, extra) => {
            let name = escape(&format!("{here}.{}", extra.copied().unwrap_or_default()));
            (format!("Tensor \"{name}\" is in this block alone; block {} has none.", escape(&there)), name)
        }
    };
    Err(broken(message, field).at_tensor(block.first))
}

fn broken(message: String, field: String) -> Error {
    Error::new(Phase::Structure, Cause::Malformed, message).at_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_in_names() {
        assert_eq!(place("blk.12.attn_q.weight"), Some(("blk", 12, "attn_q.weight")));
        assert_eq!(place("model.layers.0.mlp.experts.3.w1"), Some(("model.layers", 0, "mlp.experts.3.w1")));
        assert_eq!(place("transformer.h.7.ln_1.bias"), Some(("transformer.h", 7, "ln_1.bias")));
        assert_eq!(place("encoder.layer.1.output.dense.weight"), Some(("encoder.layer", 1, "output.dense.weight")));
        for none in
            ["token_embd.weight", "blk.x.attn_q", "blk.1", "blk", "h.", "blk.99999999999.x", "", "mlp.layers.2.weight"]
        {
            assert_eq!(place(none), None, "{none}");
        }
    }
}
