//! What the guest may call: `storage` and `observer`, and nothing else.
//!
//! Handles carry the host's own numbers: of a source its place in the table, of a mapping or a target its id. A handle that
//! the guest made up, or dropped, never gets here: wasmtime traps.
use super::ended::Ended;
use crate::media::Native;
use std::sync::Arc;
use wasmtime::{
    ResourceLimiter, StoreContextMut,
    component::{Linker, LinkerInstance, Resource, ResourceType},
};
use weighbridge_core::{
    Advice, AdviceEffect, BatchError, Capabilities, Cause, CopySpan, Entry, Error, Host, Phase, SourceStat,
    StorageError,
    trace::{Answer, Call},
};

/// A granted file.
pub(crate) enum Source {}
/// A mapping.
pub(crate) enum Mapping {}
/// Host memory or a consumer.
pub(crate) enum Target {}

/// The state of one store.
pub(crate) struct State {
    pub(crate) host: Host<Native>,
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.host.memory_growing(current, desired))
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.host.table_growing(desired))
    }

    fn instances(&self) -> usize {
        self.host.limits().instances as usize
    }

    fn tables(&self) -> usize {
        self.host.limits().instances as usize
    }

    fn memories(&self) -> usize {
        self.host.limits().instances as usize
    }
}

/// What the core ends a guest with, as the reason of a trap.
fn end(error: Error) -> wasmtime::Error {
    wasmtime::Error::new(Ended(error))
}

type Store<'a> = StoreContextMut<'a, State>;
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
fn handle<T: 'static>(store: &mut Store<'_>, id: u64) -> wasmtime::Result<Resource<T>> {
    let rep = u32::try_from(id).map_err(|_| unfitting("a handle"))?;
    store.data_mut().host.handed_out();
    Ok(Resource::new_own(rep))
}

fn id<T: 'static>(resource: &Resource<T>) -> u64 {
    u64::from(resource.rep())
}

const STORAGE: &str = "weighbridge:loader/storage@0.1.0";
const OBSERVER: &str = "weighbridge:loader/observer@0.1.0";

/// Gives the guest its imports.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut storage = linker.instance(STORAGE)?;
    resources(&mut storage)?;
    sources(&mut storage)?;
    mappings(&mut storage)?;
    targets(&mut storage)?;
    batches(&mut storage)?;
    observer(&mut linker.instance(OBSERVER)?)
}

fn resources(storage: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    storage.resource("source", ResourceType::host::<Source>(), |mut store, _| {
        store.data_mut().host.drop_source();
        Ok(())
    })?;
    storage.resource("mapping", ResourceType::host::<Mapping>(), |mut store, rep| {
        store.data_mut().host.drop_mapping(u64::from(rep));
        Ok(())
    })?;
    storage.resource("target", ResourceType::host::<Target>(), |mut store, rep| {
        store.data_mut().host.drop_target(u64::from(rep));
        Ok(())
    })
}

fn sources(storage: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    storage.func_wrap("get-capabilities", |mut store: Store<'_>, ()| -> wasmtime::Result<(Capabilities,)> {
        match perform(&mut store, Call::GetCapabilities)? {
            Answer::Capabilities(capabilities) => Ok((capabilities,)),
            _ => Err(unfitting("get-capabilities")),
        }
    })?;
    storage.func_wrap(
        "[method]source.stat",
        |mut store: Store<'_>, (source,): (Resource<Source>,)| -> wasmtime::Result<(Answered<SourceStat>,)> {
            let answer = perform(&mut store, Call::Stat { source: source.rep() })?;
            Ok((expect!("stat", answer, Answer::Stat(stat) => stat),))
        },
    )?;
    storage.func_wrap(
        "[method]source.read",
        |mut store: Store<'_>,
         (source, offset, len): (Resource<Source>, u64, u32)|
         -> wasmtime::Result<(Answered<Arc<Vec<u8>>>,)> {
            let answer = perform(&mut store, Call::Read { source: source.rep(), offset, len })?;
            Ok((expect!("read", answer, Answer::Bytes(bytes) => bytes),))
        },
    )?;
    storage.func_wrap(
        "[method]source.map-range",
        |mut store: Store<'_>,
         (source, offset, len): (Resource<Source>, u64, u64)|
         -> wasmtime::Result<(Answered<Resource<Mapping>>,)> {
            let answer = perform(&mut store, Call::MapRange { source: source.rep(), offset, len })?;
            Ok((expect!("map-range", answer, Answer::Mapping(id) => handle(&mut store, id)?),))
        },
    )
}

fn mappings(storage: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    storage.func_wrap(
        "[method]mapping.id",
        |mut store: Store<'_>, (mapping,): (Resource<Mapping>,)| -> wasmtime::Result<(u64,)> {
            store.data_mut().host.look_up().map_err(end)?;
            Ok((id(&mapping),))
        },
    )?;
    storage.func_wrap(
        "[method]mapping.advise",
        |mut store: Store<'_>,
         (mapping, offset, len, advice): (Resource<Mapping>, u64, u64, Advice)|
         -> wasmtime::Result<(Answered<AdviceEffect>,)> {
            let answer = perform(&mut store, Call::Advise { mapping: id(&mapping), offset, len, advice })?;
            Ok((expect!("advise", answer, Answer::Effect(effect) => effect),))
        },
    )?;
    storage.func_wrap(
        "[method]mapping.unmap",
        |mut store: Store<'_>, (mapping,): (Resource<Mapping>,)| -> wasmtime::Result<(Answered<()>,)> {
            let answer = perform(&mut store, Call::Unmap { mapping: id(&mapping) })?;
            Ok((expect!("unmap", answer, Answer::Done => ()),))
        },
    )
}

fn targets(storage: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    storage.func_wrap(
        "[method]target.id",
        |mut store: Store<'_>, (target,): (Resource<Target>,)| -> wasmtime::Result<(u64,)> {
            store.data_mut().host.look_up().map_err(end)?;
            Ok((id(&target),))
        },
    )?;
    storage.func_wrap(
        "[method]target.len",
        |mut store: Store<'_>, (target,): (Resource<Target>,)| -> wasmtime::Result<(u64,)> {
            store.data_mut().host.look_up().map_err(end)?;
            Ok((store.data().host.target_len(id(&target)),))
        },
    )?;
    storage.func_wrap(
        "[method]target.free",
        |mut store: Store<'_>, (target,): (Resource<Target>,)| -> wasmtime::Result<(Answered<()>,)> {
            let answer = perform(&mut store, Call::Free { target: id(&target) })?;
            Ok((expect!("free", answer, Answer::Done => ()),))
        },
    )?;
    storage.func_wrap(
        "allocate",
        |mut store: Store<'_>, (len,): (u64,)| -> wasmtime::Result<(Answered<Resource<Target>>,)> {
            let answer = perform(&mut store, Call::Allocate { len })?;
            Ok((expect!("allocate", answer, Answer::Target { id, len } => target(&mut store, id, len)?),))
        },
    )?;
    storage.func_wrap(
        "registered",
        |mut store: Store<'_>, (tensors,): (Vec<String>,)| -> wasmtime::Result<(Answered<Found>,)> {
            let asked = tensors.len();
            match perform(&mut store, Call::Registered { tensors })? {
                Answer::Targets(targets) if targets.len() == asked => {
                    let mut handles = Vec::with_capacity(asked);
                    for found in targets {
                        handles.push(found.map(|(id, len)| target(&mut store, id, len)).transpose()?);
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

fn batches(storage: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    storage.func_wrap(
        "read-into",
        |mut store: Store<'_>, (sources, targets, batch): Spans| -> wasmtime::Result<(Result<(), BatchError>,)> {
            let call = Call::ReadInto {
                sources: sources.iter().map(Resource::rep).collect(),
                targets: targets.iter().map(id).collect(),
                batch,
            };
            match perform(&mut store, call)? {
                Answer::Done => Ok((Ok(()),)),
                Answer::BatchFailed(error) => Ok((Err(error),)),
                _ => Err(unfitting("read-into")),
            }
        },
    )
}

fn observer(observer: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    observer.func_wrap("add-names", |mut store: Store<'_>, (names,): (Vec<String>,)| -> wasmtime::Result<()> {
        store.data_mut().host.add_names(names).map_err(end)
    })?;
    observer.func_wrap("emit", |mut store: Store<'_>, (entries,): (Vec<Entry>,)| -> wasmtime::Result<()> {
        store.data_mut().host.emit(&entries).map_err(end)
    })
}

/// The one way of the guest to the storage.
fn perform(store: &mut Store<'_>, call: Call) -> wasmtime::Result<Answer> {
    store.data_mut().host.perform(call).map_err(end)
}

fn target(store: &mut Store<'_>, id: u64, len: u64) -> wasmtime::Result<Resource<Target>> {
    let rep = u32::try_from(id).map_err(|_| unfitting("a handle"))?;
    store.data_mut().host.handed_target(id, len);
    Ok(Resource::new_own(rep))
}
