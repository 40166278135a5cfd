//! The rows that answer a query, kept up as rows come: a part of the work in each frame, so that no frame waits.
use super::query::{Prepared, Query};
use super::store::Store;

/// Rows looked at in one frame.
const PER_FRAME: u64 = 120_000;

/// The answer to a query so far.
#[derive(Clone, Debug, Default)]
pub struct Search {
    query: Query,
    prepared: Option<Prepared>,
    hits: std::collections::VecDeque<u64>,
    seen: u64,
}

impl Search {
    /// Asks another query.
    pub fn set(&mut self, query: Query) {
        *self = Self { query, ..Self::default() };
    }

    /// Begins again, as when another run is shown.
    pub fn restart(&mut self) {
        let query = std::mem::take(&mut self.query);
        self.set(query);
    }

    /// Whether everything answers it.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.query.is_empty()
    }

    /// Works on; `true` while there is more to do.
    pub fn advance(&mut self, store: &mut Store, tensors: &[String]) -> bool {
        if self.query.is_empty() {
            store.dirty.clear();
            return false;
        }
        let stale = self.prepared.as_ref().is_none_or(|p| p.names != store.names.len());
        if stale {
            // New names mean new rows only; those that were seen had their names already.
            self.prepared = Some(self.query.prepare(store, tensors));
        }
        let Some(prepared) = &self.prepared else { return false };
        if store.dirty.len() > 200_000 {
            (self.seen, self.hits) = (0, std::collections::VecDeque::new());
        }
        let mut dirty = std::mem::take(&mut store.dirty);
        for id in dirty.drain(..).filter(|&id| id < self.seen) {
            let Some(row) = store.row(id) else { continue };
            match (self.hits.binary_search(&id), prepared.holds(store, row)) {
                (Ok(at), false) => {
                    self.hits.remove(at);
                }
                (Err(at), true) => self.hits.insert(at, id),
                _ => {}
            }
        }
        store.dirty = dirty;
        self.seen = self.seen.max(store.first());
        while self.hits.front().is_some_and(|&id| id < store.first()) {
            self.hits.pop_front();
        }
        let until = store.end().min(self.seen + PER_FRAME);
        for id in self.seen..until {
            if store.row(id).is_some_and(|row| prepared.holds(store, row)) {
                self.hits.push_back(id);
            }
        }
        self.seen = until;
        until < store.end()
    }

    /// Rows that answer it.
    #[must_use]
    pub fn len(&self, store: &Store) -> usize {
        if self.query.is_empty() { store.len() } else { self.hits.len() }
    }

    /// The number of the n-th of them.
    #[must_use]
    pub fn get(&self, store: &Store, n: usize) -> Option<u64> {
        if self.query.is_empty() { Some(store.first() + n as u64) } else { self.hits.get(n).copied() }
    }

    /// How many of them come before row `id`.
    #[must_use]
    pub fn position(&self, store: &Store, id: u64) -> usize {
        if self.query.is_empty() {
            usize::try_from(id.saturating_sub(store.first())).unwrap_or(0)
        } else {
            self.hits.partition_point(|&h| h < id)
        }
    }
}
