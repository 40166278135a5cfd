//! Recordings and headers are untrusted: whatever numbers they hold, every panel is drawn, pointed at and scrubbed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::App;
use weighbridge_core::trace::{Answer, Call, Export, Outcome, Record, What};
use weighbridge_core::types::{
    Cause, CopySpan, Entry, Error, Happening, Lifecycle, MachineRow, MachineTable, ModelSummary, Phase, SlotState,
    SlotStatus, TensorInfo, TensorState,
};
use weighbridge_inspector::backend::{FileFacts, HostFacts, Opened, Origin, RaceRow, Sandbox, Update};
use weighbridge_inspector::command::Command;
use weighbridge_inspector::panel::Panel;

fn record(at: u64, what: What) -> Record {
    Record { seq: 0, at, what }
}

fn call(at: u64, call: Call, answer: Answer, ns: u64) -> [Record; 2] {
    [record(at, What::Call(Box::new(call))), record(at, What::Return { answer: Box::new(answer), ns })]
}

fn step(at: u64, machine: u32, instance: Option<u32>, what: Happening) -> Record {
    record(at, What::Step(Entry { machine, instance, what }))
}

fn names() -> Record {
    let names = ["model/tensor", "io/mmap", "model/loader", "loading", "mapping", "planning", "ready"];
    record(0, What::Names { first: 0, names: names.map(String::from).to_vec() })
}

/// Tells the records, then shows every panel, points at its middle, turns the wheel both ways and walks through time.
fn endures(name: &str, updates: Vec<Update>, records: Vec<Record>) {
    let mut app = App::new();
    app.tell(Update::Began { label: name.into(), origin: Origin::Recording });
    for update in updates {
        app.tell(update);
    }
    app.tell(Update::Records(records));
    for panel in Panel::ALL {
        app.run(Command::Maximise(Some(*panel)));
        for y in [150.0, 170.0, 205.0, 330.0, 600.0] {
            app.harness.event(egui::Event::PointerMoved(egui::pos2(640.0, y)));
            for by in [400.0, -400.0] {
                app.harness.event(egui::Event::MouseWheel {
                    unit: egui::MouseWheelUnit::Point,
                    delta: egui::vec2(by, by),
                    phase: egui::TouchPhase::Move,
                    modifiers: egui::Modifiers::NONE,
                    source: egui::MouseWheelSource::Unknown,
                });
                app.harness.run_ok();
            }
        }
        if *panel == Panel::Timeline {
            for command in [Command::ZoomIn, Command::StepAxis(true), Command::ZoomOut, Command::ZoomFit] {
                app.run(command);
            }
            app.run(Command::StepAxis(false));
        }
    }
    for row in [0, 7, u64::MAX] {
        app.run(Command::Scrub(Some(row)));
    }
    app.run(Command::CompareLast);
    app.run(Command::FirstProblem);
    assert!(weighbridge_inspector::panels::report(&app.harness.state().state).starts_with("Weighbridge report"));
}

fn load() -> What {
    What::Enter(Box::new(Export::Load {
        selection: weighbridge_core::types::Selection::All,
        options: weighbridge_core::types::LoadOptions::default(),
    }))
}

#[test]
fn a_run_of_one_moment() {
    endures("one moment", Vec::new(), vec![names(), record(3, load())]);
}

#[test]
fn times_at_the_end_of_their_range() {
    let mut records = vec![names()];
    for i in 0..40u64 {
        let at = u64::MAX - 5000 + i * 100;
        records.push(step(at, 2, None, Happening::Transition((6, 5))));
        records.push(step(at, 1, Some(u32::MAX - 1), Happening::Transition((6, 4))));
        records.extend(call(at, Call::Stat { source: 0 }, Answer::Done, u64::MAX - 1));
        records.push(record(at, What::Host { part: "compile".into(), ns: u64::MAX - 1 }));
    }
    endures("late", Vec::new(), records);
}

#[test]
fn times_from_one_end_to_the_other() {
    let mut records = vec![names(), record(0, load())];
    for at in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX, 5] {
        for (machine, state) in [(0, 3), (1, 4), (2, 5)] {
            records.push(step(at, machine, Some(9), Happening::Transition((6, state))));
            records.push(step(at, machine, Some(9), Happening::Outcome((6, false))));
        }
        let map = Call::MapRange { source: u32::MAX, offset: u64::MAX - 3, len: u64::MAX };
        records.extend(call(at, map, Answer::Mapping(u64::MAX), at));
        let advise = Call::Advise {
            mapping: u64::MAX,
            offset: u64::MAX,
            len: u64::MAX,
            advice: weighbridge_core::types::Advice::WillNeed,
        };
        records.extend(call(at, advise, Answer::Done, at));
        let piece = CopySpan { source: 0, offset: u64::MAX, target: 0, target_offset: u64::MAX, len: u64::MAX };
        let copy = Call::ReadInto { sources: vec![0], targets: vec![1], batch: vec![piece, piece] };
        records.extend(call(at, copy, Answer::Done, u64::MAX));
    }
    records.push(record(9, What::Leave(Box::new(Outcome::Trapped("x".repeat(1 << 16))))));
    records.push(record(9, load()));
    endures("wide", Vec::new(), records);
}

#[test]
fn an_error_at_the_last_byte_there_could_be() {
    let read = Call::Read { source: 0, offset: u64::MAX - 40, len: u32::MAX };
    let mut error = Error::new(Phase::Parse, Cause::Malformed, "\u{202e}");
    (error.source, error.offset, error.tensor) = (Some(0), Some(u64::MAX - 3), Some(u32::MAX));
    let mut records = vec![names(), record(0, load())];
    records.extend(call(1, read, Answer::Bytes(vec![1u8; 200].into()), 5));
    records.push(record(2, What::Leave(Box::new(Outcome::Failed(error)))));
    endures("last byte", Vec::new(), records);
}

#[test]
fn a_header_with_the_greatest_numbers() {
    let tensor = |name: &str| TensorInfo {
        name: name.into(),
        dtype: "F32".into(),
        shape: vec![u64::MAX; 9],
        source: u32::MAX,
        offset: u64::MAX,
        bytes: u64::MAX,
    };
    let summary = ModelSummary {
        format: "gguf".into(),
        version: u32::MAX,
        architecture: None,
        sources: u32::MAX,
        tensors: u32::MAX,
        metadata_entries: u32::MAX,
        tensor_bytes: u64::MAX,
        alignment: u64::MAX,
    };
    let state = TensorState {
        lifecycle: Lifecycle::MmapResident,
        strategy: None,
        slot: Some(u32::MAX),
        location: Some(weighbridge_core::types::Location {
            place: weighbridge_core::types::Place::Mapping(u64::MAX),
            offset: u64::MAX,
            bytes: u64::MAX,
        }),
    };
    let slot = SlotState {
        status: SlotStatus::Owned,
        generation: u32::MAX,
        source: u32::MAX,
        offset: u64::MAX,
        bytes: u64::MAX,
        tensors: u32::MAX,
    };
    let files = vec![FileFacts { name: String::new(), size: u64::MAX }, FileFacts { name: "..".into(), size: 0 }];
    let near = TensorInfo { source: 0, offset: u64::MAX - 9000, bytes: 8, ..tensor("near") };
    let far = TensorInfo { source: 0, offset: 0, bytes: 0, ..tensor("far") };
    let race = |ns| RaceRow {
        strategy: "read-copy".into(),
        cold: true,
        result: Ok(ns),
        bytes: u64::MAX,
        moved: u64::MAX,
        calls: u64::MAX,
        touch_ns: u64::MAX,
    };
    let full = Sandbox { guest_memory: u64::MAX, guest_limit: 1, handles: 5, handle_limit: 5, ..Sandbox::default() };
    let updates = vec![
        Update::Opened(Box::new(Opened { summary, files, capabilities: None, findings: Vec::new() })),
        Update::Tensors { start: 0, tensors: vec![tensor(""), tensor("\n"), far, near] },
        Update::Tensors { start: u32::MAX, tensors: vec![tensor("nowhere")] },
        Update::States(vec![state; 9]),
        Update::Slots(vec![slot; 3]),
        Update::Pages { file: 0, page: 0, bits: vec![0xff; 3] },
        Update::Pages { file: u32::MAX, page: u64::MAX, bits: Vec::new() },
        Update::Preview { tensor: 1, bytes: vec![0xff; 4096] },
        Update::Sandbox(Box::new(full)),
        Update::Race(vec![race(u64::MAX), race(1)]),
    ];
    let mut app = App::new();
    app.tell(Update::Began { label: "x".into(), origin: Origin::Live });
    for update in updates.clone() {
        app.tell(update);
    }
    app.run(Command::SelectTensor(Some(1)));
    app.run(Command::Maximise(Some(Panel::Tensors)));
    app.run(Command::SelectTensor(Some(u32::MAX)));
    endures("greatest", updates, vec![names(), record(3, load())]);
}

#[test]
fn a_table_that_would_take_hours_to_lay_out() {
    let row = |i: usize, j: usize| MachineRow {
        section: String::new(),
        source: format!("s{i}"),
        event: "e".repeat(5000),
        completion: false,
        guard: String::new(),
        action: String::new(),
        target: format!("s{j}"),
        refuses: false,
    };
    let rows = (0..60).flat_map(|i| (0..60).map(move |j| row(i, j))).collect();
    let table =
        MachineTable { machine: "model/loader".into(), initial: "s0".into(), rows, order: 0, pooled: true, owns: None };
    let none =
        MachineTable { machine: String::new(), initial: String::new(), rows: Vec::new(), order: 1, ..table.clone() };
    let host = HostFacts { tables: vec![none, table], ..HostFacts::default() };
    let began = std::time::Instant::now();
    endures("dense", vec![Update::Host(Box::new(host))], vec![names(), record(3, load())]);
    assert!(began.elapsed() < std::time::Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn a_guest_that_names_ever_new_machines_fills_no_memory() {
    let mut store = weighbridge_inspector::model::Store::with_capacity(1);
    store.push(&names());
    for i in 0..200_000u32 {
        store.push(&step(u64::from(i), i % 9, Some(u32::MAX - 1 - i), Happening::Transition((6, 3))));
    }
    assert!(store.lanes.iter().all(|l| l.instances.len() <= 1), "numbers past the contract's bound are one machine");
    assert!(store.len() <= 2 * weighbridge_inspector::model::store::CHUNK);
}
