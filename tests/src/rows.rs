//! Which rows of the transition tables were taken, told from what the machines tell their observer.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};
use weighbridge_loader::actors::tables;
use weighbridge_loader::api::MachineTable;
use weighbridge_loader::bindings::weighbridge::loader::observer::{Entry, Happening};
use weighbridge_loader::observe::{Observer, Watch};
use weighbridge_loader::types::Level;

/// Machine and number of the row.
type Row = (String, usize);

static TAKEN: Mutex<BTreeSet<Row>> = Mutex::new(BTreeSet::new());

fn every_table() -> &'static [MachineTable] {
    static TABLES: OnceLock<Vec<MachineTable>> = OnceLock::new();
    TABLES.get_or_init(tables)
}

/// How many rows were taken in this process, how many there are, and those that were not.
#[must_use]
pub fn coverage() -> (usize, usize, Vec<String>) {
    let taken = TAKEN.lock().unwrap();
    let mut never = Vec::new();
    for table in every_table() {
        for (number, row) in table.rows.iter().enumerate() {
            if !taken.contains(&(table.machine.clone(), number)) {
                let guard = if row.guard.is_empty() { String::new() } else { format!(" [{}]", row.guard) };
                never.push(format!(
                    "{}: {} + {}{guard} / {} -> {}",
                    table.machine, row.source, row.event, row.action, row.target
                ));
            }
        }
    }
    (taken.len(), every_table().iter().map(|table| table.rows.len()).sum(), never)
}

/// Where one machine stands, as far as its entries tell.
#[derive(Clone, Debug, Default)]
struct Standing {
    state: String,
    event: String,
    guard: String,
    steps: usize,
}

/// An observer that finds the row of every step. A step that no row allows is a failure.
#[derive(Default)]
pub struct Watcher {
    names: Vec<String>,
    machines: BTreeMap<(String, Option<u32>), Standing>,
}

impl Watcher {
    /// Of a machine that does not stand in its initial state.
    #[must_use]
    pub fn of(machine: &str, instance: Option<u32>, state: &str) -> Self {
        let standing = Standing { state: state.to_owned(), ..Standing::default() };
        Self { names: Vec::new(), machines: BTreeMap::from([((machine.to_owned(), instance), standing)]) }
    }

    fn name(&self, id: u32) -> String {
        self.names[id as usize].clone()
    }
}

/// A watch over one machine in a state.
#[must_use]
pub fn watch(machine: &str, instance: Option<u32>, state: &str) -> Watch {
    Watch::new(Level::Steps, Box::new(Watcher::of(machine, instance, state)))
}

impl Observer for Watcher {
    fn add_names(&mut self, names: &[String]) {
        self.names.extend(names.iter().cloned());
    }

    fn emit(&mut self, entries: &[Entry]) {
        for entry in entries {
            let machine = self.name(entry.machine);
            let table = every_table().iter().find(|table| table.machine == machine).expect("a known machine");
            // Only where the machines are many; what one machine keeps many of has no state of its own.
            let instance = entry.instance.filter(|_| table.pooled);
            let happening = match entry.what {
                Happening::Event(id) => (Some(self.name(id)), None, None, None),
                Happening::Guard((id, held)) => (None, Some((self.name(id), held)), None, None),
                Happening::Action(id) => (None, None, Some(self.name(id)), None),
                Happening::Transition((from, to)) => (None, None, None, Some((self.name(from), self.name(to)))),
                _ => continue,
            };
            let initial = Standing { state: table.initial.clone(), ..Standing::default() };
            let standing = self.machines.entry((machine.clone(), instance)).or_insert(initial);
            match happening {
                (Some(event), ..) => {
                    *standing = Standing { state: std::mem::take(&mut standing.state), event, ..Standing::default() };
                }
                (_, Some((guard, held)), ..) => {
                    standing.guard = if held { guard } else { String::new() };
                }
                (_, _, Some(action), _) => {
                    let known =
                        table.rows.iter().any(|row| row.source == standing.state && row.event == standing.event);
                    let event = if known { standing.event.as_str() } else { "unexpected" };
                    let found: Vec<usize> = (0..table.rows.len())
                        .filter(|at| {
                            let row = &table.rows[*at];
                            row.source == standing.state
                                && row.event == event
                                && row.completion == (standing.steps > 0)
                                && row.guard == standing.guard
                                && row.action == action
                        })
                        .collect();
                    let [row] = found[..] else {
                        panic!("{machine}: {standing:?} / {action} is {} rows", found.len());
                    };
                    standing.steps += 1;
                    standing.guard.clear();
                    TAKEN.lock().unwrap().insert((machine, row));
                }
                (.., Some((from, to))) => {
                    assert_eq!(standing.state, from, "{machine} went from where it was not");
                    standing.state = to;
                }
                _ => {}
            }
        }
    }
}
