//! What the architecture named in the metadata requires is there.
use super::registry::{Choice, Needs, REGISTRY};
use crate::formats::{Catalogue, escape};
use crate::types::{Cause, Error, Phase};

/// The key that names the architecture.
const KEY: &str = "general.architecture";

/// Checks that the model has the metadata and the tensors that its architecture cannot do without, and that embeddings
/// are as wide as the metadata says. A missing `output.weight` is fine everywhere: the embedding is used instead.
///
/// # Errors
/// Phase `architecture`: `not-found` for an absent `general.architecture`, key or tensor, named by the field;
/// `unsupported-format` for an architecture that this crate knows nothing of; `malformed` for a value that cannot be.
pub fn architecture(model: &Catalogue) -> Result<(), Error> {
    let Some(name) = model.get_text(KEY) else {
        return Err(absent("The model does not name its architecture.".into(), KEY.into()));
    };
    let Some(needs) = REGISTRY.iter().find(|needs| needs.names.contains(&name)) else {
        let message = format!("There is no validator for architecture \"{}\".", escape(name));
        return Err(Error::new(Phase::Architecture, Cause::UnsupportedFormat, message).at_field(KEY));
    };
    keys(model, name, needs)?;
    for tensor in needs.tensors {
        require(model, name, tensor)?;
    }
    let blocks = model.get_u64(&format!("{name}.block_count")).unwrap_or(0);
    // No more blocks than tensors: a count from the file must not decide how long this takes.
    if blocks > u64::from(model.len()) {
        let message = format!("{name}.block_count is {blocks}, more than the model has tensors ({}).", model.len());
        return Err(wrong(message, format!("{name}.block_count")));
    }
    for block in 0..blocks {
        for choice in needs.block {
            pick(model, name, block, choice)?;
        }
    }
    widths(model, name)
}

fn keys(model: &Catalogue, name: &str, needs: &Needs) -> Result<(), Error> {
    for key in needs.keys {
        let key = format!("{name}.{key}");
        let Some(metadata) = model.metadata_with(&key) else {
            return Err(absent(format!("Metadata {key} is missing; architecture {name} needs it."), key));
        };
        let counts = ["block_count", "embedding_length", "attention.head_count"];
        let counted = counts.iter().any(|count| key.ends_with(count));
        // Head counts may be one per block.
        let listed = metadata.sequence_len(&key).is_some();
        if counted && !listed && metadata.get_u64(&key).is_none_or(|value| value == 0) {
            return Err(wrong(format!("Metadata {key} must be a positive integer."), key));
        }
    }
    Ok(())
}

/// One of the sets of a choice has to be in the block. The error is about the set of which most is there.
fn pick(model: &Catalogue, name: &str, block: u64, choice: Choice) -> Result<(), Error> {
    let full = |suffix: &str| format!("blk.{block}.{suffix}");
    let found = |set: &&[&str]| set.iter().filter(|suffix| model.find(&full(suffix)).is_some()).count();
    if choice.iter().any(|set| found(set) == set.len()) {
        return Ok(());
    }
    let best = choice.iter().rev().max_by_key(|set| found(set)).copied().unwrap_or_default();
    let missing = best.iter().map(|suffix| full(suffix)).find(|tensor| model.find(tensor).is_none());
    require(model, name, &missing.unwrap_or_default())
}

fn require(model: &Catalogue, name: &str, tensor: &str) -> Result<(), Error> {
    match model.find(tensor) {
        Some(_) => Ok(()),
        None => Err(absent(format!("Tensor \"{tensor}\" is missing; architecture {name} needs it."), tensor.into())),
    }
}

/// Embedding and final norm are as wide as the embedding length; dimension 0 is the row in GGUF.
fn widths(model: &Catalogue, name: &str) -> Result<(), Error> {
    let key = format!("{name}.embedding_length");
    let Some(width) = model.get_u64(&key) else { return Ok(()) };
    for tensor in ["token_embd.weight", "output_norm.weight"] {
        let Some(index) = model.find(tensor) else { continue };
        let Some(found) = model.tensor(index) else { continue };
        if found.tensor.shape.first() != Some(&width) {
            let shape = found.tensor.shape;
            let message = format!("Tensor \"{tensor}\" has shape {shape:?}, but {key} is {width}.");
            return Err(wrong(message, tensor.into()).at_tensor(index));
        }
    }
    Ok(())
}

fn absent(message: String, field: String) -> Error {
    Error::new(Phase::Architecture, Cause::NotFound, message).at_field(field)
}

fn wrong(message: String, field: String) -> Error {
    Error::new(Phase::Architecture, Cause::Malformed, message).at_field(field)
}
