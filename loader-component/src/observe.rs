//! What the machines tell the observer: entries by small ids, gathered and flushed before each storage call and at the
//! end of each export.
use crate::actors::snake;
use crate::bindings::weighbridge::loader::observer::{Entry, Happening};
use crate::types::Level;
use std::cell::RefCell;
use std::collections::HashMap;

/// Where names and entries go: the component's import, or a test's collector.
pub trait Observer {
    /// Further names; the first gets the next free index.
    fn add_names(&mut self, names: &[String]);
    /// Entries in order.
    fn emit(&mut self, entries: &[Entry]);
}

/// The observer of those who want none.
impl Observer for () {
    fn add_names(&mut self, _: &[String]) {}
    fn emit(&mut self, _: &[Entry]) {}
}

/// Ids of names by where the names lie. A name is a constant of the program and nearly always the very one that was asked
/// for before: comparing its address takes a tenth of what hashing its text does, and a watched load is mostly that.
#[derive(Default)]
struct Ids {
    near: Vec<(usize, usize, u32)>,
    all: HashMap<&'static str, u32>,
}

impl Ids {
    /// Places of `near`: a power of two, some times as many as there are names.
    const NEAR: usize = 1024;

    fn get(&mut self, name: &'static str) -> Option<u32> {
        let (address, len) = (name.as_ptr() as usize, name.len());
        if let Some(&(_, _, id)) =
            self.near.get(Self::place(address, len)).filter(|near| (near.0, near.1) == (address, len))
        {
            return Some(id);
        }
        let id = *self.all.get(name)?;
        self.keep(name, id);
        Some(id)
    }

    fn insert(&mut self, name: &'static str, id: u32) {
        self.all.insert(name, id);
        self.keep(name, id);
    }

    fn keep(&mut self, name: &'static str, id: u32) {
        let (address, len) = (name.as_ptr() as usize, name.len());
        // No name has no address, so an empty place is nobody's.
        self.near.resize(Self::NEAR, (0, 0, 0));
        if let Some(near) = self.near.get_mut(Self::place(address, len)) {
            *near = (address, len, id);
        }
    }

    const fn place(address: usize, len: usize) -> usize {
        (address ^ (address >> 10) ^ len) % Self::NEAR
    }
}

struct Sink {
    observer: Box<dyn Observer>,
    ids: Ids,
    states: Ids,
    given: u32,
    fresh: Vec<String>,
    entries: Vec<Entry>,
}

impl Sink {
    fn id(&mut self, name: &'static str) -> u32 {
        if let Some(id) = self.ids.get(name) {
            return id;
        }
        let id = self.give(name.to_owned());
        self.ids.insert(name, id);
        id
    }

    /// States have names of their own: what `sml` calls `FallingBack` is `falling_back` in the table.
    fn state(&mut self, name: &'static str) -> u32 {
        if let Some(id) = self.states.get(name) {
            return id;
        }
        let id = self.give(snake(name));
        self.states.insert(name, id);
        id
    }

    fn give(&mut self, name: String) -> u32 {
        self.fresh.push(name);
        self.given = self.given.saturating_add(1);
        self.given - 1
    }

    fn flush(&mut self) {
        if !self.fresh.is_empty() {
            self.observer.add_names(&self.fresh);
            self.fresh.clear();
        }
        if !self.entries.is_empty() {
            self.observer.emit(&self.entries);
            self.entries.clear();
        }
    }
}

/// Gathers what the machines do and hands it to the observer.
pub struct Watch {
    level: Level,
    sink: RefCell<Sink>,
}

/// Entries are flushed early when so many have gathered, so that a bulk dispatch over many tensors stays bounded.
const GATHERED: usize = 4096;

impl Watch {
    /// Watches at a level.
    #[must_use]
    pub fn new(level: Level, observer: Box<dyn Observer>) -> Self {
        let sink = Sink {
            observer,
            ids: Ids::default(),
            states: Ids::default(),
            given: 0,
            fresh: Vec::new(),
            entries: Vec::new(),
        };
        Self { level, sink: RefCell::new(sink) }
    }

    /// Watches at another level from now on.
    pub fn set_level(&mut self, level: Level) {
        self.flush();
        self.level = level;
    }

    /// Hands over what has gathered. Costs nothing at level off.
    pub fn flush(&self) {
        if self.level != Level::Off {
            self.sink.borrow_mut().flush();
        }
    }

    /// The logger for one dispatch of one machine.
    #[must_use]
    pub fn of(&self, machine: &'static str, instance: Option<u32>) -> Trace<'_> {
        Trace { watch: self, machine, instance, detail: self.detail() }
    }

    fn detail(&self) -> bool {
        matches!(self.level, Level::Transitions | Level::Steps)
    }

    fn push(&self, machine: &'static str, instance: Option<u32>, what: impl FnOnce(&mut Sink) -> Happening) {
        let sink = &mut *self.sink.borrow_mut();
        let machine = sink.id(machine);
        let what = what(sink);
        sink.entries.push(Entry { machine, instance, what });
        if self.level == Level::Steps || sink.entries.len() >= GATHERED {
            sink.flush();
        }
    }

    /// A machine left a command.
    pub fn command(&self, machine: &'static str, instance: Option<u32>, command: &'static str) {
        if self.detail() {
            self.push(machine, instance, |sink| Happening::Command(sink.id(command)));
        }
    }

    /// The driver brings an answer.
    pub fn answer(&self, machine: &'static str, instance: Option<u32>, command: &'static str, ok: bool) {
        if self.detail() {
            self.push(machine, instance, |sink| Happening::Answer((sink.id(command), ok)));
        }
    }

    /// A request ended.
    pub fn outcome(&self, machine: &'static str, instance: Option<u32>, request: &'static str, ok: bool) {
        if self.level != Level::Off {
            self.push(machine, instance, |sink| Happening::Outcome((sink.id(request), ok)));
        }
    }
}

/// The logger that one dispatch of one machine writes to.
pub struct Trace<'w> {
    watch: &'w Watch,
    machine: &'static str,
    instance: Option<u32>,
    detail: bool,
}

impl Trace<'_> {
    fn push(&self, what: impl FnOnce(&mut Sink) -> Happening) {
        if self.detail {
            self.watch.push(self.machine, self.instance, what);
        }
    }
}

impl sml::Logger for Trace<'_> {
    fn log_process_event(&mut self, event: &'static str) {
        self.push(|sink| Happening::Event(sink.id(event)));
    }

    fn log_guard(&mut self, guard: &'static str, _: &'static str, held: bool) {
        self.push(|sink| Happening::Guard((sink.id(guard), held)));
    }

    fn log_action(&mut self, action: &'static str, _: &'static str) {
        self.push(|sink| Happening::Action(sink.id(action)));
    }

    fn log_state_change(&mut self, from: &'static str, to: &'static str) {
        self.push(|sink| Happening::Transition((sink.state(from), sink.state(to))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_id_wherever_it_lies() {
        let mut ids = Ids::default();
        // The same text at two addresses, and another text at the address of the first.
        let twice: &'static str = "ready, ready";
        let (first, second, prefix) = (&twice[..5], &twice[7..], &twice[..4]);
        assert_eq!(ids.get(first), None);
        ids.insert(first, 3);
        for _ in 0..2 {
            assert_eq!((ids.get(first), ids.get(second), ids.get(prefix)), (Some(3), Some(3), None));
        }
    }
}
