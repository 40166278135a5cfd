//! Opening a model.
use super::current::{Current, Model, path};
use crate::backend::{FileFacts, FileRef, OpenOptions, Opened, Origin, Update};
use std::path::PathBuf;
use std::time::Duration;
use weighbridge::recording::Recording;
use weighbridge::{HostCapabilities, HostLimits, SessionOptions};

/// Records that the host keeps for saving; its own bound on their bytes (256 MiB) comes first.
const RING: usize = 8 << 20;

pub(super) fn session_options(current: &Current, options: &OpenOptions) -> SessionOptions {
    let limits =
        HostLimits::new().deadline((options.deadline_ms > 0).then(|| Duration::from_millis(options.deadline_ms)));
    SessionOptions::new()
        .guest(options.guest)
        .limits(limits)
        .host(HostCapabilities::new().mmap(options.mmap))
        .interpose(current.shared.clone())
        .cancel(current.shared.cancel.clone())
        .ring(RING)
}

pub(super) fn open(current: &mut Current, files: &[FileRef], options: &OpenOptions) {
    let label = match files {
        [one] => one.name.clone(),
        [first, ..] => format!("{} and {} more", first.name, files.len() - 1),
        [] => String::new(),
    };
    current.outbox.send(Update::Began { label, origin: Origin::Live });
    let paths: Vec<PathBuf> = files.iter().map(path).collect();
    current.files.clone_from(&paths);
    current.deadline_ms = options.deadline_ms;
    current.shared.gate.forget_names();
    current.shared.faults.set_files(paths.clone());
    let watcher = current.watcher();
    if let Ok(mut early) = watcher.early.lock() {
        *early = Some(Vec::new());
    }
    let settings = session_options(current, options).observer(watcher.clone());
    let opened = current.runtime.open_with(&paths, settings);
    let early = watcher.early.lock().ok().and_then(|mut e| e.take()).unwrap_or_default();
    match opened {
        Ok(session) => {
            current.files = session.files().iter().map(|f| f.shown().to_owned()).collect();
            current.shared.faults.set_files(current.files.clone());
            let opened = Opened {
                summary: session.summary().clone(),
                files: session.files().iter().map(|f| FileFacts { name: f.name.clone(), size: f.size }).collect(),
                capabilities: Some(session.capabilities().clone()),
            };
            current.model = Model::Live(Box::new(session));
            current.outbox.send(Update::Opened(Box::new(opened)));
            current.send_tensors();
            current.metadata();
            current.refresh();
        }
        Err(error) => {
            // What happened until then can be saved and replayed.
            let header = current.runtime.recording_header(&early).unwrap_or_default();
            current.model = Model::Recorded(Box::new(Recording { header, records: early }));
            current.fail("open", error);
        }
    }
}
