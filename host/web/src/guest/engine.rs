//! What the host calls in the guest, through the glue of the component.
use super::{
    columns::{self, Failure},
    ended::{not_the_contract, payload, trapped},
    imports::Imports,
    lift::lift,
    lower,
};
use crate::{
    answers,
    media::{Hooks, Web},
};
use js_sys::{Array, Reflect, WebAssembly::Memory};
use serde::de::DeserializeOwned;
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use weighbridge_core::{
    Advice, AdviceEffect, Bare, BufferState, Called, Cause, Engine, Error, FilePart, Finding, FormatInfo, Grant,
    GuestOptions, Host, Level, LoadOptions, LoadReport, MachineStatus, MachineTable, Media as _, MetadataEdit,
    MetadataEntry, ModelSummary, Phase, Selection, SessionOptions, SlotState, TensorInfo, TensorLayout, TensorState,
};

#[wasm_bindgen]
extern "C" {
    /// Instantiates a component over its imports (`js/guest.js`).
    #[derive(Clone)]
    pub type Start;
    #[wasm_bindgen(method, catch)]
    fn guest(this: &Start, imports: Imports) -> Result<Guest, JsValue>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn component(this: &Start) -> Component;

    /// A compiled component (`js/component.js`).
    pub type Component;
    /// SHA-256 of it.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn id(this: &Component) -> String;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn bytes(this: &Component) -> f64;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn imports(this: &Component) -> Vec<String>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn exports(this: &Component) -> Vec<String>;
    /// Milliseconds that it took to compile.
    #[wasm_bindgen(method, getter, js_name = compileMs)]
    pub(crate) fn compile_ms(this: &Component) -> f64;

    /// One instance of a component.
    pub type Guest;
    #[wasm_bindgen(method, catch)]
    fn call(this: &Guest, export: &str, arguments: &Array) -> Result<JsValue, JsValue>;
    /// Bytes that it passed as lists and texts since this was set.
    #[wasm_bindgen(method, setter)]
    fn set_carried(this: &Guest, bytes: f64);
    /// What its main module exports, for what is called past the glue.
    #[wasm_bindgen(method, getter)]
    pub(super) fn exports(this: &Guest) -> JsValue;
    /// What that module calls its session.
    #[wasm_bindgen(method, getter)]
    pub(super) fn rep(this: &Guest) -> JsValue;
    /// Nothing is asked of it any more.
    #[wasm_bindgen(method, catch)]
    fn end(this: &Guest) -> Result<(), JsValue>;
}

/// The host's side of one session, for the engine and for the imports: not borrowed while an export runs.
#[derive(Clone)]
pub(crate) struct Shared(Rc<Cells>);

struct Cells {
    host: RefCell<Host<Web>>,
    /// Why the host ended the guest.
    ended: RefCell<Option<Error>>,
    hooks: Hooks,
    /// Where somebody watches: how a guest ends that computes for too long, and past its deadline, as JSON text.
    watched: Option<[JsValue; 2]>,
}

impl Shared {
    pub(crate) fn new(host: Host<Web>, hooks: Hooks) -> Self {
        let how = |cause| serde_json::to_string(&host.overdue(cause)).unwrap_or_default().into();
        let watched = hooks.is_watched().then(|| [how(Cause::LimitExceeded), how(Cause::Deadline)]);
        Self(Rc::new(Cells { host: RefCell::new(host), ended: RefCell::default(), hooks, watched }))
    }

    /// The guest computes from now on: whoever watches ends it when its time is over.
    pub(super) fn computes(&self) {
        if let Some([too_long, too_late]) = &self.0.watched {
            let (ns, cause) = self.with(|host| host.may_compute());
            let how = if cause == Cause::Deadline { too_late } else { too_long };
            self.0.hooks.computes(Some(ns as f64 / 1e6), how);
        }
    }

    /// The guest rests: the host works, or nobody asks anything.
    pub(super) fn rests(&self) {
        if self.0.watched.is_some() {
            self.0.hooks.computes(None, &JsValue::UNDEFINED);
        }
    }

    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Host<Web>) -> R) -> R {
        match self.0.host.try_borrow_mut() {
            Ok(mut host) => work(&mut host),
            // A guest that used up the stack and then called the host left it in the middle of its work: what was thrown there
            // let nothing be given back. Nothing is asked of that host any more, and of this one there is nothing to have.
            Err(_) => work(&mut Host::new(Web::bare(self.0.hooks.clone()), &SessionOptions::default())),
        }
    }

    /// Remembers why the guest must end, and answers what is thrown through it.
    pub(super) fn end(&self, error: Error) -> JsValue {
        let thrown = js_sys::Error::new(&error.message).into();
        if let Ok(mut ended) = self.0.ended.try_borrow_mut() {
            ended.get_or_insert(error);
        }
        thrown
    }

    fn ended(&self) -> Option<Error> {
        self.0.ended.try_borrow().ok().and_then(|ended| ended.clone())
    }
}

/// One running component.
pub(crate) struct Instance {
    guest: Guest,
    shared: Shared,
    /// Bytes of its memory that were counted.
    memory: usize,
    is_open: bool,
}

impl Instance {
    pub(crate) fn start(start: &Start, shared: Shared) -> Result<Self, Error> {
        let began = Web::now();
        shared.with(|host| host.admitted())?;
        shared.with(Host::enter);
        let made = start.guest(Imports::new(shared.clone()));
        let guest = made.map_err(|thrown| shared.ended().unwrap_or_else(|| trapped(&thrown)))?;
        let mut instance = Self { guest, shared, memory: 0, is_open: false };
        instance.weigh()?;
        instance.shared.with(|host| host.instantiated(Web::now().saturating_sub(began)));
        Ok(instance)
    }

    /// Counts the guest's memory. Clamp: what the bound of its module lets through and the session's does not, ends it.
    fn weigh(&mut self) -> Called<()> {
        let now = self.memory();
        let (before, refused) = (self.memory, Error::new(Phase::Request, Cause::LimitExceeded, "its memory"));
        if now == before {
            return Ok(());
        }
        self.memory = now;
        self.shared.with(|host| {
            if host.memory_growing(before, now) { Ok(()) } else { Err(host.refused_growth().unwrap_or(refused)) }
        })
    }

    /// Bytes of the guest's memory.
    fn memory(&self) -> usize {
        let memory = Reflect::get(&self.guest.exports(), &"memory".into()).ok().map(JsCast::unchecked_into::<Memory>);
        let bytes = memory.and_then(|memory| Reflect::get(&memory.buffer(), &"byteLength".into()).ok());
        bytes.and_then(|bytes| bytes.as_f64()).unwrap_or_default() as usize
    }

    /// Has the guest work: what came of it, unless that ends the session.
    fn run<T>(&mut self, export: &str, work: impl FnOnce(&Guest) -> T) -> Called<T> {
        if !self.is_open && !matches!(export, "formats" | "describe" | "open") {
            let message = "no model is open in this session; open one first";
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        }
        self.shared.with(|host| {
            host.enter();
            host.has_computed()
        })?;
        self.guest.set_carried(0.0);
        self.shared.computes();
        let returned = work(&self.guest);
        self.shared.rests();
        // The guest may not answer as if nothing had happened.
        if let Some(error) = self.shared.ended() {
            return Err(error);
        }
        self.weigh()?;
        Ok(returned)
    }

    /// Why the guest did not come back from an export.
    fn failed(&self, thrown: &JsValue) -> Error {
        self.shared.with(|host| host.refused_growth()).unwrap_or_else(|| trapped(thrown))
    }

    /// Calls one export: its value, or the error that it answers.
    fn ask<T: DeserializeOwned>(&mut self, export: &str, arguments: &[JsValue]) -> Called<Result<T, Error>> {
        let arguments = arguments.iter().collect();
        match self.run(export, |guest| guest.call(export, &arguments))? {
            Ok(value) => lift(value).map(Ok).map_err(|what| not_the_contract(export, what)),
            Err(thrown) => {
                let Some(error) = payload(&thrown) else { return Err(self.failed(&thrown)) };
                lift(error).map(Err).map_err(|what| not_the_contract(export, what))
            }
        }
    }

    /// Calls an export that cannot answer an error.
    fn get<T: DeserializeOwned>(&mut self, export: &str, arguments: &[JsValue]) -> Called<T> {
        self.ask(export, arguments)?.map_err(|_| not_the_contract(export, "it has no error to answer"))
    }

    /// Asks for a list that has an entry for each tensor.
    fn list<T: columns::Entry>(&mut self, start: u32, count: u32) -> Called<Vec<T>> {
        let most = self.shared.with(|host| host.limits().hostcall_bytes as u64);
        self.run(T::METHOD, |guest| columns::list(guest, start, count, most))?.map_err(|failure| match failure {
            Failure::Thrown(thrown) => self.failed(&thrown),
            Failure::TooLong => self.shared.with(|host| host.carried_too_much()),
            Failure::Unlike(what) => not_the_contract(T::METHOD, what),
        })
    }

    /// The guest's handles of files; numbers are their places in the host's table.
    fn grant(&mut self, sources: &[Grant]) -> JsValue {
        self.shared.with(|host| sources.iter().for_each(|_| host.handed_out()));
        sources.iter().map(|source| lower::grant(&source.name, source.number)).collect::<Array>().into()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It only lets go; there is nobody to tell of a failure.
        let _ = self.guest.end();
    }
}

impl Engine for Instance {
    type Media = Web;

    fn host<R>(&mut self, use_it: impl FnOnce(&mut Host<Web>) -> R) -> R {
        self.shared.with(use_it)
    }

    fn formats(&mut self) -> Called<Vec<FormatInfo>> {
        self.get("formats", &[])
    }

    fn describe(&mut self) -> Called<Vec<MachineTable>> {
        self.get("describe", &[])
    }

    fn open(&mut self, sources: &[Grant], options: GuestOptions) -> Called<Result<(), Error>> {
        let granted = self.grant(sources);
        let opened = self.ask("open", &[granted, lower::guest_options(&options)])?;
        self.is_open |= opened.is_ok();
        Ok(opened)
    }

    fn missing(&mut self) -> Called<Vec<String>> {
        self.get("missing", &[])
    }

    fn provide(&mut self, sources: &[Grant]) -> Called<Result<(), Error>> {
        let granted = self.grant(sources);
        self.ask("provide", &[granted])
    }

    fn summary(&mut self) -> Called<ModelSummary> {
        self.get("summary", &[])
    }

    fn tensors(&mut self, start: u32, count: u32) -> Called<Vec<TensorInfo>> {
        self.list(start, count)
    }

    fn metadata(&mut self, start: u32, count: u32, head: u32) -> Called<Result<Vec<MetadataEntry>, Error>> {
        self.ask("metadata", &[start.into(), count.into(), head.into()])
    }

    fn layout(&mut self, tensor: u32) -> Called<Option<TensorLayout>> {
        self.get("layout", &[tensor.into()])
    }

    fn rewrite(&mut self, source: u32, edits: &[MetadataEdit], block: u64) -> Called<Result<Vec<FilePart>, Error>> {
        self.ask("rewrite", &[source.into(), lower::metadata_edits(edits), block.into()])
    }

    fn findings(&mut self) -> Called<Vec<Finding>> {
        self.get("findings", &[])
    }

    fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Called<Result<LoadReport, Error>> {
        self.ask("load", &[lower::selection(selection), lower::load_options(options)])
    }

    fn release(&mut self, selection: &Selection) -> Called<Result<u32, Error>> {
        self.ask("release", &[lower::selection(selection)])
    }

    fn evict(&mut self, selection: &Selection) -> Called<Result<u32, Error>> {
        self.ask("evict", &[lower::selection(selection)])
    }

    fn advise(&mut self, tensor: u32, advice: Advice) -> Called<Result<AdviceEffect, Error>> {
        self.ask("advise", &[tensor.into(), advice.name().into()])
    }

    fn states(&mut self, start: u32, count: u32) -> Called<Vec<TensorState>> {
        self.list(start, count)
    }

    fn slots(&mut self) -> Called<Vec<SlotState>> {
        self.get("slots", &[])
    }

    fn buffers(&mut self, start: u32, count: u32) -> Called<Vec<BufferState>> {
        self.list(start, count)
    }

    fn machines(&mut self) -> Called<Vec<MachineStatus>> {
        self.get("machines", &[])
    }

    fn observe(&mut self, level: Level) -> Called<()> {
        self.get("observe", &[level.name().into()])
    }

    fn close(&mut self) -> Called<Result<(), Error>> {
        self.ask("close", &[])
    }
}

/// An instance of a component that has no model, asked about the component alone.
pub(crate) fn bare(start: &Start, hooks: &Hooks) -> Called<Bare<Instance>> {
    let options = SessionOptions::new().ring(0);
    let shared = Shared::new(Host::new(Web::bare(hooks.clone()), &options), hooks.clone());
    Instance::start(start, shared).map(Bare::new)
}

/// The formats that a component reads, as JSON text.
///
/// # Errors
/// The component failed.
#[wasm_bindgen]
pub fn formats(start: &Start, hooks: &Hooks) -> Result<String, JsValue> {
    let formats = bare(start, hooks).and_then(|mut bare| bare.formats());
    answers::text(hooks, &formats.map_err(|error| answers::thrown(hooks, &error))?)
}

/// The transition tables of every machine of a component, as JSON text.
///
/// # Errors
/// The component failed.
#[wasm_bindgen]
pub fn tables(start: &Start, hooks: &Hooks) -> Result<String, JsValue> {
    let tables = bare(start, hooks).and_then(|mut bare| bare.describe());
    answers::text(hooks, &tables.map_err(|error| answers::thrown(hooks, &error))?)
}
