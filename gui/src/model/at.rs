//! The state of everything at a row: the nearest snapshot, and what came after it. At most 16,384 rows are walked.
use super::names::NameId;
use super::store::{Standing, Store};

impl Store {
    /// Where everything stood before row `end`.
    #[must_use]
    pub fn standing(&self, end: u64) -> Standing {
        if end >= self.end() {
            return self.now.clone();
        }
        let n = self.snapshots.partition_point(|&(id, _)| id <= end);
        let Some((from, snapshot)) = n.checked_sub(1).and_then(|n| self.snapshots.get(n)) else {
            return Standing::default();
        };
        let mut standing = snapshot.clone();
        for id in (*from).max(self.first)..end {
            let Some(row) = self.row(id) else { continue };
            let Some(dense) = self.dense(row.lane, row.instance) else { continue };
            standing.apply(row, self.edge(row), dense);
        }
        standing
    }

    /// How many machines of a lane are in each state.
    #[must_use]
    pub fn population(&self, standing: &Standing, lane: u16) -> Vec<(NameId, u32)> {
        let mut counts: Vec<(NameId, u32)> = Vec::new();
        for &state in standing.states.get(usize::from(lane)).into_iter().flatten() {
            match counts.iter_mut().find(|(s, _)| *s == state) {
                Some((_, n)) => *n += 1,
                None => counts.push((state, 1)),
            }
        }
        counts.retain(|&(s, _)| s != 0);
        counts
    }

    /// The state of one machine of a lane.
    #[must_use]
    pub fn state_of(&self, standing: &Standing, lane: u16, instance: u32) -> Option<NameId> {
        let dense = self.dense(lane, instance)?;
        standing.states.get(usize::from(lane))?.get(dense).copied().filter(|&s| s != 0)
    }

    /// The last row before `end` that went wrong.
    #[must_use]
    pub fn last_bad(&self, end: u64) -> Option<u64> {
        self.lanes.iter().filter_map(|l| l.bad.get(l.bad.partition_point(|&b| b < end).checked_sub(1)?).copied()).max()
    }

    /// The first row from `from` on that went wrong.
    #[must_use]
    pub fn first_bad(&self, from: u64) -> Option<u64> {
        self.lanes.iter().filter_map(|l| l.bad.get(l.bad.partition_point(|&b| b < from)).copied()).min()
    }
}
