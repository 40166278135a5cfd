//! Shards that an index names, beside it: `model.safetensors.index.json`.
use super::super::escape;
use super::super::fault::unplaced;
use super::rules::{Assembly, File, MOST_NAMED, Whole, no_model};
use crate::types::{Cause, Error};

/// An index and the shards that it names, or files without an index.
pub(crate) static INDEXED: Assembly = Assembly { agree, missing, complete };

fn agree(files: &[File<'_>]) -> Result<(), Error> {
    let mut indices = files.iter().filter(|(_, header)| header.index().is_some());
    let (index, more) = (indices.next(), indices.next());
    if more.is_some() {
        return Err(no_model("A model has one index, not two."));
    }
    for ((name, header), source) in files.iter().zip(0u32..) {
        let twice = files.iter().zip(0u32..).any(|((other, _), at)| at < source && other == name);
        if twice {
            return Err(no_model(format!("\"{}\" is given twice.", escape(name))).in_source(source));
        }
        let Some(index) = index.and_then(|(_, header)| header.index()) else { continue };
        if header.index().is_some() {
            continue;
        }
        let shown = escape(name);
        if !index.has_file(name) {
            let message = format!("The index does not name \"{shown}\"; it is no shard of this model.");
            return Err(unplaced(Cause::Malformed, "weight_map", message).in_source(source));
        }
        if let Some((tensor, number)) =
            header.tensors.iter().zip(0u32..).find(|(t, _)| index.file_of(t.name) != Some(name))
        {
            let tensor = escape(tensor.name);
            let message = format!("\"{shown}\" has a tensor \"{tensor}\" that the index does not place there.");
            let error = unplaced(Cause::Malformed, format!("weight_map[\"{tensor}\"]"), message).in_source(source);
            // In the model, the tensors of the files before it come first.
            let before = files.iter().take(source as usize).map(|(_, header)| header.tensors.len());
            let number = before.fold(number as usize, usize::saturating_add);
            return Err(Error { tensor: u32::try_from(number).ok(), ..error });
        }
        if index.count_in(name) as usize != header.tensors.len()
            && let Some((tensor, _)) = index.iter().find(|(t, file)| file == name && header.tensors.find(t).is_none())
        {
            let tensor = escape(tensor);
            let message = format!("The index says that \"{shown}\" has a tensor \"{tensor}\", but it has not.");
            return Err(unplaced(Cause::Malformed, format!("weight_map[\"{tensor}\"]"), message).in_source(source));
        }
    }
    Ok(())
}

fn missing(files: &[File<'_>]) -> Result<Vec<String>, Error> {
    let Some(index) = files.iter().find_map(|(_, header)| header.index()) else { return Ok(Vec::new()) };
    let here = |wanted: &str| files.iter().any(|(name, _)| name == wanted);
    Ok(index.files().filter(|name| !here(name)).take(MOST_NAMED).map(Into::into).collect())
}

fn complete(files: &[File<'_>], model: &Whole<'_>) -> Result<(), Error> {
    for ((_, header), source) in files.iter().zip(0u32..) {
        let Some(index) = header.index() else { continue };
        if let Some((tensor, file)) = index.iter().find(|(tensor, _)| !(model.has)(tensor)) {
            let (tensor, file) = (escape(tensor), escape(file));
            let message = format!("The index says that \"{file}\" has a tensor \"{tensor}\", but it has not.");
            return Err(unplaced(Cause::Malformed, format!("weight_map[\"{tensor}\"]"), message).in_source(source));
        }
    }
    Ok(())
}
