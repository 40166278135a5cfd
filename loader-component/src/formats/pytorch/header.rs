//! A checkpoint as a header: its tensors as spans of the file, and what it would have PyTorch do as metadata, so that every
//! host shows it.
use super::super::Limits;
use super::super::escape;
use super::super::fault::{fault, misuse, over_limit};
use super::super::header::{Header, Role};
use super::super::kind::Kind;
use super::super::metadata::{MetadataIndex, Stored};
use super::super::names::Refused;
use super::super::noticed::{Severity, noticed};
use super::super::table::TensorTable;
use super::checkpoint::{Checkpoint, Finding, Form, PickleUse};
use super::format::FORMAT;
use crate::api;
use crate::types::{Cause, Error};

/// Most names, entries and spans that are listed of each kind; how many there are is always said.
const MOST_LISTED: usize = 256;
/// Most bytes of what is listed.
const LONGEST: usize = 512;

/// The header of a file of `size` bytes.
pub(super) fn of(checkpoint: Checkpoint, size: u64, limits: &Limits) -> Result<Header, Error> {
    let metadata = metadata(&checkpoint)
        .map_err(|_| over_limit(0, "metadata", "What is to be said of this checkpoint is more than is kept."))?;
    let most = limits.tensors;
    if checkpoint.tensors.len() as u64 > u64::from(most) {
        return Err(over_limit(0, "tensor_count", format!("The checkpoint has more than {most} tensors.")));
    }
    let version = checkpoint.version.and_then(|version| u32::try_from(version).ok()).unwrap_or(0);
    let mut tensors = TensorTable::default();
    tensors.reserve(checkpoint.tensors.len());
    for (number, tensor) in (0u32..).zip(&checkpoint.tensors) {
        let place = (tensor.offset, tensor.bytes);
        let pushed = match (&tensor.unreadable, tensor.dtype) {
            (None, Some(dtype)) => tensors.push(&tensor.name, dtype, &tensor.shape, place.0, place.1),
            (Some(why), dtype) => tensors.push_unreadable(&tensor.name, dtype, &tensor.shape, place, why.clone()),
            (None, None) => return Err(misuse("A tensor that can be read has a type.")),
        };
        pushed.map_err(|why| {
            let name = escape(&tensor.name);
            let (cause, message) = match why {
                Refused::Duplicate(_) => (Cause::Malformed, format!("Two tensors have the name \"{name}\".")),
                Refused::Full => (Cause::LimitExceeded, "The shapes of this file are more than is kept.".to_owned()),
            };
            fault(cause, tensor.made_at, format!("tensor[\"{name}\"]"), message).at_tensor(number)
        })?;
        if !tensor.contiguous {
            tensors.note_strides(&tensor.strides);
        }
    }
    let data_offset = tensors.first_byte().unwrap_or(size);
    let findings = findings(&checkpoint);
    Ok(Header {
        format: &FORMAT,
        version,
        alignment: 1,
        data_offset,
        size,
        tensors,
        metadata,
        role: Role::Whole,
        findings,
    })
}

/// What of a checkpoint is worth attention.
fn findings(checkpoint: &Checkpoint) -> Vec<api::Finding> {
    let mut found = Vec::new();
    if let Some((label, first)) = checkpoint.runs() {
        let message = format!(
            "PyTorch could run code with this file: it names {} ({label}, byte {}). Nothing of it runs here, and \
             pytorch.globals lists all such names. Get the model as safetensors, or convert it.",
            cut(first.global.shown()),
            first.global.at
        );
        found.push(noticed("pytorch-code", Severity::Warning, message).at(first.global.at));
    }
    if let Some(span) = checkpoint.outside.first() {
        let message = format!(
            "{} bytes of the file belong to no entry of the archive, the first of them at byte {}.",
            checkpoint.outside_bytes, span.start
        );
        found.push(noticed("bytes-outside", Severity::Warning, message).at(span.start));
    }
    found
}

/// What is said of a checkpoint beside its tensors. Keys begin with `pytorch.`.
fn metadata(checkpoint: &Checkpoint) -> Result<MetadataIndex, Refused> {
    let mut told = Told { index: MetadataIndex::default() };
    let form = match checkpoint.form {
        Form::Archive => "archive",
        Form::TorchScript => "torchscript",
        Form::Stream => "stream",
    };
    told.text("pytorch.form", form)?;
    told.text("pytorch.verdict", &checkpoint.verdict())?;
    let refusal = checkpoint.weights_only_refusal();
    told.text(
        "pytorch.weights_only",
        &refusal.map_or_else(|| "loads it".to_owned(), |why| format!("refuses it: {why}")),
    )?;
    let findings =
        || checkpoint.pickles.iter().flat_map(|pickle| pickle.findings.iter().map(move |finding| (pickle, finding)));
    told.list("pytorch.globals", findings().count(), findings().map(|(pickle, finding)| global(pickle, finding)))?;
    let opcodes = || checkpoint.pickles.iter().flat_map(|pickle| pickle.opcodes.iter().map(move |used| (pickle, used)));
    told.list(
        "pytorch.opcodes",
        opcodes().count(),
        opcodes().map(|(pickle, used)| {
            format!("{} in {}: {} times, first at byte {}", used.opcode, pickle.label, used.count, used.first_at)
        }),
    )?;
    told.number("pytorch.storages", checkpoint.storages.len() as u64)?;
    let strided = checkpoint.tensors.iter().filter(|tensor| !tensor.contiguous).map(|tensor| cut(tensor.name.clone()));
    told.list("pytorch.strided", strided.clone().count(), strided)?;
    told.list("pytorch.unread", checkpoint.unread.len(), checkpoint.unread.iter().map(|name| cut(name.clone())))?;
    let behind = checkpoint.pickles.iter().fold(0u64, |sum, pickle| sum.saturating_add(pickle.unread));
    told.number("pytorch.bytes_behind_pickles", behind)?;
    told.number("pytorch.bytes_outside", checkpoint.outside_bytes)?;
    let outside = checkpoint.outside.iter().map(|span| format!("bytes {} to {}", span.start, span.end));
    told.entries("pytorch.bytes_outside", outside)?;
    Ok(told.index)
}

/// `os.system: blocked by weights_only, could run code, called once (data.pkl, byte 12)`
fn global(pickle: &PickleUse, finding: &Finding) -> String {
    let global = &finding.global;
    let code = if finding.could_run_code { ", could run code" } else { "" };
    let calls = match global.calls {
        0 => "never called".to_owned(),
        1 => "called once".to_owned(),
        calls => format!("called {calls} times"),
    };
    let name = cut(global.shown());
    format!(
        "{name}: {} by weights_only{code}, {calls} ({}, byte {})",
        finding.weights_only.name(),
        pickle.label,
        global.at
    )
}

/// A text of bounded length.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

struct Told {
    index: MetadataIndex,
}

impl Told {
    fn text(&mut self, key: &str, text: &str) -> Result<(), Refused> {
        self.index.push_text(key, cut(text.to_owned()).as_bytes(), None)
    }

    fn number(&mut self, key: &str, number: u64) -> Result<(), Refused> {
        self.index.push(key, Kind::U64, Stored::Bits(number), None)
    }

    /// How many there are, and the first of them, each of a bounded length; nothing where there are none.
    fn list(&mut self, key: &str, count: usize, all: impl Iterator<Item = String>) -> Result<(), Refused> {
        if count == 0 {
            return Ok(());
        }
        self.number(key, count as u64)?;
        self.entries(key, all)
    }

    fn entries(&mut self, key: &str, all: impl Iterator<Item = String>) -> Result<(), Refused> {
        for (number, text) in all.take(MOST_LISTED).enumerate() {
            let key = format!("{key}[{number}]");
            self.index.push_text(&key, text.as_bytes(), None)?;
        }
        Ok(())
    }
}
