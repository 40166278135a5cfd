//! The worker thread: the core's desk over this system, one request after the other.
use super::link::Outbox;
use super::system::System;
use crate::backend::{Failure, Request, Update};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use weighbridge::Runtime;
use weighbridge_core::desk::{Desk, Link as _};

/// Works until the UI is gone.
pub(super) fn run(queue: &Receiver<Request>, outbox: Outbox) {
    outbox.send(Update::Busy("Preparing the component".into()));
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            outbox.send(Update::Idle);
            outbox.send(Update::Failed(Box::new(Failure {
                doing: "start".into(),
                error: error.into_record(),
                file: None,
                bytes: None,
            })));
            // Without a runtime nothing can be opened; what is asked is answered so.
            while queue.recv().is_ok() {
                outbox.send(Update::Problem("The component could not be prepared: nothing can be opened".into()));
            }
            return;
        }
    };
    let controls = outbox.shared.controls.clone();
    let outbox = Arc::new(outbox);
    let mut desk = Desk::new(System::new(runtime), outbox.clone(), controls);
    outbox.send(Update::Idle);
    while let Ok(request) = queue.recv() {
        desk.run(request);
    }
}
