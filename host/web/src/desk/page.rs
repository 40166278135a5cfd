//! The desk as JavaScript has it: requests and updates as JSON text.
use super::{embedder::Embedder, hashes::hashes, outbox::Outbox, system::System};
use crate::{
    answers::thrown,
    guest::Start,
    media::{Hooks, storage_error},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use weighbridge_core::{
    Cause, Error, Phase, Selection,
    desk::{self, Controls, Failure, Link as _, Progress, Update},
};

/// What only the plain page asks for.
#[derive(Deserialize)]
enum Own {
    /// SHA-256 and values of tensors.
    Hash(Selection),
}

/// What only the plain page is told.
#[derive(Serialize)]
enum Told<T> {
    Hashes(T),
}

/// Answers a page and the inspector in it.
#[wasm_bindgen]
pub struct Desk {
    desk: desk::Desk<System>,
    outbox: Arc<Outbox>,
    controls: Arc<Controls>,
}

#[wasm_bindgen]
impl Desk {
    /// A desk with nothing open. The embedder is told what the host is.
    ///
    /// # Errors
    /// The component cannot be run here.
    #[wasm_bindgen(constructor)]
    pub fn new(
        start: Start,
        hooks: Hooks,
        embedder: Embedder,
        can_hold: bool,
        buffer_bytes: f64,
    ) -> Result<Self, JsValue> {
        let controls = Arc::new(Controls::new(can_hold));
        let outbox = Arc::new(Outbox::new(embedder.clone(), hooks.clone()));
        let system =
            System::new((start, hooks.clone(), embedder), outbox.clone(), controls.clone(), buffer_bytes as u64);
        let system = system.map_err(|error| thrown(&hooks, &error))?;
        Ok(Self { desk: desk::Desk::new(system, outbox.clone(), controls.clone()), outbox, controls })
    }

    /// Does what is asked. Whether it waits for bytes: then [`Self::go_on`] does the rest.
    pub fn handle(&mut self, request: &str) -> bool {
        let progress = match serde_json::from_str(request) {
            Ok(request) => match self.outbox.urgent(request, &self.controls) {
                Some(request) => self.desk.handle(request),
                None => Progress::Done,
            },
            Err(error) => {
                match serde_json::from_str(request) {
                    Ok(Own::Hash(selection)) => self.hash(&selection),
                    Err(_) => self.problem(format!("The page was asked what cannot be meant: {error}")),
                }
                Progress::Done
            }
        };
        self.waits(progress)
    }

    /// The bytes of a load are in their places, or cannot be there: then `failed` is what was thrown.
    #[wasm_bindgen(js_name = goOn)]
    pub fn go_on(&mut self, failed: JsValue) -> bool {
        let arrived = if failed.is_undefined() { Ok(()) } else { Err(lost(&failed)) };
        let progress = self.desk.go_on(arrived);
        self.waits(progress)
    }
}

impl Desk {
    fn waits(&self, progress: Progress) -> bool {
        self.outbox.flush();
        progress == Progress::Waiting
    }

    fn problem(&self, sentence: impl Into<String>) {
        self.outbox.send(Update::Problem(sentence.into()));
    }

    fn hash(&mut self, selection: &Selection) {
        let Some(session) = self.desk.model() else { return self.problem("Open a model first") };
        self.outbox.send(Update::Busy("Hashing".to_owned()));
        self.controls.cancel().reset();
        match hashes(session, selection, &self.outbox, &self.controls) {
            Ok(hashes) => {
                self.outbox.flush();
                self.outbox.tell(&Told::Hashes(hashes));
            }
            Err(error) => {
                self.outbox.send(Update::Failed(Box::new(Failure {
                    doing: "hash".to_owned(),
                    error,
                    file: None,
                    bytes: None,
                })));
            }
        }
        self.desk.refresh();
        self.outbox.send(Update::Idle);
    }
}

/// Why the bytes of a load are not in their places.
fn lost(thrown: &JsValue) -> Error {
    let why = storage_error(thrown);
    let message = format!("the bytes that were read could not be kept: {why}; evict tensors, or load fewer at once");
    Error::new(Phase::Transfer, Cause::OutOfMemory, message)
}
