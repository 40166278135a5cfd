//! What is open, with everything that belongs to it, and how it is reported to the UI.
use super::link::{Outbox, Shared, Watcher};
use crate::backend::{Failure, FileBytes, FileRef, HostFacts, Sandbox, Update};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use weighbridge::Error;
use weighbridge::recording::Recording;
use weighbridge::{CacheUse, HostLimits, Runtime, Session, Tensor};

/// Tensors sent at once.
const PAGE: usize = 8192;

/// What is open.
pub(super) enum Model {
    Nothing,
    Live(Box<Session>),
    Recorded(Box<Recording>),
}

/// What is open, and what it is open with.
pub(super) struct Current {
    pub(super) outbox: Outbox,
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Runtime,
    pub(super) model: Model,
    pub(super) limits: HostLimits,
    pub(super) files: Vec<PathBuf>,
    pub(super) deadline_ms: u64,
    /// The view that is held, so that an unmap is answered busy.
    pub(super) borrowed: Option<Tensor>,
    /// Whether memory for external-buffer was registered.
    pub(super) registered: bool,
}

impl Current {
    /// Nothing yet.
    pub(super) fn new(outbox: Outbox, shared: Arc<Shared>, runtime: Runtime) -> Self {
        Self {
            outbox,
            shared,
            runtime,
            model: Model::Nothing,
            limits: HostLimits::default(),
            files: Vec::new(),
            deadline_ms: 0,
            borrowed: None,
            registered: false,
        }
    }

    pub(super) fn watcher(&self) -> Arc<Watcher> {
        Arc::new(Watcher { outbox: self.outbox.clone(), shared: self.shared.clone(), early: Mutex::new(None) })
    }

    /// Reports how things stand.
    pub(super) fn refresh(&mut self) {
        let Model::Live(session) = &mut self.model else { return };
        // A guest that was ended answers nothing; the error that ended it has been reported.
        if let Ok(states) = session.states() {
            self.outbox.send(Update::States(states.to_vec()));
        }
        if let Ok(slots) = session.slots() {
            self.outbox.send(Update::Slots(slots));
        }
        let s = session.stats();
        self.outbox.send(Update::Sandbox(Box::new(Sandbox {
            guest_memory: s.guest_memory_bytes,
            guest_limit: self.limits.guest_memory,
            deadline_ms: self.deadline_ms,
            handles: s.handles,
            handle_limit: u64::from(self.limits.handles),
            crossings_in: s.crossings_in,
            crossings_out: s.crossings_out,
            bytes_to_guest: s.bytes_to_guest,
            bytes_moved: s.bytes_moved,
            mapped_bytes: s.mapped_bytes,
            mapped_limit: self.limits.mapped_bytes,
            mappings: s.mappings,
            buffer_bytes: s.buffer_bytes,
            buffer_limit: self.limits.buffer_bytes,
        })));
    }

    /// Sends every tensor.
    pub(super) fn send_tensors(&mut self) {
        let Model::Live(session) = &mut self.model else { return };
        match session.tensors() {
            Ok(tensors) => {
                for (i, page) in tensors.chunks(PAGE).enumerate() {
                    let start = u32::try_from(i * PAGE).unwrap_or(u32::MAX);
                    self.outbox.send(Update::Tensors { start, tensors: page.to_vec() });
                }
            }
            Err(error) => self.fail("list tensors", error),
        }
    }

    pub(super) fn metadata(&mut self) {
        let Model::Live(session) = &mut self.model else { return };
        match session.metadata(8) {
            Ok(entries) => self.outbox.send(Update::Metadata(entries)),
            Err(error) => self.fail("read metadata", error),
        }
    }

    /// Reports what went wrong, with the bytes that are to blame.
    pub(super) fn fail(&self, doing: &str, error: Error) {
        let bytes = error.offset.and_then(|offset| self.bytes_around(error.source.unwrap_or(0), offset));
        self.outbox.send(Update::Failed(Box::new(Failure { doing: doing.into(), error: error.into_record(), bytes })));
    }

    fn bytes_around(&self, file: u32, offset: u64) -> Option<FileBytes> {
        let path = self.files.get(file as usize)?;
        let from = offset.saturating_sub(64) / 16 * 16;
        let mut handle = std::fs::File::open(path).ok()?;
        handle.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        handle.take(176).read_to_end(&mut bytes).ok()?;
        (!bytes.is_empty()).then_some(FileBytes { file, offset: from, bytes })
    }
}

pub(super) fn facts(runtime: &Runtime) -> HostFacts {
    let startup = runtime.startup();
    HostFacts {
        component_id: runtime.component_id().to_owned(),
        component_bytes: startup.component_bytes as u64,
        cache: match startup.cache {
            CacheUse::Hit => "hit".into(),
            CacheUse::Miss => "miss".into(),
            CacheUse::Off => "off".into(),
        },
        compile_ns: startup.load_ns,
        imports: runtime.imports(),
        exports: runtime.exports(),
        granted: vec!["Granted: reading the files that you open, by handle; telling the observer what it does.".into()],
        formats: runtime.formats().unwrap_or_default(),
        tables: runtime.describe().unwrap_or_default(),
    }
}

/// The path behind a token.
pub(super) fn path(file: &FileRef) -> PathBuf {
    PathBuf::from(&file.token)
}
