//! What is asked of the session that is open.
use super::current::{Current, Model};
use crate::backend::Update;
use weighbridge::Error;
use weighbridge::Session;
use weighbridge::types::{Cause, LoadOptions, Phase, Selection, Strategy, StrategyPolicy};

/// First bytes of a tensor that are shown.
const PREVIEW: usize = 64 << 10;

/// Does something with the session, reports what came of it and how things stand.
pub(super) fn act(current: &mut Current, doing: &str, request: impl FnOnce(&mut Session) -> Result<String, Error>) {
    let Model::Live(session) = &mut current.model else {
        current.outbox.send(Update::Problem("Open a model first".into()));
        return;
    };
    match request(session) {
        Ok(text) => current.outbox.send(Update::Notice(text)),
        Err(error) => current.fail(doing, error),
    }
    current.refresh();
}

pub(super) fn load(current: &mut Current, selection: &Selection, options: &LoadOptions) {
    if options.policy == StrategyPolicy::Only(Strategy::ExternalBuffer) && !current.registered {
        if let Err(error) = register(current) {
            current.fail("load", error);
            return;
        }
        current.registered = true;
    }
    let Model::Live(session) = &mut current.model else {
        current.outbox.send(Update::Problem("Open a model first".into()));
        return;
    };
    match session.load(selection, options) {
        Ok(report) => current.outbox.send(Update::Report(Box::new(report))),
        Err(error) => current.fail("load", error),
    }
    current.refresh();
}

/// For external-buffer this program is the embedder that has the memory.
fn register(current: &mut Current) -> Result<(), Error> {
    let Model::Live(session) = &mut current.model else { return Ok(()) };
    let tensors = session.tensors()?.to_vec();
    let total = tensors.iter().map(|t| t.bytes).fold(0, u64::saturating_add);
    if total > current.limits.buffer_bytes / 2 {
        let message = format!("there is no memory for {total} bytes of tensors; choose another strategy");
        return Err(Error::new(Phase::Request, Cause::OutOfMemory, message));
    }
    for tensor in tensors {
        let len = usize::try_from(tensor.bytes)
            .map_err(|_| Error::new(Phase::Request, Cause::OutOfMemory, "a tensor does not fit into memory"))?;
        session.register(tensor.name, vec![0u8; len])?;
    }
    Ok(())
}

pub(super) fn borrow(current: &mut Current, tensor: Option<u32>) {
    current.borrowed = None;
    let (Some(tensor), Model::Live(session)) = (tensor, &mut current.model) else { return };
    match session.tensor_at(tensor) {
        Ok(view) => {
            current.borrowed = Some(view);
            current
                .outbox
                .send(Update::Notice("A view is held: the unmap of this tensor will be answered busy".into()));
        }
        Err(error) => current.fail("borrow", error),
    }
}

pub(super) fn preview(current: &mut Current, tensor: u32) {
    let Model::Live(session) = &mut current.model else { return };
    // A tensor that is not resident has nothing to show, which is no error here.
    let Ok(view) = session.tensor_at(tensor) else {
        current.outbox.send(Update::Preview { tensor, bytes: Vec::new() });
        return;
    };
    let mut bytes = vec![0; usize::try_from(view.info().bytes).unwrap_or(PREVIEW).min(PREVIEW)];
    match view.copy_to(0, &mut bytes) {
        Ok(()) => current.outbox.send(Update::Preview { tensor, bytes }),
        Err(error) => current.fail("read the tensor", error),
    }
}

pub(super) fn pages(current: &mut Current, file: u32) {
    let Model::Live(session) = &mut current.model else { return };
    let Some(map) = session.residency(file as usize) else {
        current.outbox.send(Update::Problem("The system does not say which pages are in memory".into()));
        return;
    };
    let mut bits = vec![0u8; map.pages.len().div_ceil(8)];
    for (i, _) in map.pages.iter().enumerate().filter(|(_, resident)| **resident) {
        bits[i / 8] |= 1 << (i % 8);
    }
    current.outbox.send(Update::Pages { file, page: map.page_bytes, bits });
}

pub(super) fn close(current: &mut Current) {
    current.borrowed = None;
    if let Model::Live(session) = &mut current.model {
        match session.close() {
            Ok(()) => current.outbox.send(Update::Notice("Closed".into())),
            Err(error) => {
                current.fail("close", error);
                return;
            }
        }
    }
    current.model = Model::Nothing;
}

pub(super) fn close_quietly(current: &mut Current) {
    current.borrowed = None;
    current.registered = false;
    current.model = Model::Nothing;
}
