//! The app driven by role and label.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::App;
use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use weighbridge_core::trace::{Record, What};
use weighbridge_core::types::{Cause, Entry, Error, Happening, Phase, Selection};
use weighbridge_inspector::backend::{
    Breakpoint, Failure, Fault, FaultCall, FaultKind, FileBytes, FileRef, Origin, Pick, Picked, Request, Update,
};
use weighbridge_inspector::command::{Choice, Command, Export};
use weighbridge_inspector::panel::Panel;

#[test]
fn the_first_start_explains_itself() {
    let mut app = App::new();
    app.harness.get_by_label("See a model load, and why it failed");
    app.harness.get_by_label("Nothing has happened yet");
    app.harness.get_by_label("Nothing is open");
    app.harness.get_by_role_and_label(Role::Button, "Show a made-up trace").click();
    app.settle();
    app.harness.get_by_label("Ready");
    assert!(!app.harness.state().state.run.tensors.is_empty());
}

#[test]
fn every_panel_shows_itself_empty_and_filled_and_names_its_widgets() {
    for filled in [false, true] {
        let mut app = if filled { App::demo() } else { App::new() };
        for panel in Panel::ALL {
            app.run(Command::Maximise(Some(*panel)));
            app.harness.get_by_label("Restore panels");
            assert_eq!(app.harness.kittest_state().root().role(), Role::Window);
            let unnamed = app.harness.unnamed_widgets();
            assert!(unnamed.is_empty(), "{panel:?} (filled: {filled}): {unnamed:?}");
        }
        app.harness.get_by_role_and_label(Role::Button, "Restore panels").click();
        app.settle();
        assert_eq!(app.harness.state().state.maximised, None);
    }
}

#[test]
fn every_command_can_be_given_at_any_time() {
    for filled in [false, true] {
        let mut app = if filled { App::demo() } else { App::new() };
        for command in Command::catalog().into_iter().filter(|c| *c != Command::Quit && (filled || *c != Command::Demo))
        {
            app.run(command);
        }
    }
}

#[test]
fn commands_ask_the_backend_for_what_they_say() {
    let mut app = App::demo();
    app.desk.asked();
    let mut asks = |command: Command, wanted: Request| {
        app.run(command.clone());
        assert!(app.desk.asked().contains(&wanted), "{command:?}");
    };
    asks(Command::Release, Request::Release(Selection::All));
    asks(Command::Evict, Request::Evict(Selection::All));
    asks(Command::ReleaseTensor(3), Request::Release(Selection::Tensors(vec![3])));
    asks(Command::Cancel, Request::Cancel);
    asks(Command::Pause, Request::Pause);
    asks(Command::Step, Request::Step);
    asks(Command::Continue, Request::Continue);
    asks(Command::Replay, Request::Replay);
    asks(Command::Close, Request::Close);
    asks(Command::Race, Request::Race(Selection::All));
    asks(Command::SelectTensor(Some(2)), Request::Preview(2));
    asks(Command::ToggleBreak(Breakpoint::Error), Request::SetBreakpoints(vec![Breakpoint::Error]));
    let to = FileRef { name: "a.csv".into(), token: "/x/a.csv".into() };
    app.run(Command::Export(Export::Csv, Some("/x/a.csv".into())));
    let asked = app.desk.asked();
    assert!(
        matches!(&asked[..], [Request::WriteFile(file, bytes)] if *file == to && bytes.starts_with(b"row,")),
        "{asked:?}"
    );
}

#[test]
fn a_load_uses_what_was_chosen() {
    let mut app = App::demo();
    app.run(Command::SetStrategy(Choice::Only(weighbridge_core::types::Strategy::ReadCopy)));
    app.run(Command::SetSelection("*attn*".into()));
    app.desk.asked();
    app.run(Command::Load);
    let asked = app.desk.asked();
    let [Request::Load { selection, options }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(*selection, Selection::Matching("*attn*".into()));
    assert_eq!(
        options.policy,
        weighbridge_core::types::StrategyPolicy::Only(weighbridge_core::types::Strategy::ReadCopy)
    );
}

#[test]
fn the_palette_finds_and_runs_a_command() {
    let mut app = App::new();
    app.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    app.settle();
    app.harness.get_by_label("Type a part of a command's name");
    app.harness.event(egui::Event::Text("made-up".into()));
    app.settle();
    app.harness.key_press(Key::Enter);
    app.settle();
    assert!(app.harness.state().state.run.begun);
}

#[test]
fn the_menu_opens_a_dialog_and_its_files_are_opened() {
    let mut app = App::new();
    app.harness.get_by_label("File").click();
    app.settle();
    // The start page has such a button as well; the menu is drawn after it.
    app.harness.get_all_by_label_contains("Open recording…").last().unwrap().click();
    app.settle();
    assert_eq!(app.dialogs.0.borrow().0, vec![Pick::Recording]);
    let file = FileRef { name: "a.gguf".into(), token: "/m/a.gguf".into() };
    app.dialogs.0.borrow_mut().1.push_back(Picked::Files(Pick::Model, vec![file.clone()]));
    app.settle();
    let asked = app.desk.asked();
    assert!(matches!(&asked[..], [Request::Open { files, .. }] if *files == [file.clone()]), "{asked:?}");
    assert_eq!(app.harness.state().state.prefs.recent, vec![file]);
    app.dialogs.0.borrow_mut().1.push_back(Picked::Unavailable("No file dialog here".into()));
    app.settle();
    app.harness.get_by_label("No file dialog here");
}

#[test]
fn the_query_box_filters_and_names_mistakes() {
    let mut app = App::demo();
    app.run(Command::Maximise(Some(Panel::Timeline)));
    app.harness.get_by_role_and_label(Role::TextInput, "Filter").focus();
    app.settle();
    app.harness.event(egui::Event::Text("actor:mmap event:Mapped -event:unmapped".into()));
    app.settle();
    let state = &app.harness.state().state;
    assert_eq!(state.search.len(&state.run.store), 24);
    app.run(Command::Query("colour:red".into()));
    assert!(app.harness.state().state.query_error.as_ref().unwrap().contains("colour"));
    app.run(Command::Query(String::new()));
    assert!(app.harness.state().state.search.is_all());
}

#[test]
fn scrubbing_shows_everything_as_it_was() {
    let mut app = App::demo();
    let store = &app.harness.state().state.run.store;
    let lane = store.machine_lane("model/tensor").unwrap();
    app.run(Command::Query("actor:tensor".into()));
    app.run(Command::Scrub(Some(100)));
    let state = &app.harness.state().state;
    let then = state.run.store.population(state.standing(), lane);
    assert_ne!(then, state.run.store.population(&state.run.store.now, lane));
    app.run(Command::Next);
    app.run(Command::Previous);
    assert!(app.harness.state().state.cursor.is_some());
    // What comes meanwhile is counted, and one button goes back to it.
    let record = Record { seq: 0, at: u64::MAX / 2, what: What::Host { part: "late".into(), ns: 1 } };
    app.tell(Update::Records(vec![record]));
    app.harness.get_by_label_contains("Paused, 1 new").click();
    app.settle();
    assert!(app.harness.state().state.is_live());
}

#[test]
fn a_state_of_the_diagram_filters_the_timeline() {
    let mut app = App::demo();
    app.run(Command::Maximise(Some(Panel::Actors)));
    app.harness.get_by_label("io/mmap").click();
    app.settle();
    app.settle();
    app.harness.get_by_role_and_label(Role::Button, "State mapping").click();
    app.settle();
    assert_eq!(app.harness.state().state.query, "actor:io/mmap state:mapping");
    app.harness.get_by_role_and_label(Role::Button, "Transition ready to mapping").click();
    app.settle();
    assert_eq!(app.harness.state().state.query, "actor:io/mmap edge:ready>mapping");
    let state = &app.harness.state().state;
    assert!(state.search.len(&state.run.store) >= 8);
}

#[test]
fn faults_are_armed_shown_and_disarmed() {
    let mut app = App::demo();
    app.run(Command::Maximise(Some(Panel::Control)));
    app.desk.asked();
    app.harness.get_by_role_and_label(Role::Button, "Next unmap is busy").click();
    app.settle();
    let busy = Fault::Call {
        call: FaultCall::Unmap,
        nth: 1,
        kind: FaultKind::Fail(weighbridge_core::types::StorageError::Busy),
    };
    assert_eq!(app.desk.asked(), vec![Request::SetFaults(vec![busy])]);
    app.harness.get_by_label("unmap no. 1 fails: busy");
    app.harness.get_by_role_and_label(Role::Button, "Disarm").click();
    app.settle();
    assert_eq!(app.desk.asked(), vec![Request::SetFaults(Vec::new())]);
    app.harness.get_by_label("No fault is armed");
}

#[test]
fn holding_the_guest_enables_step_and_continue() {
    let mut app = App::demo();
    app.tell(Update::Busy("Loading".into()));
    app.tell(Update::Held("io/mmap: ready → mapping".into()));
    app.harness.get_by_label_contains("Held: io/mmap");
    app.desk.asked();
    app.harness.key_press(Key::F10);
    app.settle();
    app.harness.get_by_role_and_label(Role::Button, "Continue").click();
    app.settle();
    assert_eq!(app.desk.asked(), vec![Request::Step, Request::Continue]);
    app.tell(Update::Idle);
    app.harness.get_by_label("Ready");
}

fn failure() -> Failure {
    let mut error = Error::new(Phase::Parse, Cause::Malformed, "tensor count 99 is more than the header holds");
    (error.source, error.offset, error.field) = (Some(0), Some(72), Some("tensor_count".into()));
    Failure {
        doing: "open".into(),
        error,
        file: None,
        bytes: Some(FileBytes { file: 0, offset: 64, bytes: (0..96).collect() }),
    }
}

#[test]
fn a_failure_comes_forward_with_its_bytes_and_a_report_without_paths() {
    let mut app = App::demo();
    app.tell(Update::Began { label: "secret-path.gguf".into(), origin: weighbridge_inspector::backend::Origin::Live });
    app.tell(Update::Failed(Box::new(failure())));
    app.harness.get_by_label("open failed: malformed");
    app.harness.get_by_label("Bytes around offset 72");
    let report = weighbridge_inspector::panels::report(&app.harness.state().state);
    assert!(
        report.contains("byte: 72") && report.contains("tensor_count") && !report.contains("secret-path"),
        "{report}"
    );
    app.run(Command::Dismiss);
    assert!(app.harness.state().state.messages.is_empty());
}

#[test]
fn two_loads_are_compared() {
    let mut app = App::demo();
    assert!(app.harness.state().state.loads().len() >= 2);
    app.run(Command::CompareLoads(0, 1));
    app.harness.get_by_label("The routes part");
    let state = &app.harness.state().state;
    assert!(!state.compared.as_ref().unwrap().result.rows.is_empty());
}

#[test]
fn a_broken_trace_breaks_nothing() {
    let mut app = App::new();
    let step =
        |seq, machine, instance, what| Record { seq, at: seq, what: What::Step(Entry { machine, instance, what }) };
    let names = vec!["\u{202e}evil\n".into(), "model/tensor".into(), "io/mmap".into(), "x".repeat(100_000)];
    let mut records = vec![Record { seq: 0, at: u64::MAX, what: What::Names { first: 0, names } }];
    for i in 0..4000u32 {
        records.push(step(u64::from(i), i % 5, Some(u32::MAX - i), Happening::Transition((i % 7, u32::MAX))));
        records.push(step(u64::from(i), i % 3, None, Happening::Guard((i, true))));
        records.push(step(u64::from(i), 2, Some(u32::MAX), Happening::Command(9)));
    }
    records.push(Record {
        seq: 1,
        at: 0,
        what: What::Call(Box::new(weighbridge_core::trace::Call::MapRange {
            source: u32::MAX,
            offset: u64::MAX,
            len: u64::MAX,
        })),
    });
    records.push(Record {
        seq: 1,
        at: 0,
        what: What::Return { answer: Box::new(weighbridge_core::trace::Answer::Mapping(1)), ns: u64::MAX },
    });
    records.push(Record {
        seq: 1,
        at: 0,
        what: What::Return { answer: Box::new(weighbridge_core::trace::Answer::Done), ns: u64::MAX },
    });
    app.tell(Update::Began { label: "broken".into(), origin: weighbridge_inspector::backend::Origin::Recording });
    app.tell(Update::Records(records));
    for panel in Panel::ALL {
        app.run(Command::Maximise(Some(*panel)));
    }
    for row in [0, 5000, u64::MAX] {
        app.run(Command::Scrub(Some(row)));
    }
}

#[test]
fn it_is_usable_in_a_narrow_window() {
    let mut app = App::sized(400.0, 700.0);
    app.run(Command::Demo);
    for panel in Panel::ALL {
        app.run(Command::Maximise(Some(*panel)));
    }
}

#[test]
fn a_finding_leads_to_its_tensor_and_to_its_byte() {
    let mut app = App::demo();
    app.run(Command::Maximise(Some(Panel::Findings)));
    app.harness.get_by_label("unknown-dtype");
    app.harness.get_by_label("1 error");
    app.harness.get_by_label_contains("Show byte").click();
    app.settle();
    assert_eq!(app.harness.state().state.maximised, Some(Panel::FileMap));
    app.harness.get_by_label_contains("bytes ");
    app.run(Command::Maximise(Some(Panel::Findings)));
    app.harness.get_by_label("Show tensor blk.3.attn_norm.weight").click();
    app.settle();
    assert_eq!(app.harness.state().state.tensor, Some(17));
    assert_eq!(app.harness.state().state.maximised, Some(Panel::Tensors));
}

#[test]
fn tensors_are_added_up_by_layer_and_a_layer_leads_to_its_tensors() {
    let mut app = App::demo();
    app.run(Command::Maximise(Some(Panel::Tensors)));
    app.harness.get_by_label("By layer").click();
    app.settle();
    app.harness.get_by_label("blk.1").click();
    app.settle();
    app.harness.get_by_label("5 of 201 tensors");
    app.harness.get_by_label("By type").click();
    app.settle();
    app.harness.get_by_label("F32").click();
    app.settle();
    app.harness.get_by_label("80 of 201 tensors");
}

#[test]
fn another_model_is_chosen_compared_and_its_bytes_are_asked_for() {
    let mut app = App::demo();
    app.desk.asked();
    app.run(Command::DiffBytes);
    assert!(app.desk.asked().is_empty(), "there is no other model yet");
    app.run(Command::Diff);
    assert_eq!(app.dialogs.0.borrow().0.last(), Some(&Pick::Other));
    let other = FileRef { name: "b.gguf".into(), token: "/b.gguf".into() };
    app.dialogs.0.borrow_mut().1.push_back(Picked::Files(Pick::Other, vec![other.clone()]));
    app.settle();
    assert_eq!(app.desk.asked(), [Request::Diff { files: vec![other.clone()], bytes: false }]);
    app.tell(Update::Diff(Box::new(common::diff())));
    app.harness.get_by_label("4 tensors and 2 metadata entries differ");
    app.run(Command::DiffBytes);
    assert_eq!(app.desk.asked(), [Request::Diff { files: vec![other], bytes: true }]);
}

#[test]
fn a_file_that_is_no_model_says_what_it_is_wherever_one_looks() {
    let mut app = App::new();
    let sentence = "model.safetensors is a Git LFS pointer; run `git lfs pull`";
    app.tell(Update::Began { label: "model.safetensors".into(), origin: Origin::Live });
    let error = Error::new(Phase::Parse, Cause::NotAModel, sentence);
    app.tell(Update::Failed(Box::new(Failure { doing: "open".into(), error, file: None, bytes: None })));
    for panel in [Panel::Start, Panel::Why, Panel::Tensors, Panel::FileMap, Panel::Findings, Panel::Metadata] {
        app.run(Command::Maximise(Some(panel)));
        app.run(Command::Dismiss);
        app.harness.get_by_label("This is not a model");
        app.harness.get_by_label(sentence);
    }
}

#[test]
fn a_checkpoint_that_runs_a_command_elsewhere_says_why_it_runs_none_here() {
    let mut app = App::new();
    for update in common::checkpoint() {
        app.tell(update);
    }
    app.run(Command::Maximise(Some(Panel::Findings)));
    app.harness.get_by_label("Loading it in PyTorch could run code");
    app.harness.get_by_label("Show what it would do").click();
    app.settle();
    assert_eq!(app.harness.state().state.maximised, Some(Panel::Sandbox));
    app.harness.get_by_label("Runs code in PyTorch, not here");
    app.harness.get_by_label("os.system");
    app.harness.get_by_label("blocked");
}
