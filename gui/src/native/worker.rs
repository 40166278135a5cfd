//! The worker thread: the host's library, one request after the other.
use super::backend::{Outbox, Shared, Watcher};
use super::{open, race, records};
use crate::backend::{Failure, FileBytes, FileRef, HostFacts, Request, Sandbox, Update};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use weighbridge::recording::Recording;
use weighbridge::types::{Cause, LoadOptions, Phase, Selection, Strategy, StrategyPolicy};
use weighbridge::{CacheUse, Error, Runtime, Session, Tensor};

/// First bytes of a tensor that are shown.
const PREVIEW: usize = 64 << 10;
/// Tensors told at once.
const PAGE: usize = 8192;

/// What is open.
pub(super) enum Current {
    Nothing,
    Live(Box<Session>),
    Recorded(Box<Recording>),
}

/// The worker.
pub(super) struct Worker {
    pub(super) outbox: Outbox,
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Runtime,
    pub(super) current: Current,
    pub(super) limits: weighbridge::HostLimits,
    pub(super) files: Vec<PathBuf>,
    pub(super) deadline_ms: u64,
    borrowed: Option<Tensor>,
    registered: bool,
}

/// Works until the UI is gone.
pub(super) fn run(queue: &Receiver<Request>, outbox: Outbox, shared: Arc<Shared>) {
    outbox.tell(Update::Busy("Preparing the component".into()));
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            outbox.tell(Update::Idle);
            outbox.tell(Update::Failed(Box::new(Failure {
                doing: "start".into(),
                error: error.into_record(),
                bytes: None,
            })));
            // Without a runtime nothing can be opened; what is asked is answered so.
            while queue.recv().is_ok() {
                outbox.tell(Update::Problem("The component could not be prepared: nothing can be opened".into()));
            }
            return;
        }
    };
    outbox.tell(Update::Host(Box::new(facts(&runtime))));
    outbox.tell(Update::Idle);
    let limits = weighbridge::HostLimits::default();
    let mut worker = Worker {
        outbox,
        shared,
        runtime,
        current: Current::Nothing,
        limits,
        files: Vec::new(),
        deadline_ms: 0,
        borrowed: None,
        registered: false,
    };
    while let Ok(request) = queue.recv() {
        worker.shared.cancel.reset();
        let busy = words(&request);
        if let Some(what) = &busy {
            worker.outbox.tell(Update::Busy(what.clone()));
        }
        worker.perform(request);
        if busy.is_some() {
            if let Some(left) = worker.shared.faults.struck() {
                worker.outbox.tell(Update::Faults(left));
            }
            worker.outbox.tell(Update::Idle);
        }
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
        tables: runtime.describe().unwrap_or_default(),
    }
}

/// What takes long enough to be named in the status line.
fn words(request: &Request) -> Option<String> {
    Some(match request {
        Request::Open { .. } => "Opening".into(),
        Request::OpenRecording(_) => "Reading the recording".into(),
        Request::Load { .. } => "Loading".into(),
        Request::Release(_) => "Releasing".into(),
        Request::Evict(_) => "Evicting".into(),
        Request::Advise(..) => "Advising".into(),
        Request::Replay => "Re-executing".into(),
        Request::Race(_) => "Racing".into(),
        Request::Close => "Closing".into(),
        Request::SaveRecording(_) | Request::ExportPerfetto(_) | Request::ExportMermaid(_) | Request::WriteFile(..) => {
            "Writing".into()
        }
        _ => return None,
    })
}

impl Worker {
    pub(super) fn watcher(&self) -> Arc<Watcher> {
        Arc::new(Watcher {
            outbox: self.outbox.clone(),
            shared: self.shared.clone(),
            early: std::sync::Mutex::new(None),
        })
    }

    fn perform(&mut self, request: Request) {
        match request {
            Request::Open { files, options } => {
                self.close_quietly();
                match &files[..] {
                    [one] if records::is_recording(one) => records::open(self, one),
                    _ => open::open(self, &files, &options),
                }
            }
            Request::OpenRecording(file) => {
                self.close_quietly();
                records::open(self, &file);
            }
            Request::Load { selection, options } => self.load(&selection, &options),
            Request::Release(selection) => {
                self.act("release", |s| s.release(&selection).map(|n| format!("Released {n} tensors")))
            }
            Request::Evict(selection) => {
                self.act("evict", |s| s.evict(&selection).map(|n| format!("Evicted {n} tensors")))
            }
            Request::Advise(tensor, advice) => {
                self.act("advise", |s| {
                    s.advise(tensor, advice).map(|effect| format!("{} was {}", advice.name(), effect.name()))
                });
            }
            Request::Observe(level) => {
                if let Current::Live(session) = &mut self.current
                    && let Err(error) = session.observe(level)
                {
                    self.fail("observe", error);
                }
            }
            Request::Borrow(tensor) => self.borrow(tensor),
            Request::Metadata => self.metadata(),
            Request::Preview(tensor) => self.preview(tensor),
            Request::Pages(file) => self.pages(file),
            Request::SaveRecording(file) => records::save(self, &file),
            Request::ExportPerfetto(file) => records::perfetto(self, &file),
            Request::ExportMermaid(file) => records::mermaid(self, &file),
            Request::WriteFile(file, bytes) => records::write(&self.outbox, &file, |out| out.write_all(&bytes)),
            Request::Replay => records::replay(self),
            Request::Race(selection) => race::race(self, &selection),
            Request::Close => self.close(),
            // These act at once, in `NativeBackend::send`.
            Request::Cancel
            | Request::Pause
            | Request::Continue
            | Request::Step
            | Request::SetBreakpoints(_)
            | Request::SetFaults(_) => {}
        }
    }

    /// Does something with the session, tells what came of it and how things stand.
    fn act(&mut self, doing: &str, deed: impl FnOnce(&mut Session) -> Result<String, Error>) {
        let Current::Live(session) = &mut self.current else {
            self.outbox.tell(Update::Problem("Open a model first".into()));
            return;
        };
        match deed(session) {
            Ok(text) => self.outbox.tell(Update::Notice(text)),
            Err(error) => self.fail(doing, error),
        }
        self.refresh();
    }

    fn load(&mut self, selection: &Selection, options: &LoadOptions) {
        if options.policy == StrategyPolicy::Only(Strategy::ExternalBuffer) && !self.registered {
            if let Err(error) = self.register() {
                self.fail("load", error);
                return;
            }
            self.registered = true;
        }
        let Current::Live(session) = &mut self.current else {
            self.outbox.tell(Update::Problem("Open a model first".into()));
            return;
        };
        match session.load(selection, options) {
            Ok(report) => self.outbox.tell(Update::Report(Box::new(report))),
            Err(error) => self.fail("load", error),
        }
        self.refresh();
    }

    /// For external-buffer this program is the embedder that has the memory.
    fn register(&mut self) -> Result<(), Error> {
        let Current::Live(session) = &mut self.current else { return Ok(()) };
        let tensors = session.tensors()?.to_vec();
        let total = tensors.iter().map(|t| t.bytes).fold(0, u64::saturating_add);
        if total > self.limits.buffer_bytes / 2 {
            let message = format!("there is no memory for {total} bytes of tensors; choose another strategy");
            return Err(Error::new(Phase::Request, Cause::OutOfMemory, message));
        }
        for tensor in tensors {
            let len = usize::try_from(tensor.bytes)
                .map_err(|_| Error::new(Phase::Request, Cause::OutOfMemory, "a tensor does not fit into memory"))?;
            session.register(tensor.name, vec![0u8; len])?;
        }
        Ok(())
    }

    /// Tells how things stand.
    pub(super) fn refresh(&mut self) {
        let Current::Live(session) = &mut self.current else { return };
        // A guest that was ended answers nothing; the error that ended it has been told.
        if let Ok(states) = session.states() {
            self.outbox.tell(Update::States(states.to_vec()));
        }
        if let Ok(slots) = session.slots() {
            self.outbox.tell(Update::Slots(slots));
        }
        let s = session.stats();
        self.outbox.tell(Update::Sandbox(Box::new(Sandbox {
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

    /// Tells every tensor.
    pub(super) fn tell_tensors(&mut self) {
        let Current::Live(session) = &mut self.current else { return };
        match session.tensors() {
            Ok(tensors) => {
                for (i, page) in tensors.chunks(PAGE).enumerate() {
                    let start = u32::try_from(i * PAGE).unwrap_or(u32::MAX);
                    self.outbox.tell(Update::Tensors { start, tensors: page.to_vec() });
                }
            }
            Err(error) => self.fail("list tensors", error),
        }
    }

    pub(super) fn metadata(&mut self) {
        let Current::Live(session) = &mut self.current else { return };
        match session.metadata(8) {
            Ok(entries) => self.outbox.tell(Update::Metadata(entries)),
            Err(error) => self.fail("read metadata", error),
        }
    }

    fn borrow(&mut self, tensor: Option<u32>) {
        self.borrowed = None;
        let (Some(tensor), Current::Live(session)) = (tensor, &mut self.current) else { return };
        match session.tensor_at(tensor) {
            Ok(view) => {
                self.borrowed = Some(view);
                self.outbox
                    .tell(Update::Notice("A view is held: the unmap of this tensor will be answered busy".into()));
            }
            Err(error) => self.fail("borrow", error),
        }
    }

    fn preview(&mut self, tensor: u32) {
        let Current::Live(session) = &mut self.current else { return };
        // A tensor that is not resident has nothing to show, which is no error here.
        let Ok(view) = session.tensor_at(tensor) else {
            self.outbox.tell(Update::Preview { tensor, bytes: Vec::new() });
            return;
        };
        let mut bytes = vec![0; usize::try_from(view.info().bytes).unwrap_or(PREVIEW).min(PREVIEW)];
        match view.copy_to(0, &mut bytes) {
            Ok(()) => self.outbox.tell(Update::Preview { tensor, bytes }),
            Err(error) => self.fail("read the tensor", error),
        }
    }

    fn pages(&mut self, file: u32) {
        let Current::Live(session) = &mut self.current else { return };
        let Some(map) = session.residency(file as usize) else {
            self.outbox.tell(Update::Problem("The system does not say which pages are in memory".into()));
            return;
        };
        let mut bits = vec![0u8; map.pages.len().div_ceil(8)];
        for (i, _) in map.pages.iter().enumerate().filter(|(_, resident)| **resident) {
            bits[i / 8] |= 1 << (i % 8);
        }
        self.outbox.tell(Update::Pages { file, page: map.page_bytes, bits });
    }

    fn close(&mut self) {
        self.borrowed = None;
        if let Current::Live(session) = &mut self.current {
            match session.close() {
                Ok(()) => self.outbox.tell(Update::Notice("Closed".into())),
                Err(error) => {
                    self.fail("close", error);
                    return;
                }
            }
        }
        self.current = Current::Nothing;
    }

    fn close_quietly(&mut self) {
        self.borrowed = None;
        self.registered = false;
        self.current = Current::Nothing;
    }

    /// Tells what went wrong, with the bytes that are to blame.
    pub(super) fn fail(&self, doing: &str, error: Error) {
        let bytes = error.offset.and_then(|offset| self.bytes_around(error.source.unwrap_or(0), offset));
        self.outbox.tell(Update::Failed(Box::new(Failure { doing: doing.into(), error: error.into_record(), bytes })));
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

/// The path behind a token.
pub(super) fn path(file: &FileRef) -> PathBuf {
    PathBuf::from(&file.token)
}
