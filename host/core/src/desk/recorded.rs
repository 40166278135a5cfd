//! What a recording has of the model that it was made of: a summary, sizes of files, bytes of headers. A recording is
//! untrusted.
use crate::{
    recording::Recording,
    trace::{Answer, Call, Export, Outcome, What},
    types::ModelSummary,
};
use std::sync::Arc;

/// Most files of a recording that are looked at.
const FILES: usize = 4096;
/// Most bytes of a name.
const NAME: usize = 200;

/// What the guest and the host exchanged about the model.
pub(super) struct Exchanged {
    /// What the headers say.
    pub(super) summary: Option<ModelSummary>,
    /// Sizes of its files.
    pub(super) sizes: Vec<u64>,
}

impl Exchanged {
    pub(super) fn of(recording: &Recording) -> Self {
        let (mut summary, mut sizes) = (None, Vec::new());
        let (mut export, mut source) = (None, None);
        for record in &recording.records {
            match &record.what {
                What::Enter(entered) => export = Some(entered.name()),
                What::Leave(outcome) => {
                    if let (Some("summary"), Outcome::Ok(value)) = (export.take(), &**outcome) {
                        summary = serde_json::from_value(value.clone()).ok();
                    }
                }
                What::Call(call) => {
                    source = match &**call {
                        Call::Stat { source } => usize::try_from(*source).ok().filter(|source| *source < FILES),
                        _ => None,
                    };
                }
                What::Return { answer, .. } => {
                    if let (Some(i), Answer::Stat(stat)) = (source.take(), &**answer) {
                        sizes.resize(sizes.len().max(i + 1), 0);
                        if let Some(size) = sizes.get_mut(i) {
                            *size = stat.size;
                        }
                    }
                }
                _ => {}
            }
        }
        Self { summary, sizes }
    }
}

/// A file of which a recording has the header bytes. All others of its bytes are unknown; opening a model reads none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFile {
    /// The name that the guest was given: a plain file name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Bytes that were read, with the places where they begin.
    pub read: Vec<(u64, Arc<Vec<u8>>)>,
}

/// The files of a recording, if each has a plain name. `sizes` are theirs.
pub(super) fn files(recording: &Recording, sizes: &[u64]) -> Option<Vec<RecordedFile>> {
    let mut names = Vec::new();
    for record in &recording.records {
        if let What::Enter(export) = &record.what
            && let Export::Open { sources, .. } | Export::Provide { sources } = &**export
        {
            names.extend(sources);
        }
    }
    if names.len() >= FILES || !names.iter().all(|name| is_plain(name)) {
        return None;
    }
    let file = |(name, size): (&String, &u64)| RecordedFile { name: name.clone(), size: *size, read: Vec::new() };
    let mut files: Vec<RecordedFile> = names.into_iter().zip(sizes).map(file).collect();
    let mut asked = None;
    for record in &recording.records {
        match &record.what {
            What::Call(call) => {
                asked = match **call {
                    Call::Read { source, offset, .. } => Some((source, offset)),
                    _ => None,
                };
            }
            What::Return { answer, .. } => {
                if let (Some((source, offset)), Answer::Bytes(bytes)) = (asked.take(), &**answer)
                    && let Some(file) = files.get_mut(source as usize)
                    && offset.checked_add(bytes.len() as u64).is_some_and(|end| end <= file.size)
                {
                    file.read.push((offset, bytes.clone()));
                }
            }
            _ => {}
        }
    }
    (!files.is_empty()).then_some(files)
}

/// Whether a name can only mean a file in the folder where it is put.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() < NAME && !name.contains(['/', '\\', ':', '\0'])
}
