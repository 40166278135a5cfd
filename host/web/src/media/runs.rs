//! Which spans of a batch one read brings.
use std::ops::Range;

/// Every element of every type can be read as one at a multiple of so many bytes.
const ALIGNED: u64 = 8;

/// A span as far as that matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Which source.
    pub(super) source: usize,
    /// Where in it.
    pub(super) from: u64,
    pub(super) len: u64,
    /// Where in its target.
    pub(super) to: u64,
    /// Whether its bytes are kept as they come.
    pub(super) is_fetched: bool,
    /// Bytes that its source brings in a moment.
    pub(super) piece: u64,
}

impl Place {
    const fn end(&self) -> u64 {
        self.from + self.len
    }
}

/// Spans in their order, those together that one read brings: neighbours in a source, but for what lies between two tensors,
/// each of them aligned in what is read as it is in the target.
pub(super) fn runs(places: &[Place]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, place) in places.iter().enumerate() {
        let joined = runs.last_mut().filter(|run| match (places.get(run.start), places.get(run.end - 1)) {
            (Some(first), Some(last)) => joins(first, last, place),
            _ => false,
        });
        match joined {
            Some(run) => run.end = at + 1,
            None => runs.push(at..at + 1),
        }
    }
    runs
}

fn joins(first: &Place, last: &Place, next: &Place) -> bool {
    first.source == next.source
        && first.is_fetched
        && next.is_fetched
        && next.from >= last.end()
        && next.from - last.end() <= (next.len / 16).max(64)
        && next.end() - first.from <= next.piece
        && (next.from - first.from) % ALIGNED == next.to % ALIGNED
}

/// Bytes of a source from the first span of a run to the end of its last.
pub(super) fn extent(run: &[Place]) -> u64 {
    match (run.first(), run.last()) {
        (Some(first), Some(last)) => last.end() - first.from,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(from: u64, len: u64, to: u64) -> Place {
        Place { source: 0, from, len, to, is_fetched: true, piece: 1000 }
    }

    #[test]
    fn neighbours_are_read_at_once_and_what_lies_far_off_is_not() {
        let places = [
            place(100, 50, 0),
            place(156, 100, 64),
            place(400, 8, 192),
            place(500, 64, 256),
            place(564, 60, 320),
            place(1000, 10, 384),
        ];
        // 156 − 100 is no multiple of 8 away from 64 but for its rest; 400 is far from 256; 1000 is far from 624.
        assert_eq!(runs(&places), [0..2, 2..3, 3..5, 5..6]);
        assert_eq!(extent(&places[0..2]), 156);
    }

    #[test]
    fn a_run_is_of_one_source_bounded_and_aligned() {
        let other = Place { source: 1, ..place(50, 10, 56) };
        assert_eq!(runs(&[place(0, 50, 0), other]), [0..1, 1..2]);
        assert_eq!(runs(&[place(0, 600, 0), place(600, 401, 600)]), [0..1, 1..2]);
        assert_eq!(runs(&[place(0, 600, 0), place(600, 400, 600)]).len(), 1);
        assert_eq!(runs(&[place(0, 50, 0), place(52, 8, 56)]), [0..1, 1..2]);
        assert_eq!(runs(&[place(10, 5, 0), place(0, 5, 8)]), [0..1, 1..2]);
        let filled = Place { is_fetched: false, ..place(50, 10, 56) };
        assert_eq!(runs(&[place(0, 50, 0), filled]), [0..1, 1..2]);
    }
}
