//! What the guest may call: `storage` and `observer`, and nothing else.
//!
//! Handles carry the host's own numbers: of a source its place in the table, of a mapping or a target its id. A handle that
//! the guest made up, or dropped, never gets here: wasmtime traps.
use super::state::{Ended, State, limit};
use crate::{
    trace::{Answer, Call},
    types::{
        Advice, AdviceEffect, BatchError, Capabilities, Cause, CopySpan, Entry, Error, Phase, SourceStat, StorageError,
    },
};
use std::sync::Arc;
use wasmtime::{
    StoreContextMut,
    component::{Linker, LinkerInstance, Resource, ResourceType},
};

/// A granted file.
pub(crate) enum Source {}
/// A mapping.
pub(crate) enum Mapping {}
/// Host memory or a consumer.
pub(crate) enum Target {}

type Store<'a> = StoreContextMut<'a, State>;
type Answered<T> = Result<T, StorageError>;

/// The targets of tensors, in their order; none where nothing is registered.
type Found = Vec<Option<Resource<Target>>>;

/// An answer of a kind that the call cannot have: a fault of the backend, and the end of the session.
fn misfit(call: &'static str) -> wasmtime::Error {
    let message = format!("the host's storage gave an answer to {call} that it cannot have; please report it");
    wasmtime::Error::new(Ended(Error::new(Phase::Transfer, Cause::Internal, message)))
}

/// Takes the one good kind of answer out, or the error.
macro_rules! expect {
    ($name:literal, $answer:expr, $good:pat => $value:expr) => {
        match $answer {
            $good => Ok($value),
            Answer::Failed(error) => Err(error),
            _ => return Err(misfit($name)),
        }
    };
}

/// A handle for an id. Ids fit the 32 bits of a handle; a replayed one that does not is no answer.
fn handle<T: 'static>(store: &mut Store<'_>, id: u64) -> wasmtime::Result<Resource<T>> {
    let rep = u32::try_from(id).map_err(|_| misfit("a handle"))?;
    store.data_mut().stats.handles += 1;
    Ok(Resource::new_own(rep))
}

fn id<T: 'static>(resource: &Resource<T>) -> u64 {
    u64::from(resource.rep())
}

fn dropped(store: &mut Store<'_>) {
    let stats = &mut store.data_mut().stats;
    stats.crossings_out += 1;
    stats.handles = stats.handles.saturating_sub(1);
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
        dropped(&mut store);
        Ok(())
    })?;
    storage.resource("mapping", ResourceType::host::<Mapping>(), |mut store, rep| {
        dropped(&mut store);
        store.data_mut().backend.drop_mapping(u64::from(rep));
        Ok(())
    })?;
    storage.resource("target", ResourceType::host::<Target>(), |mut store, rep| {
        dropped(&mut store);
        store.data_mut().targets.remove(&u64::from(rep));
        store.data_mut().backend.drop_target(u64::from(rep));
        Ok(())
    })
}

fn sources(storage: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    storage.func_wrap("get-capabilities", |mut store: Store<'_>, ()| -> wasmtime::Result<(Capabilities,)> {
        match store.data_mut().perform(Call::GetCapabilities)? {
            Answer::Capabilities(capabilities) => Ok((capabilities,)),
            _ => Err(misfit("get-capabilities")),
        }
    })?;
    storage.func_wrap(
        "[method]source.stat",
        |mut store: Store<'_>, (source,): (Resource<Source>,)| -> wasmtime::Result<(Answered<SourceStat>,)> {
            let answer = store.data_mut().perform(Call::Stat { source: source.rep() })?;
            Ok((expect!("stat", answer, Answer::Stat(stat) => stat),))
        },
    )?;
    storage.func_wrap(
        "[method]source.read",
        |mut store: Store<'_>,
         (source, offset, len): (Resource<Source>, u64, u32)|
         -> wasmtime::Result<(Answered<Arc<Vec<u8>>>,)> {
            let answer = store.data_mut().perform(Call::Read { source: source.rep(), offset, len })?;
            Ok((expect!("read", answer, Answer::Bytes(bytes) => bytes),))
        },
    )?;
    storage.func_wrap(
        "[method]source.map-range",
        |mut store: Store<'_>,
         (source, offset, len): (Resource<Source>, u64, u64)|
         -> wasmtime::Result<(Answered<Resource<Mapping>>,)> {
            let answer = store.data_mut().perform(Call::MapRange { source: source.rep(), offset, len })?;
            Ok((expect!("map-range", answer, Answer::Mapping(id) => handle(&mut store, id)?),))
        },
    )
}

fn mappings(storage: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    storage.func_wrap(
        "[method]mapping.id",
        |mut store: Store<'_>, (mapping,): (Resource<Mapping>,)| -> wasmtime::Result<(u64,)> {
            glance(&mut store)?;
            Ok((id(&mapping),))
        },
    )?;
    storage.func_wrap(
        "[method]mapping.advise",
        |mut store: Store<'_>,
         (mapping, offset, len, advice): (Resource<Mapping>, u64, u64, Advice)|
         -> wasmtime::Result<(Answered<AdviceEffect>,)> {
            let answer = store.data_mut().perform(Call::Advise { mapping: id(&mapping), offset, len, advice })?;
            Ok((expect!("advise", answer, Answer::Effect(effect) => effect),))
        },
    )?;
    storage.func_wrap(
        "[method]mapping.unmap",
        |mut store: Store<'_>, (mapping,): (Resource<Mapping>,)| -> wasmtime::Result<(Answered<()>,)> {
            let answer = store.data_mut().perform(Call::Unmap { mapping: id(&mapping) })?;
            Ok((expect!("unmap", answer, Answer::Done => ()),))
        },
    )
}

fn targets(storage: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    storage.func_wrap(
        "[method]target.id",
        |mut store: Store<'_>, (target,): (Resource<Target>,)| -> wasmtime::Result<(u64,)> {
            glance(&mut store)?;
            Ok((id(&target),))
        },
    )?;
    storage.func_wrap(
        "[method]target.len",
        |mut store: Store<'_>, (target,): (Resource<Target>,)| -> wasmtime::Result<(u64,)> {
            glance(&mut store)?;
            Ok((store.data().target_len(id(&target)),))
        },
    )?;
    storage.func_wrap(
        "[method]target.free",
        |mut store: Store<'_>, (target,): (Resource<Target>,)| -> wasmtime::Result<(Answered<()>,)> {
            let answer = store.data_mut().perform(Call::Free { target: id(&target) })?;
            Ok((expect!("free", answer, Answer::Done => ()),))
        },
    )?;
    storage.func_wrap(
        "allocate",
        |mut store: Store<'_>, (len,): (u64,)| -> wasmtime::Result<(Answered<Resource<Target>>,)> {
            let answer = store.data_mut().perform(Call::Allocate { len })?;
            Ok((expect!("allocate", answer, Answer::Target { id, len } => target(&mut store, id, len)?),))
        },
    )?;
    storage.func_wrap(
        "registered",
        |mut store: Store<'_>, (tensors,): (Vec<String>,)| -> wasmtime::Result<(Answered<Found>,)> {
            let asked = tensors.len();
            match store.data_mut().perform(Call::Registered { tensors })? {
                Answer::Targets(targets) if targets.len() == asked => {
                    let mut handles = Vec::with_capacity(asked);
                    for found in targets {
                        handles.push(found.map(|(id, len)| target(&mut store, id, len)).transpose()?);
                    }
                    Ok((Ok(handles),))
                }
                Answer::Failed(error) => Ok((Err(error),)),
                _ => Err(misfit("registered")),
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
            match store.data_mut().perform(call)? {
                Answer::Done => Ok((Ok(()),)),
                Answer::BatchFailed(error) => Ok((Err(error),)),
                _ => Err(misfit("read-into")),
            }
        },
    )
}

fn observer(observer: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    observer.func_wrap("add-names", |mut store: Store<'_>, (names,): (Vec<String>,)| -> wasmtime::Result<()> {
        told(store.data_mut(), |state| state.log.add_names(names))
    })?;
    observer.func_wrap("emit", |mut store: Store<'_>, (entries,): (Vec<Entry>,)| -> wasmtime::Result<()> {
        told(store.data_mut(), |state| state.log.emit(&entries))
    })
}

/// The guest told its observer something. What it may not tell ends the session: there is no answer to give.
fn told(state: &mut State, tell: impl FnOnce(&mut State) -> Result<(), &'static str>) -> wasmtime::Result<()> {
    let since = state.crossed()?;
    let done = tell(state);
    state.returned(since);
    done.map_err(|what| wasmtime::Error::new(Ended(limit(format!("{what}; the session has ended")))))
}

/// A call that needs nothing but the table: counted, not traced.
fn glance(store: &mut Store<'_>) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let since = state.crossed()?;
    state.returned(since);
    Ok(())
}

fn target(store: &mut Store<'_>, id: u64, len: u64) -> wasmtime::Result<Resource<Target>> {
    store.data_mut().targets.insert(id, len);
    handle(store, id)
}
