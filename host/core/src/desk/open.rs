//! Opening a model.
use super::{
    answer::{Desk, Model},
    facts::{FileFacts, Opened, Origin},
    host::DeskHost,
    messages::{FileRef, OpenOptions, Update},
    watch::Watch,
};
use crate::{
    options::{HostCapabilities, HostLimits, SessionOptions},
    recording::{Recording, RecordingHeader},
};
use std::{sync::Arc, time::Duration};

/// Records that are kept for saving; the bound on their bytes comes first.
const RING: usize = 8 << 20;

impl<H: DeskHost> Desk<H> {
    /// The options of a session, without anyone who hears it.
    pub(super) fn session_options(&self, options: &OpenOptions) -> SessionOptions {
        let deadline = (options.deadline_ms > 0).then(|| Duration::from_millis(options.deadline_ms));
        SessionOptions {
            guest: options.guest,
            limits: HostLimits { deadline, ..HostLimits::default() },
            host: HostCapabilities { mmap: options.mmap, ..HostCapabilities::default() },
            cancel: self.controls.cancel().clone(),
            ring: 0,
            ..SessionOptions::default()
        }
    }

    pub(super) fn open(&mut self, files: Vec<FileRef>, options: &OpenOptions) {
        self.send(Update::Began { label: label(&files), origin: Origin::Live });
        self.files = files;
        self.deadline_ms = options.deadline_ms;
        self.controls.gate().forget_names();
        let watch = Arc::new(Watch::new(self.link.clone(), self.controls.clone()));
        let settings = SessionOptions {
            observer: Some(watch.clone()),
            interpose: Some(watch.clone()),
            ring: RING,
            ..self.session_options(options)
        };
        let opened = self.host.open(&self.files, settings);
        let early = watch.early();
        match opened {
            Ok(mut model) => {
                let session = H::session(&mut model);
                let findings = session.findings();
                let files = session.files().iter();
                let opened = Opened {
                    summary: session.summary().clone(),
                    files: files.map(|file| FileFacts { name: file.name.clone(), size: file.size }).collect(),
                    capabilities: Some(session.capabilities().clone()),
                    findings: findings.clone().unwrap_or_default(),
                };
                self.model = Model::Live(Box::new(model));
                self.send(Update::Opened(Box::new(opened)));
                if let Err(error) = findings {
                    self.fail("list findings", error);
                }
                self.send_tensors();
                self.metadata();
                self.refresh();
            }
            Err(error) => {
                // What happened until then can be saved and replayed.
                let header = RecordingHeader::of(&self.facts.component_id, self.facts.tables.clone(), &early);
                self.model = Model::Recorded(Box::new(Recording { header, records: early }));
                self.fail("open", error);
            }
        }
    }
}

/// How a model of these files is called.
pub(super) fn label(files: &[FileRef]) -> String {
    match files {
        [one] => one.name.clone(),
        [first, rest @ ..] => format!("{} and {} more", first.name, rest.len()),
        [] => String::new(),
    }
}
