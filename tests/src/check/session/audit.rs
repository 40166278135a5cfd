//! States with one key must behave alike. Here a state is compared with another of the same key and another past: a load
//! that failed and gave back what it had got, say, so that tickets, generations, the host's names and what a load leaves
//! behind differ. Every request has to lead both to the same outcome and the same key.
use super::oracle::{Answer, Call, Rules};
use super::{Model, Node};
use crate::check::search::Model as _;

const ONE_FAILS: Rules = Rules { every_error: false, failures: 1 };

impl Model {
    /// Compares a state with others of its key.
    ///
    /// # Errors
    /// The request that tells them apart.
    pub(super) fn audit(&mut self, node: &Node) -> Result<(), String> {
        let Some(other) = self.other_past(node) else { return Ok(()) };
        self.audited += 1;
        for request in self.requests(node) {
            let mut prefix = Some(Vec::new());
            while let Some(choices) = prefix {
                let (outcome, to) = self.run(node, &request, ONE_FAILS, choices.clone());
                prefix = to.world.oracle.next();
                let key = Self::key(&to);
                let (other_outcome, other_to) = self.run(&other, &request, ONE_FAILS, choices);
                if outcome.to_string() != other_outcome.to_string() || key != Self::key(&other_to) {
                    return Err(format!(
                        "states that should behave alike do not. {request}: {outcome} and {other_outcome}; {key:?} and {:?}",
                        Self::key(&other_to)
                    ));
                }
            }
        }
        Ok(())
    }

    /// The same state with another past: after a request that led back to it, best of all one that got something from the
    /// host and gave it back.
    fn other_past(&self, node: &Node) -> Option<Node> {
        let key = Self::key(node);
        let mut found = None;
        for request in self.requests(node) {
            let mut prefix = Some(Vec::new());
            while let Some(choices) = prefix {
                let (_, to) = self.run(node, &request, ONE_FAILS, choices);
                prefix = to.world.oracle.next();
                if Self::key(&to) != key {
                    continue;
                }
                let got = [(Call::Map, Answer::Ok), (Call::Allocate, Answer::Ok)];
                if to.world.log.iter().any(|said| got.contains(said)) {
                    return Some(to);
                }
                if !to.world.log.is_empty() {
                    found = Some(to);
                }
            }
        }
        found
    }
}
