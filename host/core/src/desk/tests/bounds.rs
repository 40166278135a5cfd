//! What a host says of a guest's bounds to an engine that cannot keep them by itself.
use super::fake::Bytes;
use crate::{Cause, Host, HostLimits, SessionOptions};
use std::time::Duration;

fn host(limits: HostLimits) -> Host<Bytes> {
    let mut host = Host::new(Bytes, &SessionOptions::new().limits(limits));
    host.enter();
    host
}

#[test]
fn the_sooner_of_time_and_deadline_is_how_long_a_guest_may_compute() {
    let second = Duration::from_secs(1);
    let mut limits = HostLimits::new().guest_time(second);
    assert_eq!(host(limits).may_compute(), (1_000_000_000, Cause::LimitExceeded));
    limits.deadline = Some(second / 4);
    assert_eq!(host(limits).may_compute(), (250_000_000, Cause::Deadline));
    limits.deadline = Some(second * 2);
    assert_eq!(host(limits).may_compute(), (1_000_000_000, Cause::LimitExceeded));
    for (cause, words) in [(Cause::LimitExceeded, "longer than the 1s"), (Cause::Deadline, "the deadline passed while")]
    {
        let error = host(limits).overdue(cause);
        assert!(error.cause == cause && error.message.contains(words), "{error:?}");
    }
}

#[test]
fn handles_of_its_own_and_what_it_carries_end_a_guest_with_a_sentence() {
    let mut limits = HostLimits::new();
    (limits.handles, limits.hostcall_bytes) = (2, 77);
    let mut host = host(limits);
    assert!(host.made_handle().is_ok() && host.made_handle().is_ok());
    let error = host.made_handle().unwrap_err();
    assert!(error.cause == Cause::LimitExceeded && error.message.contains("handle limit of 2"), "{error:?}");
    let error = host.carried_too_much();
    assert!(error.cause == Cause::LimitExceeded && error.message.contains("the 77 bytes"), "{error:?}");
}
