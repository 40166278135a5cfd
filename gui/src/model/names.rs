//! Names as small numbers.
use std::collections::HashMap;

/// Index of a name. Id 0 is the empty name; a trace that has more than 65,534 names shares the last id.
pub type NameId = u16;

/// Every name that was seen, and the ids that the trace gives them.
#[derive(Clone, Debug)]
pub struct Names {
    list: Vec<Box<str>>,
    index: HashMap<Box<str>, NameId>,
    trace: Vec<NameId>,
}

/// Names longer than this are cut: a name is a label, not a place to keep data.
const LONGEST: usize = 256;

impl Default for Names {
    fn default() -> Self {
        let mut names = Self { list: Vec::new(), index: HashMap::new(), trace: Vec::new() };
        names.intern("");
        names
    }
}

impl Names {
    /// The id of a name.
    pub fn intern(&mut self, name: &str) -> NameId {
        let cut: String;
        let name = if name.chars().count() > LONGEST {
            cut = name.chars().take(LONGEST).collect();
            &cut
        } else {
            name
        };
        if let Some(&id) = self.index.get(name) {
            return id;
        }
        if self.list.len() >= usize::from(NameId::MAX) {
            return NameId::MAX - 1;
        }
        #[allow(clippy::cast_possible_truncation)]
        let id = self.list.len() as NameId;
        self.list.push(name.into());
        self.index.insert(name.into(), id);
        id
    }

    /// The id of a name that may not have been seen.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NameId> {
        self.index.get(name).copied()
    }

    /// The name, unescaped.
    #[must_use]
    pub fn get(&self, id: NameId) -> &str {
        self.list.get(usize::from(id)).map_or("?", |n| n)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none but the empty one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.len() <= 1
    }

    /// Names that the trace gives; the first has the trace's index `first`.
    pub fn announce(&mut self, first: u32, names: &[String]) {
        let first = first as usize;
        // Trace indices are dense. A gap is a broken recording: those names read as `?`, and no memory is spent on it.
        if first > self.trace.len() {
            return;
        }
        self.trace.truncate(first);
        for name in names {
            let id = self.intern(name);
            self.trace.push(id);
        }
    }

    /// The id of the trace's index.
    #[must_use]
    pub fn of_trace(&self, index: u32) -> NameId {
        self.trace.get(index as usize).copied().unwrap_or(0)
    }
}

/// Whether a machine in this state is waiting or at work: tables name such states by what is being done.
#[must_use]
pub fn is_working(state: &str) -> bool {
    let state = state.strip_suffix("_more").unwrap_or(state);
    state.ends_with("ing") || ["ing_", "wait", "decision", "pending"].iter().any(|w| state.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_names_are_dense() {
        let mut names = Names::default();
        names.announce(0, &["a".into(), "b".into()]);
        names.announce(1_000_000, &["far".into()]);
        assert_eq!(names.get(names.of_trace(1)), "b");
        assert_eq!(names.of_trace(1_000_000), 0);
    }
}
