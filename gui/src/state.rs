//! What is shown, and from where in time.
use crate::backend::{Breakpoint, Fault, FileRef, HostFacts, OpenOptions};
use crate::command::{Choice, Extent, Look};
use crate::model::compare::Comparison;
use crate::model::run::Load;
use crate::model::search::Search;
use crate::model::store::Standing;
use crate::model::{Run, lints};
use crate::panel::Panel;
use weighbridge_core::model::Totals;
use weighbridge_core::types::{
    ExtentPolicy, Lifecycle, LoadOptions, Selection, StrategyPolicy, TensorState, Validation,
};

/// Runs kept for comparison besides the one that is shown.
const KEPT: usize = 3;
/// Messages kept.
const MESSAGES: usize = 5;
/// Seconds after which a message goes; one that something could not be done stays longer.
const MESSAGE_SECONDS: [f64; 2] = [6.0, 30.0];

/// What is remembered between two starts.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Prefs {
    /// Dark or light.
    pub look: Look,
    /// Files opened before, the latest first.
    pub recent: Vec<FileRef>,
    /// Strategies.
    pub choice: Choice,
    /// Extent.
    pub extent: Extent,
    /// Staging size in KiB; 0 = default.
    pub chunk_kib: u32,
    /// Check the structure and the architecture after a load.
    pub validate: bool,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The sentence.
    pub text: String,
    /// Whether something could not be done.
    pub bad: bool,
    /// When, in seconds.
    pub at: f64,
}

/// A load of one of the runs: 0 is the one that is shown.
#[derive(Clone, Debug)]
pub struct LoadAt {
    /// Which run.
    pub run: usize,
    /// Which load.
    pub load: Load,
    /// Run and load in words.
    pub label: String,
}

/// Two loads compared.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Left.
    pub a: LoadAt,
    /// Right.
    pub b: LoadAt,
    /// What came of it.
    pub result: Comparison,
}

/// Everything that the panels see.
#[derive(Default)]
pub struct State {
    /// The host and the component.
    pub host: HostFacts,
    /// The run that is shown.
    pub run: Run,
    /// Runs before it, the latest first.
    pub kept: Vec<Run>,
    /// The row at which everything is shown; `None` follows what happens.
    pub cursor: Option<u64>,
    /// Rows there were when the cursor was set.
    pub head: u64,
    /// Rows that answer the query.
    pub search: Search,
    /// The query.
    pub query: String,
    /// What is wrong with it.
    pub query_error: Option<String>,
    /// Whether rows are still looked through.
    pub searching: bool,
    /// The tensor of the details.
    pub tensor: Option<u32>,
    /// The glob of the next load; empty means all.
    pub selection: String,
    /// How the next model is opened.
    pub open: OpenOptions,
    /// Preferences.
    pub prefs: Prefs,
    /// Where the files came from that were opened last: for a report that may have paths.
    pub paths: Vec<String>,
    /// The files of the model that is compared with the one that is open.
    pub other: Vec<FileRef>,
    /// Faults that are armed.
    pub faults: Vec<Fault>,
    /// Where the guest is held.
    pub breaks: Vec<Breakpoint>,
    /// Whether every step is watched.
    pub every_step: bool,
    /// The tensor of which a view is held.
    pub borrowed: Option<u32>,
    /// Why the guest is held.
    pub held: Option<String>,
    /// Whether the last request failed.
    pub failed: bool,
    /// What is under way, and since when.
    pub busy: Option<(String, f64)>,
    /// Messages, the latest last.
    pub messages: Vec<Message>,
    /// The comparison.
    pub compared: Option<Compared>,
    /// The panel that is shown alone.
    pub maximised: Option<Panel>,
    /// Whether a script drives: then panels do not come forward by themselves.
    pub scripted: bool,
    /// egui's time in seconds.
    pub now: f64,
    then: Standing,
    then_end: Option<u64>,
    linted: Option<u64>,
    flash_end: u64,
    flash_at: f64,
}

impl State {
    /// The row after the last that is shown.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.cursor.map_or(self.run.store.end(), |c| (c + 1).min(self.run.store.end()))
    }

    /// Where everything stood at the cursor.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        if self.cursor.is_some() { &self.then } else { &self.run.store.now }
    }

    /// Whether what is shown is what is the case now.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.cursor.is_none()
    }

    /// Rows that came since the cursor was set.
    #[must_use]
    pub fn unseen(&self) -> u64 {
        self.run.store.end().saturating_sub(self.head)
    }

    /// Sets the cursor.
    pub fn scrub(&mut self, row: Option<u64>) {
        let store = &self.run.store;
        self.cursor = match row {
            Some(row) if !store.is_empty() => Some(row.clamp(store.first(), store.end() - 1)),
            _ => None,
        };
        self.head = store.end();
    }

    /// Says something.
    pub fn say(&mut self, text: impl Into<String>, bad: bool) {
        self.messages.push(Message { text: text.into(), bad, at: self.now });
        if self.messages.len() > MESSAGES {
            self.messages.remove(0);
        }
    }

    /// Keeps a run for comparison.
    pub fn keep(&mut self, run: Run) {
        self.compared = None;
        if !run.store.is_empty() {
            self.kept.insert(0, run);
            self.kept.truncate(KEPT);
        }
    }

    /// A run by its number: 0 is the one that is shown.
    #[must_use]
    pub fn run_at(&self, i: usize) -> Option<&Run> {
        if i == 0 { Some(&self.run) } else { self.kept.get(i - 1) }
    }

    /// Every load of every run, the oldest first.
    #[must_use]
    pub fn loads(&self) -> Vec<LoadAt> {
        let mut out = Vec::new();
        for i in (0..=self.kept.len()).rev() {
            let Some(run) = self.run_at(i) else { continue };
            for (n, load) in run.loads().into_iter().enumerate() {
                let label = format!("{} · load {} · {}", run.label, n + 1, load.label);
                out.push(LoadAt { run: i, load, label });
            }
        }
        out
    }

    /// The tensors that are mapped in a slot now.
    #[must_use]
    pub fn tensors_of(&self, slot: u32) -> Vec<u32> {
        let held = |s: &TensorState| s.slot == Some(slot) && s.location.is_some();
        (0u32..).zip(&self.run.states).filter(|(_, s)| held(s)).map(|(i, _)| i).collect()
    }

    /// What the guest last reported of a tensor, while the app shows the present.
    #[must_use]
    pub fn reported(&self, tensor: u32) -> Option<&TensorState> {
        if self.is_live() && self.busy.is_none() { self.run.states.get(tensor as usize) } else { None }
    }

    /// The lifecycle of a tensor at the cursor; `lane` is that of model/tensor.
    #[must_use]
    pub fn lifecycle(&self, lane: Option<u16>, tensor: u32) -> Lifecycle {
        self.reported(tensor).map_or_else(|| self.run.lifecycle_at(self.standing(), lane, tensor), |s| s.lifecycle)
    }

    /// The options of the next load.
    #[must_use]
    pub fn load_options(&self) -> LoadOptions {
        let p = &self.prefs;
        LoadOptions::new()
            .policy(match p.choice {
                Choice::Auto => StrategyPolicy::Auto,
                Choice::Only(s) => StrategyPolicy::Only(s),
            })
            .extent(match p.extent {
                Extent::WholeFile => ExtentPolicy::WholeFile,
                Extent::PerTensor => ExtentPolicy::PerTensor,
                Extent::Window(mib) => ExtentPolicy::Window(u64::from(mib) << 20),
            })
            .staging_bytes(u64::from(p.chunk_kib) << 10)
            .validate(Validation::new().structure(p.validate).architecture(p.validate))
    }

    /// The tensors of the next load.
    #[must_use]
    pub fn selected(&self) -> Selection {
        let glob = self.selection.trim();
        if glob.is_empty() { Selection::All } else { Selection::Matching(glob.to_owned()) }
    }

    /// Whether something changed so recently that it is still lit.
    #[must_use]
    pub fn flashing(&self) -> bool {
        self.now - self.flash_at < 0.6
    }

    /// How brightly the last transition is lit, from 1 down to 0.
    #[must_use]
    pub fn flash(&self) -> f32 {
        #[allow(clippy::cast_possible_truncation)]
        let t = ((self.now - self.flash_at) / 0.6) as f32;
        (1.0 - t).clamp(0.0, 1.0)
    }

    /// Brings everything up to date once a frame.
    pub fn tick(&mut self) {
        self.searching = self.search.advance(&mut self.run.store, &self.run.names);
        if let Some(cursor) = self.cursor {
            // Rows leave the ring while the cursor stands on them.
            self.cursor = Some(cursor.max(self.run.store.first()));
            let end = self.end();
            if self.then_end != Some(end) {
                self.then = self.run.store.standing(end);
                self.then_end = Some(end);
            }
        } else {
            self.then_end = None;
        }
        if self.flash_end != self.end() {
            self.flash_end = self.end();
            self.flash_at = self.now;
        }
        let due = self.linted != Some(self.run.revision) && self.busy.is_none();
        if due {
            if self.run.totals.all.tensors != self.run.tensors.len() as u64 {
                self.run.totals = Totals::of(&self.run.tensors);
            }
            self.run.lints = lints::lints(&self.run);
            self.linted = Some(self.run.revision);
        }
        let now = self.now;
        self.messages.retain(|m| now - m.at < MESSAGE_SECONDS[usize::from(m.bad)]);
    }
}
