//! How the files of one model belong together.
use super::super::escape;
use super::super::escape::file_name_fault;
use super::super::fault::unplaced;
use super::super::parser::{Format, Header, Split};
use super::no_model;
use crate::types::{Cause, Error};

/// The entry that all parts have to have alike.
const ARCHITECTURE: &str = "general.architecture";
/// Most names of missing files that are answered at once: more than any host opens for one model.
pub(crate) const MOST_NAMED: usize = 4_096;

/// A file with its name.
type File<'h> = (String, &'h Header);

/// `name-00001-of-00003.gguf`, taken apart: prefix, number from 1, parts.
pub(super) fn part_name(name: &str) -> Option<(&str, u32, u32)> {
    let (rest, count) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
    let (prefix, number) = rest.rsplit_once('-')?;
    let parse = |digits: &str| {
        let plain = digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    Some((prefix, parse(number)?, parse(count)?))
}

/// Checks what files say of one another.
pub(super) fn agree(files: &[File<'_>]) -> Result<(), Error> {
    let Some((_, first)) = files.first() else { return Err(no_model("A model has at least one file.")) };
    let gguf = first.format == Format::Gguf;
    if files.iter().any(|(_, header)| (header.format == Format::Gguf) != gguf) {
        return Err(no_model("GGUF and safetensors files are no parts of one model."));
    }
    if gguf { parts(files) } else { shards(files) }
}

fn parts(files: &[File<'_>]) -> Result<(), Error> {
    let mut seen: Vec<Option<&str>> = Vec::new();
    let mut lead: Option<(Split, &str)> = None;
    for ((name, header), source) in files.iter().zip(0u32..) {
        let shown = escape(name);
        let bad = |field: &str, message: String| {
            let error = unplaced(Cause::Malformed, format!("kv[\"{field}\"]"), message).in_source(source);
            Err(Error { offset: header.metadata.value_at(field), ..error })
        };
        let Some(split) = header.split else {
            if files.len() == 1 {
                return Ok(());
            }
            return bad("split.count", format!("\"{shown}\" is a whole model, not a part of one."));
        };
        let (leader, _) = *lead.get_or_insert((split, name));
        if (split.count, split.tensors) != (leader.count, leader.tensors) {
            return bad(
                "split.count",
                format!("\"{shown}\" is a part of another model: split.count or split.tensors.count differ."),
            );
        }
        if let Some((prefix, number, count)) = part_name(name) {
            if (number, count) != (split.no.saturating_add(1), split.count) {
                let (no, of) = (split.no.saturating_add(1), split.count);
                return bad(
                    "split.no",
                    format!("\"{shown}\" is part {no} of {of} by its content, another by its name."),
                );
            }
            if let Some((other, ..)) =
                lead.and_then(|(_, first)| part_name(first)).filter(|(first, ..)| *first != prefix)
            {
                return bad("split.no", format!("\"{shown}\" is a part of another model than \"{}\".", escape(other)));
            }
        }
        if seen.len() < split.count as usize {
            seen.resize(split.count as usize, None);
        }
        if let Some(slot) = seen.get_mut(split.no as usize)
            && let Some(before) = slot.replace(name)
        {
            let message = format!(
                "\"{shown}\" and \"{}\" are both part {} of the model.",
                escape(before),
                split.no.saturating_add(1)
            );
            return bad("split.no", message);
        }
    }
    let architecture = |header: &Header| header.metadata.get_text(ARCHITECTURE).map(String::from);
    let mut known = files.iter().zip(0u32..).filter_map(|((_, header), source)| Some((architecture(header)?, source)));
    if let Some((first, _)) = known.next()
        && let Some((other, source)) = known.find(|(other, _)| *other != first)
    {
        let message =
            format!("This part is of a \"{}\" model, the first one of a \"{}\" model.", escape(&other), escape(&first));
        let offset = files.get(source as usize).and_then(|(_, header)| header.metadata.value_at(ARCHITECTURE));
        let error = unplaced(Cause::Malformed, format!("kv[\"{ARCHITECTURE}\"]"), message).in_source(source);
        return Err(Error { offset, ..error });
    }
    Ok(())
}

fn shards(files: &[File<'_>]) -> Result<(), Error> {
    let mut indices = files.iter().filter(|(_, header)| header.index.is_some());
    let (index, more) = (indices.next(), indices.next());
    if more.is_some() {
        return Err(no_model("A model has one index, not two."));
    }
    for ((name, header), source) in files.iter().zip(0u32..) {
        let twice = files.iter().zip(0u32..).any(|((other, _), at)| at < source && other == name);
        if twice {
            return Err(no_model(format!("\"{}\" is given twice.", escape(name))).in_source(source));
        }
        let Some(index) = index.and_then(|(_, header)| header.index.as_ref()) else { continue };
        if header.index.is_some() {
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

/// Names of the files that are not there, at most [`MOST_NAMED`].
pub(super) fn missing(files: &[File<'_>]) -> Result<Vec<String>, Error> {
    if let Some((_, index)) = files.iter().find_map(|(name, header)| Some((name, header.index.as_ref()?))) {
        let here = |wanted: &str| files.iter().any(|(name, _)| name == wanted);
        return Ok(index.files().filter(|name| !here(name)).take(MOST_NAMED).map(Into::into).collect());
    }
    let Some(split) = files.iter().find_map(|(_, header)| header.split) else { return Ok(Vec::new()) };
    let mut here = vec![false; split.count as usize];
    for (_, header) in files {
        let slot = header.split.and_then(|part| here.get_mut(part.no as usize));
        if let Some(slot) = slot {
            *slot = true;
        }
    }
    if here.iter().all(|here| *here) {
        return Ok(Vec::new());
    }
    let named = files.iter().find_map(|(name, _)| part_name(name).filter(|_| file_name_fault(name).is_none()));
    let Some((prefix, ..)) = named else {
        let message = format!(
            "This is a part of a model in {} files, but its name does not tell what the others are called \
             (name-00001-of-{:05}.gguf would); give all of them.",
            split.count, split.count
        );
        return Err(no_model(message));
    };
    let absent = here.iter().zip(1u32..).filter(|(here, _)| !**here).take(MOST_NAMED);
    Ok(absent.map(|(_, number)| format!("{prefix}-{number:05}-of-{:05}.gguf", split.count)).collect())
}
