//! One run: a model that is or was open, with everything that is known of it.
use super::Kind;
use super::lint::Lint;
use super::pickle::Pickle;
use super::store::{Standing, Store};
use crate::backend::{Failure, HostFacts, ModelDiff, Opened, Origin, RaceRow, Sandbox, Update};
use crate::text::escape;
use std::collections::HashMap;
use weighbridge_core::model::{Attention, Totals, Unknown};
use weighbridge_core::types::{
    BufferState, Lifecycle, LoadReport, MachineTable, MetadataEntry, SlotState, TensorInfo, TensorState,
};

/// Most tensors that are kept: the bound of the contract.
const TENSORS: usize = 4_194_304;

/// Pages of a file in the page cache.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Bytes of a page.
    pub page: u64,
    /// One bit each, lowest first.
    pub bits: Vec<u8>,
}

/// A run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// What it is called, escaped.
    pub label: String,
    /// Where its records come from.
    pub origin: Origin,
    /// Whether there is one.
    pub begun: bool,
    /// Rows and indexes.
    pub store: Store,
    /// What was opened.
    pub opened: Option<Opened>,
    /// Tensors in the order of the files.
    pub tensors: Vec<TensorInfo>,
    /// Their names, escaped, once.
    pub names: Vec<String>,
    /// Residency, as the guest last reported it.
    pub states: Vec<TensorState>,
    /// Slots, as the guest last reported them.
    pub slots: Vec<SlotState>,
    /// Buffers, as the guest last reported them.
    pub buffers: Vec<BufferState>,
    /// Numbers.
    pub sandbox: Option<Sandbox>,
    /// The last load that went well.
    pub report: Option<LoadReport>,
    /// Metadata.
    pub metadata: Vec<MetadataEntry>,
    /// What the tensors add up to, once all are there.
    pub totals: Totals,
    /// What the metadata say of the cache of keys and values, or why they do not.
    pub attention: Option<Result<Attention, Unknown>>,
    /// What a checkpoint's pickles would do.
    pub pickle: Option<Pickle>,
    /// First bytes of a tensor.
    pub preview: Option<(u32, Vec<u8>)>,
    /// Pages by file.
    pub pages: HashMap<u32, Pages>,
    /// What went wrong last, and the row at which it did.
    pub failure: Option<(u64, Failure)>,
    /// The race.
    pub race: Vec<RaceRow>,
    /// What differs between it and another model.
    pub diff: Option<ModelDiff>,
    /// What was noticed.
    pub lints: Vec<Lint>,
    /// Guest memory over time: nanoseconds and bytes.
    pub memory: Vec<(u64, u64)>,
    /// Counts up with every change that is not a record.
    pub revision: u64,
}

/// A load within a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Its first row.
    pub from: u64,
    /// The row after its last.
    pub to: u64,
    /// Its arguments.
    pub label: String,
    /// Nanoseconds; `None` while it lasts.
    pub ns: Option<u64>,
    /// Whether it went well.
    pub ok: super::Ok3,
}

impl Run {
    /// A run that begins.
    #[must_use]
    pub fn new(label: &str, origin: Origin) -> Self {
        Self { label: escape(label), origin, begun: true, ..Self::default() }
    }

    /// Takes an update; answers whether it was about the run.
    pub fn take(&mut self, update: Update) -> bool {
        if !matches!(update, Update::Records(_)) {
            self.revision += 1;
        }
        match update {
            Update::Records(records) => self.store.push_all(&records),
            Update::Opened(opened) => self.opened = Some(*opened),
            Update::Tensors { start, tensors } => self.add_tensors(start, tensors),
            Update::States(states) => self.states = states,
            Update::Slots(slots) => self.slots = slots,
            Update::Buffers(buffers) => self.buffers = buffers,
            Update::Sandbox(sandbox) => {
                if self.memory.len() < 100_000 {
                    self.memory.push((self.store.last_at(), sandbox.guest_memory));
                }
                self.sandbox = Some(*sandbox);
            }
            Update::Report(report) => self.report = Some(*report),
            Update::Metadata(entries) => {
                self.attention = Some(Attention::of_metadata(&entries));
                self.metadata = entries;
                self.pickle = Pickle::of(self);
            }
            Update::Preview { tensor, bytes } => self.preview = Some((tensor, bytes)),
            Update::Pages { file, page, bits } => {
                self.pages.insert(file, Pages { page: page.max(1), bits });
            }
            Update::Failed(failure) => self.failure = Some((self.store.end(), *failure)),
            Update::Race(rows) => self.race = rows,
            Update::Diff(diff) => self.diff = Some(*diff),
            _ => return false,
        }
        true
    }

    fn add_tensors(&mut self, start: u32, tensors: Vec<TensorInfo>) {
        let start = start as usize;
        if start > self.tensors.len() || start + tensors.len() > TENSORS {
            return;
        }
        self.tensors.truncate(start);
        self.names.truncate(start);
        self.names.extend(tensors.iter().map(|t| escape(&t.name)));
        self.tensors.extend(tensors);
    }

    /// The loads of the run, in order.
    #[must_use]
    pub fn loads(&self) -> Vec<Load> {
        let store = &self.store;
        let (Some(load), Some(exports)) = (store.names.find("load"), store.names.find("exports")) else {
            return Vec::new();
        };
        let Some(lane) = store.lanes.iter().find(|l| l.kind == Kind::Export && l.name == exports) else {
            return Vec::new();
        };
        let ids: Vec<u64> = lane.rows.iter().map(|&(_, id)| id).collect();
        let mut out = Vec::new();
        for (i, &id) in ids.iter().enumerate() {
            let Some(row) = store.row(id) else { continue };
            if store.edge(row).event != load {
                continue;
            }
            let to = ids.get(i + 1).copied().unwrap_or(store.end());
            let label = store.detail(row).map_or_else(String::new, |d| d.text.to_string());
            let ns = (row.dur != super::row::OPEN).then_some(row.dur);
            out.push(Load { from: id, to, label, ns, ok: row.ok });
        }
        out
    }

    /// The lifecycle of a tensor, as the trace has it before the cursor.
    #[must_use]
    pub fn lifecycle_at(&self, standing: &Standing, lane: Option<u16>, tensor: u32) -> Lifecycle {
        lane.and_then(|lane| self.store.state_of(standing, lane, tensor))
            .and_then(|state| lifecycle(self.store.name(state)))
            .unwrap_or(Lifecycle::Unbound)
    }

    /// The name of a file, escaped.
    #[must_use]
    pub fn file_name(&self, file: u32) -> String {
        self.opened
            .as_ref()
            .and_then(|o| o.files.get(file as usize))
            .map_or_else(|| format!("file {file}"), |f| escape(&f.name))
    }

    /// Sizes of the files.
    #[must_use]
    pub fn file_size(&self, file: u32) -> u64 {
        let known = self.opened.as_ref().and_then(|o| o.files.get(file as usize)).map_or(0, |f| f.size);
        let tensors = || {
            self.tensors
                .iter()
                .filter(|t| t.source == file)
                .map(|t| t.offset.saturating_add(t.bytes))
                .max()
                .unwrap_or(0)
        };
        let spans = || {
            self.store
                .io
                .spans
                .iter()
                .filter(|s| s.file == file)
                .map(|s| s.offset.saturating_add(s.len))
                .max()
                .unwrap_or(0)
        };
        if known > 0 { known } else { tensors().max(spans()) }
    }

    /// The table of a machine.
    #[must_use]
    pub fn table<'a>(&self, host: &'a HostFacts, machine: &str) -> Option<&'a MachineTable> {
        host.tables.iter().find(|t| t.machine == machine)
    }
}

/// The lifecycle that a state of model/tensor stands for.
#[must_use]
pub fn lifecycle(state: &str) -> Option<Lifecycle> {
    let same = |name: &str| name.bytes().map(dash).eq(state.bytes().map(dash));
    Lifecycle::ALL.iter().copied().find(|l| same(l.name()))
}

const fn dash(b: u8) -> u8 {
    if b == b'_' { b'-' } else { b.to_ascii_lowercase() }
}
