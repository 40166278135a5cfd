//! A page for the core's desk: files by their tokens, views, files that are handed to the person.
use super::{embedder::Embedder, outbox::Outbox, reading::Reading};
use crate::{
    further::{cannot_open, found, granted},
    guest::{Instance, Shared, Start, bare},
    media::{Hooks, JsSource, Source, Web},
    options::Settings,
    view,
};
use js_sys::Uint8Array;
use std::{
    io::{self, Write},
    sync::Arc,
};
use weighbridge_core::{
    Cause, Error, Granted, Phase, ReplayError, ReplayReport, Session, SessionOptions, TensorInfo, View,
    desk::{Controls, DeskHost, FileRef, HostFacts, Link as _, RecordedFile},
    recording::Recording,
};

/// Records that are kept for saving: a page has less room than a program.
const RING: usize = 1 << 20;

/// The component, compiled, over the files of a page.
pub(super) struct System {
    start: Start,
    hooks: Hooks,
    embedder: Embedder,
    outbox: Arc<Outbox>,
    controls: Arc<Controls>,
    facts: HostFacts,
    /// Most bytes of buffers at once.
    buffer_bytes: u64,
    /// The file that was looked at last, or why it could not be, for a model of this one file that is opened next: behind a
    /// URL each look costs requests, and what was refused once may come out of the browser's cache the second time.
    looked_at: Option<(String, Result<JsSource, Error>)>,
}

impl System {
    /// Asks the component what it is.
    ///
    /// # Errors
    /// It cannot be run here.
    pub(super) fn new(
        (start, hooks, embedder): (Start, Hooks, Embedder),
        outbox: Arc<Outbox>,
        controls: Arc<Controls>,
        buffer_bytes: u64,
    ) -> Result<Self, Error> {
        let component = start.component();
        let mut asked = bare(&start, &hooks)?;
        let facts = HostFacts {
            component_id: component.id(),
            component_bytes: component.bytes() as u64,
            code: "compiled by the browser".into(),
            ready_ns: (component.compile_ms().max(0.0) * 1e6) as u64,
            imports: component.imports(),
            exports: component.exports(),
            granted: vec![HostFacts::GRANTED.into()],
            formats: asked.formats()?,
            tables: asked.describe()?,
        };
        Ok(Self { start, hooks, embedder, outbox, controls, facts, buffer_bytes, looked_at: None })
    }

    fn source(&self, file: &FileRef) -> Result<JsSource, Error> {
        self.embedder.source(&file.name, &file.token).map_err(|thrown| cannot_open(&file.name, &thrown))
    }

    /// A session over files; `find` has the further ones.
    fn begin(
        &self,
        files: Vec<Granted<Source>>,
        options: &SessionOptions,
        find: impl FnMut(&str) -> Result<Source, Error>,
    ) -> Result<Session<Instance>, Error> {
        let (outbox, controls) = (self.outbox.clone(), self.controls.clone());
        let cancelled = move || {
            outbox.poll(&controls);
            controls.cancel().is_cancelled()
        };
        let media = Web::new(self.hooks.clone(), &Settings::default(), cancelled);
        let shared = Shared::new(weighbridge_core::Host::new(media, options), self.hooks.clone());
        Session::open(Instance::start(&self.start, shared)?, files, options, find)
    }
}

impl DeskHost for System {
    type Engine = Instance;
    type Model = Session<Instance>;
    type View = View<Web>;
    type File = Reading;
    type Link = Outbox;

    fn facts(&mut self) -> HostFacts {
        self.facts.clone()
    }

    fn open(&mut self, files: &[FileRef], mut options: SessionOptions) -> Result<Session<Instance>, Error> {
        (options.host.mmap, options.host.advise) = (false, false);
        options.limits.buffer_bytes = options.limits.buffer_bytes.min(self.buffer_bytes);
        (options.limits.mapped_bytes, options.limits.mappings) = (0, 0);
        options.ring = options.ring.min(RING);
        let sources = match (files, self.looked_at.take()) {
            ([only], Some((token, opened))) if token == only.token => vec![opened?],
            _ => files.iter().map(|file| self.source(file)).collect::<Result<_, _>>()?,
        };
        let beside = self.embedder.beside(files.first().map_or("", |file| &file.token));
        self.begin(sources.into_iter().map(granted).collect(), &options, |name| found(&beside, name))
    }

    fn session(model: &mut Session<Instance>) -> &mut Session<Instance> {
        model
    }

    fn view(&mut self, model: &mut Session<Instance>, tensor: u32) -> Result<View<Web>, Error> {
        model.view_at(tensor)
    }

    fn copy(&mut self, view: &View<Web>, offset: u64, to: &mut [u8]) -> Result<(), Error> {
        copy(view, offset, to)
    }

    fn open_file(&mut self, file: &FileRef) -> io::Result<Reading> {
        let opened = self.source(file);
        self.looked_at = Some((file.token.clone(), opened.clone()));
        opened.map(|source| Reading::new(Source::new(source))).map_err(|error| io::Error::other(error.message))
    }

    fn write_file(&mut self, file: &FileRef, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut bytes = Vec::new();
        fill(&mut bytes)?;
        let delivered = self.embedder.deliver(&file.name, &Uint8Array::from(bytes.as_slice()));
        delivered.map_err(|_| io::Error::other("the page did not take the file"))
    }

    fn replay(&mut self, recording: &Recording) -> Result<ReplayReport, ReplayError> {
        let run = |host| Instance::start(&self.start, Shared::new(host, self.hooks.clone()));
        weighbridge_core::replay(recording, None, &self.facts.component_id, run)
    }

    fn tensors(&mut self, files: &[RecordedFile]) -> Option<Vec<TensorInfo>> {
        let granted = |file: &RecordedFile| Granted { name: file.name.clone(), source: Source::recorded(file.clone()) };
        let options = SessionOptions::new().ring(0).cancel(self.controls.cancel().clone());
        let missing = |_: &str| Err(Error::new(Phase::Request, Cause::NotFound, "the recording has no such file"));
        let session = self.begin(files.iter().map(granted).collect(), &options, missing).ok()?;
        session.tensors().ok().map(<[TensorInfo]>::to_vec)
    }
}

/// Copies bytes of a view from `offset` on.
pub(super) fn copy(view: &View<Web>, offset: u64, to: &mut [u8]) -> Result<(), Error> {
    let bytes = view::bytes(view, offset, to.len() as u64)?;
    if bytes.length() as usize != to.len() {
        return Err(Error::new(Phase::Request, Cause::OutOfBounds, "the tensor has no such bytes"));
    }
    bytes.copy_to(to);
    Ok(())
}
