//! The app over the real host: open, load, fail, step, record, run again, compare.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod live;

use egui::Role;
use egui_kittest::kittest::Queryable as _;
use live::{App, model};
use weighbridge::types::{Lifecycle, Strategy};
use weighbridge_inspector::backend::{Breakpoint, Fault, FaultCall, FaultKind, Origin};
use weighbridge_inspector::command::{Choice, Command, Extent};
use weighbridge_inspector::panel::Panel;

#[test]
fn a_model_loads_under_each_strategy_and_two_of_them_are_compared() {
    let mut app = App::opened();
    for strategy in Strategy::ALL {
        app.run(Command::SetStrategy(Choice::Only(*strategy)));
        app.work(Command::Load);
        let mapped = *strategy == Strategy::MappedFile;
        let wanted = if mapped { Lifecycle::MmapResident } else { Lifecycle::Resident };
        assert!(app.all_are(wanted), "{strategy:?}: {:?}", app.harness.state().state.messages);
        assert_eq!(app.harness.state().state.run.report.as_ref().unwrap().used, Some(*strategy));
        // The trace alone tells the same.
        let state = &app.harness.state().state;
        let lane = state.run.store.machine_lane("model/tensor");
        assert_eq!(state.run.lifecycle_at(&state.run.store.now, lane, 3), wanted);
        app.work(if mapped { Command::Release } else { Command::Evict });
    }
    assert_eq!(app.harness.state().state.loads().len(), 4);
    app.run(Command::CompareLoads(0, 1));
    let compared = app.harness.state().state.compared.as_ref().unwrap();
    assert!(compared.result.parts.is_some() && compared.result.rows.iter().any(|d| d.event == "read-into"));
}

#[test]
fn a_busy_unmap_is_injected_and_tried_again() {
    let mut app = App::opened();
    app.run(Command::SetStrategy(Choice::Only(Strategy::MappedFile)));
    app.work(Command::Load);
    let busy = FaultKind::Fail(weighbridge::types::StorageError::Busy);
    app.run(Command::Arm(Fault::Call { call: FaultCall::Unmap, nth: 1, kind: busy }));
    app.work(Command::Release);
    assert_eq!(app.harness.state().state.run.failure.as_ref().unwrap().1.error.cause.name(), "busy");
    assert!(app.harness.state().state.faults.is_empty(), "it struck once");
    app.run(Command::Show(Panel::Why));
    app.harness.step();
    app.harness.get_by_label("release failed: busy");
    app.work(Command::Release);
    assert!(app.all_are(Lifecycle::Evicted));
}

#[test]
fn a_borrowed_view_makes_the_real_unmap_busy() {
    let mut app = App::opened();
    app.run(Command::SetStrategy(Choice::Only(Strategy::MappedFile)));
    app.work(Command::Load);
    app.run(Command::Borrow(Some(2)));
    app.until(|a| a.state.messages.iter().any(|m| m.text.contains("A view is held")));
    app.work(Command::Release);
    assert!(app.harness.state().state.failed);
    app.run(Command::Borrow(None));
    app.work(Command::Release);
    assert!(app.all_are(Lifecycle::Evicted));
}

#[test]
fn a_truncated_file_fails_by_the_error_route_and_leaves_nothing() {
    let mut app = App::opened();
    app.run(Command::SetStrategy(Choice::Only(Strategy::ReadCopy)));
    app.run(Command::Arm(Fault::Truncate { at: 5000 }));
    app.work(Command::Load);
    assert_eq!(app.harness.state().state.run.failure.as_ref().unwrap().1.error.cause.name(), "end-of-source");
    assert!(app.all_are(Lifecycle::Unbound));
    app.run(Command::ClearFaults);
    app.work(Command::Load);
    assert!(app.all_are(Lifecycle::Resident));
}

#[test]
fn the_guest_is_held_at_a_breakpoint_stepped_and_let_go() {
    let mut app = App::opened();
    app.run(Command::SetStrategy(Choice::Only(Strategy::MappedFile)));
    app.run(Command::ToggleBreak(Breakpoint::State { machine: "io/mmap".into(), state: "mapping".into() }));
    app.run(Command::Load);
    app.until(|a| a.state.held.is_some());
    let why = app.harness.state().state.held.clone().unwrap();
    assert!(why.contains("io/mmap: ready → mapping"), "{why}");
    // One step at a time: the command that the transition left, then the call itself.
    for next in ["io/mmap asks to map-range", "before map-range"] {
        app.harness.get_by_role_and_label(Role::Button, "Step").click();
        app.until(|a| a.state.held.as_deref() == Some(next));
    }
    app.run(Command::ClearBreaks);
    app.run(Command::Continue);
    app.until(|a| a.is_idle() && a.state.run.report.is_some());
    assert!(app.all_are(Lifecycle::MmapResident));
}

#[test]
fn cancel_ends_a_load_that_is_held() {
    let mut app = App::opened();
    app.run(Command::SetStrategy(Choice::Only(Strategy::StagedRead)));
    app.run(Command::ToggleBreak(Breakpoint::State { machine: "io/loader".into(), state: "allocating".into() }));
    app.run(Command::Load);
    app.until(|a| a.state.held.is_some());
    app.run(Command::ClearBreaks);
    app.run(Command::Cancel);
    app.until(|a| a.state.run.failure.is_some() && a.is_idle());
    assert_eq!(app.harness.state().state.run.failure.as_ref().unwrap().1.error.cause.name(), "cancelled");
}

#[test]
fn a_recording_is_saved_reopened_and_run_again() {
    let mut app = App::opened();
    app.work(Command::Load);
    let rows = app.harness.state().state.run.store.end();
    let file = app.path("load.wbrec");
    app.run(Command::SaveRecording(Some(file.clone())));
    app.until(|a| a.state.messages.iter().any(|m| m.text.contains("Wrote load.wbrec")));
    app.work(Command::Replay);
    assert!(app.said("Re-executed without the file"), "{:?}", app.harness.state().state.messages);
    app.run(Command::OpenPaths(vec![file]));
    app.until(|a| a.state.run.origin == Origin::Recording && a.is_idle() && a.state.run.store.end() > 0);
    assert!(app.harness.state().state.run.store.end() >= rows);
    assert_eq!(app.harness.state().state.run.tensors.len(), 12);
    app.work(Command::Replay);
    assert_eq!(app.harness.state().state.loads().len(), 2, "the run before is kept for comparison");
    app.run(Command::CompareLast);
    assert_eq!(app.harness.state().state.compared.as_ref().unwrap().result.parts, None);
    for what in ["export-perfetto", "export-mermaid", "export-csv"] {
        let to = app.path(what);
        let command = weighbridge_inspector::app::parse(&format!("{what} {to}")).unwrap();
        app.run(command);
        app.until(|a| a.state.messages.iter().any(|m| m.text.contains(what)));
        assert!(std::fs::metadata(&to).unwrap().len() > 100);
    }
}

#[test]
fn the_race_fills_its_table() {
    let mut app = App::opened();
    app.run(Command::Race);
    app.until(|a| a.state.run.race.len() == 6 && a.is_idle());
    assert!(
        app.harness.state().state.run.race.iter().all(|r| r.result.is_ok()),
        "{:?}",
        app.harness.state().state.run.race
    );
}

#[test]
fn a_tensor_shows_its_values() {
    let mut app = App::opened();
    app.work(Command::Load);
    app.run(Command::SelectTensor(Some(1)));
    app.until(|a| a.state.run.preview.as_ref().is_some_and(|(t, b)| *t == 1 && b.len() == 8192));
    app.harness.step();
    app.harness.get_by_label_contains("First 2,048 values: 0.0000 to 1023.5000");
}

#[test]
fn without_mmap_auto_says_why_it_went_on() {
    let mut app = App::new();
    let path = model(app.folder.path()).to_string_lossy().into_owned();
    app.run(Command::SetMmap(false));
    app.run(Command::OpenPaths(vec![path]));
    app.until(|a| a.state.run.tensors.len() == 12 && a.is_idle());
    app.work(Command::Load);
    let report = app.harness.state().state.run.report.clone().unwrap();
    assert_eq!(report.refused[0].strategy, Strategy::MappedFile);
    assert_ne!(report.used, Some(Strategy::MappedFile));
}

#[test]
fn slots_run_out_with_a_reason() {
    let mut app = App::new();
    let path = model(app.folder.path()).to_string_lossy().into_owned();
    app.run(Command::SetSlots(1));
    app.run(Command::SetExtent(Extent::PerTensor));
    app.run(Command::SetStrategy(Choice::Only(Strategy::MappedFile)));
    app.run(Command::OpenPaths(vec![path]));
    app.until(|a| a.state.run.tensors.len() == 12 && a.is_idle());
    app.work(Command::Load);
    assert_eq!(app.harness.state().state.run.failure.as_ref().unwrap().1.error.cause.name(), "slots-exhausted");
}

#[test]
fn what_cannot_be_opened_is_said() {
    let mut app = App::new();
    let gone = app.path("gone.gguf");
    app.run(Command::OpenPaths(vec![gone]));
    assert!(app.said("is not there"));
    let text = app.path("notes.txt");
    std::fs::write(&text, "this is no model, whatever its name says").unwrap();
    app.run(Command::OpenPaths(vec![text]));
    app.until(|a| a.state.run.failure.is_some() && a.is_idle());
    assert_eq!(app.harness.state().state.run.failure.as_ref().unwrap().1.file.as_deref(), Some("notes.txt"));
    let broken = app.path("broken.wbrec");
    std::fs::write(&broken, "{\"version\":99}\n").unwrap();
    app.run(Command::OpenPaths(vec![broken]));
    app.until(|a| a.state.messages.iter().any(|m| m.text.contains("no recording that can be read")));
    // A file that goes away between the dialog and the open.
    let path = model(app.folder.path());
    let file = weighbridge_inspector::backend::FileRef {
        name: "tiny.safetensors".into(),
        token: path.to_string_lossy().into_owned(),
    };
    std::fs::remove_file(&path).unwrap();
    app.run(Command::OpenFiles(vec![file]));
    app.until(|a| a.is_idle() && a.state.run.label == "tiny.safetensors" && a.state.run.failure.is_some());
}

#[test]
fn a_folder_is_opened_by_the_model_in_it() {
    let mut app = App::new();
    let path = model(app.folder.path());
    let folder = path.parent().unwrap().to_string_lossy().into_owned();
    app.run(Command::OpenPaths(vec![folder.clone()]));
    app.until(|a| a.state.run.tensors.len() == 12 && a.is_idle());
    std::fs::remove_file(&path).unwrap();
    app.run(Command::OpenPaths(vec![folder]));
    app.until(|a| a.state.run.failure.is_some() && a.is_idle());
    let state = &app.harness.state().state;
    let message = &state.run.failure.as_ref().unwrap().1.error.message;
    assert!(message.contains("has no file of a model"), "{message}");
}

#[test]
fn two_models_are_compared_by_headers_and_by_bytes() {
    let mut app = App::opened();
    let mut bytes = std::fs::read(app.path("tiny.safetensors")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(app.path("other.safetensors"), &bytes).unwrap();
    app.run(Command::DiffPath(app.path("other.safetensors")));
    app.until(|a| a.state.run.diff.is_some() && a.is_idle());
    let diff = app.harness.state().state.run.diff.clone().unwrap();
    assert!(diff.is_same() && !diff.compared && diff.comparable == 12, "{diff:?}");
    app.run(Command::DiffBytes);
    app.until(|a| a.state.run.diff.as_ref().is_some_and(|diff| diff.compared) && a.is_idle());
    let diff = app.harness.state().state.run.diff.clone().unwrap();
    let [change] = &diff.tensors[..] else { panic!("{diff:?}") };
    assert_eq!((change.name(), change.differing, change.bytes()), ("blk.11.weight", 1, 12 * 4096));
    // What is shown was not touched by it.
    assert!(app.all_are(Lifecycle::Unbound));
}

/// An archive of stored entries with the checkpoint of a small tensor, beside which `os.system` is called.
fn checkpoint() -> Vec<u8> {
    let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let pickle = [
        &b"\x80\x02}("[..],
        &text("weight"),
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        b"K\x04tQK\x00K\x04\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR",
        &text("note"),
        b"cos\nsystem\n",
        &text("touch seen"),
        b"\x85Ru.",
    ]
    .concat();
    let data: Vec<u8> = (0..4u8).flat_map(|n| f32::from(n).to_le_bytes()).collect();
    let entries: [(&str, &[u8]); 4] = [
        ("archive/data.pkl", &pickle),
        ("archive/byteorder", b"little"),
        ("archive/data/0", &data),
        ("archive/version", b"3\n"),
    ];
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let (at, len) = (file.len() as u32, bytes.len() as u32);
        // Version 2.0, stored, no time; then checksum, both sizes, the length of the name, nothing more.
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &crc32(bytes).to_le_bytes(),
            &len.to_le_bytes(),
            &len.to_le_bytes(),
            &(name.len() as u16).to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        file.extend([&b"PK\x03\x04"[..], &common, name.as_bytes(), bytes].concat());
        directory.extend([&b"PK\x01\x02\x14\x00"[..], &common, &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat());
    }
    let (at, len) = (file.len() as u32, directory.len() as u32);
    file.extend(directory);
    file.extend([&b"PK\x05\x06\0\0\0\0\x04\0\x04\0"[..], &len.to_le_bytes(), &at.to_le_bytes(), &[0, 0]].concat());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1)))
    })
}

#[test]
fn a_checkpoint_that_runs_a_command_is_loaded_and_runs_none() {
    let mut app = App::new();
    std::fs::write(app.path("runs.pt"), checkpoint()).unwrap();
    app.run(Command::OpenPaths(vec![app.path("runs.pt")]));
    app.until(|a| a.state.run.pickle.is_some() && a.is_idle());
    let pickle = app.harness.state().state.run.pickle.clone().unwrap();
    // The words are the component's; each of them is taken apart.
    assert!(pickle.could_run_code() && pickle.is_refused(), "{pickle:?}");
    let system = pickle.globals.first().unwrap();
    assert_eq!((system.name.as_str(), system.weights_only.as_str()), ("os.system", "blocked"));
    assert!(system.could_run_code && system.calls == "called once" && system.place.starts_with("data.pkl, byte "));
    assert!(pickle.globals.iter().all(|global| !global.weights_only.is_empty()), "{pickle:?}");
    assert!(pickle.opcodes.iter().any(|opcode| opcode.name == "REDUCE" && !opcode.times.is_empty()), "{pickle:?}");
    app.work(Command::Load);
    assert!(app.all_are(Lifecycle::MmapResident) || app.all_are(Lifecycle::Resident));
    assert!(!std::path::Path::new("seen").exists() && !app.folder.path().join("seen").exists());
}
