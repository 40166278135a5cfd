//! What runs between the worker thread and the UI: updates one way, what acts at once the other.
use crate::backend::Update;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use weighbridge_core::desk::{Controls, Link};

/// Where updates go, and where the guest waits while it is held.
pub(super) struct Outbox {
    pub(super) updates: Sender<Update>,
    pub(super) shared: Arc<Shared>,
    pub(super) ctx: egui::Context,
}

/// What the worker and the UI's end share.
pub(super) struct Shared {
    pub(super) controls: Arc<Controls>,
    /// Whether the UI found nothing and has to be woken.
    pub(super) asleep: AtomicBool,
    gate: Mutex<()>,
    moved: Condvar,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            controls: Arc::new(Controls::new(true)),
            asleep: AtomicBool::new(true),
            gate: Mutex::new(()),
            moved: Condvar::new(),
        }
    }

    /// The controls changed: who is held looks again.
    pub(super) fn wake(&self) {
        // Who is about to wait has this lock from its last look on, so it does not miss the call.
        drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }
}

impl Link for Outbox {
    fn send(&self, update: Update) {
        // Without a UI there is nobody to tell; the worker finds its queue closed and ends.
        let _ = self.updates.send(update);
        if self.shared.asleep.swap(false, Ordering::AcqRel) {
            self.ctx.request_repaint();
        }
    }

    fn hold(&self, controls: &Controls) {
        let gate = self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.shared.moved.wait_while(gate, |()| controls.is_held()).unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::{Outbox, Shared};
    use crate::backend::{Request, Update};
    use std::sync::{Arc, mpsc::channel};
    use std::time::Duration;
    use weighbridge_core::desk::{AtOnce, Link as _};

    #[test]
    fn who_is_held_waits_until_it_is_let_go() {
        let shared = Arc::new(Shared::new());
        let (updates, heard) = channel();
        let outbox = Outbox { updates, shared: shared.clone(), ctx: egui::Context::default() };
        outbox.hold(&shared.controls);
        assert_eq!(shared.controls.at_once(Request::Pause), AtOnce::Done);
        let thread = std::thread::spawn(move || {
            outbox.hold(&outbox.shared.controls);
            outbox.send(Update::Resumed);
        });
        assert!(heard.recv_timeout(Duration::from_millis(50)).is_err());
        assert_eq!(shared.controls.at_once(Request::Continue), AtOnce::Done);
        shared.wake();
        assert!(thread.join().is_ok());
        assert_eq!(heard.try_recv(), Ok(Update::Resumed));
    }
}
