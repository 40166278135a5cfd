//! Shards that an index names, beside it: `model.safetensors.index.json`.
use super::super::escape;
use super::super::fault::unplaced;
use super::super::format::MultiFile;
use super::super::header::Header;
use super::super::noticed::{Severity, listed, noticed};
use super::rules::{Assembly, File, MOST_NAMED, no_model};
use crate::api::Finding;
use crate::types::{Cause, Error};

/// An index and the shards that it names, or files without an index.
pub(crate) static INDEXED: Assembly = Assembly { agree, missing, complete: |_, _| Ok(()) };

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
    }
    Ok(())
}

fn missing(files: &[File<'_>]) -> Result<Vec<String>, Error> {
    let Some(index) = files.iter().find_map(|(_, header)| header.index()) else { return Ok(Vec::new()) };
    let here = |wanted: &str| files.iter().any(|(name, _)| name == wanted);
    Ok(index.files().filter(|name| !here(name)).take(MOST_NAMED).map(Into::into).collect())
}

/// What came of holding the index against the shards.
#[derive(Debug, Default)]
pub(crate) struct Reconciled {
    /// What was found.
    pub(crate) findings: Vec<Finding>,
    /// The tensors that the index names and no shard has.
    pub(crate) absent: Vec<String>,
}

/// The index is the list of the model's tensors: what else shards have is left out, and what they lack is told. Without an
/// index, a file that is by its name one of several is told of.
pub(crate) fn reconcile(files: &mut [(String, Header)], complete: bool) -> Reconciled {
    let mut found = Reconciled::default();
    let Some(at) = files.iter().position(|(_, header)| header.index().is_some()) else {
        found.findings.extend(alone(files));
        return found;
    };
    let (before, rest) = files.split_at_mut(at);
    let Some(((_, listing), after)) = rest.split_first_mut() else { return found };
    let Some(index) = listing.index() else { return found };
    let shards = (0u32..).zip(before.iter_mut()).chain((0u32..).skip(at.saturating_add(1)).zip(after.iter_mut()));
    let source_of_index = u32::try_from(at).unwrap_or(u32::MAX);
    let mut absent: Vec<(&str, &str)> = Vec::new();
    for (source, (name, header)) in shards {
        let left_out = header.tensors.retain(|tensor| index.file_of(tensor) == Some(name.as_str()));
        if !left_out.is_empty() {
            let message = format!(
                "\"{}\" has tensors that the index does not place there, so that they are not of the model: {}.",
                escape(name),
                listed(left_out.iter().map(String::as_str))
            );
            found.findings.push(noticed("unindexed-tensors", Severity::Warning, message).in_source(source));
        }
        if complete && index.count_in(name) as usize != header.tensors.len() {
            absent.extend(index.iter().filter(|(tensor, file)| file == name && header.tensors.find(tensor).is_none()));
        }
    }
    if let Some((_, file)) = absent.first() {
        let message = format!(
            "The index names tensors that its files do not have (the first should be in \"{}\"): {}. The others can be \
             loaded by name; for all of them, fetch an index and files of one revision.",
            escape(file),
            listed(absent.iter().map(|(tensor, _)| *tensor))
        );
        found.findings.push(noticed("absent-tensors", Severity::Error, message).in_source(source_of_index));
        found.absent = absent.into_iter().map(|(tensor, _)| tensor.to_owned()).collect();
    }
    found
}

/// A shard that was given without its index: nothing in it says that there are others, but its name does.
fn alone(files: &[(String, Header)]) -> Option<Finding> {
    let [(name, header)] = files else { return None };
    if !matches!(header.format.multi_file, MultiFile::Index(_)) {
        return None;
    }
    let (stem, ending) = name.rsplit_once('.')?;
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (prefix, number) = rest.rsplit_once('-')?;
    let digits =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
    let (number, count) = (digits(number)?, digits(count)?);
    (count > 1).then(|| {
        let message = format!(
            "By its name this is file {number} of {count}: only its own tensors are here. For the whole model give the index, \
             \"{}.{}.index.json\".",
            escape(prefix),
            escape(ending)
        );
        noticed("shard-alone", Severity::Warning, message).in_source(0)
    })
}
