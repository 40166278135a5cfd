//! Recordings: save, open, run again, export.
use super::{
    answer::{Desk, Model},
    facts::{FileFacts, Opened, Origin},
    host::DeskHost,
    messages::{FileRef, Update},
    recorded::{Exchanged, files},
};
use crate::{
    recording::{self, Recording},
    trace::{Record, What},
    types::escape,
};
use std::io::{self, BufReader, Read as _, Write};

/// Records sent at once.
const PAGE: usize = 16_384;
/// What a recording begins with, whatever its name says.
const BEGINS: &[u8] = b"{\"weighbridge-recording\":";

impl<H: DeskHost> Desk<H> {
    /// Writes a file and says so.
    pub(super) fn write(&mut self, file: &FileRef, mut fill: impl FnMut(&mut dyn Write) -> io::Result<()>) {
        match self.host.write_file(file, &mut fill) {
            Ok(()) => self.notice(format!("Wrote {}", escape(&file.name))),
            Err(error) => self.problem(format!("{} could not be written: {error}", escape(&file.name))),
        }
    }

    /// The recording of what is open.
    fn recording(&mut self) -> Option<Recording> {
        match &mut self.model {
            Model::Nothing => {
                self.problem("There is nothing to record yet: open a model first");
                None
            }
            Model::Live(model) => {
                Some(H::session(model).recording(&self.facts.component_id, self.facts.tables.clone()))
            }
            Model::Recorded(recording) => Some((**recording).clone()),
        }
    }

    pub(super) fn save(&mut self, file: &FileRef) {
        if let Some(recording) = self.recording() {
            self.write(file, |out| recording.write(out));
        }
    }

    pub(super) fn perfetto(&mut self, file: &FileRef) {
        if let Some(recording) = self.recording() {
            self.write(file, |out| recording::perfetto(&recording, out));
        }
    }

    pub(super) fn mermaid(&mut self, file: &FileRef) {
        if let Some(recording) = self.recording() {
            self.write(file, |out| out.write_all(recording::mermaid_recording(&recording).as_bytes()));
        }
    }

    pub(super) fn is_recording(&mut self, file: &FileRef) -> bool {
        let mut first = Vec::new();
        let Ok(open) = self.host.open_file(file) else { return false };
        open.take(BEGINS.len() as u64).read_to_end(&mut first).is_ok() && first == BEGINS
    }

    /// Opens a recording and sends it as if it happened.
    pub(super) fn open_recording(&mut self, file: &FileRef) {
        let open = self.host.open_file(file).map_err(|error| error.to_string());
        let read = open.and_then(|open| Recording::read(BufReader::new(open)).map_err(|error| error.to_string()));
        let recording = match read {
            Ok(recording) => recording,
            Err(why) => {
                return self.problem(format!("{} is no recording that can be read: {why}", escape(&file.name)));
            }
        };
        self.files = Vec::new();
        self.send(Update::Began { label: file.name.clone(), origin: Origin::Recording });
        self.send_recording(&recording);
        self.model = Model::Recorded(Box::new(recording));
    }

    fn send_recording(&mut self, recording: &Recording) {
        if !recording.header.names.is_empty() {
            let names = What::Names { first: 0, names: recording.header.names.clone() };
            self.send(Update::Records(vec![Record { seq: 0, at: 0, what: names }]));
        }
        if recording.header.component != self.facts.component_id {
            let mut host = self.facts.clone();
            host.tables.clone_from(&recording.header.machines);
            self.send(Update::Host(Box::new(host)));
            self.notice("This recording is of another component: its own diagrams are shown");
        }
        let Exchanged { summary, sizes } = Exchanged::of(recording);
        if let Some(summary) = summary {
            let files = (0..).zip(&sizes).map(|(i, size)| FileFacts { name: format!("file {i}"), size: *size });
            let capabilities = recording.header.capabilities.clone();
            // What was noticed is not recorded.
            let opened = Opened { summary, files: files.collect(), capabilities, findings: Vec::new() };
            self.send(Update::Opened(Box::new(opened)));
        }
        for page in recording.records.chunks(PAGE) {
            self.send(Update::Records(page.to_vec()));
        }
        // A recording has the header, not the list: the component reads it again.
        if let Some(tensors) = files(recording, &sizes).and_then(|files| self.host.tensors(&files)) {
            self.send(Update::Tensors { start: 0, tensors });
        }
    }

    /// Runs the component again on what was recorded.
    pub(super) fn replay(&mut self) {
        let Some(recording) = self.recording() else { return };
        match self.host.replay(&recording) {
            Ok(report) => self.notice(format!(
                "Re-executed without the file: {} records, {} steps and {} calls are the same; {} then, {} now",
                report.compared,
                report.steps,
                report.calls,
                milliseconds(report.recorded_ns),
                milliseconds(report.replayed_ns)
            )),
            Err(why) => self.problem(format!("Re-execution stopped: {why}")),
        }
    }
}

fn milliseconds(ns: u64) -> String {
    format!("{}.{:02} ms", ns / 1_000_000, ns % 1_000_000 / 10_000)
}
