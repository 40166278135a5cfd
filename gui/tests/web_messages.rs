//! The desk of the web page: every request as this crate writes it is understood there, every update of it is one that this crate reads,
//! and it answers what the native desk answers. Runs the page's desk in Node.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod same;

use same::{Native, plain};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use weighbridge_core::types::{Advice, Level, LoadOptions, Selection, StorageError, Strategy};
use weighbridge_inspector::backend::{
    Breakpoint, Fault, FaultCall, FaultKind, FileRef, OpenOptions, Origin, Request, Update,
};
use weighbridge_inspector::messages::read;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

struct Desk {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Desk {
    fn start() -> Self {
        let built = root().join("host/web/dist/component/manifest.json");
        assert!(built.is_file(), "no web module; run `cargo xtask web --component-only`, or `cargo xtask test`");
        let script = root().join("tests/browser/desk.mjs");
        let child = Command::new("node").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("node could not be started: {error}"));
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, to, from }
    }

    fn updates(&mut self) -> Vec<Update> {
        let mut updates = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "Node ended");
            if line.trim().is_empty() {
                return updates;
            }
            updates.push(read(line.trim()).expect("an update of the inspector"));
        }
    }

    fn answer(&mut self, request: &Request) -> Vec<Update> {
        writeln!(self.to, "{}", serde_json::to_string(request).unwrap()).unwrap();
        self.updates()
    }

    fn ask(&mut self, request: &Request) -> Vec<Update> {
        let updates = self.answer(request);
        assert!(!updates.iter().any(|update| matches!(update, Update::Problem(_))), "{updates:?}");
        updates
    }
}

fn file(path: &Path) -> FileRef {
    FileRef {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        token: path.to_string_lossy().into_owned(),
    }
}

fn load(strategy: Strategy) -> Request {
    let options = LoadOptions::new().policy(strategy);
    Request::Load { selection: Selection::All, options }
}

/// A safetensors file of two tensors.
fn sample(folder: &Path) -> PathBuf {
    let header = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"U8","shape":[8],"data_offsets":[16,24]}}"#;
    let padded = format!("{header:<width$}", width = header.len().next_multiple_of(8));
    let mut bytes = (padded.len() as u64).to_le_bytes().to_vec();
    bytes.extend(padded.as_bytes());
    bytes.extend(0..24u8);
    let path = folder.join("sample.safetensors");
    std::fs::write(&path, bytes).unwrap();
    path
}

macro_rules! assert_update {
    ($updates:expr, $pattern:pat $(if $guard:expr)?) => {{
        let updates = $updates;
        assert!(updates.iter().any(|update| matches!(update, $pattern $(if $guard)?)), "{updates:?}");
    }};
}

#[test]
fn requests_and_updates_are_understood_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let model = sample(folder.path());
    let mut desk = Desk::start();
    assert_update!(desk.updates(), Update::Host(host) if host.component_id.len() == 64 && !host.tables.is_empty());

    let opened = desk.ask(&Request::Open { files: vec![file(&model)], options: OpenOptions::default() });
    assert_update!(&opened, Update::Began { origin: Origin::Live, .. });
    assert_update!(&opened, Update::Opened(opened) if opened.summary.tensors == 2 && !opened.capabilities.as_ref().unwrap().mmap);
    assert_update!(&opened, Update::Tensors { start: 0, tensors } if tensors[1].name == "b");
    assert_update!(&opened, Update::Records(records) if records[0].seq == 0);
    assert_update!(&opened, Update::Metadata(entries) if entries.len() == 1);
    assert_update!(&opened, Update::Sandbox(_));

    assert_update!(desk.ask(&load(Strategy::MappedFile)), Update::Failed(failure) if failure.error.strategy == Some(Strategy::MappedFile));
    assert_update!(desk.ask(&load(Strategy::ReadCopy)), Update::Report(report) if report.moved == 24);
    assert_update!(desk.ask(&Request::Preview(1)), Update::Preview { tensor: 1, bytes } if bytes[..] == [16, 17, 18, 19, 20, 21, 22, 23]);
    assert_update!(desk.ask(&Request::Borrow(Some(0))), Update::Notice(_));
    assert_update!(desk.ask(&Request::Evict(Selection::All)), Update::Failed(failure) if failure.error.cause == weighbridge_core::types::Cause::Busy);
    desk.ask(&Request::Borrow(None));
    assert_update!(desk.ask(&Request::Evict(Selection::Tensors(vec![0, 1]))), Update::Notice(text) if text.contains('2'));
    // A glob means those of its tensors that are mapped, a number that very tensor.
    assert_update!(desk.ask(&Request::Release(Selection::Matching("a".into()))), Update::Notice(text) if text.contains('0'));
    assert_update!(desk.ask(&Request::Release(Selection::Tensors(vec![0]))), Update::Failed(_));
    assert_update!(desk.ask(&Request::Advise(0, Advice::WillNeed)), Update::Failed(_));
    assert_update!(desk.ask(&Request::Metadata), Update::Metadata(_));
    assert_update!(desk.ask(&Request::Observe(Level::Outcomes)), Update::Records(_));
    assert_update!(desk.ask(&Request::Race(Selection::All)), Update::Race(rows) if rows.len() > 1 && rows[0].result.is_err() && rows[1].result.is_ok());

    let fault = |kind| Fault::Call { call: FaultCall::ReadInto, nth: 1, kind };
    desk.ask(&Request::SetFaults(vec![fault(FaultKind::Fail(StorageError::Io(5))), Fault::Truncate { at: u64::MAX }]));
    let failed = desk.ask(&load(Strategy::ReadCopy));
    assert_update!(&failed, Update::Faults(left) if *left == [Fault::Truncate { at: u64::MAX }]);
    assert_update!(&failed, Update::Failed(failure) if failure.error.os_code == Some(5));
    desk.ask(&Request::SetFaults(vec![fault(FaultKind::Short)]));
    assert_update!(desk.ask(&load(Strategy::StagedRead)), Update::Failed(_));
    desk.ask(&Request::SetBreakpoints(vec![
        Breakpoint::Error,
        Breakpoint::State { machine: "none".into(), state: "none".into() },
        Breakpoint::Edge { machine: "none".into(), from: "a".into(), to: "b".into() },
    ]));
    desk.ask(&Request::SetBreakpoints(Vec::new()));
    desk.ask(&Request::Cancel);
    assert_update!(desk.ask(&Request::Replay), Update::Notice(text) if text.contains("are the same"));

    let saved = folder.path().join("run.wbrec");
    let by_path = FileRef { name: saved.to_string_lossy().into_owned(), token: String::new() };
    assert_update!(desk.ask(&Request::SaveRecording(by_path)), Update::Notice(_));
    let recording = weighbridge_core::recording::Recording::read(std::fs::read(&saved).unwrap().as_slice()).unwrap();
    assert!(recording.records.len() > 50);
    assert_update!(desk.ask(&Request::Close), Update::Notice(_));
    assert_update!(desk.ask(&Request::OpenRecording(file(&saved))), Update::Began { origin: Origin::Recording, .. });
    assert_update!(desk.ask(&Request::Replay), Update::Notice(text) if text.contains("are the same"));
}

/// Requests of every kind but those whose answers are times or pages in memory.
fn requests(folder: &Path) -> Vec<Request> {
    let model = sample(folder);
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        file(&path)
    };
    let whole = std::fs::read(&model).unwrap();
    let misnamed = write("misnamed.gguf", &whole);
    let long = write("long.safetensors", &[&whole[..], &[0; 7]].concat());
    let cut = write("cut.safetensors", &whole[..whole.len() - 5]);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    let pointer = write("pointer.safetensors", pointer.as_bytes());
    let not_there = file(&folder.join("not-there.gguf"));
    let saved = folder.join("run.wbrec").to_string_lossy().into_owned();
    let saved = FileRef { name: saved.clone(), token: saved };
    let unmapped = OpenOptions { mmap: false, ..OpenOptions::default() };
    let open = |file: FileRef| Request::Open { files: vec![file], options: unmapped };
    let fault = |kind| Request::SetFaults(vec![Fault::Call { call: FaultCall::ReadInto, nth: 1, kind }]);
    let state = |machine: &str, state: &str| Breakpoint::State { machine: machine.into(), state: state.into() };
    vec![
        load(Strategy::ReadCopy),
        Request::SaveRecording(saved.clone()),
        open(file(&model)),
        load(Strategy::MappedFile),
        load(Strategy::ReadCopy),
        Request::Preview(1),
        Request::Preview(9),
        Request::Borrow(Some(0)),
        Request::Evict(Selection::All),
        Request::Borrow(None),
        Request::Borrow(Some(9)),
        Request::Evict(Selection::Tensors(vec![0, 1])),
        Request::Preview(1),
        Request::Release(Selection::Matching("a".into())),
        Request::Release(Selection::Tensors(vec![0])),
        Request::Load { selection: Selection::Matching("[".into()), options: LoadOptions::new() },
        Request::Advise(0, Advice::WillNeed),
        Request::Metadata,
        fault(FaultKind::Fail(StorageError::Io(5))),
        load(Strategy::ReadCopy),
        fault(FaultKind::Short),
        load(Strategy::StagedRead),
        Request::SetFaults(vec![Fault::Truncate { at: 20 }]),
        load(Strategy::StagedRead),
        Request::SetFaults(Vec::new()),
        Request::SetBreakpoints(vec![Breakpoint::Error, state("io/loader", "allocating")]),
        load(Strategy::StagedRead),
        Request::Evict(Selection::All),
        Request::SetBreakpoints(Vec::new()),
        Request::Observe(Level::Steps),
        load(Strategy::ExternalBuffer),
        load(Strategy::ExternalBuffer),
        Request::Evict(Selection::All),
        Request::Replay,
        Request::SaveRecording(saved.clone()),
        open(misnamed),
        open(long),
        open(cut),
        open(pointer),
        open(not_there),
        Request::OpenRecording(saved.clone()),
        load(Strategy::ReadCopy),
        Request::Replay,
        open(saved.clone()),
        Request::OpenRecording(file(&model)),
        Request::Close,
        Request::Close,
    ]
}

#[test]
fn the_page_answers_what_the_native_desk_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (mut page, mut native) = (Desk::start(), Native::start());
    assert_eq!(plain(page.updates()), plain(native.started()));
    for (at, request) in requests(folder.path()).iter().enumerate() {
        let (ours, theirs) = (plain(page.answer(request)), plain(native.answer(request)));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "request {at}, {request:?}");
        }
        assert_eq!(ours.len(), theirs.len(), "request {at}, {request:?}: {ours:?}\n{theirs:?}");
    }
}
