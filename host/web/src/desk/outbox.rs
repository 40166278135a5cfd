//! The way from the desk to the page: updates as JSON text, and the urgent requests that wait for a desk at work.
use super::embedder::Embedder;
use crate::{
    answers,
    functions::Entry,
    media::{Hooks, Web},
};
use serde::Serialize;
use std::sync::{Mutex, PoisonError};
use weighbridge_core::{
    Media as _,
    desk::{AtOnce, Controls, Link, Request, Update},
    trace::Record,
};

/// Records that are sent at once, and how long they may wait for others, in nanoseconds: a message costs more than its
/// records.
const RECORDS: usize = 4096;
const PATIENCE: u64 = 40_000_000;

const CANNOT_HOLD: &str = "This page cannot hold the component: that needs a page that is cross-origin isolated (headers COOP \
                           and COEP), as `cargo xtask web --serve` sends them";

/// Where updates go, and urgent requests come from.
pub(super) struct Outbox {
    embedder: Entry<Embedder>,
    hooks: Entry<Hooks>,
    gathered: Mutex<Gathered>,
}

/// Records that were not sent yet, and when the last ones were.
#[derive(Default)]
struct Gathered {
    records: Vec<Record>,
    sent: u64,
}

impl Outbox {
    pub(super) fn new(embedder: Embedder, hooks: Hooks) -> Self {
        Self { embedder: Entry::new(embedder), hooks: Entry::new(hooks), gathered: Mutex::default() }
    }

    /// Tells what is no update of the inspector, or is one.
    pub(super) fn tell<T: Serialize>(&self, update: &T) {
        if let (Some(embedder), Ok(text)) = (self.embedder.get(), serde_json::to_string(update)) {
            // Nobody is left to hear that it was not heard.
            let _ = embedder.tell(&text);
        }
    }

    /// Sends the records that were gathered.
    pub(super) fn flush(&self) {
        let records = {
            let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
            gathered.sent = Web::now();
            std::mem::take(&mut gathered.records)
        };
        if !records.is_empty() {
            self.tell(&Update::Records(records));
        }
    }

    /// Whether what was gathered is to be sent now.
    fn gather(&self, records: Vec<Record>) -> bool {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.records.extend(records);
        gathered.records.len() >= RECORDS || Web::now().saturating_sub(gathered.sent) > PATIENCE
    }

    /// So many bytes of the session that is open were moved.
    pub(super) fn progress(&self, moved: u64) {
        if let Some(hooks) = self.hooks.get() {
            // A listener's own failure is not the work's.
            let _ = hooks.progress(moved as f64);
        }
    }

    /// Does what acts at once, and answers what does not.
    pub(super) fn urgent(&self, request: Request, controls: &Controls) -> Option<Request> {
        match controls.at_once(request) {
            AtOnce::Done => None,
            AtOnce::CannotHold => {
                self.send(Update::Problem(CANNOT_HOLD.to_owned()));
                None
            }
            AtOnce::Later(request) => Some(request),
        }
    }
}

impl Link for Outbox {
    fn send(&self, update: Update) {
        let mut update = update;
        match &mut update {
            Update::Records(records) => {
                if self.gather(std::mem::take(records)) {
                    self.flush();
                }
                return;
            }
            Update::Metadata(entries) => answers::in_json(entries),
            _ => {}
        }
        self.flush();
        self.tell(&update);
    }

    fn hold(&self, controls: &Controls) {
        let Some(embedder) = self.embedder.get() else { return };
        while controls.is_held() {
            if embedder.wait().is_err() {
                // Nobody could ever let it go.
                let _ = controls.at_once(Request::Continue);
            }
            self.poll(controls);
        }
    }

    fn poll(&self, controls: &Controls) {
        let Some(embedder) = self.embedder.get() else { return };
        while let Ok(Some(text)) = embedder.take() {
            let request = serde_json::from_str(&text).ok();
            if request.is_none_or(|request| self.urgent(request, controls).is_some()) {
                let sentence =
                    "The page asked in the middle of the work for what does not act at once; please report it";
                self.send(Update::Problem(sentence.to_owned()));
            }
        }
    }
}
