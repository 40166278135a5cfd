//! One model, for `js/session.js`: values come and go as JSON text, errors are thrown as the package's.
use crate::{
    answers::{self, thrown},
    functions::{self, Interposer, Listener},
    further::{found, granted},
    guest::{Instance, Shared, Start},
    media::{Buffer, Hooks, JsSource, Memory, Web},
    options::{Load, Settings},
    recording::Recording,
    view::View,
};
use js_sys::Function;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use weighbridge_core::{
    self as core, Advice, CancelToken, Cause, Error, Host, Level, LoadOptions, MachineTable, Phase, Selection,
    SessionOptions, Sink,
};

/// One model. It is opened once; on an error it still has what was recorded until then.
#[wasm_bindgen]
pub struct Session {
    hooks: Hooks,
    start: Start,
    options: SessionOptions,
    cancel: CancelToken,
    shared: Shared,
    inner: Option<core::Session<Instance>>,
}

/// A file as it is told.
#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    size: u64,
}

type Answer<T> = Result<T, JsValue>;

impl Session {
    /// The session, for one thing that is asked of it. A cancellation was of what was asked before.
    fn ask<T>(&mut self, work: impl FnOnce(&mut core::Session<Instance>) -> Result<T, Error>) -> Answer<T> {
        self.cancel.reset();
        let Some(inner) = &mut self.inner else { return Err(thrown(&self.hooks, &not_open())) };
        work(inner).map_err(|error| thrown(&self.hooks, &error))
    }

    /// The same, with an answer as JSON text.
    fn tell<T: Serialize>(
        &mut self,
        work: impl FnOnce(&mut core::Session<Instance>) -> Result<T, Error>,
    ) -> Answer<String> {
        let answer = self.ask(work)?;
        answers::text(&self.hooks, &answer)
    }

    fn meant<T: serde::de::DeserializeOwned>(&self, what: &str, text: &str) -> Answer<T> {
        answers::asked(&self.hooks, what, text)
    }

    fn look<T: Serialize>(&self, look: impl FnOnce(&core::Session<Instance>) -> T) -> Answer<String> {
        match &self.inner {
            Some(inner) => answers::text(&self.hooks, &look(inner)),
            None => Err(thrown(&self.hooks, &not_open())),
        }
    }
}

fn not_open() -> Error {
    Error::new(Phase::Request, Cause::InvalidRequest, "no model is open in this session; open one first")
}

#[wasm_bindgen]
impl Session {
    /// A session that has no model yet. `observe` is told records and `interpose` asked for answers, both as JSON text.
    /// `guest_ms` and `carried` are the limits that this side of the guest keeps: how long it may compute, and how many bytes it may
    /// pass in one export as lists and texts.
    ///
    /// # Errors
    /// The options cannot be meant.
    #[wasm_bindgen(constructor)]
    pub fn new(
        start: Start,
        hooks: Hooks,
        settings: &str,
        observe: Option<Function>,
        interpose: Option<Function>,
        guest_ms: Option<f64>,
        carried: Option<f64>,
    ) -> Answer<Self> {
        let settings: Settings = answers::asked(&hooks, "options", settings)?;
        let asked = hooks.clone();
        let media = Web::new(hooks.clone(), &settings, move || asked.cancelled().unwrap_or(true));
        let mut options: SessionOptions = settings.into();
        if let Some(time) = guest_ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()) {
            options.limits.guest_time = time;
        }
        if let Some(bytes) = carried {
            options.limits.hostcall_bytes = bytes as usize;
        }
        options.observer = observe.map(|function| Arc::new(Listener::new(function)) as _);
        options.interpose = interpose.map(|function| Arc::new(Interposer::new(function)) as _);
        let shared = Shared::new(Host::new(media, &options), hooks.clone());
        Ok(Self { cancel: options.cancel.clone(), hooks, start, options, shared, inner: None })
    }

    /// Registers memory (`js/memory.js`) for a tensor; false while the tensor lies in what was registered before.
    pub fn register(&self, name: String, memory: Memory, len: f64) -> bool {
        let buffer = Buffer::registered(memory, len as u64);
        self.shared.with(|host| host.table().is_some_and(|table| table.register(name, buffer)))
    }

    /// Opens a model over its sources. `find` has the further files by their names.
    ///
    /// # Errors
    /// As the core's session.
    pub fn open(&mut self, sources: Vec<JsSource>, find: &Function) -> Answer<()> {
        self.cancel.reset();
        let files = sources.into_iter().map(granted).collect();
        let opened = Instance::start(&self.start, self.shared.clone())
            .and_then(|instance| core::Session::open(instance, files, &self.options, |name| found(find, name)));
        self.inner = Some(opened.map_err(|error| thrown(&self.hooks, &error))?);
        Ok(())
    }

    /// What the headers say of the model.
    ///
    /// # Errors
    /// No model is open, here and below.
    pub fn summary(&self) -> Answer<String> {
        self.look(|inner| inner.summary().clone())
    }

    /// The files, in the order in which the tensors name them.
    ///
    /// # Errors
    /// As [`Self::summary`].
    pub fn files(&self) -> Answer<String> {
        let Some(inner) = &self.inner else { return Err(thrown(&self.hooks, &not_open())) };
        let files = inner.files().iter().map(|file| File { name: &file.name, size: file.size });
        answers::text(&self.hooks, &files.collect::<Vec<_>>())
    }

    /// What the host offers the guest.
    ///
    /// # Errors
    /// As [`Self::summary`].
    pub fn capabilities(&self) -> Answer<String> {
        self.look(|inner| inner.capabilities().clone())
    }

    /// What the session holds and what it did.
    ///
    /// # Errors
    /// As [`Self::summary`].
    pub fn stats(&self) -> Answer<String> {
        self.look(core::Session::stats)
    }

    /// Bytes moved so far, those of batches that failed included; bytes of buffers; buffers; mappings. Also of a session that
    /// could not be opened.
    pub fn usage(&self) -> Vec<f64> {
        let usage = self.shared.with(|host| host.peek_table().map(core::Table::usage));
        usage.map_or_else(Vec::new, |usage| {
            [usage.moving(), usage.buffer_bytes(), usage.buffers(), usage.mappings()].map(|number| number as f64).into()
        })
    }

    /// What the session took, in nanoseconds.
    ///
    /// # Errors
    /// As [`Self::summary`].
    pub fn timings(&self) -> Answer<String> {
        self.look(core::Session::timings)
    }

    /// Every tensor.
    ///
    /// # Errors
    /// As the core's session, here and below.
    pub fn tensors(&mut self) -> Answer<String> {
        let hooks = self.hooks.clone();
        self.ask(|inner| inner.tensors().map(|list| answers::text(&hooks, list)))?
    }

    /// The metadata. A number that JSON cannot say is a text.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn metadata(&mut self, head: u32) -> Answer<String> {
        self.tell(|inner| {
            let mut entries = inner.metadata(head)?;
            answers::in_json(&mut entries);
            Ok(entries)
        })
    }

    /// What was noticed of the model that did not keep it from being opened.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn findings(&mut self) -> Answer<String> {
        self.tell(core::Session::findings)
    }

    /// The index of a tensor.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn find(&mut self, name: &str) -> Answer<Option<u32>> {
        self.ask(|inner| inner.find(name))
    }

    /// Residency of every tensor.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn states(&mut self) -> Answer<String> {
        let hooks = self.hooks.clone();
        self.ask(|inner| inner.states().map(|list| answers::text(&hooks, list)))?
    }

    /// The pool of mappings.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn slots(&mut self) -> Answer<String> {
        self.tell(core::Session::slots)
    }

    /// Every buffer that copies of tensors lie in.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn buffers(&mut self) -> Answer<String> {
        self.tell(core::Session::buffers)
    }

    /// Where every machine stands.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn machines(&mut self) -> Answer<String> {
        self.tell(core::Session::machines)
    }

    /// Makes tensors resident.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn load(&mut self, selection: &str, options: &str) -> Answer<String> {
        let selection: Selection = self.meant("selection", selection)?;
        let options: LoadOptions = self.meant::<Load>("options", options)?.into();
        self.tell(|inner| inner.load(&selection, &options))
    }

    /// Hands the bytes of tensors to `take` in chunks of at most `staging` bytes.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    #[wasm_bindgen(js_name = loadInto)]
    pub fn load_into(&mut self, selection: &str, take: Function, staging: f64) -> Answer<String> {
        let selection: Selection = self.meant("selection", selection)?;
        let staging = (staging as u64).max(1);
        self.tell(|inner| {
            let sink = Sink::new(staging, inner.tensors()?, functions::consumer(take));
            inner.load_to(&selection, &Load::staged(staging), sink)
        })
    }

    /// Ends mapped residency, of how many tensors.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn release(&mut self, selection: &str) -> Answer<u32> {
        let selection: Selection = self.meant("selection", selection)?;
        self.ask(|inner| inner.release(&selection))
    }

    /// Ends copied residency, of how many tensors.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn evict(&mut self, selection: &str) -> Answer<u32> {
        let selection: Selection = self.meant("selection", selection)?;
        self.ask(|inner| inner.evict(&selection))
    }

    /// Advice for a mapped tensor, and what became of it.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn advise(&mut self, tensor: u32, advice: &str) -> Answer<String> {
        let advice: Advice = self.meant("advice", advice)?;
        self.tell(|inner| inner.advise(tensor, advice))
    }

    /// Changes what the observer is told.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn observe(&mut self, level: &str) -> Answer<()> {
        let level: Level = self.meant("level", level)?;
        self.ask(|inner| inner.observe(level))
    }

    /// The view of a resident tensor.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn view(&mut self, tensor: u32) -> Answer<View> {
        let view = self.ask(|inner| inner.view_at(tensor))?;
        Ok(View::new(view, tensor, self.hooks.clone()))
    }

    /// What the ring still has, as a recording. `component` is the hash of the component and `tables` what it describes.
    ///
    /// # Errors
    /// The tables are none.
    pub fn recording(&mut self, component: &str, tables: &str) -> Answer<Recording> {
        let tables: Vec<MachineTable> = self.meant("tables", tables)?;
        Ok(Recording::of(match &mut self.inner {
            Some(inner) => inner.recording(component, tables),
            None => self.shared.with(|host| host.recording(component, tables)),
        }))
    }

    /// Releases everything.
    ///
    /// # Errors
    /// `busy`, or the guest failed.
    pub fn close(&mut self) -> Answer<()> {
        self.ask(core::Session::close)
    }
}
