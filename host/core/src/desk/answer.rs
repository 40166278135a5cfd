//! The desk itself: one request after the other.
use super::{
    controls::Controls,
    diff::Diff,
    facts::HostFacts,
    host::{DeskHost, Link as _},
    messages::{FileRef, Request, Update},
    race::Race,
};
use crate::{
    recording::Recording,
    types::{Error, LoadReport},
};
use std::sync::Arc;

/// What is open.
pub(super) enum Model<H: DeskHost> {
    Nothing,
    Live(Box<H::Model>),
    Recorded(Box<Recording>),
}

/// What is left of a request when the bytes of its load are in their places.
pub(super) enum Rest<H: DeskHost> {
    Load(LoadReport),
    Race(Box<Race<H>>),
    Diff(Box<Diff<H>>),
}

/// Whether a request is done.
#[must_use = "a request that waits is not done"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is.
    Done,
    /// A load returned. When its bytes are in their places, [`Desk::go_on`] does the rest.
    Waiting,
}

/// Answers the inspector.
pub struct Desk<H: DeskHost> {
    pub(super) host: H,
    pub(super) link: Arc<H::Link>,
    pub(super) controls: Arc<Controls>,
    pub(super) facts: HostFacts,
    pub(super) model: Model<H>,
    /// The files that were asked for.
    pub(super) files: Vec<FileRef>,
    pub(super) deadline_ms: u64,
    /// The view that is held, so that an unmap is answered busy.
    pub(super) borrowed: Option<H::View>,
    /// Whether memory for external-buffer was registered.
    pub(super) registered: bool,
    pub(super) rest: Option<Rest<H>>,
    busy: bool,
}

impl<H: DeskHost> Desk<H> {
    /// A desk with nothing open. The inspector is told what the host is.
    pub fn new(mut host: H, link: Arc<H::Link>, controls: Arc<Controls>) -> Self {
        let facts = host.facts();
        link.send(Update::Host(Box::new(facts.clone())));
        Self {
            host,
            link,
            controls,
            facts,
            model: Model::Nothing,
            files: Vec::new(),
            deadline_ms: 0,
            borrowed: None,
            registered: false,
            rest: None,
            busy: false,
        }
    }

    /// The model that is open, for what a host adds of its own.
    pub fn model(&mut self) -> Option<&mut H::Model> {
        match &mut self.model {
            Model::Live(model) => Some(model),
            Model::Nothing | Model::Recorded(_) => None,
        }
    }

    /// Does what is asked, on a host whose bytes are in their places when a load returns.
    pub fn run(&mut self, request: Request) {
        let mut progress = self.handle(request);
        while progress == Progress::Waiting {
            progress = self.go_on(Ok(()));
        }
    }

    /// Does what is asked, and reports what came of it. What acts at once has gone to [`Controls::at_once`] before.
    pub fn handle(&mut self, request: Request) -> Progress {
        while self.rest.is_some() {
            // The host did not wait for the bytes of the load before: what is there is there.
            let _ = self.go_on(Ok(()));
        }
        self.link.poll(&self.controls);
        self.controls.cancel().reset();
        let words = request.words();
        self.busy = words.is_some();
        if let Some(words) = words {
            self.send(Update::Busy(words.to_owned()));
        }
        self.perform(request);
        self.done()
    }

    /// The bytes of a load came, or could not be read: does the rest of the request.
    pub fn go_on(&mut self, arrived: Result<(), Error>) -> Progress {
        match self.rest.take() {
            Some(Rest::Load(report)) => self.loaded(arrived.map(|()| report)),
            Some(Rest::Race(race)) => self.race_on(*race, arrived),
            Some(Rest::Diff(diff)) => self.diff_on(*diff, arrived),
            None => {}
        }
        self.done()
    }

    fn done(&mut self) -> Progress {
        if self.rest.is_some() {
            return Progress::Waiting;
        }
        if std::mem::take(&mut self.busy) {
            if let Some(left) = self.controls.struck() {
                self.send(Update::Faults(left));
            }
            self.send(Update::Idle);
        }
        Progress::Done
    }

    fn perform(&mut self, request: Request) {
        match request {
            Request::Open { files, options } => {
                self.forget();
                match &files[..] {
                    [one] if self.is_recording(one) => self.open_recording(one),
                    _ => self.open(files, &options),
                }
            }
            Request::OpenRecording(file) => {
                self.forget();
                self.open_recording(&file);
            }
            Request::Load { selection, options } => self.load(&selection, &options),
            Request::Release(selection) => {
                self.act("release", |s| s.release(&selection).map(|n| format!("Released {n} tensors")));
            }
            Request::Evict(selection) => {
                self.act("evict", |s| s.evict(&selection).map(|n| format!("Evicted {n} tensors")));
            }
            Request::Advise(tensor, advice) => self.act("advise", |s| {
                s.advise(tensor, advice).map(|effect| format!("{} was {}", advice.name(), effect.name()))
            }),
            Request::Observe(level) => {
                if let Model::Live(model) = &mut self.model
                    && let Err(error) = H::session(model).observe(level)
                {
                    self.fail("observe", error);
                }
            }
            Request::Borrow(tensor) => self.borrow(tensor),
            Request::Metadata => self.metadata(),
            Request::Preview(tensor) => self.preview(tensor),
            Request::Pages(file) => self.pages(file),
            Request::SaveRecording(file) => self.save(&file),
            Request::ExportPerfetto(file) => self.perfetto(&file),
            Request::ExportMermaid(file) => self.mermaid(&file),
            Request::WriteFile(file, bytes) => self.write(&file, |out| out.write_all(&bytes)),
            Request::Replay => self.replay(),
            Request::Race(selection) => self.race(selection),
            Request::Diff { files, bytes } => self.diff(&files, bytes),
            Request::Close => self.close(),
            // These act at once.
            Request::Cancel
            | Request::Pause
            | Request::Continue
            | Request::Step
            | Request::SetBreakpoints(_)
            | Request::SetFaults(_) => {
                let _ = self.controls.at_once(request);
            }
        }
    }

    pub(super) fn send(&self, update: Update) {
        self.link.send(update);
    }
}
