//! Opening a model.
use super::worker::{Current, Worker, path};
use crate::backend::{FileFacts, FileRef, OpenOptions, Opened, Origin, Update};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use weighbridge::recording::Recording;
use weighbridge::{HostCapabilities, HostLimits, SessionOptions};

/// Records that the host keeps for saving; its own bound on their bytes (256 MiB) comes first.
const RING: usize = 8 << 20;

pub(super) fn session_options(worker: &Worker, options: &OpenOptions) -> SessionOptions {
    let limits =
        HostLimits::new().deadline((options.deadline_ms > 0).then(|| Duration::from_millis(options.deadline_ms)));
    SessionOptions::new()
        .guest(options.guest)
        .limits(limits)
        .host(HostCapabilities::new().mmap(options.mmap))
        .interpose(worker.shared.clone().faults_hook())
        .cancel(worker.shared.cancel.clone())
        .ring(RING)
}

pub(super) fn open(worker: &mut Worker, files: &[FileRef], options: &OpenOptions) {
    let label = match files {
        [one] => one.name.clone(),
        [first, ..] => format!("{} and {} more", first.name, files.len() - 1),
        [] => String::new(),
    };
    worker.outbox.tell(Update::Began { label, origin: Origin::Live });
    let paths: Vec<PathBuf> = files.iter().map(path).collect();
    worker.files.clone_from(&paths);
    worker.deadline_ms = options.deadline_ms;
    worker.shared.gate.forget_names();
    worker.shared.faults.set_files(paths.clone());
    let watcher = worker.watcher();
    if let Ok(mut early) = watcher.early.lock() {
        *early = Some(Vec::new());
    }
    let settings = session_options(worker, options).observer(watcher.clone());
    let opened = worker.runtime.open_with(&paths, settings);
    let early = watcher.early.lock().ok().and_then(|mut e| e.take()).unwrap_or_default();
    match opened {
        Ok(session) => {
            worker.files = session.files().iter().map(|f| f.shown().to_owned()).collect();
            worker.shared.faults.set_files(worker.files.clone());
            let opened = Opened {
                summary: session.summary().clone(),
                files: session.files().iter().map(|f| FileFacts { name: f.name.clone(), size: f.size }).collect(),
                capabilities: Some(*session.capabilities()),
            };
            worker.current = Current::Live(Box::new(session));
            worker.outbox.tell(Update::Opened(Box::new(opened)));
            worker.tell_tensors();
            worker.metadata();
            worker.refresh();
        }
        Err(error) => {
            // What happened until then can be saved and replayed.
            let header = worker.runtime.recording_header(&early).unwrap_or_default();
            worker.current = Current::Recorded(Box::new(Recording { header, records: early }));
            worker.fail("open", error);
        }
    }
}

impl super::backend::Shared {
    /// The hook that answers in the host's place.
    fn faults_hook(self: Arc<Self>) -> Arc<dyn weighbridge::Interpose> {
        struct Hook(Arc<super::backend::Shared>);
        impl weighbridge::Interpose for Hook {
            fn before(&self, call: &weighbridge::trace::Call) -> Option<weighbridge::trace::Answer> {
                self.0.faults.before(call)
            }
        }
        Arc::new(Hook(self))
    }
}
