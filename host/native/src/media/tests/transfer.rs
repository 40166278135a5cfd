//! Batches and their targets.
use super::*;

#[test]
fn read_into_moves_a_batch_from_many_places_on_many_threads() {
    let size = 20 << 20;
    let offers = HostCapabilities::new().threads(4);
    let mut bench = Bench::with(size, HostLimits::default(), offers, Vec::new());
    let targets = [bench.allocate(size as u64), bench.allocate(100)];
    let half = size as u64 / 2;
    let batch = vec![
        span(half, half, 0, 0),
        span(0, half, 0, half),
        span(7, 50, 1, 0),
        span(9, 0, 1, 50),
        span(1000, 50, 1, 50),
    ];
    bench.read_into(&targets, batch).unwrap();
    let (all, half) = (pattern(size), half as usize);
    assert_eq!(bench.bytes(targets[0]), [&all[half..], &all[..half]].concat());
    assert_eq!(bench.bytes(targets[1]), [&all[7..57], &all[1000..1050]].concat());
    assert_eq!(bench.usage().moving(), size as u64 + 100);
}

#[test]
fn read_into_names_the_lowest_bad_span_before_a_byte_moves() {
    let mut bench = Bench::new(1000);
    let target = bench.allocate(100);
    let good = span(0, 10, 0, 0);
    let cases = [
        (vec![good, span(991, 10, 0, 20)], 1),
        (vec![good, span(u64::MAX, 10, 0, 20), span(991, 10, 0, 40)], 1),
        (vec![good, good], 1),
        (vec![span(0, 50, 0, 0), span(0, 10, 0, 60), span(0, 10, 0, 49)], 2),
        (vec![span(0, 10, 0, 91)], 0),
        (vec![span(0, 10, 0, u64::MAX)], 0),
        (vec![span(0, 10, 1, 0)], 0),
        (vec![good, CopySpan { source: 1, ..span(0, 10, 0, 20) }], 1),
    ];
    for (batch, lowest) in cases {
        assert_eq!(bench.read_into(&[target], batch.clone()), failed(lowest, StorageError::OutOfBounds), "{batch:?}");
    }
    assert_eq!(bench.read_into(&[target, target], vec![good, span(0, 10, 1, 5)]), failed(1, StorageError::OutOfBounds));
    assert_eq!(bench.read_into(&[99], vec![good]), failed(0, StorageError::OutOfBounds));
    assert!(bench.bytes(target).iter().all(|byte| *byte == 0));
    assert_eq!(bench.usage().moving(), 0);
    bench.read_into(&[target], vec![good, span(0, 10, 0, 10)]).unwrap();
    bench.read_into(&[target], Vec::new()).unwrap();
}

#[test]
fn read_into_clamps_the_batch() {
    let offers = HostCapabilities::new().max_batch(2);
    let mut bench = Bench::with(100, HostLimits::default(), offers, Vec::new());
    let target = bench.allocate(100);
    let spans = |count: u64| (0..count).map(|at| span(0, 1, 0, at)).collect::<Vec<_>>();
    bench.read_into(&[target], spans(2)).unwrap();
    assert_eq!(bench.read_into(&[target], spans(3)), failed(2, StorageError::Exhausted));
}

#[test]
fn a_viewed_buffer_is_neither_written_nor_freed() {
    let mut bench = Bench::new(100);
    let (free, seen) = (bench.allocate(100), bench.allocate(100));
    let view = bench.table().buffer(seen).unwrap().clone();
    let batch = vec![span(0, 10, 0, 0), span(0, 10, 1, 0)];
    assert_eq!(bench.read_into(&[free, seen], batch.clone()), failed(1, StorageError::Busy));
    assert_eq!(bench.fails(Call::Free { target: seen }), StorageError::Busy);
    drop(view);
    bench.read_into(&[free, seen], batch).unwrap();
    assert_eq!(bench.ask(Call::Free { target: seen }), Answer::Done);
    assert_eq!(bench.fails(Call::Free { target: seen }), StorageError::OutOfBounds);
}

#[test]
fn cancelled_and_late_batches_answer_so() {
    let limits = HostLimits::new().deadline(Duration::from_millis(50));
    let mut bench = Bench::with(1000, limits, HostCapabilities::default(), Vec::new());
    bench.host.enter();
    let target = bench.allocate(1000);
    bench.expire();
    assert_eq!(bench.read_into(&[target], vec![span(0, 10, 0, 0)]), failed(0, StorageError::Deadline));
    bench.cancel.cancel();
    assert_eq!(bench.read_into(&[target], vec![span(0, 10, 0, 0)]), failed(0, StorageError::Cancelled));
    bench.cancel.reset();
    bench.host.enter();
    bench.read_into(&[target], vec![span(0, 10, 0, 0)]).unwrap();
}

#[test]
fn registered_memory_takes_a_tensor_and_goes_back() {
    let external = vec![("a", registered(vec![0u8; 50])), ("b", registered(vec![0u8; 5]))];
    let mut bench = Bench::with(1000, HostLimits::default(), HostCapabilities::default(), external);
    let ask = Call::Registered { tensors: vec!["a".into(), "none".into(), "b".into()] };
    let Answer::Targets(targets) = bench.ask(ask.clone()) else { panic!() };
    let ids: Vec<_> = targets.iter().map(|target| target.map(|(_, len)| len)).collect();
    assert_eq!(ids, [Some(50), None, Some(5)]);
    let (a, b) = (targets[0].unwrap().0, targets[2].unwrap().0);
    assert_eq!(bench.fails(ask.clone()), StorageError::Busy);
    let batch = vec![span(0, 50, 0, 0), span(0, 6, 1, 0)];
    assert_eq!(bench.read_into(&[a, b], batch), failed(1, StorageError::OutOfBounds), "too small, before a byte moves");
    bench.read_into(&[a], vec![span(0, 50, 0, 0)]).unwrap();
    assert_eq!(bench.bytes(a), pattern(50));
    assert_eq!(bench.usage().buffers(), 0, "the embedder's memory is not the host's");
    bench.host.drop_target(a);
    assert_eq!(bench.ask(Call::Free { target: b }), Answer::Done);
    assert!(matches!(bench.ask(ask), Answer::Targets(_)));
}

/// Memory that gets shorter each time that it is looked at.
struct Shrinking(Vec<u8>, std::sync::atomic::AtomicUsize);

impl AsRef<[u8]> for Shrinking {
    fn as_ref(&self) -> &[u8] {
        let times = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        &self.0[..self.0.len().saturating_sub(times * 10)]
    }
}

impl AsMut<[u8]> for Shrinking {
    fn as_mut(&mut self) -> &mut [u8] {
        let len = self.as_ref().len();
        &mut self.0[..len]
    }
}

#[test]
fn registered_memory_that_shrinks_is_out_of_bounds() {
    let external = vec![("a", registered(Shrinking(vec![0; 50], 0.into())))];
    let mut bench = Bench::with(1000, HostLimits::default(), HostCapabilities::default(), external);
    let Answer::Targets(targets) = bench.ask(Call::Registered { tensors: vec!["a".into()] }) else { panic!() };
    let a = targets[0].unwrap().0;
    assert_eq!(bench.read_into(&[a], vec![span(0, 35, 0, 0)]), failed(0, StorageError::OutOfBounds));
}
