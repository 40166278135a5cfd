//! What a pickle remembers, by number. Writers count from 0 or 1 on; a file may use any number of 32 bits.
use super::arena::Ref;
use std::collections::BTreeMap;

/// Numbers that may be left out before those behind them are kept in the tree.
const GAP: usize = 16;

/// The memo.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo {
    dense: Vec<Option<Ref>>,
    sparse: BTreeMap<u32, Ref>,
    len: u32,
}

impl Memo {
    pub(super) fn get(&self, number: u32) -> Option<Ref> {
        match self.dense.get(number as usize) {
            Some(Some(value)) => Some(*value),
            _ => self.sparse.get(&number).copied(),
        }
    }

    pub(super) fn put(&mut self, number: u32, value: Ref) {
        let at = number as usize;
        let fresh = self.get(number).is_none();
        self.len = self.len.saturating_add(u32::from(fresh));
        // What is in the tree stays there, so that each number has one place.
        if fresh && at >= self.dense.len() && at <= self.dense.len().saturating_add(GAP) {
            self.dense.resize(at.saturating_add(1), None);
        }
        match self.dense.get_mut(at) {
            Some(place) if !self.sparse.contains_key(&number) => *place = Some(value),
            _ => _ = self.sparse.insert(number, value),
        }
    }

    /// How many numbers are used: the number that `MEMOIZE` takes.
    pub(super) const fn len(&self) -> u32 {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_in_any_order() {
        let mut memo = Memo::default();
        for number in [1, 0, 5, u32::MAX, 40, 20, 5, 40, 41] {
            memo.put(number, Ref(number ^ 7));
            assert_eq!(memo.get(number), Some(Ref(number ^ 7)));
        }
        assert_eq!(memo.len(), 7);
        assert!([0, 1, 5, 20, 40, 41, u32::MAX].iter().all(|number| memo.get(*number) == Some(Ref(number ^ 7))));
        assert_eq!(memo.get(2), None);
        memo.put(40, Ref(1));
        assert_eq!((memo.get(40), memo.len()), (Some(Ref(1)), 7));
        assert!(memo.dense.len() < 64);
    }
}
