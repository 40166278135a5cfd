//! A made-up trace through the real event model: for the first look, for tests and for benches. It says that it is made up.
mod header;

use crate::backend::{FileFacts, HostFacts, Opened, Origin, Sandbox, Update};
use weighbridge_core::trace::{Answer, Call, Export, Outcome, Record, What};
use weighbridge_core::types::{
    Capabilities, Entry, GuestOptions, Happening, Lifecycle, LoadOptions, LoadReport, Location, MachineRow,
    MachineTable, ModelSummary, Place, Pool, Selection, SlotState, SlotStatus, SourceStat, Strategy, TensorInfo,
    TensorState,
};

/// How big a made-up run is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Tensors.
    pub tensors: u32,
    /// Transitions, about.
    pub transitions: u64,
}

impl Default for Size {
    fn default() -> Self {
        Self { tensors: 201, transitions: 2_000 }
    }
}

const NAMES: &[&str] = &[
    "io/mmap",
    "model/tensor",
    "model/loader",
    "ready",
    "mapping",
    "unmapping",
    "unbound",
    "loading",
    "mmap_resident",
    "idle",
    "planning",
    "transferring",
    "applying",
    "Map",
    "Mapped",
    "Begin",
    "Commit",
    "Load",
    "Planned",
    "Transferred",
    "pool_empty",
    "extent_live",
    "extent_past_end",
    "map_succeeded",
    "is_unbound",
    "selection_valid",
    "reserve",
    "commit",
    "start_load",
    "bind_view",
    "make_plan",
    "give_back",
    "map",
    "load",
    "Release",
    "Unmapped",
    "still_used",
    "unmap",
    "let_go",
    "evicted",
    "End",
];

#[allow(clippy::cast_possible_truncation)]
fn id(name: &str) -> u32 {
    NAMES.iter().position(|n| *n == name).unwrap_or(0) as u32
}

/// The machines of the made-up run.
#[must_use]
pub fn tables() -> Vec<MachineTable> {
    let row = |section: &str, source: &str, event: &str, guard: &str, action: &str, target: &str| MachineRow {
        section: section.into(),
        source: source.into(),
        event: event.into(),
        completion: false,
        guard: guard.into(),
        action: action.into(),
        target: target.into(),
        refuses: action.starts_with("refuse_"),
    };
    let table = |machine: &str, initial: &str, rows| MachineTable {
        machine: machine.into(),
        initial: initial.into(),
        rows,
        order: u32::from(machine != "model/loader") + u32::from(machine.starts_with("io/")),
        pooled: machine == "model/tensor",
        owns: (machine == "io/mmap").then_some(Pool::Slots),
    };
    vec![
        table(
            "model/loader",
            "idle",
            vec![
                row("request", "idle", "Load", "selection_valid", "make_plan", "planning"),
                row("plan", "planning", "Planned", "", "", "transferring"),
                row("transfer", "transferring", "Transferred", "", "", "applying"),
                row("apply", "applying", "End", "", "", "idle"),
                row("transfer", "transferring", "unexpected", "", "", "transferring"),
            ],
        ),
        table(
            "io/mmap",
            "ready",
            vec![
                row("map", "ready", "Map", "pool_empty", "refuse_pool", "ready"),
                row("map", "ready", "Map", "", "reserve", "mapping"),
                row("map", "mapping", "Mapped", "map_succeeded", "commit", "ready"),
                row("map", "mapping", "Mapped", "", "give_back", "ready"),
                row("release", "ready", "Release", "still_used", "let_go", "ready"),
                row("release", "ready", "Release", "", "unmap", "unmapping"),
                row("release", "unmapping", "Unmapped", "", "free", "ready"),
            ],
        ),
        table(
            "model/tensor",
            "unbound",
            vec![
                row("load", "unbound", "Begin", "is_unbound", "start_load", "loading"),
                row("load", "evicted", "Begin", "", "start_load", "loading"),
                row("load", "loading", "Commit", "", "bind_view", "mmap_resident"),
                row("load", "loading", "Undo", "", "", "unbound"),
                row("release", "mmap_resident", "Release", "", "let_go", "evicted"),
            ],
        ),
    ]
}

struct Writer {
    records: Vec<Record>,
    at: u64,
    seed: u64,
}

impl Writer {
    fn add(&mut self, what: What) {
        self.records.push(Record { seq: self.records.len() as u64, at: self.at, what });
    }

    /// A repeatable number below `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % n.max(1)
    }

    fn pass(&mut self, around: u64) {
        self.at += around / 2 + self.below(around);
    }

    fn step(&mut self, machine: &str, instance: Option<u32>, what: Happening) {
        self.add(What::Step(Entry { machine: id(machine), instance, what }));
    }

    fn go(
        &mut self,
        machine: &str,
        instance: Option<u32>,
        event: &str,
        guards: &[(&str, bool)],
        action: &str,
        route: (&str, &str),
    ) {
        self.step(machine, instance, Happening::Event(id(event)));
        for (guard, held) in guards {
            self.step(machine, instance, Happening::Guard((id(guard), *held)));
        }
        if !action.is_empty() {
            self.step(machine, instance, Happening::Action(id(action)));
        }
        self.step(machine, instance, Happening::Transition((id(route.0), id(route.1))));
    }

    fn call(&mut self, call: Call, answer: Answer, ns: u64) {
        self.add(What::Call(Box::new(call)));
        let ns = ns / 2 + self.below(ns);
        self.at += ns;
        self.add(What::Return { answer: Box::new(answer), ns });
    }
}

/// Tensors of the made-up model.
#[must_use]
pub fn tensors(count: u32) -> Vec<TensorInfo> {
    let kinds = [
        ("attn_q.weight", 4096),
        ("attn_k.weight", 4096),
        ("attn_norm.weight", 1),
        ("ffn_up.weight", 11_008),
        ("ffn_norm.weight", 1),
    ];
    let mut offset = 8192;
    (0..count)
        .map(|i| {
            let (kind, rows) = kinds[i as usize % kinds.len()];
            let bytes = rows * 512;
            let info = TensorInfo {
                name: format!("blk.{}.{kind}", i as usize / kinds.len()),
                dtype: if rows == 1 { "F32" } else { "Q8_0" }.into(),
                shape: if rows == 1 { vec![128] } else { vec![rows, 482] },
                source: 0,
                offset,
                bytes,
            };
            offset += bytes + if i % 40 == 39 { 8192 } else { 0 };
            info
        })
        .collect()
}

/// Everything that a backend would tell of the made-up run.
#[must_use]
pub fn updates(size: Size) -> Vec<Update> {
    let tensors = tensors(size.tensors);
    let end = tensors.last().map_or(8192, |t| t.offset + t.bytes);
    let records = records(size, &tensors, end);
    let total: u64 = tensors.iter().map(|t| t.bytes).sum();
    let states = tensors.iter().map(|t| TensorState {
        lifecycle: Lifecycle::MmapResident,
        strategy: Some(Strategy::MappedFile),
        slot: Some(window_of(t.offset, end)),
        location: Some(Location {
            place: Place::Mapping(u64::from(window_of(t.offset, end))),
            offset: t.offset,
            bytes: t.bytes,
        }),
    });
    let states: Vec<_> = states.collect();
    let metadata = header::metadata(size);
    let slots = (0..64u32).map(|i| slot(i, end, &tensors)).collect();
    vec![
        Update::Host(Box::new(HostFacts {
            component_id: "made up".into(),
            tables: tables(),
            imports: vec!["weighbridge:loader/storage@0.1.0".into(), "weighbridge:loader/observer@0.1.0".into()],
            granted: vec!["storage over the files that you open".into(), "observer".into()],
            ..HostFacts::default()
        })),
        Update::Began { label: "synthetic.gguf".into(), origin: Origin::Synthetic },
        Update::Opened(Box::new(Opened {
            summary: ModelSummary {
                format: "gguf".into(),
                version: 3,
                architecture: Some("synthetic".into()),
                sources: 1,
                tensors: size.tensors,
                metadata_entries: u32::try_from(metadata.len()).unwrap_or(0),
                tensor_bytes: total,
                alignment: 32,
            },
            files: vec![FileFacts { name: "synthetic.gguf".into(), size: end + 4096 }],
            capabilities: None,
            findings: header::findings(end),
        })),
        Update::Tensors { start: 0, tensors },
        Update::Metadata(metadata),
        Update::Records(records),
        Update::States(states),
        Update::Slots(slots),
        Update::Sandbox(Box::new(Sandbox {
            guest_memory: 3 << 20,
            guest_limit: 1 << 30,
            crossings_in: 4,
            crossings_out: 30,
            bytes_to_guest: 65_536,
            mapped_bytes: end,
            mappings: 8,
            ..Sandbox::default()
        })),
        Update::Report(Box::new(LoadReport {
            used: Some(Strategy::MappedFile),
            refused: Vec::new(),
            tensors: size.tensors,
            bytes: total,
            moved: 0,
            mapped: total,
            extents: WINDOWS,
            slots_peak: WINDOWS,
        })),
    ]
}

const WINDOWS: u32 = 8;

fn window_len(end: u64) -> u64 {
    (end / u64::from(WINDOWS)).next_multiple_of(4096).max(4096)
}

fn window_of(offset: u64, end: u64) -> u32 {
    u32::try_from(offset / window_len(end)).unwrap_or(0)
}

#[allow(clippy::cast_possible_truncation)]
fn slot(i: u32, end: u64, tensors: &[TensorInfo]) -> SlotState {
    if i >= WINDOWS {
        return SlotState { status: SlotStatus::Free, generation: 0, source: 0, offset: 0, bytes: 0, tensors: 0 };
    }
    let len = window_len(end);
    let held = tensors.iter().filter(|t| window_of(t.offset, end) == i).count() as u32;
    SlotState {
        status: SlotStatus::Owned,
        generation: 1,
        source: 0,
        offset: u64::from(i) * len,
        bytes: len,
        tensors: held,
    }
}

fn records(size: Size, tensors: &[TensorInfo], end: u64) -> Vec<Record> {
    let mut w = Writer { records: Vec::new(), at: 0, seed: 7 };
    let ns = 2_440_000;
    w.at += ns;
    w.add(What::Host { part: "instantiate".into(), ns });
    w.add(What::Names { first: 0, names: NAMES.iter().map(|n| (*n).to_owned()).collect() });
    w.add(What::Enter(Box::new(Export::Open {
        sources: vec!["synthetic.gguf".into()],
        options: GuestOptions::default(),
    })));
    let capabilities = Capabilities {
        mmap: true,
        advise: true,
        map_granularity: 4096,
        max_read: 1 << 20,
        max_batch: 1024,
        auto: vec![Strategy::MappedFile],
    };
    w.call(Call::GetCapabilities, Answer::Capabilities(capabilities), 600);
    w.call(Call::Stat { source: 0 }, Answer::Stat(SourceStat { size: end, fingerprint: (1, 2) }), 1_200);
    w.call(
        Call::Read { source: 0, offset: 0, len: 8192 },
        Answer::Bytes((0..=255).cycle().take(8192).collect::<Vec<u8>>().into()),
        21_000,
    );
    w.pass(180_000);
    w.add(What::Leave(Box::new(Outcome::Ok(serde_json::Value::Null))));
    // Each round loads and releases everything; the last one only loads.
    let per_round = u64::from(size.tensors) * 3;
    let rounds = (size.transitions / per_round.max(1)).max(1);
    for round in 0..rounds {
        load(&mut w, tensors, end, round);
        if round + 1 < rounds {
            release(&mut w, tensors);
        }
    }
    w.records
}

fn load(w: &mut Writer, tensors: &[TensorInfo], end: u64, round: u64) {
    let l = "model/loader";
    w.pass(100_000);
    w.add(What::Enter(Box::new(Export::Load { selection: Selection::All, options: LoadOptions::default() })));
    w.go(l, None, "Load", &[("selection_valid", true)], "make_plan", ("idle", "planning"));
    let from = if round == 0 { "unbound" } else { "evicted" };
    for i in 0..tensors.len() {
        let instance = u32::try_from(i).ok();
        w.pass(250);
        w.go("model/tensor", instance, "Begin", &[("is_unbound", round == 0)], "start_load", (from, "loading"));
    }
    w.go(l, None, "Planned", &[], "", ("planning", "transferring"));
    let len = window_len(end);
    for slot in 0..WINDOWS {
        let guards = [("extent_live", false), ("pool_empty", false), ("extent_past_end", false)];
        w.go("io/mmap", Some(slot), "Map", &guards, "reserve", ("ready", "mapping"));
        w.step("io/mmap", Some(slot), Happening::Command(id("map")));
        let call = Call::MapRange { source: 0, offset: u64::from(slot) * len, len };
        w.call(call, Answer::Mapping(round * u64::from(WINDOWS) + u64::from(slot)), 18_000);
        w.step("io/mmap", Some(slot), Happening::Answer((id("map"), true)));
        w.go("io/mmap", Some(slot), "Mapped", &[("map_succeeded", true)], "commit", ("mapping", "ready"));
    }
    w.go(l, None, "Transferred", &[], "", ("transferring", "applying"));
    for i in 0..tensors.len() {
        w.pass(180);
        w.go("model/tensor", u32::try_from(i).ok(), "Commit", &[], "bind_view", ("loading", "mmap_resident"));
    }
    w.go(l, None, "End", &[], "", ("applying", "idle"));
    w.step(l, None, Happening::Outcome((id("load"), true)));
    w.add(What::Leave(Box::new(Outcome::Ok(serde_json::Value::Null))));
}

fn release(w: &mut Writer, tensors: &[TensorInfo]) {
    w.pass(100_000);
    w.add(What::Enter(Box::new(Export::Release { selection: Selection::All })));
    for i in 0..tensors.len() {
        w.pass(120);
        w.go("model/tensor", u32::try_from(i).ok(), "Release", &[], "let_go", ("mmap_resident", "evicted"));
    }
    for slot in 0..WINDOWS {
        w.go("io/mmap", Some(slot), "Release", &[("still_used", false)], "unmap", ("ready", "unmapping"));
        let mapping = w.records.iter().rev().find_map(|r| match &r.what {
            What::Return { answer, .. } => match **answer {
                Answer::Mapping(m) => Some(m - m % u64::from(WINDOWS) + u64::from(slot)),
                _ => None,
            },
            _ => None,
        });
        w.call(Call::Unmap { mapping: mapping.unwrap_or(0) }, Answer::Done, 9_000);
        w.go("io/mmap", Some(slot), "Unmapped", &[], "", ("unmapping", "ready"));
    }
    w.add(What::Leave(Box::new(Outcome::Ok(serde_json::Value::Null))));
}
