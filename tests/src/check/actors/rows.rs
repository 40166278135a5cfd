//! Which rows of the tables were taken, told from what the machines tell their observer. (The suite's own `rows` follows
//! one machine through its life; here each event finds its machine in another branch, and there are millions.)
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;
use weighbridge_loader::actors::tables;
use weighbridge_loader::api::{MachineRow, MachineTable};
use weighbridge_loader::bindings::weighbridge::loader::observer::{Entry, Happening};
use weighbridge_loader::observe::{Observer, Watch};
use weighbridge_loader::types::Level;

/// The rows that were taken.
pub struct Rows {
    tables: Rc<Vec<MachineTable>>,
    /// Number of the table, number of the row.
    taken: Rc<RefCell<BTreeSet<(usize, usize)>>>,
}

impl Default for Rows {
    fn default() -> Self {
        Self { tables: Rc::new(tables()), taken: Rc::default() }
    }
}

impl Rows {
    /// A watch over a machine whose every event is sent in this state.
    #[must_use]
    pub fn watch(&self, machine: &str, state: &str) -> Watch {
        let table = self.tables.iter().position(|table| table.machine == machine).unwrap();
        let reader = Reader {
            tables: Rc::clone(&self.tables),
            table,
            from: state.to_owned(),
            names: Vec::new(),
            seen: HashSet::new(),
            taken: Rc::clone(&self.taken),
        };
        Watch::new(Level::Transitions, Box::new(reader))
    }

    /// How many rows were taken, how many there are, and those that were not.
    #[must_use]
    pub fn count(&self) -> (usize, usize, Vec<String>) {
        let taken = self.taken.borrow();
        let mut never = Vec::new();
        for (table, number) in self.tables.iter().zip(0..) {
            for (row, at) in table.rows.iter().zip(0..) {
                if !taken.contains(&(number, at)) {
                    let MachineRow { source, event, guard, action, .. } = row;
                    never.push(format!("{}: {source} + {event} [{guard}] / {action}", table.machine));
                }
            }
        }
        (taken.len(), self.tables.iter().map(|table| table.rows.len()).sum(), never)
    }
}

/// Reads what one dispatch tells. What was read once in this state is not read again.
struct Reader {
    tables: Rc<Vec<MachineTable>>,
    table: usize,
    from: String,
    names: Vec<String>,
    seen: HashSet<Vec<(u8, u32, u32)>>,
    taken: Rc<RefCell<BTreeSet<(usize, usize)>>>,
}

impl Reader {
    fn name(&self, id: u32) -> String {
        self.names.get(id as usize).cloned().unwrap_or_default()
    }

    /// The row that was taken. That none, or more than one, fits what was told is a failure.
    fn find(&self, state: &str, event: &str, completion: bool, guard: &str, action: &str) -> usize {
        let rows = &self.tables[self.table].rows;
        let expected = rows.iter().any(|row| row.source == state && row.event == event);
        let event = if expected { event } else { "unexpected" };
        let fits = |row: &MachineRow| {
            let told = (row.source.as_str(), row.event.as_str(), row.guard.as_str(), row.action.as_str());
            told == (state, event, guard, action) && row.completion == completion
        };
        let found: Vec<usize> = (0..rows.len()).filter(|at| fits(&rows[*at])).collect();
        assert_eq!(found.len(), 1, "{state} + {event} [{guard}] / {action} is {} rows", found.len());
        found[0]
    }
}

impl Observer for Reader {
    fn add_names(&mut self, names: &[String]) {
        self.names.extend(names.iter().cloned());
    }

    fn emit(&mut self, entries: &[Entry]) {
        let short = entries.iter().map(|entry| match entry.what {
            Happening::Event(id) => (0, id, 0),
            Happening::Guard((id, held)) => (1, id, u32::from(held)),
            Happening::Action(id) => (2, id, 0),
            Happening::Transition((from, to)) => (3, from, to),
            _ => (4, 0, 0),
        });
        if !self.seen.insert(short.collect()) {
            return;
        }
        let (mut state, mut event, mut guard, mut completion) =
            (self.from.clone(), String::new(), String::new(), false);
        for entry in entries {
            match entry.what {
                Happening::Event(id) => event = self.name(id),
                Happening::Guard((id, held)) => guard = if held { self.name(id) } else { String::new() },
                Happening::Action(id) => {
                    let row = self.find(&state, &event, completion, &guard, &self.name(id));
                    self.taken.borrow_mut().insert((self.table, row));
                    completion = true;
                    guard.clear();
                }
                Happening::Transition((_, to)) => state = self.name(to),
                _ => {}
            }
        }
    }
}
