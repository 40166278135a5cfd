//! The UI's end of the worker thread. What must act at once (cancel, pause, faults) does not wait in the queue.
use super::faults::Faults;
use super::gate::Gate;
use super::worker;
use crate::backend::{Backend, Request, Update};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use weighbridge::trace::Record;
use weighbridge::{CancelToken, Observer};

/// Where updates go.
#[derive(Clone)]
pub(super) struct Outbox {
    updates: Sender<Update>,
    asleep: Arc<AtomicBool>,
    ctx: egui::Context,
}

impl Outbox {
    /// Tells the UI, and wakes it if it may be asleep.
    pub(super) fn tell(&self, update: Update) {
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

/// Tells the UI everything, and holds the guest where it is to be held.
pub(super) struct Watcher {
    pub(super) outbox: Outbox,
    pub(super) shared: Arc<Shared>,
    /// Records of a session that is not open yet: if it cannot be opened they are the recording.
    pub(super) early: std::sync::Mutex<Option<Vec<Record>>>,
}

impl Observer for Watcher {
    fn observe(&self, records: &[Record]) {
        self.outbox.tell(Update::Records(records.to_vec()));
        if let Ok(mut early) = self.early.lock()
            && let Some(early) = early.as_mut()
            && early.len() < 1 << 20
        {
            early.extend_from_slice(records);
        }
        if let Some(left) = self.shared.faults.struck() {
            self.outbox.tell(Update::Faults(left));
        }
        let outbox = &self.outbox;
        self.shared.gate.pass(records, |why| outbox.tell(Update::Held(why)), || outbox.tell(Update::Resumed));
    }
}

/// The worker thread, as the UI sees it.
pub struct NativeBackend {
    requests: Option<Sender<Request>>,
    updates: Receiver<Update>,
    asleep: Arc<AtomicBool>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Whether it was said that the worker is gone, and whether it is still to be said that nothing is under way.
    told: bool,
    idle: bool,
}

impl NativeBackend {
    /// Starts the worker.
    ///
    /// # Errors
    /// The system has no thread.
    pub fn new(ctx: &egui::Context) -> std::io::Result<Self> {
        let (requests, queue) = channel();
        let (sender, updates) = channel();
        let asleep = Arc::new(AtomicBool::new(true));
        let shared = Arc::new(Shared::default());
        let outbox = Outbox { updates: sender, asleep: asleep.clone(), ctx: ctx.clone() };
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("weighbridge-worker".into())
            .spawn(move || worker::run(&queue, outbox, for_thread))?;
        Ok(Self { requests: Some(requests), updates, asleep, shared, thread: Some(thread), told: false, idle: false })
    }
}

impl Backend for NativeBackend {
    fn send(&mut self, request: Request) {
        match request {
            Request::Cancel => {
                self.shared.cancel.cancel();
                self.shared.gate.go_on();
            }
            Request::Pause => self.shared.gate.pause(),
            Request::Continue => self.shared.gate.go_on(),
            Request::Step => self.shared.gate.step(),
            Request::SetBreakpoints(breaks) => self.shared.gate.set_breaks(breaks),
            Request::SetFaults(faults) => self.shared.faults.set(faults),
            request => {
                if let Some(requests) = &self.requests {
                    let _ = requests.send(request);
                }
            }
        }
    }

    fn poll(&mut self) -> Option<Update> {
        self.asleep.store(true, Ordering::Release);
        match self.updates.try_recv() {
            Ok(update) => Some(update),
            Err(TryRecvError::Disconnected) if !self.told => {
                (self.told, self.idle) = (true, true);
                Some(Update::Problem("The worker ended, which is a bug: start the inspector again".into()))
            }
            Err(_) => std::mem::take(&mut self.idle).then_some(Update::Idle),
        }
    }
}

impl Drop for NativeBackend {
    fn drop(&mut self) {
        self.shared.cancel.cancel();
        self.shared.gate.give_up();
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
