//! The worker thread: the host's library, one request after the other.
use super::current::{Current, Model, facts};
use super::link::{Outbox, Shared};
use super::{open, race, records, requests};
use crate::backend::{Failure, Request, Update};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use weighbridge::Runtime;

/// Works until the UI is gone.
pub(super) fn run(queue: &Receiver<Request>, outbox: Outbox, shared: Arc<Shared>) {
    outbox.send(Update::Busy("Preparing the component".into()));
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            outbox.send(Update::Idle);
            outbox.send(Update::Failed(Box::new(Failure {
                doing: "start".into(),
                error: error.into_record(),
                bytes: None,
            })));
            // Without a runtime nothing can be opened; what is asked is answered so.
            while queue.recv().is_ok() {
                outbox.send(Update::Problem("The component could not be prepared: nothing can be opened".into()));
            }
            return;
        }
    };
    outbox.send(Update::Host(Box::new(facts(&runtime))));
    outbox.send(Update::Idle);
    let mut current = Current::new(outbox, shared, runtime);
    while let Ok(request) = queue.recv() {
        current.shared.cancel.reset();
        let busy = words(&request);
        if let Some(what) = &busy {
            current.outbox.send(Update::Busy(what.clone()));
        }
        perform(&mut current, request);
        if busy.is_some() {
            if let Some(left) = current.shared.faults.struck() {
                current.outbox.send(Update::Faults(left));
            }
            current.outbox.send(Update::Idle);
        }
    }
}

/// What takes long enough to be named in the status line.
fn words(request: &Request) -> Option<String> {
    Some(match request {
        Request::Open { .. } => "Opening".into(),
        Request::OpenRecording(_) => "Reading the recording".into(),
        Request::Load { .. } => "Loading".into(),
        Request::Release(_) => "Releasing".into(),
        Request::Evict(_) => "Evicting".into(),
        Request::Advise(..) => "Advising".into(),
        Request::Replay => "Re-executing".into(),
        Request::Race(_) => "Racing".into(),
        Request::Close => "Closing".into(),
        Request::SaveRecording(_) | Request::ExportPerfetto(_) | Request::ExportMermaid(_) | Request::WriteFile(..) => {
            "Writing".into()
        }
        _ => return None,
    })
}

fn perform(current: &mut Current, request: Request) {
    match request {
        Request::Open { files, options } => {
            requests::close_quietly(current);
            match &files[..] {
                [one] if records::is_recording(one) => records::open(current, one),
                _ => open::open(current, &files, &options),
            }
        }
        Request::OpenRecording(file) => {
            requests::close_quietly(current);
            records::open(current, &file);
        }
        Request::Load { selection, options } => requests::load(current, &selection, &options),
        Request::Release(selection) => {
            requests::act(current, "release", |s| s.release(&selection).map(|n| format!("Released {n} tensors")))
        }
        Request::Evict(selection) => {
            requests::act(current, "evict", |s| s.evict(&selection).map(|n| format!("Evicted {n} tensors")))
        }
        Request::Advise(tensor, advice) => {
            requests::act(current, "advise", |s| {
                s.advise(tensor, advice).map(|effect| format!("{} was {}", advice.name(), effect.name()))
            });
        }
        Request::Observe(level) => {
            if let Model::Live(session) = &mut current.model
                && let Err(error) = session.observe(level)
            {
                current.fail("observe", error);
            }
        }
        Request::Borrow(tensor) => requests::borrow(current, tensor),
        Request::Metadata => current.metadata(),
        Request::Preview(tensor) => requests::preview(current, tensor),
        Request::Pages(file) => requests::pages(current, file),
        Request::SaveRecording(file) => records::save(current, &file),
        Request::ExportPerfetto(file) => records::perfetto(current, &file),
        Request::ExportMermaid(file) => records::mermaid(current, &file),
        Request::WriteFile(file, bytes) => records::write(&current.outbox, &file, |out| out.write_all(&bytes)),
        Request::Replay => records::replay(current),
        Request::Race(selection) => race::race(current, &selection),
        Request::Close => requests::close(current),
        // These act at once, in `NativeBackend::send`.
        Request::Cancel
        | Request::Pause
        | Request::Continue
        | Request::Step
        | Request::SetBreakpoints(_)
        | Request::SetFaults(_) => {}
    }
}
