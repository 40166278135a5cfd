//! What a person does, by role and label: buttons, options, files by every way in, what is remembered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::{App, Desk, Dialogs};
use egui::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use weighbridge_core::types::{Advice, Selection, Strategy};
use weighbridge_inspector::Inspector;
use weighbridge_inspector::backend::{FileRef, Origin, Pick, Picked, Request, Update};
use weighbridge_inspector::command::{Choice, Command, Extent, Look};
use weighbridge_inspector::demo::{Size, updates};
use weighbridge_inspector::panel::Panel;

/// The made-up run, sent as if it were live.
fn live() -> App {
    let mut app = App::new();
    for update in updates(Size::default()) {
        let update = match update {
            Update::Began { label, .. } => Update::Began { label, origin: Origin::Live },
            other => other,
        };
        app.tell(update);
    }
    app.desk.asked();
    app
}

fn file(name: &str) -> FileRef {
    FileRef { name: name.into(), token: format!("/m/{name}") }
}

fn opened(app: &App) -> Vec<Request> {
    let open = |r: &Request| matches!(r, Request::Open { .. } | Request::OpenRecording(_));
    app.desk.asked().into_iter().filter(open).collect()
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("nobody should read it all".into())
    }
}

fn drop_files(app: &mut App, names: &[&str]) {
    for name in names {
        app.harness.input_mut().dropped_files.push(Arc::new(Dropped(PathBuf::from(format!("/m/{name}")))));
    }
    app.settle();
}

#[test]
fn a_file_is_opened_the_same_by_dialog_drop_argument_and_recent() {
    let mut app = App::new();
    let mut all = Vec::new();
    app.harness.get_by_role_and_label(Role::Button, "Open…").click();
    app.settle();
    assert_eq!(app.dialogs.0.borrow().0, vec![Pick::Model]);
    app.dialogs.0.borrow_mut().1.push_back(Picked::Files(Pick::Model, vec![file("a.gguf")]));
    app.settle();
    all.push(opened(&app));
    drop_files(&mut app, &["a.gguf"]);
    all.push(opened(&app));
    app.run(Command::OpenPaths(vec!["/m/a.gguf".into()]));
    all.push(opened(&app));
    app.harness.get_by_role_and_label(Role::Link, "a.gguf").click();
    app.settle();
    all.push(opened(&app));
    assert!(matches!(&all[0][..], [Request::Open { files, .. }] if *files == [file("a.gguf")]), "{all:?}");
    assert!(all.iter().all(|o| *o == all[0]), "{all:?}");
}

#[test]
fn recordings_are_opened_besides_a_model_and_none_is_passed_over() {
    let mut app = App::new();
    drop_files(&mut app, &["a.wbrec", "m.gguf", "b.jsonl"]);
    let asked = opened(&app);
    let [Request::OpenRecording(a), Request::OpenRecording(b), Request::Open { files, .. }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!((a, b, &files[..]), (&file("a.wbrec"), &file("b.jsonl"), &[file("m.gguf")][..]));
}

#[test]
fn the_bar_loads_releases_evicts_and_cancels() {
    let mut app = live();
    for (label, wanted) in [
        ("Release", Request::Release(Selection::All)),
        ("Evict", Request::Evict(Selection::All)),
        ("Pause", Request::Pause),
    ] {
        app.harness.get_by_role_and_label(Role::Button, label).click();
        app.settle();
        assert_eq!(app.desk.asked(), vec![wanted]);
    }
    app.harness.get_by_role_and_label(Role::Button, "Load").click();
    app.settle();
    assert!(matches!(&app.desk.asked()[..], [Request::Load { selection: Selection::All, .. }]));
    app.tell(Update::Busy("Loading".into()));
    app.desk.asked();
    app.harness.get_by_role_and_label(Role::Button, "Cancel").click();
    app.settle();
    assert_eq!(app.desk.asked(), vec![Request::Cancel]);
}

#[test]
fn the_options_have_every_setting_of_a_load_and_of_an_open() {
    let mut app = live();
    app.harness.get_by_role_and_label(Role::Button, "Options").click();
    app.settle();
    for name in ["Staging size", "Slots", "Deadline"] {
        app.harness.get_by_role_and_label(Role::SpinButton, name);
    }
    app.harness.get_by_role_and_label(Role::CheckBox, "Check after load").click();
    app.settle();
    assert!(app.harness.state().state.load_options().validate.structure);
    app.harness.get_by_role_and_label(Role::CheckBox, "Offer mmap").click();
    app.settle();
    assert!(!app.harness.state().state.open.mmap);
    app.run(Command::SetChunk(64));
    assert_eq!(app.harness.state().state.load_options().staging_bytes, 65_536);
}

#[test]
fn a_slot_is_chosen_released_and_advised() {
    let mut app = live();
    app.run(Command::Maximise(Some(Panel::Slots)));
    app.harness.get_by_label_contains("Free stack, next first: 8 to 63, never used");
    app.harness.get_by_role_and_label(Role::Canvas, "Grid of slots");
    let grid = app.harness.get_by_role_and_label(Role::Canvas, "Grid of slots").rect();
    let first = grid.min + egui::vec2(12.0, 12.0);
    app.harness.hover_at(first);
    app.harness.drag_at(first);
    app.harness.drop_at(first);
    app.settle();
    app.harness.get_by_label("Slot 0");
    let tensors = app.harness.state().state.tensors_of(0);
    assert!(tensors.len() > 2);
    app.desk.asked();
    app.harness.get_by_role_and_label(Role::Button, "Release its tensors").click();
    app.settle();
    assert_eq!(app.desk.asked(), vec![Request::Release(Selection::Tensors(tensors.clone()))]);
    app.harness.get_by_role_and_label(Role::Button, "Don't need").click();
    app.settle();
    let wanted: Vec<Request> = tensors.into_iter().map(|t| Request::Advise(t, Advice::DontNeed)).collect();
    assert_eq!(app.desk.asked(), wanted);
}

#[test]
fn slots_given_back_stand_on_the_free_stack_the_last_one_first() {
    let mut app = live();
    app.run(Command::Query("call:unmap".into()));
    let state = &app.harness.state().state;
    let second = state.search.get(&state.run.store, 1).unwrap();
    let (stack, fresh) = state.run.store.io.free_before(second + 2);
    assert_eq!((&stack[..], fresh), (&[1, 0][..], 8));
}

#[test]
fn a_report_has_paths_only_when_asked() {
    let mut app = live();
    app.run(Command::OpenPaths(vec!["/secret/place/a.gguf".into()]));
    let state = &app.harness.state().state;
    assert!(!weighbridge_inspector::panels::report(state).contains("secret"));
    assert!(weighbridge_inspector::panels::report_with_paths(state).contains("/secret/place/a.gguf"));
}

#[derive(Default)]
struct Memory(HashMap<String, String>);

impl eframe::Storage for Memory {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.into(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

fn started(storage: Memory) -> Harness<'static, Inspector> {
    let mut harness = Harness::builder().with_size([1280.0, 860.0]).with_max_steps(60).build_eframe(move |cc| {
        Inspector::new(&cc.egui_ctx, Box::new(Desk::default()), Box::new(Dialogs::default()), Some(&storage))
    });
    harness.run_ok();
    harness
}

#[test]
fn layout_preferences_and_recent_files_last() {
    let mut app = App::new();
    for command in [
        Command::OpenPaths(vec!["/m/a.gguf".into()]),
        Command::Theme(Look::Light),
        Command::SetStrategy(Choice::Only(Strategy::ReadCopy)),
        Command::SetExtent(Extent::PerTensor),
        Command::Show(Panel::Slots),
    ] {
        app.run(command);
    }
    let mut memory = Memory::default();
    eframe::App::save(app.harness.state_mut(), &mut memory);
    let again = started(memory);
    let prefs = &again.state().state.prefs;
    assert_eq!((prefs.look, prefs.extent), (Look::Light, Extent::PerTensor));
    assert_eq!(prefs.choice, Choice::Only(Strategy::ReadCopy));
    assert_eq!(prefs.recent, vec![file("a.gguf")]);
    again.get_by_label("No slots yet");
    // What cannot be read is as nothing.
    let mut broken = Memory::default();
    broken.0.insert(eframe::APP_KEY.into(), "(prefs: 7".into());
    started(broken).get_by_label("See a model load, and why it failed");
}
