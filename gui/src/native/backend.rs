//! The UI's end of the worker thread. What must act at once (cancel, pause, faults) does not wait in the queue.
use super::link::{Outbox, Shared};
use super::worker;
use crate::backend::{Backend, Request, Update};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

/// The worker thread, as the UI sees it.
pub struct NativeBackend {
    requests: Option<Sender<Request>>,
    updates: Receiver<Update>,
    asleep: Arc<AtomicBool>,
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
        let asleep = Arc::new(AtomicBool::new(true));
        let shared = Arc::new(Shared::default());
        let outbox = Outbox { updates: sender, asleep: asleep.clone(), ctx: ctx.clone() };
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("weighbridge-worker".into())
            .spawn(move || worker::run(&queue, outbox, for_thread))?;
        Ok(Self {
            requests: Some(requests),
            updates,
            asleep,
            shared,
            thread: Some(thread),
            reported: false,
            idle: false,
        })
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
        self.shared.cancel.cancel();
        self.shared.gate.give_up();
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
