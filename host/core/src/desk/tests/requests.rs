//! Requests and what comes of them.
use super::fake::{Sent, System, link};
use crate::{
    desk::{Controls, Desk, Fault, FaultCall, FaultKind, FileRef, OpenOptions, Origin, Progress, Request, Update},
    types::{Cause, Error, LoadOptions, Phase, Selection, Strategy},
};
use std::sync::Arc;

struct At {
    desk: Desk<System>,
    sent: Arc<Sent>,
    controls: Arc<Controls>,
}

fn file(name: &str) -> FileRef {
    FileRef { name: name.into(), token: name.into() }
}

impl At {
    fn new() -> Self {
        let files = [("good", &b"HEADERED12345678"[..]), ("bad", &b"other bytes, which are no header"[..])];
        let system = System(files.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).into());
        let (sent, controls) = (link(), Arc::new(Controls::new(true)));
        Self { desk: Desk::new(system, sent.clone(), controls.clone()), sent, controls }
    }

    fn opened() -> Self {
        let mut at = Self::new();
        at.ask(open("good"));
        at
    }

    fn sent(&self) -> Vec<Update> {
        std::mem::take(&mut *self.sent.0.lock().unwrap())
    }

    fn ask(&mut self, request: Request) -> Vec<Update> {
        self.sent();
        self.desk.run(request);
        self.sent()
    }

    fn failed(&mut self, request: Request) -> Cause {
        let updates = self.ask(request);
        let failed = updates.iter().find_map(|u| if let Update::Failed(f) = u { Some(f.error.cause) } else { None });
        failed.unwrap_or_else(|| panic!("{updates:?}"))
    }
}

fn open(name: &str) -> Request {
    Request::Open { files: vec![file(name)], options: OpenOptions::default() }
}

fn load(strategy: Strategy) -> Request {
    let options = LoadOptions::new().policy(strategy);
    Request::Load { selection: Selection::All, options }
}

macro_rules! assert_sent {
    ($updates:expr, $pattern:pat $(if $guard:expr)?) => {{
        let updates = $updates;
        assert!(updates.iter().any(|update| matches!(update, $pattern $(if $guard)?)), "{updates:?}");
    }};
}

#[test]
fn a_model_is_opened_loaded_shown_and_closed() {
    let mut at = At::new();
    assert_sent!(at.sent(), Update::Host(host) if host.component_id == "c");
    assert_sent!(at.ask(load(Strategy::ReadCopy)), Update::Problem(why) if why.contains("Open a model first"));
    let updates = at.ask(open("good"));
    assert_eq!(updates.first(), Some(&Update::Busy("Opening".into())));
    assert_eq!(updates.last(), Some(&Update::Idle));
    assert_sent!(&updates, Update::Began { label, origin: Origin::Live } if label == "good");
    assert_sent!(&updates, Update::Records(_));
    assert_sent!(&updates, Update::Opened(opened) if opened.files[0].size == 16 && opened.findings[0].rule == "odd");
    assert_sent!(&updates, Update::Tensors { start: 0, tensors } if tensors.len() == 1);
    let updates = at.ask(load(Strategy::ReadCopy));
    assert_sent!(&updates, Update::Report(report) if report.moved == 8);
    assert_sent!(&updates, Update::States(states) if states[0].location.is_some());
    assert_sent!(&updates, Update::Buffers(buffers) if buffers.len() == 1);
    assert_sent!(&updates, Update::Sandbox(sandbox) if sandbox.buffer_bytes == 8 && sandbox.bytes_to_guest == 8);
    assert_sent!(at.ask(Request::Preview(0)), Update::Preview { tensor: 0, bytes } if bytes == b"12345678");
    at.ask(Request::Borrow(Some(0)));
    assert_eq!(at.failed(Request::Evict(Selection::All)), Cause::Busy);
    at.ask(Request::Borrow(None));
    assert_sent!(at.ask(Request::Evict(Selection::All)), Update::Notice(text) if text == "Evicted 1 tensors");
    assert_sent!(at.ask(Request::Preview(0)), Update::Preview { bytes, .. } if bytes.is_empty());
    assert_sent!(at.ask(Request::Close), Update::Notice(text) if text == "Closed");
    assert!(at.desk.model().is_none());
}

#[test]
fn what_is_no_model_fails_with_the_bytes_that_are_to_blame_and_can_be_saved() {
    let mut at = At::new();
    let updates = at.ask(open("bad"));
    assert_sent!(&updates, Update::Failed(failure) if failure.bytes.as_ref().is_some_and(|b| b.offset == 0 && b.bytes[..5] == *b"other"));
    assert_sent!(at.ask(Request::SaveRecording(file("r"))), Update::Notice(text) if text == "Wrote r");
    // A recording is told by what it begins with, not by its name.
    let updates = at.ask(open("r"));
    assert_sent!(&updates, Update::Began { origin: Origin::Recording, .. });
    assert_sent!(at.ask(Request::Replay), Update::Notice(text) if text.contains("are the same"));
    assert_sent!(at.ask(open("bad")), Update::Failed(_));
    assert_sent!(at.ask(Request::OpenRecording(file("bad"))), Update::Problem(why) if why.contains("no recording"));
}

#[test]
fn a_short_read_is_half_of_the_real_one() {
    let mut at = At::new();
    let short = Fault::Call { call: FaultCall::Read, nth: 1, kind: FaultKind::Short };
    let _ = at.controls.at_once(Request::SetFaults(vec![short]));
    let updates = at.ask(open("good"));
    assert_sent!(&updates, Update::Failed(failure) if failure.error.message == "4 header bytes");
    assert_sent!(&updates, Update::Faults(left) if left.is_empty());
    assert_sent!(at.ask(open("good")), Update::Opened(_));
}

#[test]
fn memory_is_registered_for_external_buffer() {
    let mut at = At::opened();
    assert_sent!(at.ask(load(Strategy::ExternalBuffer)), Update::Report(_));
    let shown = at.ask(Request::Preview(0));
    assert_sent!(shown, Update::Preview { bytes, .. } if bytes == b"12345678");
}

#[test]
fn a_load_is_over_when_its_bytes_have_come() {
    let mut at = At::opened();
    at.sent();
    assert_eq!(at.desk.handle(load(Strategy::ReadCopy)), Progress::Waiting);
    let before = at.sent();
    assert!(!before.iter().any(|update| matches!(update, Update::Report(_) | Update::Idle)), "{before:?}");
    let lost = Error::new(Phase::Transfer, Cause::Io, "the disk is gone");
    assert_eq!(at.desk.go_on(Err(lost)), Progress::Done);
    let after = at.sent();
    assert_sent!(&after, Update::Failed(failure) if failure.error.cause == Cause::Io);
    assert_eq!(after.last(), Some(&Update::Idle));
}

#[test]
fn a_race_has_a_row_for_each_strategy_and_can_be_cancelled() {
    let mut at = At::opened();
    let updates = at.ask(Request::Race(Selection::All));
    let rows = updates.iter().rev().find_map(|u| if let Update::Race(rows) = u { Some(rows) } else { None }).unwrap();
    let went_well: Vec<bool> = rows.iter().map(|row| row.result.is_ok()).collect();
    assert_eq!(went_well, [false, true, true]);
    assert!(rows.iter().all(|row| !row.cold) && rows[1].moved == 8 && rows[1].calls > 0);
    at.sent();
    assert_eq!(at.desk.handle(Request::Race(Selection::All)), Progress::Waiting);
    let _ = at.controls.at_once(Request::Cancel);
    assert_eq!(at.desk.go_on(Ok(())), Progress::Done);
    assert_sent!(at.sent(), Update::Notice(text) if text.contains("cancelled"));
}

#[test]
fn files_are_written_with_what_was_given() {
    let mut at = At::new();
    assert_sent!(at.ask(Request::SaveRecording(file("r"))), Update::Problem(why) if why.contains("nothing to record"));
    let written = at.ask(Request::WriteFile(file("a\u{202e}"), vec![7]));
    assert_sent!(written, Update::Notice(text) if text == "Wrote a\\u{202e}");
    at.ask(open("good"));
    for request in [Request::ExportPerfetto(file("p")), Request::ExportMermaid(file("m"))] {
        assert_sent!(at.ask(request), Update::Notice(_));
    }
}
