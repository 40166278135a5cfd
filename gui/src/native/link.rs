//! What runs between the worker thread and the UI: updates one way, the gate, the faults and cancelling the other.
use super::faults::Faults;
use super::gate::Gate;
use crate::backend::Update;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use weighbridge::trace::{Answer, Call, Record};
use weighbridge::{CancelToken, Interpose, Observer};

/// Where updates go.
#[derive(Clone)]
pub(super) struct Outbox {
    pub(super) updates: Sender<Update>,
    /// Whether the UI found nothing and has to be woken.
    pub(super) asleep: Arc<AtomicBool>,
    pub(super) ctx: egui::Context,
}

impl Outbox {
    /// Tells the UI, and wakes it if it may be asleep.
    pub(super) fn send(&self, update: Update) {
        // Without a UI there is nobody to tell; the worker finds its queue closed and ends.
        let _ = self.updates.send(update);
        if self.asleep.swap(false, Ordering::AcqRel) {
            self.ctx.request_repaint();
        }
    }
}

/// What the worker and the UI's end share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) gate: Gate,
    pub(super) faults: Faults,
    pub(super) cancel: CancelToken,
}

/// Faults answer in the host's place.
impl Interpose for Shared {
    fn before(&self, call: &Call) -> Option<Answer> {
        self.faults.before(call)
    }
}

/// Tells the UI everything, and holds the guest where it is to be held.
pub(super) struct Watcher {
    pub(super) outbox: Outbox,
    pub(super) shared: Arc<Shared>,
    /// Records of a session that is not open yet: if it cannot be opened they are the recording.
    pub(super) early: Mutex<Option<Vec<Record>>>,
}

impl Observer for Watcher {
    fn observe(&self, records: &[Record]) {
        self.outbox.send(Update::Records(records.to_vec()));
        if let Ok(mut early) = self.early.lock()
            && let Some(early) = early.as_mut()
            && early.len() < 1 << 20
        {
            early.extend_from_slice(records);
        }
        if let Some(left) = self.shared.faults.struck() {
            self.outbox.send(Update::Faults(left));
        }
        let outbox = &self.outbox;
        self.shared.gate.pass(records, |why| outbox.send(Update::Held(why)), || outbox.send(Update::Resumed));
    }
}
