//! What the host calls in the guest: one instance of a loader component in a store, whoever's the store is.
use super::{
    context::WeighbridgeCtx,
    ended::{ended, no_clock, no_stack, not_the_contract},
    imports::{NamedSource, Project},
};
use crate::{
    clock::{HOST_STACK, Ticker},
    config::GUEST_STACK,
    error::Error as Shown,
    files::ModelFiles,
    media::Native,
    platform,
    session::Session,
};
use std::{panic::resume_unwind, sync::Arc};
use wasmtime::{
    AsContextMut, Store, UpdateDeadline,
    component::{
        Component, ComponentExportIndex, ComponentNamedList, Instance as Linked, InstancePre, Lift, Lower, ResourceAny,
        TypedFunc,
    },
};
use weighbridge_core::{
    Advice, AdviceEffect, BufferState, Called, Cause, Engine, Error, FilePart, Finding, FormatInfo, Grant,
    GuestOptions, Host, Level, LoadOptions, LoadReport, MachineStatus, MachineTable, Media as _, MetadataEdit,
    MetadataEntry, ModelSummary, Phase, Selection, SlotState, TensorInfo, TensorLayout, TensorState,
};

const LOADER: &str = "weighbridge:loader/loader@0.1.0";

/// Declares the exports once: where they are in the component, and their typed functions, made when first used.
macro_rules! exports {
    ($($field:ident: $name:literal ($($param:ty),*) $(-> $result:ty)?;)*) => {
        /// Where the exports are in the component.
        pub(crate) struct Exports { $($field: ComponentExportIndex),* }

        impl Exports {
            /// Finds them; the name of the first that is missing otherwise.
            fn find(
                mut find: impl FnMut(Option<&ComponentExportIndex>, &str) -> Option<ComponentExportIndex>,
            ) -> Result<Self, &'static str> {
                let interface = find(None, LOADER).ok_or(LOADER)?;
                Ok(Self { $($field: find(Some(&interface), $name).ok_or($name)?),* })
            }
        }

        /// The typed functions of one instance.
        #[derive(Default)]
        struct Functions { $($field: Option<TypedFunc<($($param,)*), ($($result,)?)>>),* }
    };
}

exports! {
    formats: "formats" () -> Vec<FormatInfo>;
    describe: "describe" () -> Vec<MachineTable>;
    open: "[static]session.open" (Vec<NamedSource>, GuestOptions) -> Result<ResourceAny, Error>;
    missing: "[method]session.missing" (ResourceAny) -> Vec<String>;
    provide: "[method]session.provide" (ResourceAny, Vec<NamedSource>) -> Result<(), Error>;
    summary: "[method]session.summary" (ResourceAny) -> ModelSummary;
    tensors: "[method]session.tensors" (ResourceAny, u32, u32) -> Vec<TensorInfo>;
    metadata: "[method]session.metadata" (ResourceAny, u32, u32, u32) -> Result<Vec<MetadataEntry>, Error>;
    layout: "[method]session.layout" (ResourceAny, u32) -> Option<TensorLayout>;
    rewrite: "[method]session.rewrite" (ResourceAny, u32, Vec<MetadataEdit>, u64) -> Result<Vec<FilePart>, Error>;
    findings: "[method]session.findings" (ResourceAny) -> Vec<Finding>;
    load: "[method]session.load" (ResourceAny, Selection, LoadOptions) -> Result<LoadReport, Error>;
    release: "[method]session.release" (ResourceAny, Selection) -> Result<u32, Error>;
    evict: "[method]session.evict" (ResourceAny, Selection) -> Result<u32, Error>;
    advise: "[method]session.advise" (ResourceAny, u32, Advice) -> Result<AdviceEffect, Error>;
    states: "[method]session.states" (ResourceAny, u32, u32) -> Vec<TensorState>;
    slots: "[method]session.slots" (ResourceAny) -> Vec<SlotState>;
    buffers: "[method]session.buffers" (ResourceAny, u32, u32) -> Vec<BufferState>;
    machines: "[method]session.machines" (ResourceAny) -> Vec<MachineStatus>;
    observe: "[method]session.observe" (ResourceAny, Level);
    close: "[method]session.close" (ResourceAny) -> Result<(), Error>;
}

/// Runs a guest where there is enough stack for it: a guest that calls itself without end has to reach its own limit before
/// that of the thread, which would end the process. On a thread that has less the guest runs on another one.
fn on_a_stack<R: Send>(run: impl FnOnce() -> R + Send) -> Called<R> {
    if platform::stack_left().is_none_or(|left| left >= GUEST_STACK + HOST_STACK) {
        return Ok(run());
    }
    std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().name("weighbridge-guest".to_owned()).stack_size(2 * (GUEST_STACK + HOST_STACK));
        let guest = thread.spawn_scoped(scope, run).map_err(|error| no_stack(&error))?;
        Ok(guest.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

impl Exports {
    /// Those of a component, whose instances share them.
    pub(crate) fn of(component: &Component) -> Result<Arc<Self>, Error> {
        let found = Self::find(|interface, name| component.get_export_index(interface, name));
        found.map(Arc::new).map_err(missing)
    }
}

fn missing(name: &str) -> Error {
    not_the_contract(&wasmtime::Error::msg(format!("it has no export {name}")))
}

/// One instance of a loader component in a store: `S` is a `Store`, or a `&mut Store`, of any engine.
///
/// Its imports come from [`add_to_linker`](crate::add_to_linker). [`open`](Self::open) makes a [`Session`] of it, which is all
/// that most programs need; the exports as they are in the contract are the methods of the trait [`Engine`].
///
/// The store's own bounds stay the store's: time of the guest is bounded where its epoch callback asks
/// [`WeighbridgeCtx::tick`], memory where its limiter is the context.
pub struct Loader<S: AsContextMut + Send> {
    store: S,
    ctx: Project<S::Data>,
    instance: Linked,
    exports: Arc<Exports>,
    functions: Functions,
    /// The clock of an engine of this library, which runs while the guest does.
    ticker: Option<Arc<Ticker>>,
    session: Option<ResourceAny>,
}

/// A loader on an engine of this library.
pub type Instance = Loader<Store<WeighbridgeCtx>>;

impl Instance {
    pub(crate) fn start(
        pre: &InstancePre<WeighbridgeCtx>,
        exports: &Arc<Exports>,
        ticker: &Arc<Ticker>,
        ctx: WeighbridgeCtx,
    ) -> Result<Self, Error> {
        let limits = *ctx.host.limits();
        let mut store = Store::new(pre.engine(), ctx);
        store.limiter(|ctx| ctx);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        // Those of the guest's own making (its session, borrows in lists) beside those that the host gives.
        store.set_max_component_handles((limits.handles as usize).saturating_mul(2).saturating_add(64));
        store.epoch_deadline_callback(|mut store| match store.data_mut().host.tick() {
            Ok(()) => Ok(UpdateDeadline::Continue(1)),
            Err(error) => Err(wasmtime::Error::new(super::ended::Ended(error))),
        });
        store.set_epoch_deadline(1);
        let began = Native::now();
        store.data().host.admitted()?;
        store.data_mut().host.enter();
        let clock = ticker.run().map_err(no_clock)?;
        let instance = on_a_stack(|| pre.instantiate(&mut store))?;
        drop(clock);
        let instance = instance.map_err(|error| ended(&error, store.data_mut()))?;
        store.data_mut().host.instantiated(Native::now().saturating_sub(began));
        Ok(Self {
            store,
            ctx: |ctx| ctx,
            instance,
            exports: exports.clone(),
            functions: Functions::default(),
            ticker: Some(ticker.clone()),
            session: None,
        })
    }
}

impl<S: AsContextMut + Send> Loader<S> {
    /// An instance of a loader component in a store of the embedder's own. `ctx` finds the context in what the store holds, as
    /// it does for [`add_to_linker`](crate::add_to_linker), where an example is.
    ///
    /// # Errors
    /// The instance does not speak the contract.
    pub fn new(mut store: S, instance: &Linked, ctx: fn(&mut S::Data) -> &mut WeighbridgeCtx) -> Result<Self, Shown> {
        let found = Exports::find(|interface, name| instance.get_export_index(&mut store, interface, name));
        let exports = Arc::new(found.map_err(missing)?);
        let functions = Functions::default();
        Ok(Self { store, ctx, instance: *instance, exports, functions, ticker: None, session: None })
    }

    /// Opens a model. Its options are those of the context, which is for this model alone.
    ///
    /// # Errors
    /// A file cannot be opened, they are no model that can be read, or the context has files already.
    pub fn open(mut self, files: impl Into<ModelFiles>) -> Result<Session<Self>, Shown> {
        let options = self.context(|ctx| ctx.take().map(|()| ctx.options().clone()))?;
        Session::open(self, &files.into(), &options, None)
    }

    fn context<R>(&mut self, use_it: impl FnOnce(&mut WeighbridgeCtx) -> R) -> R {
        use_it((self.ctx)(self.store.as_context_mut().data_mut()))
    }

    /// Calls one export.
    fn call<P, R>(
        &mut self,
        index: impl Fn(&Exports) -> &ComponentExportIndex,
        function: impl Fn(&mut Functions) -> &mut Option<TypedFunc<P, (R,)>>,
        params: P,
    ) -> Called<R>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: Send + Sync + 'static,
        (R,): ComponentNamedList + Lift,
    {
        self.call_for(index, function, params).map(|(result,)| result)
    }

    /// The same with all results: `observe` has none, which is another type than one that is empty.
    fn call_for<P, R>(
        &mut self,
        index: impl Fn(&Exports) -> &ComponentExportIndex,
        function: impl Fn(&mut Functions) -> &mut Option<TypedFunc<P, R>>,
        params: P,
    ) -> Called<R>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let call = match function(&mut self.functions) {
            Some(call) => call,
            empty => match self.instance.get_typed_func(&mut self.store, index(&self.exports)) {
                Ok(call) => empty.insert(call),
                Err(error) => return Err(not_the_contract(&error)),
            },
        };
        let clock = match &self.ticker {
            Some(ticker) => {
                self.store.as_context_mut().set_epoch_deadline(1);
                Some(ticker.run().map_err(no_clock)?)
            }
            None => None,
        };
        (self.ctx)(self.store.as_context_mut().data_mut()).host.enter();
        let result = on_a_stack(|| call.call(&mut self.store, params))?;
        drop(clock);
        result.map_err(|error| ended(&error, (self.ctx)(self.store.as_context_mut().data_mut())))
    }

    fn session(&self) -> Called<ResourceAny> {
        let none =
            || Error::new(Phase::Request, Cause::InvalidRequest, "no model is open in this session; open one first");
        self.session.ok_or_else(none)
    }

    /// The guest's handles of files; numbers are their places in the host's table.
    fn grant(&mut self, sources: &[Grant]) -> Vec<NamedSource> {
        self.context(|ctx| sources.iter().map(|source| ctx.hand_out(source.name.clone(), source.number)).collect())
    }
}

impl<S: AsContextMut + Send> std::fmt::Debug for Loader<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("open", &self.session.is_some()).finish_non_exhaustive()
    }
}

impl<S: AsContextMut + Send> Engine for Loader<S> {
    type Media = Native;

    fn host<R>(&mut self, use_it: impl FnOnce(&mut Host<Native>) -> R) -> R {
        self.context(|ctx| use_it(&mut ctx.host))
    }

    fn formats(&mut self) -> Called<Vec<FormatInfo>> {
        self.call(|at| &at.formats, |f| &mut f.formats, ())
    }

    fn describe(&mut self) -> Called<Vec<MachineTable>> {
        self.call(|at| &at.describe, |f| &mut f.describe, ())
    }

    fn open(&mut self, sources: &[Grant], options: GuestOptions) -> Called<Result<(), Error>> {
        let granted = self.grant(sources);
        let opened = self.call(|at| &at.open, |f| &mut f.open, (granted, options))?;
        Ok(opened.map(|session| self.session = Some(session)))
    }

    fn missing(&mut self) -> Called<Vec<String>> {
        let session = self.session()?;
        self.call(|at| &at.missing, |f| &mut f.missing, (session,))
    }

    fn provide(&mut self, sources: &[Grant]) -> Called<Result<(), Error>> {
        let session = self.session()?;
        let granted = self.grant(sources);
        self.call(|at| &at.provide, |f| &mut f.provide, (session, granted))
    }

    fn summary(&mut self) -> Called<ModelSummary> {
        let session = self.session()?;
        self.call(|at| &at.summary, |f| &mut f.summary, (session,))
    }

    fn tensors(&mut self, start: u32, count: u32) -> Called<Vec<TensorInfo>> {
        let session = self.session()?;
        self.call(|at| &at.tensors, |f| &mut f.tensors, (session, start, count))
    }

    fn metadata(&mut self, start: u32, count: u32, head: u32) -> Called<Result<Vec<MetadataEntry>, Error>> {
        let session = self.session()?;
        self.call(|at| &at.metadata, |f| &mut f.metadata, (session, start, count, head))
    }

    fn layout(&mut self, tensor: u32) -> Called<Option<TensorLayout>> {
        let session = self.session()?;
        self.call(|at| &at.layout, |f| &mut f.layout, (session, tensor))
    }

    fn rewrite(&mut self, source: u32, edits: &[MetadataEdit], block: u64) -> Called<Result<Vec<FilePart>, Error>> {
        let session = self.session()?;
        self.call(|at| &at.rewrite, |f| &mut f.rewrite, (session, source, edits.to_vec(), block))
    }

    fn findings(&mut self) -> Called<Vec<Finding>> {
        let session = self.session()?;
        self.call(|at| &at.findings, |f| &mut f.findings, (session,))
    }

    fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Called<Result<LoadReport, Error>> {
        let session = self.session()?;
        self.call(|at| &at.load, |f| &mut f.load, (session, selection.clone(), options.clone()))
    }

    fn release(&mut self, selection: &Selection) -> Called<Result<u32, Error>> {
        let session = self.session()?;
        self.call(|at| &at.release, |f| &mut f.release, (session, selection.clone()))
    }

    fn evict(&mut self, selection: &Selection) -> Called<Result<u32, Error>> {
        let session = self.session()?;
        self.call(|at| &at.evict, |f| &mut f.evict, (session, selection.clone()))
    }

    fn advise(&mut self, tensor: u32, advice: Advice) -> Called<Result<AdviceEffect, Error>> {
        let session = self.session()?;
        self.call(|at| &at.advise, |f| &mut f.advise, (session, tensor, advice))
    }

    fn states(&mut self, start: u32, count: u32) -> Called<Vec<TensorState>> {
        let session = self.session()?;
        self.call(|at| &at.states, |f| &mut f.states, (session, start, count))
    }

    fn slots(&mut self) -> Called<Vec<SlotState>> {
        let session = self.session()?;
        self.call(|at| &at.slots, |f| &mut f.slots, (session,))
    }

    fn buffers(&mut self, start: u32, count: u32) -> Called<Vec<BufferState>> {
        let session = self.session()?;
        self.call(|at| &at.buffers, |f| &mut f.buffers, (session, start, count))
    }

    fn machines(&mut self) -> Called<Vec<MachineStatus>> {
        let session = self.session()?;
        self.call(|at| &at.machines, |f| &mut f.machines, (session,))
    }

    fn observe(&mut self, level: Level) -> Called<()> {
        let session = self.session()?;
        self.call_for(|at| &at.observe, |f| &mut f.observe, (session, level))
    }

    fn close(&mut self) -> Called<Result<(), Error>> {
        let session = self.session()?;
        self.call(|at| &at.close, |f| &mut f.close, (session,))
    }
}
