//! What the host calls in the guest, and what becomes of a guest that does not behave.
use super::{
    ended::{ended, no_clock, not_the_contract},
    imports::{Source, State},
};
use crate::{clock::Ticker, media::Native};
use std::sync::Arc;
use wasmtime::{
    Store, UpdateDeadline,
    component::{
        Component, ComponentExportIndex, ComponentNamedList, ComponentType, InstancePre, Lift, Lower, Resource,
        ResourceAny, TypedFunc,
    },
};
use weighbridge_core::{
    Advice, AdviceEffect, BufferState, Called, Cause, Engine, Error, Finding, FormatInfo, Grant, GuestOptions, Host,
    Level, LoadOptions, LoadReport, MachineStatus, MachineTable, Media as _, MetadataEntry, ModelSummary, Phase,
    Selection, SlotState, TensorInfo, TensorState,
};

/// `named-source`: what the guest gets of a file.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct NamedSource {
    name: String,
    source: Resource<Source>,
}

/// Declares the exports once: where they are in the component, and their typed functions, made when first used.
macro_rules! exports {
    ($($field:ident: $name:literal ($($param:ty),*) $(-> $result:ty)?;)*) => {
        /// Where the exports are in the component.
        pub(crate) struct Exports { $($field: ComponentExportIndex),* }

        impl Exports {
            /// Finds them; the name of the first that is missing otherwise.
            pub(crate) fn find(component: &Component) -> Result<Self, &'static str> {
                let interface = component
                    .get_export_index(None, "weighbridge:loader/loader@0.1.0")
                    .ok_or("weighbridge:loader/loader@0.1.0")?;
                Ok(Self { $($field: component.get_export_index(Some(&interface), $name).ok_or($name)?),* })
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
    find: "[method]session.find" (ResourceAny, String) -> Option<u32>;
    metadata: "[method]session.metadata" (ResourceAny, u32, u32, u32) -> Result<Vec<MetadataEntry>, Error>;
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

/// One running component.
pub(crate) struct Instance {
    store: Store<State>,
    instance: wasmtime::component::Instance,
    exports: Arc<Exports>,
    functions: Functions,
    ticker: Arc<Ticker>,
    session: Option<ResourceAny>,
}

impl Instance {
    pub(crate) fn start(
        pre: &InstancePre<State>,
        exports: &Arc<Exports>,
        ticker: &Arc<Ticker>,
        host: Host<Native>,
    ) -> Result<Self, Error> {
        let limits = *host.limits();
        let mut store = Store::new(pre.engine(), State { host });
        store.limiter(|state| state);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        // Those of the guest's own making (its session, borrows in lists) beside those that the host gives.
        store.set_max_component_handles((limits.handles as usize).saturating_mul(2).saturating_add(64));
        store.epoch_deadline_callback(|mut store| match store.data_mut().host.tick() {
            Ok(()) => Ok(UpdateDeadline::Continue(1)),
            Err(error) => Err(wasmtime::Error::new(super::ended::Ended(error))),
        });
        store.set_epoch_deadline(1);
        let began = Native::now();
        store.data_mut().host.enter();
        let clock = ticker.run().ok_or_else(no_clock)?;
        let instance = pre.instantiate(&mut store).map_err(|error| ended(&error, store.data()));
        drop(clock);
        let instance = instance?;
        store.data_mut().host.instantiated(Native::now().saturating_sub(began));
        Ok(Self {
            store,
            instance,
            exports: exports.clone(),
            functions: Functions::default(),
            ticker: ticker.clone(),
            session: None,
        })
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
        let clock = self.ticker.run().ok_or_else(no_clock)?;
        self.store.data_mut().host.enter();
        self.store.set_epoch_deadline(1);
        let result = call.call(&mut self.store, params);
        drop(clock);
        result.map_err(|error| ended(&error, self.store.data()))
    }

    fn session(&self) -> Called<ResourceAny> {
        let none =
            || Error::new(Phase::Request, Cause::InvalidRequest, "no model is open in this session; open one first");
        self.session.ok_or_else(none)
    }

    /// The guest's handles of files; numbers are their places in the host's table.
    fn grant(&mut self, sources: &[Grant]) -> Vec<NamedSource> {
        let host = &mut self.store.data_mut().host;
        let mut grant = |source: &Grant| {
            host.handed_out();
            NamedSource { name: source.name.clone(), source: Resource::new_own(source.number) }
        };
        sources.iter().map(&mut grant).collect()
    }
}

impl Engine for Instance {
    type Media = Native;

    fn host<R>(&mut self, use_it: impl FnOnce(&mut Host<Native>) -> R) -> R {
        use_it(&mut self.store.data_mut().host)
    }

    fn peek<R>(&self, look: impl FnOnce(&Host<Native>) -> R) -> R {
        look(&self.store.data().host)
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

    fn find(&mut self, name: &str) -> Called<Option<u32>> {
        let session = self.session()?;
        self.call(|at| &at.find, |f| &mut f.find, (session, name.to_owned()))
    }

    fn metadata(&mut self, start: u32, count: u32, head: u32) -> Called<Result<Vec<MetadataEntry>, Error>> {
        let session = self.session()?;
        self.call(|at| &at.metadata, |f| &mut f.metadata, (session, start, count, head))
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
