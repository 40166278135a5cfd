//! The names that a guest gives its machines, states, events and so on, by index.
use super::header::Recording;
use super::name::Name;
use crate::trace::{Record, What};
use crate::types::{Entry, Happening};

/// The names given so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names(Vec<Name>);

impl Names {
    /// Those that were given before the first record.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self(names.into_iter().map(Name::from).collect())
    }

    /// All that a recording gives.
    #[must_use]
    pub fn of(recording: &Recording) -> Self {
        let mut names = Self::new(recording.header.names.clone());
        for record in &recording.records {
            names.learn(record);
        }
        names
    }

    /// Takes the names that a record gives, if it does. A guest cannot make the list longer than what it sent.
    pub fn learn(&mut self, record: &Record) {
        if let What::Names { first, names } = &record.what
            && usize::try_from(*first).is_ok_and(|first| first == self.0.len())
        {
            self.0.extend(names.iter().map(|name| Name::from(name.as_str())));
        }
    }

    /// The name with this index; `#12` where the guest never gave it.
    #[must_use]
    pub fn get(&self, index: u32) -> Name {
        let known = usize::try_from(index).ok().and_then(|index| self.0.get(index));
        known.cloned().unwrap_or_else(|| format!("#{index}").into())
    }

    /// A step in words: `model/tensor[7]: unbound → loading`.
    #[must_use]
    pub fn step(&self, entry: &Entry) -> String {
        let machine = self.get(entry.machine);
        let who = entry.instance.map_or_else(|| machine.to_string(), |instance| format!("{machine}[{instance}]"));
        let yes = |good: bool| if good { "yes" } else { "no" };
        match entry.what {
            Happening::Event(name) => format!("{who}: event {}", self.get(name)),
            Happening::Guard((name, held)) => format!("{who}: guard {} — {}", self.get(name), yes(held)),
            Happening::Action(name) => format!("{who}: action {}", self.get(name)),
            Happening::Transition((from, to)) => format!("{who}: {} → {}", self.get(from), self.get(to)),
            Happening::Command(name) => format!("{who}: command {}", self.get(name)),
            Happening::Answer((name, good)) => {
                format!("{who}: answer {} ({})", self.get(name), if good { "ok" } else { "failed" })
            }
            Happening::Outcome((name, good)) => {
                format!("{who}: outcome {} ({})", self.get(name), if good { "ok" } else { "failed" })
            }
        }
    }
}
