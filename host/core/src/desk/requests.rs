//! What is asked of the model that is open.
use super::{
    answer::{Desk, Model, Rest},
    host::{DeskHost, PageBits},
    messages::Update,
};
use crate::{
    session::Session,
    types::{Cause, Error, LoadOptions, LoadReport, Phase, Selection, StorageError, Strategy, StrategyPolicy},
};

/// First bytes of a tensor that are shown.
const PREVIEW: u64 = 64 << 10;

impl<H: DeskHost> Desk<H> {
    pub(super) fn no_model(&self) {
        self.problem("Open a model first");
    }

    /// Does something with the session, reports what came of it and how things stand.
    pub(super) fn act(&mut self, doing: &str, request: impl FnOnce(&mut Session<H::Engine>) -> Result<String, Error>) {
        let Model::Live(model) = &mut self.model else { return self.no_model() };
        match request(H::session(model)) {
            Ok(text) => self.notice(text),
            Err(error) => self.fail(doing, error),
        }
        self.refresh();
    }

    pub(super) fn load(&mut self, selection: &Selection, options: &LoadOptions) {
        let Model::Live(model) = &mut self.model else { return self.no_model() };
        let session = H::session(model);
        if options.policy == StrategyPolicy::Only(Strategy::ExternalBuffer) && !self.registered {
            if let Err(error) = register(session) {
                return self.fail("load", error);
            }
            self.registered = true;
        }
        match session.load(selection, options) {
            Ok(report) => self.rest = Some(Rest::Load(report)),
            Err(error) => self.loaded(Err(error)),
        }
    }

    /// A load is over.
    pub(super) fn loaded(&mut self, result: Result<LoadReport, Error>) {
        match result {
            Ok(report) => self.send(Update::Report(Box::new(report))),
            Err(error) => self.fail("load", error),
        }
        self.refresh();
    }

    pub(super) fn borrow(&mut self, tensor: Option<u32>) {
        self.borrowed = None;
        let (Some(tensor), Model::Live(model)) = (tensor, &mut self.model) else { return };
        match self.host.view(model, tensor) {
            Ok(view) => {
                self.borrowed = Some(view);
                self.notice("A view is held: the unmap of this tensor will be answered busy");
            }
            Err(error) => self.fail("borrow", error),
        }
    }

    pub(super) fn preview(&mut self, tensor: u32) {
        let Model::Live(model) = &mut self.model else { return };
        // A tensor that is not resident has nothing to show, which is no error here.
        let Ok(view) = self.host.view(model, tensor) else {
            return self.send(Update::Preview { tensor, bytes: Vec::new() });
        };
        let len = length(H::session(model), tensor).min(PREVIEW);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
        match self.host.copy(&view, 0, &mut bytes) {
            Ok(()) => self.send(Update::Preview { tensor, bytes }),
            Err(error) => self.fail("read the tensor", error),
        }
    }

    pub(super) fn pages(&mut self, file: u32) {
        let Model::Live(model) = &mut self.model else { return };
        match self.host.pages(model, file) {
            Some(PageBits { page, bits }) => self.send(Update::Pages { file, page, bits }),
            None => self.problem("The system does not say which pages are in memory"),
        }
    }

    pub(super) fn close(&mut self) {
        self.borrowed = None;
        if let Model::Live(model) = &mut self.model {
            if let Err(error) = H::session(model).close() {
                return self.fail("close", error);
            }
            self.notice("Closed");
        }
        self.forget();
    }

    /// Whatever is open goes.
    pub(super) fn forget(&mut self) {
        self.borrowed = None;
        self.registered = false;
        self.model = Model::Nothing;
    }
}

/// Bytes of a tensor, as its header says.
pub(super) fn length<E: crate::Engine>(session: &mut Session<E>, tensor: u32) -> u64 {
    session.tensors().ok().and_then(|all| all.get(tensor as usize)).map_or(0, |info| info.bytes)
}

/// For external-buffer the inspector is the embedder that has the memory.
fn register<E: crate::Engine>(session: &mut Session<E>) -> Result<(), Error> {
    let no_memory = |total: u64| {
        let message = format!("there is no memory for {total} bytes of tensors; choose another strategy");
        Error::new(Phase::Request, Cause::OutOfMemory, message)
    };
    let tensors = session.tensors()?.to_vec();
    let total = tensors.iter().map(|tensor| tensor.bytes).fold(0, u64::saturating_add);
    session.host(|host| {
        if total > host.limits().buffer_bytes / 2 {
            return Err(no_memory(total));
        }
        let Some(table) = host.table() else { return Ok(()) };
        for tensor in tensors {
            table.register_fresh(tensor.name, tensor.bytes).map_err(|error| match error {
                StorageError::Busy => {
                    let message = "a tensor lies in the memory that is registered for it; evict it first";
                    Error::new(Phase::Request, Cause::Busy, message)
                }
                _ => no_memory(total),
            })?;
        }
        Ok(())
    })
}
