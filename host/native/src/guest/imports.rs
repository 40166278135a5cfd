//! What the guest may call: `storage` and `observer`, and nothing else.
//!
//! Handles carry the host's own numbers: of a source its place in the table, of a mapping or a target its id. A handle that
//! the guest made up, or dropped, never gets here: wasmtime traps.
use super::{context::WeighbridgeCtx, ended::Ended};
use std::sync::Arc;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Linker, LinkerInstance, Lower, Resource, ResourceType},
};
use weighbridge_core::{
    Advice, AdviceEffect, BatchError, Capabilities, Cause, CopySpan, Entry, Error, Phase, SourceStat, StorageError,
    trace::{Answer, Call},
};

/// A granted file.
pub enum Source {}
/// A mapping.
pub(crate) enum Mapping {}
/// Host memory or a consumer.
pub(crate) enum Target {}

/// `named-source` of the contract: a file with its name, for a program that hands it to a loader.
#[derive(ComponentType, Lower)]
#[component(record)]
pub struct NamedSource {
    pub(super) name: String,
    pub(super) source: Resource<Source>,
}

/// Where the context is in what a store holds.
pub(crate) type Project<T> = fn(&mut T) -> &mut WeighbridgeCtx;

/// What the core ends a guest with, as the reason of a trap.
fn end(error: Error) -> wasmtime::Error {
    wasmtime::Error::new(Ended(error))
}

type Store<'a, T> = StoreContextMut<'a, T>;
type Answered<T> = Result<T, StorageError>;

/// The targets of tensors, in their order; none where nothing is registered.
type Found = Vec<Option<Resource<Target>>>;

/// An answer of a kind that the call cannot have: a fault of the backend, and the end of the session.
fn unfitting(call: &'static str) -> wasmtime::Error {
    let message = format!("the host's storage gave an answer to {call} that it cannot have; please report it");
    wasmtime::Error::new(Ended(Error::new(Phase::Transfer, Cause::Internal, message)))
}

/// Takes the one good kind of answer out, or the error.
macro_rules! expect {
    ($name:literal, $answer:expr, $good:pat => $value:expr) => {
        match $answer {
            $good => Ok($value),
            Answer::Failed(error) => Err(error),
            _ => return Err(unfitting($name)),
        }
    };
}

/// A handle for an id. Ids fit the 32 bits of a handle; a replayed one that does not is no answer.
fn handle<R: 'static>(ctx: &mut WeighbridgeCtx, id: u64) -> wasmtime::Result<Resource<R>> {
    let rep = u32::try_from(id).map_err(|_| unfitting("a handle"))?;
    ctx.host.handed_out();
    Ok(Resource::new_own(rep))
}

fn id<R: 'static>(resource: &Resource<R>) -> u64 {
    u64::from(resource.rep())
}

const STORAGE: &str = "weighbridge:loader/storage@0.1.0";
const OBSERVER: &str = "weighbridge:loader/observer@0.1.0";

/// Gives every component that the linker links the imports of a loader: the storage and the observer of the
/// [`WeighbridgeCtx`] that `ctx` finds in the store.
///
/// With them a linker can link the loader of this library ([`component_bytes`](crate::component_bytes)), another one that
/// speaks the contract, or a program that is composed with one. [`Loader`](crate::Loader) calls an instance.
///
/// ```
/// use wasmtime::{Engine, Store, component::{Component, Linker}};
/// use weighbridge::{Loader, LoadOptions, ModelFiles, Selection, SessionOptions, WeighbridgeCtx, add_to_linker};
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
///
/// let engine = Engine::default();
/// let component = Component::new(&engine, weighbridge::component_bytes())?;
/// let mut linker = Linker::new(&engine);
/// add_to_linker(&mut linker, |ctx: &mut WeighbridgeCtx| ctx)?;
///
/// let mut store = Store::new(&engine, WeighbridgeCtx::new(SessionOptions::new()));
/// let instance = linker.instantiate(&mut store, &component)?;
/// let loader = Loader::new(&mut store, &instance, |ctx| ctx)?;
/// let mut model = loader.open(ModelFiles::new().part("tiny.safetensors", tiny()))?;
/// model.load(&Selection::All, &LoadOptions::new())?;
/// assert_eq!(model.tensor("scale")?.bytes()[..4], 0.5f32.to_le_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The linker has such imports already.
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    ctx: fn(&mut T) -> &mut WeighbridgeCtx,
) -> wasmtime::Result<()> {
    let mut storage = linker.instance(STORAGE)?;
    resources(&mut storage, ctx)?;
    sources(&mut storage, ctx)?;
    mappings(&mut storage, ctx)?;
    targets(&mut storage, ctx)?;
    batches(&mut storage, ctx)?;
    observer(&mut linker.instance(OBSERVER)?, ctx)
}

fn resources<T: 'static>(storage: &mut LinkerInstance<'_, T>, ctx: Project<T>) -> wasmtime::Result<()> {
    storage.resource("source", ResourceType::host::<Source>(), move |mut store, _| {
        ctx(store.data_mut()).host.drop_source();
        Ok(())
    })?;
    storage.resource("mapping", ResourceType::host::<Mapping>(), move |mut store, rep| {
        ctx(store.data_mut()).host.drop_mapping(u64::from(rep));
        Ok(())
    })?;
    storage.resource("target", ResourceType::host::<Target>(), move |mut store, rep| {
        ctx(store.data_mut()).host.drop_target(u64::from(rep));
        Ok(())
    })
}

fn sources<T: 'static>(storage: &mut LinkerInstance<'_, T>, ctx: Project<T>) -> wasmtime::Result<()> {
    storage.func_wrap("get-capabilities", move |mut store: Store<'_, T>, ()| -> wasmtime::Result<(Capabilities,)> {
        match perform(ctx(store.data_mut()), Call::GetCapabilities)? {
            Answer::Capabilities(capabilities) => Ok((capabilities,)),
            _ => Err(unfitting("get-capabilities")),
        }
    })?;
    storage.func_wrap(
        "[method]source.stat",
        move |mut store: Store<'_, T>, (source,): (Resource<Source>,)| -> wasmtime::Result<(Answered<SourceStat>,)> {
            let answer = perform(ctx(store.data_mut()), Call::Stat { source: source.rep() })?;
            Ok((expect!("stat", answer, Answer::Stat(stat) => stat),))
        },
    )?;
    storage.func_wrap(
        "[method]source.read",
        move |mut store: Store<'_, T>,
              (source, offset, len): (Resource<Source>, u64, u32)|
              -> wasmtime::Result<(Answered<Arc<Vec<u8>>>,)> {
            let answer = perform(ctx(store.data_mut()), Call::Read { source: source.rep(), offset, len })?;
            Ok((expect!("read", answer, Answer::Bytes(bytes) => bytes),))
        },
    )?;
    storage.func_wrap(
        "[method]source.map-range",
        move |mut store: Store<'_, T>,
              (source, offset, len): (Resource<Source>, u64, u64)|
              -> wasmtime::Result<(Answered<Resource<Mapping>>,)> {
            let answer = perform(ctx(store.data_mut()), Call::MapRange { source: source.rep(), offset, len })?;
            Ok((expect!("map-range", answer, Answer::Mapping(id) => handle(ctx(store.data_mut()), id)?),))
        },
    )
}

fn mappings<T: 'static>(storage: &mut LinkerInstance<'_, T>, ctx: Project<T>) -> wasmtime::Result<()> {
    storage.func_wrap(
        "[method]mapping.id",
        move |mut store: Store<'_, T>, (mapping,): (Resource<Mapping>,)| -> wasmtime::Result<(u64,)> {
            ctx(store.data_mut()).host.look_up().map_err(end)?;
            Ok((id(&mapping),))
        },
    )?;
    storage.func_wrap(
        "[method]mapping.advise",
        move |mut store: Store<'_, T>,
              (mapping, offset, len, advice): (Resource<Mapping>, u64, u64, Advice)|
              -> wasmtime::Result<(Answered<AdviceEffect>,)> {
            let answer = perform(ctx(store.data_mut()), Call::Advise { mapping: id(&mapping), offset, len, advice })?;
            Ok((expect!("advise", answer, Answer::Effect(effect) => effect),))
        },
    )?;
    storage.func_wrap(
        "[method]mapping.unmap",
        move |mut store: Store<'_, T>, (mapping,): (Resource<Mapping>,)| -> wasmtime::Result<(Answered<()>,)> {
            let answer = perform(ctx(store.data_mut()), Call::Unmap { mapping: id(&mapping) })?;
            Ok((expect!("unmap", answer, Answer::Done => ()),))
        },
    )
}

fn targets<T: 'static>(storage: &mut LinkerInstance<'_, T>, ctx: Project<T>) -> wasmtime::Result<()> {
    storage.func_wrap(
        "[method]target.id",
        move |mut store: Store<'_, T>, (target,): (Resource<Target>,)| -> wasmtime::Result<(u64,)> {
            ctx(store.data_mut()).host.look_up().map_err(end)?;
            Ok((id(&target),))
        },
    )?;
    storage.func_wrap(
        "[method]target.len",
        move |mut store: Store<'_, T>, (target,): (Resource<Target>,)| -> wasmtime::Result<(u64,)> {
            ctx(store.data_mut()).host.look_up().map_err(end)?;
            Ok((ctx(store.data_mut()).host.target_len(id(&target)),))
        },
    )?;
    storage.func_wrap(
        "[method]target.free",
        move |mut store: Store<'_, T>, (target,): (Resource<Target>,)| -> wasmtime::Result<(Answered<()>,)> {
            let answer = perform(ctx(store.data_mut()), Call::Free { target: id(&target) })?;
            Ok((expect!("free", answer, Answer::Done => ()),))
        },
    )?;
    storage.func_wrap(
        "allocate",
        move |mut store: Store<'_, T>, (len,): (u64,)| -> wasmtime::Result<(Answered<Resource<Target>>,)> {
            let answer = perform(ctx(store.data_mut()), Call::Allocate { len })?;
            Ok((expect!("allocate", answer, Answer::Target { id, len } => target(ctx(store.data_mut()), id, len)?),))
        },
    )?;
    storage.func_wrap(
        "registered",
        move |mut store: Store<'_, T>, (tensors,): (Vec<String>,)| -> wasmtime::Result<(Answered<Found>,)> {
            let asked = tensors.len();
            match perform(ctx(store.data_mut()), Call::Registered { tensors })? {
                Answer::Targets(targets) if targets.len() == asked => {
                    let mut handles = Vec::with_capacity(asked);
                    for found in targets {
                        handles.push(found.map(|(id, len)| target(ctx(store.data_mut()), id, len)).transpose()?);
                    }
                    Ok((Ok(handles),))
                }
                Answer::Failed(error) => Ok((Err(error),)),
                _ => Err(unfitting("registered")),
            }
        },
    )
}

type Spans = (Vec<Resource<Source>>, Vec<Resource<Target>>, Vec<CopySpan>);

fn batches<T: 'static>(storage: &mut LinkerInstance<'_, T>, ctx: Project<T>) -> wasmtime::Result<()> {
    storage.func_wrap(
        "read-into",
        move |mut store: Store<'_, T>,
              (sources, targets, batch): Spans|
              -> wasmtime::Result<(Result<(), BatchError>,)> {
            let call = Call::ReadInto {
                sources: sources.iter().map(Resource::rep).collect(),
                targets: targets.iter().map(id).collect(),
                batch,
            };
            match perform(ctx(store.data_mut()), call)? {
                Answer::Done => Ok((Ok(()),)),
                Answer::BatchFailed(error) => Ok((Err(error),)),
                _ => Err(unfitting("read-into")),
            }
        },
    )
}

fn observer<T: 'static>(observer: &mut LinkerInstance<'_, T>, ctx: Project<T>) -> wasmtime::Result<()> {
    observer.func_wrap(
        "add-names",
        move |mut store: Store<'_, T>, (names,): (Vec<String>,)| -> wasmtime::Result<()> {
            ctx(store.data_mut()).host.add_names(names).map_err(end)
        },
    )?;
    observer.func_wrap("emit", move |mut store: Store<'_, T>, (entries,): (Vec<Entry>,)| -> wasmtime::Result<()> {
        ctx(store.data_mut()).host.emit(&entries).map_err(end)
    })
}

/// The one way of the guest to the storage.
fn perform(ctx: &mut WeighbridgeCtx, call: Call) -> wasmtime::Result<Answer> {
    ctx.host.perform(call).map_err(end)
}

fn target(ctx: &mut WeighbridgeCtx, id: u64, len: u64) -> wasmtime::Result<Resource<Target>> {
    let rep = u32::try_from(id).map_err(|_| unfitting("a handle"))?;
    ctx.host.handed_target(id, len);
    Ok(Resource::new_own(rep))
}
