//! Recordings: save, open, run again, export.
use super::current::{Current, Model, facts, path};
use super::link::Outbox;
use crate::backend::{FileFacts, FileRef, Opened, Origin, Update};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write};
use weighbridge::recording::{self, Recording};
use weighbridge::trace::{Outcome, What};
use weighbridge::types::ModelSummary;

/// Records sent at once.
const PAGE: usize = 16_384;

/// Writes a file, all of it or nothing, and says so.
pub(super) fn write(outbox: &Outbox, file: &FileRef, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) {
    let to = path(file);
    let beside = to.with_extension("part");
    let written = File::create(&beside).and_then(|f| {
        let mut out = BufWriter::new(f);
        fill(&mut out)?;
        out.flush()?;
        out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&beside, &to)
    });
    match written {
        Ok(()) => outbox.send(Update::Notice(format!("Wrote {}", crate::text::escape(&file.name)))),
        Err(error) => {
            let _ = std::fs::remove_file(&beside);
            outbox.send(Update::Problem(format!("{} could not be written: {error}", crate::text::escape(&file.name))));
        }
    }
}

/// The recording of what is open.
fn recording(current: &mut Current) -> Option<Recording> {
    match &mut current.model {
        Model::Nothing => {
            current.outbox.send(Update::Problem("There is nothing to record yet: open a model first".into()));
            None
        }
        Model::Live(session) => Some(session.recording()),
        Model::Recorded(recording) => Some((**recording).clone()),
    }
}

pub(super) fn save(current: &mut Current, file: &FileRef) {
    if let Some(recording) = recording(current) {
        write(&current.outbox, file, |out| recording.write(out));
    }
}

pub(super) fn perfetto(current: &mut Current, file: &FileRef) {
    if let Some(recording) = recording(current) {
        write(&current.outbox, file, |out| recording::perfetto(&recording, out));
    }
}

pub(super) fn mermaid(current: &mut Current, file: &FileRef) {
    if let Some(recording) = recording(current) {
        write(&current.outbox, file, |out| out.write_all(recording::mermaid_recording(&recording).as_bytes()));
    }
}

/// Whether a file begins as a recording does, whatever its name says.
pub(super) fn is_recording(file: &FileRef) -> bool {
    const BEGINS: &[u8] = b"{\"weighbridge-recording\":";
    let mut first = Vec::new();
    File::open(path(file)).is_ok_and(|f| f.take(BEGINS.len() as u64).read_to_end(&mut first).is_ok()) && first == BEGINS
}

/// Opens a recording and sends it as if it happened.
pub(super) fn open(current: &mut Current, file: &FileRef) {
    let read = File::open(path(file))
        .map_err(|e| e.to_string())
        .and_then(|f| Recording::read(BufReader::new(f)).map_err(|e| e.to_string()));
    let recording = match read {
        Ok(recording) => recording,
        Err(why) => {
            current.outbox.send(Update::Problem(format!(
                "{} is no recording that can be read: {why}",
                crate::text::escape(&file.name)
            )));
            return;
        }
    };
    current.files = Vec::new();
    current.outbox.send(Update::Began { label: file.name.clone(), origin: Origin::Recording });
    send(current, &recording);
    current.model = Model::Recorded(Box::new(recording));
}

fn send(current: &Current, recording: &Recording) {
    if !recording.header.names.is_empty() {
        let names = What::Names { first: 0, names: recording.header.names.clone() };
        current.outbox.send(Update::Records(vec![weighbridge::trace::Record { seq: 0, at: 0, what: names }]));
    }
    if recording.header.component != current.runtime.component_id() {
        let mut host = facts(&current.runtime);
        host.tables.clone_from(&recording.header.machines);
        current.outbox.send(Update::Host(Box::new(host)));
        current
            .outbox
            .send(Update::Notice("This recording is of another component: its own diagrams are shown".into()));
    }
    let (summary, sizes) = opened(recording);
    if let Some(summary) = summary {
        let files =
            sizes.iter().enumerate().map(|(i, size)| FileFacts { name: format!("file {i}"), size: *size }).collect();
        current.outbox.send(Update::Opened(Box::new(Opened {
            summary,
            files,
            capabilities: recording.header.capabilities.clone(),
        })));
    }
    for page in recording.records.chunks(PAGE) {
        current.outbox.send(Update::Records(page.to_vec()));
    }
    // A recording has the header, not the list: the component reads it again.
    if let Some(tensors) = super::rebuild::tensors(&current.runtime, recording, &sizes) {
        current.outbox.send(Update::Tensors { start: 0, tensors });
    }
}

/// The summary and the sizes of the files, as the guest and the host exchanged them.
fn opened(recording: &Recording) -> (Option<ModelSummary>, Vec<u64>) {
    use weighbridge::trace::{Answer, Call};
    let (mut summary, mut sizes) = (None, Vec::new());
    let (mut export, mut source) = (None, None);
    for record in &recording.records {
        match &record.what {
            What::Enter(e) => export = Some(e.name()),
            What::Leave(outcome) => {
                if let (Some("summary"), Outcome::Ok(value)) = (export.take(), &**outcome) {
                    summary = serde_json::from_value(value.clone()).ok();
                }
            }
            What::Call(call) => {
                source = match &**call {
                    Call::Stat { source } => usize::try_from(*source).ok().filter(|s| *s < 4096),
                    _ => None,
                };
            }
            What::Return { answer, .. } => {
                if let (Some(i), Answer::Stat(stat)) = (source.take(), &**answer) {
                    sizes.resize(sizes.len().max(i + 1), 0);
                    sizes[i] = stat.size;
                }
            }
            _ => {}
        }
    }
    (summary, sizes)
}

/// Runs the component again on what was recorded.
pub(super) fn replay(current: &mut Current) {
    let Some(recording) = recording(current) else { return };
    match current.runtime.replay(&recording, None) {
        Ok(report) => current.outbox.send(Update::Notice(format!(
            "Re-executed without the file: {} records, {} steps and {} calls are the same; {} then, {} now",
            report.compared,
            report.steps,
            report.calls,
            crate::text::duration(report.recorded_ns),
            crate::text::duration(report.replayed_ns)
        ))),
        Err(why) => current.outbox.send(Update::Problem(format!("Re-execution stopped: {why}"))),
    }
}
