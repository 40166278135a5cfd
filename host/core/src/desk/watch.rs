//! Hears a session for the desk, and answers in the host's place where a fault is armed.
use super::{controls::Controls, host::Link, messages::Update};
use crate::{
    observer::{Interpose, Observer},
    trace::{Answer, Call, Record},
};
use std::sync::{Arc, Mutex, PoisonError};

/// Records kept of a session that is not open yet.
const EARLY: usize = 1 << 20;

/// Tells the inspector everything, and holds the guest where it is to be held.
pub(super) struct Watch<L: Link> {
    link: Arc<L>,
    controls: Arc<Controls>,
    /// Records of a session that is not open yet: if it cannot be opened they are the recording.
    early: Mutex<Option<Vec<Record>>>,
}

impl<L: Link> Watch<L> {
    pub(super) const fn new(link: Arc<L>, controls: Arc<Controls>) -> Self {
        Self { link, controls, early: Mutex::new(Some(Vec::new())) }
    }

    /// What was heard until now; from now on nothing is kept.
    pub(super) fn early(&self) -> Vec<Record> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

impl<L: Link> Observer for Watch<L> {
    fn observe(&self, records: &[Record]) {
        self.link.send(Update::Records(records.to_vec()));
        if let Some(early) = self.early.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
            && early.len() < EARLY
        {
            early.extend_from_slice(records);
        }
        self.link.poll(&self.controls);
        if let Some(left) = self.controls.struck() {
            self.link.send(Update::Faults(left));
        }
        self.controls.pass(records, &*self.link);
    }
}

impl<L: Link> Interpose for Watch<L> {
    fn before(&self, call: &Call) -> Option<Answer> {
        self.link.poll(&self.controls);
        self.controls.faults().before(call)
    }

    fn after_read(&self, bytes: &[u8]) -> Option<Answer> {
        self.controls.faults().after_read(bytes)
    }
}
