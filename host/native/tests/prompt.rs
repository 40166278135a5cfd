//! How soon a guest that computes for ever is ended. A file of its own: other tests keep the processors busy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::{file, hostile};
use std::time::{Duration, Instant};
use weighbridge::{CancelToken, Cause, Error, GuestOptions, HostLimits, SessionOptions};

/// Computes for ever.
const LOOPS: u32 = 1;
/// What is promised; a tick is 10 ms.
const PROMPT: Duration = Duration::from_millis(50);
/// The machine may be busy with others: the best of so many counts.
const TRIES: usize = 10;

fn attack(limits: HostLimits, cancel: CancelToken) -> Error {
    let (_folder, path) = file("model", &[7; 8192]);
    let guest = GuestOptions::new().slots(LOOPS);
    let limits = limits.guest_time(Duration::from_secs(60));
    hostile().open_with(&[path], SessionOptions::new().guest(guest).limits(limits).cancel(cancel)).unwrap_err()
}

#[test]
fn a_cancellation_and_a_deadline_reach_a_guest_that_computes() {
    hostile();
    let cancelled = |_| {
        let cancel = CancelToken::default();
        std::thread::scope(|scope| {
            let guest = scope.spawn(|| (attack(HostLimits::default(), cancel.clone()), Instant::now()));
            std::thread::sleep(Duration::from_millis(50));
            let asked = Instant::now();
            cancel.cancel();
            let (error, ended) = guest.join().unwrap();
            assert_eq!(error.cause, Cause::Cancelled, "{error:?}");
            ended.duration_since(asked)
        })
    };
    let late = |_| {
        let deadline = Duration::from_millis(50);
        let began = Instant::now();
        let error = attack(HostLimits::new().deadline(Some(deadline)), CancelToken::default());
        assert_eq!(error.cause, Cause::Deadline, "{error:?}");
        began.elapsed().saturating_sub(deadline)
    };
    let best = [(0..TRIES).map(cancelled).min().unwrap(), (0..TRIES).map(late).min().unwrap()];
    println!("{best:?}");
    assert!(best.iter().all(|after| *after < PROMPT), "{best:?}");
}
