//! Breadth-first search to closure, with the shortest way to what is broken.
//!
//! Cause not `stateright` (0.31 was looked at): its checker wants states that are `Send + Sync` and hash as a whole, while a
//! session holds a `Box<dyn Observer>` and is told apart from another by a key of its own; its actions are listed before
//! they run, while the answers that a request meets are known only as it runs; its properties see states, while most rules
//! here are about a step (before, request, outcome, after) and should say in words what is wrong. What would be left of it
//! is the queue and the visited set below, for some thirty more crates.
use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// What is explored.
pub trait Model {
    /// All that goes on from here.
    type State;
    /// What tells states apart. States with one key must behave alike.
    type Key: Hash + Eq;
    /// What leads from one state to the next.
    type Step: Clone;

    /// Where it begins.
    ///
    /// # Errors
    /// What is broken there already.
    fn start(&mut self) -> Result<Self::State, String>;
    /// What tells this state apart.
    fn key(state: &Self::State) -> Self::Key;
    /// Every step from a state, and where it leads or what it breaks.
    fn steps(&mut self, from: &Self::State, depth: usize, visit: &mut Visit<'_, Self>);
    /// What has to hold of a state that was not met before.
    ///
    /// # Errors
    /// What is broken.
    fn arrive(&mut self, _: &Self::State) -> Result<(), String> {
        Ok(())
    }
    /// A step that is shorter for a person has less weight. Among ways of one length the lightest is told.
    fn weight(_: &Self::Step) -> usize {
        0
    }
    /// The way from the start, for a person.
    fn tell(&mut self, way: &[Self::Step]) -> Vec<String>;
}

/// Takes a step and what it leads to.
pub type Visit<'v, M> = dyn FnMut(<M as Model>::Step, Result<<M as Model>::State, String>) + 'v;

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// States that differ.
    pub states: usize,
    /// Steps taken, whether or not they led to a new state.
    pub transitions: u64,
    /// Steps on the longest of the shortest ways.
    pub depth: usize,
    /// The first thing that is broken.
    pub broken: Option<Broken>,
}

/// Something that is broken, and the shortest way to it.
#[derive(Debug)]
pub struct Broken {
    /// What is wrong.
    pub what: String,
    /// Steps from the start.
    pub way: Vec<String>,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, line) in (1..).zip(&self.way) {
            writeln!(f, "{number}. {line}")?;
        }
        write!(f, "broken: {}", self.what)
    }
}

struct Visited<S> {
    from: usize,
    step: Option<S>,
}

/// Explores until no step leads anywhere new, or until something is broken, or to `at_most` states (which is broken too:
/// a check that does not come to an end shows nothing).
pub fn explore<M: Model>(model: &mut M, at_most: usize) -> Found {
    let mut found = Found::default();
    let start = match model.start() {
        Ok(start) => start,
        Err(what) => {
            found.broken = Some(Broken { what, way: Vec::new() });
            return found;
        }
    };
    let mut known = HashSet::from([M::key(&start)]);
    let mut visited = vec![Visited { from: 0, step: None }];
    let mut queue = VecDeque::from([(0usize, 0usize, start)]);
    while let Some((at, depth, state)) = queue.pop_front() {
        found.depth = found.depth.max(depth);
        if let Err(what) = model.arrive(&state) {
            found.broken = Some(Broken { what, way: model.tell(&way(&visited, at, None)) });
            break;
        }
        let mut worst: Option<(M::Step, String)> = None;
        model.steps(&state, depth, &mut |step, to| {
            found.transitions += 1;
            match to {
                Ok(to) => {
                    if known.insert(M::key(&to)) {
                        queue.push_back((visited.len(), depth + 1, to));
                        visited.push(Visited { from: at, step: Some(step) });
                    }
                }
                Err(what) => {
                    if worst.as_ref().is_none_or(|(lightest, _)| M::weight(&step) < M::weight(lightest)) {
                        worst = Some((step, what));
                    }
                }
            }
        });
        if let Some((step, what)) = worst {
            found.broken = Some(Broken { what, way: model.tell(&way(&visited, at, Some(step))) });
            break;
        }
        if visited.len() > at_most {
            found.broken = Some(Broken { what: format!("no end after {at_most} states"), way: Vec::new() });
            break;
        }
    }
    found.states = visited.len();
    found
}

fn way<S: Clone>(visited: &[Visited<S>], mut at: usize, last: Option<S>) -> Vec<S> {
    let mut way: Vec<S> = last.into_iter().collect();
    while let Some(step) = visited[at].step.clone() {
        way.push(step);
        at = visited[at].from;
    }
    way.reverse();
    way
}
