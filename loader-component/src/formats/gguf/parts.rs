//! The parts of a split model: `name-00001-of-00003.gguf`, each of which says its number and how many there are.
use super::super::assembly::{Assembly, File, MOST_NAMED, Whole, no_model};
use super::super::escape::{escape, file_name_fault};
use super::super::fault::unplaced;
use super::super::header::{Header, Part};
use crate::types::{Cause, Error};

/// The entry that all parts have to have alike.
const ARCHITECTURE: &str = "general.architecture";
/// The entry that says how many tensors all parts have.
const TENSORS: &str = "split.tensors.count";

/// A whole model, or parts that belong together.
pub(super) static PARTS: Assembly = Assembly { agree, missing, complete };

/// `name-00001-of-00003.gguf`, taken apart: prefix, number from 1, parts.
fn part_name(name: &str) -> Option<(&str, u32, u32)> {
    let (rest, count) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
    let (prefix, number) = rest.rsplit_once('-')?;
    let parse = |digits: &str| {
        let plain = digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    Some((prefix, parse(number)?, parse(count)?))
}

fn agree(files: &[File<'_>]) -> Result<(), Error> {
    let mut seen: Vec<Option<&str>> = Vec::new();
    let mut lead: Option<(Part, &str)> = None;
    for ((name, header), source) in files.iter().zip(0u32..) {
        let shown = escape(name);
        let bad = |field: &str, message: String| {
            let error = unplaced(Cause::Malformed, format!("kv[\"{field}\"]"), message).in_source(source);
            Err(Error { offset: header.metadata.value_at(field), ..error })
        };
        let Some(split) = header.part() else {
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

fn missing(files: &[File<'_>]) -> Result<Vec<String>, Error> {
    let Some(split) = files.iter().find_map(|(_, header)| header.part()) else { return Ok(Vec::new()) };
    let mut here = vec![false; split.count as usize];
    for (_, header) in files {
        let slot = header.part().and_then(|part| here.get_mut(part.no as usize));
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

fn complete(files: &[File<'_>], model: &Whole) -> Result<(), Error> {
    for ((_, header), source) in files.iter().zip(0u32..) {
        let said = header.part().and_then(|part| part.tensors);
        if let Some(said) = said.filter(|said| *said != u64::from(model.tensors)) {
            let message = format!("{TENSORS} is {said}, but all parts together have {} tensors.", model.tensors);
            let offset = header.metadata.value_at(TENSORS);
            let error = unplaced(Cause::Malformed, format!("kv[\"{TENSORS}\"]"), message).in_source(source);
            return Err(Error { offset, ..error });
        }
    }
    Ok(())
}
