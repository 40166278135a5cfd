//! Another model beside the one that is open.
use super::fake::{Sent, System, link};
use crate::{
    desk::{Controls, Desk, FileRef, ModelDiff, OpenOptions, Progress, Request, Update},
    model::TensorDifference,
    types::{Cause, Error, Phase},
};
use std::sync::Arc;

fn file(name: &str) -> FileRef {
    FileRef { name: name.into(), token: name.into() }
}

fn diff(name: &str, bytes: bool) -> Request {
    Request::Diff { files: vec![file(name)], bytes }
}

/// A desk with `one` open.
fn opened() -> (Desk<System>, Arc<Sent>, Arc<Controls>) {
    let files =
        [("one", "HEADERED12345678"), ("other", "HEADERED1234XY78"), ("same", "HEADERED12345678"), ("bad", "no")];
    let system = System(files.map(|(name, bytes)| (name.to_owned(), bytes.as_bytes().to_vec())).into());
    let (sent, controls) = (link(), Arc::new(Controls::new(true)));
    let mut desk = Desk::new(system, sent.clone(), controls.clone());
    desk.run(Request::Open { files: vec![file("one")], options: OpenOptions::default() });
    take(&sent);
    (desk, sent, controls)
}

fn take(sent: &Sent) -> Vec<Update> {
    std::mem::take(&mut *sent.0.lock().unwrap())
}

fn found(updates: &[Update]) -> &ModelDiff {
    let found = updates.iter().find_map(|update| if let Update::Diff(diff) = update { Some(diff) } else { None });
    found.unwrap_or_else(|| panic!("{updates:?}"))
}

#[test]
fn headers_are_compared_and_bytes_only_when_asked_for() {
    let (mut desk, sent, _) = opened();
    desk.run(diff("other", false));
    let updates = take(&sent);
    let headers = found(&updates);
    assert_eq!((headers.a.label.as_str(), headers.b.label.as_str(), headers.comparable), ("one", "other", 1));
    assert!(headers.is_same() && !headers.compared);
    assert!(!updates.iter().any(|update| matches!(update, Update::Records(_) | Update::Opened(_))), "{updates:?}");
    assert_eq!((updates.first(), updates.last()), (Some(&Update::Busy("Comparing".into())), Some(&Update::Idle)));

    desk.run(diff("other", true));
    let updates = take(&sent);
    let bytes = found(&updates);
    assert!(bytes.compared && !bytes.is_same());
    let [change] = &bytes.tensors[..] else { panic!("{bytes:?}") };
    assert_eq!((change.name(), change.difference, change.differing), ("t", TensorDifference::Comparable, 2));
    desk.run(diff("same", true));
    assert!(found(&take(&sent)).is_same());
}

#[test]
fn an_error_of_the_other_model_is_not_taken_for_one_of_the_model_that_is_shown() {
    let (mut desk, sent, _) = opened();
    desk.run(diff("bad", true));
    let updates = take(&sent);
    let failed = updates.iter().find_map(|update| if let Update::Failed(f) = update { Some(f) } else { None }).unwrap();
    assert_eq!((failed.error.source, failed.bytes.is_none()), (None, true));
    assert!(desk.model().is_some(), "what is open stays so");
}

#[test]
fn what_the_headers_say_is_told_though_the_bytes_cannot_be_read() {
    let (mut desk, sent, controls) = opened();
    assert_eq!(desk.handle(diff("other", true)), Progress::Waiting);
    let lost = Error::new(Phase::Transfer, Cause::Io, "the disk is gone");
    assert_eq!(desk.go_on(Err(lost)), Progress::Done);
    let updates = take(&sent);
    assert!(!found(&updates).compared);
    assert!(updates.iter().any(|update| matches!(update, Update::Failed(failure) if failure.error.cause == Cause::Io)));

    assert_eq!(desk.handle(diff("other", true)), Progress::Waiting);
    assert_eq!(desk.go_on(Ok(())), Progress::Waiting, "the bytes of the other one");
    let _ = controls.at_once(Request::Cancel);
    assert_eq!(desk.go_on(Ok(())), Progress::Done);
    let updates = take(&sent);
    assert!(!found(&updates).compared);
    assert!(updates.iter().any(|update| matches!(update, Update::Notice(text) if text.contains("cancelled"))));
}

#[test]
fn there_is_nothing_to_compare_without_a_model() {
    let (mut desk, sent, _) = opened();
    desk.run(Request::Close);
    take(&sent);
    desk.run(diff("other", false));
    assert!(
        take(&sent).iter().any(|update| matches!(update, Update::Problem(why) if why.contains("Open a model first")))
    );
}
