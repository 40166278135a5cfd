//! What the inspector is for, once through, with a real model (`cargo xtask models`): every strategy, steps through a map,
//! faults and why, back in time, two strategies compared, a recording saved, opened and executed again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod live;

use egui::Role;
use egui_kittest::kittest::Queryable as _;
use live::App;
use std::path::PathBuf;
use weighbridge::types::{Lifecycle, StorageError, Strategy};
use weighbridge_inspector::backend::{Breakpoint, Fault, FaultCall, FaultKind, Origin};
use weighbridge_inspector::command::{Choice, Command};
use weighbridge_inspector::panel::Panel;

fn minilm() -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/models/minilm.safetensors");
    assert!(path.is_file(), "the real models are missing: run `cargo xtask models`");
    path
}

fn opened() -> App {
    let mut app = App::new();
    app.run(Command::OpenPaths(vec![minilm().to_string_lossy().into_owned()]));
    app.until(|a| a.state.run.tensors.len() > 50 && !a.state.run.states.is_empty() && a.is_idle());
    app
}

fn click(app: &mut App, label: &str) {
    app.harness.get_by_role_and_label(Role::Button, label).click();
    app.harness.step();
}

#[test]
fn the_real_model_once_through() {
    let mut app = opened();
    // Every strategy, each row of the table agreeing with what the guest says.
    for strategy in Strategy::ALL {
        app.run(Command::SetStrategy(Choice::Only(*strategy)));
        app.work(Command::Load);
        let mapped = *strategy == Strategy::MappedFile;
        assert!(app.all_are(if mapped { Lifecycle::MmapResident } else { Lifecycle::Resident }), "{strategy:?}");
        assert_eq!(app.harness.state().state.run.report.as_ref().unwrap().used, Some(*strategy));
        app.work(if mapped { Command::Release } else { Command::Evict });
    }

    // Step through a map: from before the call to its answer.
    app.run(Command::SetStrategy(Choice::Only(Strategy::MappedFile)));
    app.run(Command::ToggleBreak(Breakpoint::State { machine: "io/mmap".into(), state: "mapping".into() }));
    app.run(Command::Load);
    app.until(|a| a.state.held.is_some());
    let mut seen = vec![app.harness.state().state.held.clone().unwrap()];
    while !seen.last().unwrap().contains("io/mmap: mapping → ") {
        assert!(seen.len() < 40, "{seen:?}");
        let last = seen.last().unwrap().clone();
        click(&mut app, "Step");
        app.until(|a| a.state.held.as_ref().is_some_and(|h| *h != last));
        seen.push(app.harness.state().state.held.clone().unwrap());
    }
    assert!(seen.iter().any(|s| s.contains("before map-range")), "{seen:?}");
    app.run(Command::ClearBreaks);
    click(&mut app, "Continue");
    app.until(|a| a.is_idle() && a.state.run.states.iter().all(|s| s.lifecycle == Lifecycle::MmapResident));
    app.run(Command::EveryStep(false));

    // A busy unmap: refused with its reason, nothing lost, asked again.
    let busy = FaultKind::Fail(StorageError::Busy);
    app.run(Command::Arm(Fault::Call { call: FaultCall::Unmap, nth: 1, kind: busy }));
    app.work(Command::Release);
    app.run(Command::Show(Panel::Why));
    app.harness.get_by_label("release failed: busy");
    app.harness.get_by_label("First guard");
    app.work(Command::Release);
    assert!(app.all_are(Lifecycle::Evicted));

    // A file that ends early, and back in time to the moment it was noticed.
    app.run(Command::SetStrategy(Choice::Only(Strategy::ReadCopy)));
    app.run(Command::Arm(Fault::Truncate { at: 1 << 20 }));
    app.work(Command::Load);
    app.run(Command::Show(Panel::Why));
    app.harness.get_by_label("load failed: end-of-source");
    app.harness.get_by_label("the first that went wrong");
    let report = weighbridge_inspector::panels::report(&app.harness.state().state);
    assert!(
        report.contains("cause end-of-source") && report.contains("guard:") && !report.contains("minilm"),
        "{report}"
    );
    assert!(app.all_are(Lifecycle::Evicted), "nothing is left of it");
    click(&mut app, "Go to the moment");
    app.harness.step();
    let state = &app.harness.state().state;
    let row = state.run.store.row(state.cursor.unwrap()).unwrap();
    assert_eq!(row.ok, weighbridge_inspector::model::Ok3::No);
    let lane = state.run.store.machine_lane("model/tensor").unwrap();
    let then = state.run.store.population(state.standing(), lane);
    let now = state.run.store.population(&state.run.store.now, lane);
    assert_ne!(then, now, "tensors were loading at that moment, and are not now");
    app.run(Command::ClearFaults);
    app.run(Command::Follow);

    // Two strategies side by side.
    app.work(Command::Load);
    assert!(app.all_are(Lifecycle::Resident));
    let loads = app.harness.state().state.loads();
    let of = |name: &str| loads.iter().position(|l| l.label.contains(name)).unwrap();
    app.run(Command::CompareLoads(of("mapped-file"), loads.len() - 1));
    app.harness.step();
    app.harness.get_by_label("The routes part");
    let result = app.harness.state().state.compared.as_ref().unwrap().result.clone();
    let of = |event: &str| result.rows.iter().find(|d| d.event == event).map(|d| (d.a.count > 0, d.b.count > 0));
    assert_eq!((of("map-range"), of("read-into")), (Some((true, false)), Some((false, true))));
    assert!(!result.tensors.is_empty(), "they end in other states");

    // Saved, opened under a name that does not give it away, executed again without the file.
    let (rows, file) = (app.harness.state().state.run.store.end(), app.path("a-load.txt"));
    app.run(Command::SaveRecording(Some(file.clone())));
    app.until(|a| a.state.messages.iter().any(|m| m.text.contains("Wrote a-load.txt")));
    app.run(Command::OpenPaths(vec![file]));
    app.until(|a| a.state.run.origin == Origin::Recording && a.is_idle() && a.state.run.store.end() > 0);
    let run = &app.harness.state().state.run;
    assert!(run.store.end() >= rows && run.tensors.len() > 50);
    app.work(Command::Replay);
    assert!(app.said("Re-executed without the file"), "{:?}", app.harness.state().state.messages);
}

#[test]
fn the_file_map_knows_what_is_in_memory() {
    let mut app = opened();
    app.work(Command::Load);
    app.run(Command::Maximise(Some(Panel::FileMap)));
    click(&mut app, "Page cache");
    app.until(|a| a.state.run.pages.contains_key(&0));
    let size = std::fs::metadata(minilm()).unwrap().len();
    let pages = &app.harness.state().state.run.pages[&0];
    assert_eq!(pages.bits.len() as u64, size.div_ceil(pages.page).div_ceil(8));
    assert!(pages.bits.iter().any(|b| *b != 0), "its header at least was read just now");
}
