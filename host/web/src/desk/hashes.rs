//! SHA-256 and values of tensors: of those that are resident through their views, of the others by a consumer that keeps
//! nothing.
use super::{
    digest::{Digest, Row},
    outbox::Outbox,
    system::copy,
};
use crate::{guest::Instance, media::Web, options::Load};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use weighbridge_core::{
    Cause, Error, Lifecycle, Media as _, Pattern, Phase, Selection, Session, Sink, StorageError, TensorInfo,
    desk::{Controls, Link as _},
    escape,
    model::Finding,
};

/// Bytes of a chunk, about 3.8 MB: whole elements and blocks of every type that values are counted of.
const CHUNK: usize = 4 * 942_480;

/// What is told of tensors.
#[derive(Serialize)]
pub(super) struct Hashes {
    rows: Vec<Row>,
    /// What of the values is worth a person's attention.
    findings: Vec<Finding>,
    bytes: u64,
    ms: f64,
}

/// Who hears of the work while it goes on, and may end it.
#[derive(Clone)]
struct Watch {
    outbox: Arc<Outbox>,
    controls: Arc<Controls>,
    /// Bytes that the session moved before, and those that were hashed.
    done: Arc<Mutex<u64>>,
}

impl Watch {
    /// So many bytes more were hashed.
    fn went_on(&self, bytes: usize) -> Result<(), StorageError> {
        let mut done = locked(&self.done);
        *done = done.saturating_add(bytes as u64);
        self.outbox.progress(*done);
        drop(done);
        self.outbox.poll(&self.controls);
        if self.controls.cancel().is_cancelled() { Err(StorageError::Cancelled) } else { Ok(()) }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hashes the tensors of a selection. Those that were not resident are not so afterwards.
///
/// # Errors
/// There are no such tensors, bytes cannot be read, or the work was cancelled.
pub(super) fn hashes(
    session: &mut Session<Instance>,
    selection: &Selection,
    outbox: &Arc<Outbox>,
    controls: &Arc<Controls>,
) -> Result<Hashes, Error> {
    let began = Web::now();
    let done = Arc::new(Mutex::new(session.usage().moving()));
    let watch = Watch { outbox: outbox.clone(), controls: controls.clone(), done };
    let infos = session.tensors()?.to_vec();
    let states = session.states()?;
    let is_resident = |index: &u32| {
        let state = states.get(*index as usize).map(|state| state.lifecycle);
        matches!(state, Some(Lifecycle::Resident | Lifecycle::MmapResident))
    };
    let (resident, absent): (Vec<u32>, Vec<u32>) = chosen(selection, &infos)?.into_iter().partition(is_resident);
    let mut digests = consumed(session, absent, &infos, &watch)?;
    for index in resident {
        digests.insert(index, viewed(session, index, &watch)?);
    }
    // The next load counts from what the session moved.
    outbox.progress(session.usage().moving());
    let mut hashes = Hashes { rows: Vec::new(), findings: Vec::new(), bytes: 0, ms: 0.0 };
    for (index, digest) in digests {
        let Some(info) = infos.get(index as usize) else { continue };
        let (row, findings) = digest.end(index, info);
        hashes.rows.push(row);
        hashes.findings.extend(findings);
        hashes.bytes = hashes.bytes.saturating_add(info.bytes);
    }
    hashes.ms = Web::now().saturating_sub(began) as f64 / 1e6;
    Ok(hashes)
}

/// The tensors that a selection means, as the guest understands it.
fn chosen(selection: &Selection, infos: &[TensorInfo]) -> Result<Vec<u32>, Error> {
    let indices = (0u32..).zip(infos);
    let refused = |cause, message: String| Err(Error::new(Phase::Request, cause, message));
    match selection {
        Selection::All => Ok(indices.map(|(index, _)| index).collect()),
        Selection::Tensors(list) => match list.iter().find(|index| **index as usize >= infos.len()) {
            Some(index) => {
                refused(Cause::NotFound, format!("there is no tensor {index}; indices are those of `tensors`"))
            }
            None => Ok(list.clone()),
        },
        Selection::Matching(text) => match Pattern::new(text) {
            Ok(pattern) => {
                Ok(indices.filter(|(_, info)| pattern.matches(&info.name)).map(|(index, _)| index).collect())
            }
            Err(why) => refused(Cause::InvalidRequest, format!("{} is no pattern: {why}", escape(text))),
        },
    }
}

/// Hashes what a consumer gets of tensors that are not resident.
fn consumed(
    session: &mut Session<Instance>,
    tensors: Vec<u32>,
    infos: &[TensorInfo],
    watch: &Watch,
) -> Result<BTreeMap<u32, Digest>, Error> {
    let begun = tensors.iter().filter_map(|index| Some((*index, Digest::new(infos.get(*index as usize)?))));
    let digests = Arc::new(Mutex::new(begun.collect::<BTreeMap<_, _>>()));
    if tensors.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (taken, watch) = (digests.clone(), watch.clone());
    let consumer = move |tensor: u32, _: u64, bytes: Vec<u8>| {
        if let Some(digest) = locked(&taken).get_mut(&tensor) {
            digest.add(&bytes);
        }
        let answer = watch.went_on(bytes.len());
        (bytes, answer)
    };
    let sink = Sink::new(CHUNK as u64, infos, Box::new(consumer));
    let selection = Selection::Tensors(tensors);
    session.load_to(&selection, &Load::staged(CHUNK as u64), sink)?;
    session.evict(&selection)?;
    let digests = std::mem::take(&mut *locked(&digests));
    Ok(digests)
}

/// Hashes the bytes of a resident tensor.
fn viewed(session: &mut Session<Instance>, index: u32, watch: &Watch) -> Result<Digest, Error> {
    let view = session.view_at(index)?;
    let mut digest = Digest::new(&view.info);
    let mut chunk = vec![0; usize::try_from(view.info.bytes).unwrap_or(CHUNK).min(CHUNK)];
    let mut at = 0;
    while at < view.info.bytes {
        let len = usize::try_from(view.info.bytes - at).unwrap_or(CHUNK).min(CHUNK);
        let bytes = chunk.get_mut(..len).unwrap_or_default();
        copy(&view, at, bytes)?;
        digest.add(bytes);
        at += len as u64;
        watch.went_on(len).map_err(|_| {
            let mut error = Error::new(Phase::Transfer, Cause::Cancelled, "hashing was cancelled");
            error.tensor = Some(index);
            error
        })?;
    }
    Ok(digest)
}
