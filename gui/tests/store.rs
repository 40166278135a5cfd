//! The ring, its snapshots and the search, against the plain way of doing it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use weighbridge_inspector::backend::Update;
use weighbridge_inspector::demo::{Size, tables, updates};
use weighbridge_inspector::model::search::Search;
use weighbridge_inspector::model::store::CHUNK;
use weighbridge_inspector::model::{Kind, Query, Store};

fn records(size: Size) -> Vec<weighbridge_core::trace::Record> {
    updates(size).into_iter().find_map(|u| if let Update::Records(r) = u { Some(r) } else { None }).unwrap()
}

#[test]
fn the_state_at_a_row_is_that_of_a_store_that_ends_there() {
    let records = records(Size { tensors: 300, transitions: 60_000 });
    let mut store = Store::default();
    store.describe(&tables());
    store.push_all(&records);
    for end in [1, 500, CHUNK as u64, CHUNK as u64 + 7, 40_000, store.end() - 1] {
        let standing = store.standing(end);
        let lane = store.machine_lane("model/tensor").unwrap();
        for instance in [0, 17, 299] {
            let last = (store.first()..end)
                .rev()
                .filter_map(|id| store.row(id))
                .find(|r| r.lane == lane && r.instance == instance);
            let plain = last.map(|r| store.edge(r).to);
            assert_eq!(store.state_of(&standing, lane, instance), plain, "tensor {instance} before row {end}");
        }
        let counted: u64 = standing.counts.iter().map(|&n| u64::from(n)).sum();
        assert_eq!(counted, end);
    }
}

#[test]
fn the_ring_stays_bounded_and_consistent() {
    let records = records(Size { tensors: 200, transitions: 150_000 });
    let mut store = Store::with_capacity(3 * CHUNK);
    store.describe(&tables());
    store.push_all(&records);
    assert!(store.len() <= 3 * CHUNK && store.first() > 0);
    for lane in &store.lanes {
        assert!(lane.rows.iter().all(|&(at, id)| store.row(id).is_some_and(|r| r.at == at)));
        assert!(lane.bad.iter().all(|&id| id >= store.first()));
    }
    let row = store.row(store.first()).unwrap();
    assert!(store.guards(row).count() <= usize::from(row.guard_count));
    let middle = u64::midpoint(store.first(), store.end());
    assert_eq!(store.standing(store.end()), store.now);
    assert!(store.standing(middle).counts.iter().map(|&n| u64::from(n)).sum::<u64>() == middle);
}

#[test]
fn the_search_finds_the_same_in_steps_as_at_once() {
    let records = records(Size { tensors: 150, transitions: 30_000 });
    let mut store = Store::default();
    store.describe(&tables());
    let mut search = Search::default();
    search.set(Query::parse("actor:tensor state:loading dur>0ns -event:Release").unwrap());
    for part in records.chunks(5000) {
        store.push_all(part);
        while search.advance(&mut store, &[]) {}
    }
    let query = Query::parse("actor:tensor state:loading dur>0ns -event:Release").unwrap();
    let prepared = query.prepare(&store, &[]);
    let plain: Vec<u64> =
        (store.first()..store.end()).filter(|&id| store.row(id).is_some_and(|r| prepared.holds(&store, r))).collect();
    let found: Vec<u64> = (0..search.len(&store)).filter_map(|n| search.get(&store, n)).collect();
    assert_eq!(found, plain);
    assert!(!plain.is_empty());
}

#[test]
fn calls_have_their_words_and_their_durations() {
    let mut store = Store::default();
    store.describe(&tables());
    store.push_all(&records(Size::default()));
    let lane = store.lanes.iter().find(|l| l.kind == Kind::Call && store.name(l.name) == "map-range").unwrap();
    let row = store.row(lane.rows[0].1).unwrap();
    let detail = store.detail(row).unwrap();
    assert!(detail.text.starts_with("file 0,") && detail.answer.starts_with("mapping "), "{detail:?}");
    assert!(row.dur > 0 && lane.histogram.iter().sum::<u32>() as usize == lane.rows.len());
    assert_eq!(
        store
            .io
            .slots_before(store.end())
            .iter()
            .filter(|s| s.status == weighbridge_core::types::SlotStatus::Owned)
            .count(),
        8
    );
}
