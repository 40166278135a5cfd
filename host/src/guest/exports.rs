//! What the host calls in the guest, and what becomes of a guest that does not behave.
use super::{
    TraceNames,
    ended::{ended, no_clock, not_the_contract},
    imports::Source,
    state::State,
};
use crate::{
    engine::Ticker,
    observer::nanos,
    trace::{Export, Outcome, What},
    types::{
        Advice, AdviceEffect, BufferState, Cause, Error, GuestOptions, Level, LoadOptions, LoadReport, MachineStatus,
        MachineTable, MetadataEntry, ModelSummary, Phase, Selection, SlotState, TensorInfo, TensorState,
    },
};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use wasmtime::{
    Store,
    component::{
        Component, ComponentExportIndex, ComponentNamedList, ComponentType, Instance, InstancePre, Lift, Lower,
        Resource, ResourceAny, TypedFunc,
    },
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
    describe: "describe" () -> Vec<MachineTable>;
    open: "[static]session.open" (Vec<NamedSource>, GuestOptions) -> Result<ResourceAny, Error>;
    missing: "[method]session.missing" (ResourceAny) -> Vec<String>;
    provide: "[method]session.provide" (ResourceAny, Vec<NamedSource>) -> Result<(), Error>;
    summary: "[method]session.summary" (ResourceAny) -> ModelSummary;
    tensors: "[method]session.tensors" (ResourceAny, u32, u32) -> Vec<TensorInfo>;
    find: "[method]session.find" (ResourceAny, String) -> Option<u32>;
    metadata: "[method]session.metadata" (ResourceAny, u32, u32, u32) -> Result<Vec<MetadataEntry>, Error>;
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
pub(crate) struct Guest {
    pub(crate) store: Store<State>,
    instance: Instance,
    exports: Arc<Exports>,
    functions: Functions,
    ticker: Arc<Ticker>,
    session: Option<ResourceAny>,
    names: TraceNames,
    /// Why nothing can be asked any more.
    dead: Option<Error>,
    deadline: Option<Duration>,
}

impl Guest {
    pub(crate) fn start(
        pre: &InstancePre<State>,
        exports: &Arc<Exports>,
        ticker: &Arc<Ticker>,
        state: State,
        names_in_trace: bool,
    ) -> Result<Self, Error> {
        let (limits, deadline) = (state.limits, state.limits.deadline);
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| state);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        // Those of the guest's own making (its session, borrows in lists) beside those that the host gives.
        store.set_max_component_handles((limits.handles as usize).saturating_mul(2).saturating_add(64));
        store.epoch_deadline_callback(|store| store.data().tick());
        store.set_epoch_deadline(1);
        let began = Instant::now();
        store.data_mut().enter();
        let clock = ticker.run();
        let instance = clock.ok_or_else(no_clock).and_then(|clock| {
            let instance = pre.instantiate(&mut store).map_err(|error| ended(Phase::Request, &error, store.data()));
            drop(clock);
            instance
        })?;
        store.data_mut().timings.instantiate = nanos(began.elapsed());
        store.data_mut().log.host("instantiate", began.elapsed());
        Ok(Self {
            store,
            instance,
            exports: exports.clone(),
            functions: Functions::default(),
            ticker: ticker.clone(),
            session: None,
            names: TraceNames::new(names_in_trace),
            dead: None,
            deadline,
        })
    }

    /// Calls one export. A guest that traps is not called again.
    fn call<P, R>(
        &mut self,
        phase: Phase,
        index: impl Fn(&Exports) -> &ComponentExportIndex,
        function: impl Fn(&mut Functions) -> &mut Option<TypedFunc<P, (R,)>>,
        params: P,
    ) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: Send + Sync + 'static,
        (R,): ComponentNamedList + Lift,
    {
        self.call_for(phase, index, function, params).map(|(result,)| result)
    }

    /// The same with all results: `observe` has none, which is another type than one that is empty.
    fn call_for<P, R>(
        &mut self,
        phase: Phase,
        index: impl Fn(&Exports) -> &ComponentExportIndex,
        function: impl Fn(&mut Functions) -> &mut Option<TypedFunc<P, R>>,
        params: P,
    ) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        if let Some(dead) = &self.dead {
            return Err(dead.clone());
        }
        let call = match function(&mut self.functions) {
            Some(call) => call,
            empty => match self.instance.get_typed_func(&mut self.store, index(&self.exports)) {
                Ok(call) => empty.insert(call),
                Err(error) => return Err(not_the_contract(&error)),
            },
        };
        let clock = self.ticker.run().ok_or_else(no_clock)?;
        let state = self.store.data_mut();
        state.enter();
        state.control.deadline = self.deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        self.store.set_epoch_deadline(1);
        let result = call.call(&mut self.store, params);
        drop(clock);
        result.map_err(|error| {
            let error = ended(phase, &error, self.store.data());
            self.dead = Some(error.clone());
            error
        })
    }

    /// Calls an export between its two records.
    fn traced<T>(
        &mut self,
        export: impl FnOnce(&mut Self) -> Export,
        call: impl FnOnce(&mut Self) -> Result<Result<T, Error>, Error>,
        value: impl FnOnce(&T) -> Value,
    ) -> Result<T, Error> {
        let traced = self.store.data().log.on() && self.dead.is_none();
        if traced {
            let export = export(self);
            self.store.data_mut().log.record(What::Enter(Box::new(export)));
        }
        let result = call(self);
        if traced {
            let outcome = match &result {
                Ok(Ok(answer)) => Outcome::Ok(value(answer)),
                Ok(Err(error)) => Outcome::Failed(self.names.error(error)),
                Err(error) => Outcome::Trapped(error.message.clone()),
            };
            self.store.data_mut().log.record(What::Leave(Box::new(outcome)));
        }
        result.and_then(|answer| answer)
    }

    fn session(&self) -> Result<ResourceAny, Error> {
        let none =
            || Error::new(Phase::Request, Cause::InvalidRequest, "no model is open in this session; open one first");
        self.session.ok_or_else(|| self.dead.clone().unwrap_or_else(none))
    }

    /// The guest's handles of files; `numbers` are their places in the host's table.
    fn grant(&mut self, sources: &[(String, u32)]) -> Vec<NamedSource> {
        self.store.data_mut().stats.handles += sources.len() as u64;
        let grant =
            |(name, number): &(String, u32)| NamedSource { name: name.clone(), source: Resource::new_own(*number) };
        sources.iter().map(grant).collect()
    }

    pub(crate) fn describe(&mut self) -> Result<Vec<MachineTable>, Error> {
        self.call(Phase::Request, |at| &at.describe, |f| &mut f.describe, ())
    }

    pub(crate) fn open(&mut self, sources: &[(String, u32)], options: GuestOptions) -> Result<(), Error> {
        self.traced(
            |guest| Export::Open {
                sources: guest.names.opened(sources.iter().map(|(name, _)| name.as_str())),
                options,
            },
            |guest| {
                let granted = guest.grant(sources);
                let opened = guest.call(Phase::Parse, |at| &at.open, |f| &mut f.open, (granted, options))?;
                Ok(opened.map(|session| guest.session = Some(session)))
            },
            |()| Value::Null,
        )
    }

    pub(crate) fn missing(&mut self) -> Result<Vec<String>, Error> {
        let session = self.session()?;
        self.traced(
            |_| Export::Missing,
            |guest| {
                let missing = guest.call(Phase::Parse, |at| &at.missing, |f| &mut f.missing, (session,))?;
                let shown: Value = missing.iter().map(|name| guest.names.asked(name)).collect();
                Ok(Ok((missing, shown)))
            },
            |(_, shown)| shown.clone(),
        )
        .map(|(missing, _)| missing)
    }

    pub(crate) fn provide(&mut self, sources: &[(String, u32)]) -> Result<(), Error> {
        let session = self.session()?;
        self.traced(
            |guest| Export::Provide { sources: sources.iter().map(|(name, _)| guest.names.asked(name)).collect() },
            |guest| {
                let granted = guest.grant(sources);
                guest.call(Phase::Parse, |at| &at.provide, |f| &mut f.provide, (session, granted))
            },
            |()| Value::Null,
        )
    }

    pub(crate) fn summary(&mut self) -> Result<ModelSummary, Error> {
        let session = self.session()?;
        self.traced(
            |_| Export::Summary,
            |guest| guest.call(Phase::Request, |at| &at.summary, |f| &mut f.summary, (session,)).map(Ok),
            |summary| json!(summary),
        )
    }

    pub(crate) fn tensors(&mut self, start: u32, count: u32) -> Result<Vec<TensorInfo>, Error> {
        let session = self.session()?;
        self.traced(
            |_| Export::Tensors { start, count },
            |guest| guest.call(Phase::Request, |at| &at.tensors, |f| &mut f.tensors, (session, start, count)).map(Ok),
            |tensors| json!(tensors.len()),
        )
    }

    pub(crate) fn find(&mut self, name: &str) -> Result<Option<u32>, Error> {
        let session = self.session()?;
        self.call(Phase::Request, |at| &at.find, |f| &mut f.find, (session, name.to_owned()))
    }

    pub(crate) fn metadata(&mut self, start: u32, count: u32, head: u32) -> Result<Vec<MetadataEntry>, Error> {
        let session = self.session()?;
        self.traced(
            |_| Export::Metadata { start, count, head },
            |guest| guest.call(Phase::Parse, |at| &at.metadata, |f| &mut f.metadata, (session, start, count, head)),
            |entries| json!(entries.len()),
        )
    }

    pub(crate) fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        let session = self.session()?;
        let (selection, options) = (selection.clone(), options.clone());
        let began = Instant::now();
        let (shown, how) = (selection.clone(), options.clone());
        let done = self.traced(
            |_| Export::Load { selection: shown, options: how },
            |guest| guest.call(Phase::Transfer, |at| &at.load, |f| &mut f.load, (session, selection, options)),
            |report| json!(report),
        );
        self.store.data_mut().timings.load = nanos(began.elapsed());
        done
    }

    pub(crate) fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        let session = self.session()?;
        self.traced(
            |_| Export::Release { selection: selection.clone() },
            |guest| guest.call(Phase::Release, |at| &at.release, |f| &mut f.release, (session, selection.clone())),
            |count| json!(count),
        )
    }

    pub(crate) fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        let session = self.session()?;
        self.traced(
            |_| Export::Evict { selection: selection.clone() },
            |guest| guest.call(Phase::Evict, |at| &at.evict, |f| &mut f.evict, (session, selection.clone())),
            |count| json!(count),
        )
    }

    pub(crate) fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        let session = self.session()?;
        self.traced(
            |_| Export::Advise { tensor, advice },
            |guest| guest.call(Phase::Advise, |at| &at.advise, |f| &mut f.advise, (session, tensor, advice)),
            |effect| json!(effect),
        )
    }

    pub(crate) fn states(&mut self, start: u32, count: u32) -> Result<Vec<TensorState>, Error> {
        let session = self.session()?;
        self.call(Phase::Request, |at| &at.states, |f| &mut f.states, (session, start, count))
    }

    pub(crate) fn slots(&mut self) -> Result<Vec<SlotState>, Error> {
        let session = self.session()?;
        self.call(Phase::Request, |at| &at.slots, |f| &mut f.slots, (session,))
    }

    pub(crate) fn buffers(&mut self, start: u32, count: u32) -> Result<Vec<BufferState>, Error> {
        let session = self.session()?;
        self.call(Phase::Request, |at| &at.buffers, |f| &mut f.buffers, (session, start, count))
    }

    pub(crate) fn machines(&mut self) -> Result<Vec<MachineStatus>, Error> {
        let session = self.session()?;
        self.call(Phase::Request, |at| &at.machines, |f| &mut f.machines, (session,))
    }

    pub(crate) fn observe(&mut self, level: Level) -> Result<(), Error> {
        let session = self.session()?;
        self.traced(
            |_| Export::Observe { level },
            |guest| guest.call_for(Phase::Request, |at| &at.observe, |f| &mut f.observe, (session, level)).map(Ok),
            |()| Value::Null,
        )
    }

    /// Closes the session in the guest and gives its handle back. What is busy stays, and close can be asked again.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        let session = self.session()?;
        self.traced(
            |_| Export::Close,
            |guest| guest.call(Phase::Close, |at| &at.close, |f| &mut f.close, (session,)),
            |()| Value::Null,
        )
    }
}

impl Guest {
    /// Whether the guest was ended.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.is_some()
    }
}
