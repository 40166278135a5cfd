//! The UI's end of the worker thread. What must act at once (cancel, pause, faults) does not wait in the queue.
use super::link::{Outbox, Shared};
use super::worker;
use crate::backend::{Backend, Request, Update};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use weighbridge_core::desk::AtOnce;

/// The worker thread, as the UI sees it.
pub struct NativeBackend {
    requests: Option<Sender<Request>>,
    updates: Receiver<Update>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Whether it was said that the worker is gone, and whether it is still to be said that nothing is under way.
    reported: bool,
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
        let shared = Arc::new(Shared::new());
        let outbox = Outbox { updates: sender, shared: shared.clone(), ctx: ctx.clone() };
        let thread =
            std::thread::Builder::new().name("weighbridge-worker".into()).spawn(move || worker::run(&queue, outbox))?;
        Ok(Self { requests: Some(requests), updates, shared, thread: Some(thread), reported: false, idle: false })
    }
}

impl Backend for NativeBackend {
    fn send(&mut self, request: Request) {
        match self.shared.controls.at_once(request) {
            AtOnce::Done => self.shared.wake(),
            AtOnce::Later(request) => {
                if let Some(requests) = &self.requests {
                    let _ = requests.send(request);
                }
            }
            // A thread can always be held.
            AtOnce::CannotHold => {}
        }
    }

    fn poll(&mut self) -> Option<Update> {
        self.shared.asleep.store(true, Ordering::Release);
        match self.updates.try_recv() {
            Ok(update) => Some(update),
            Err(TryRecvError::Disconnected) if !self.reported => {
                (self.reported, self.idle) = (true, true);
                Some(Update::Problem("The worker ended, which is a bug: start the inspector again".into()))
            }
            Err(_) => std::mem::take(&mut self.idle).then_some(Update::Idle),
        }
    }
}

impl Drop for NativeBackend {
    fn drop(&mut self) {
        self.shared.controls.end();
        self.shared.wake();
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
