//! A component other than ours against this host: whatever it does, its session ends with an error or gets an answer, no
//! limit is passed, and other sessions go on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::{file, hostile};
use std::time::{Duration, Instant};
use weighbridge::{Cause, Error, GuestOptions, HostLimits, LoadOptions, Selection, Session, SessionOptions};

const BEHAVES: u32 = 0;

fn limits() -> HostLimits {
    HostLimits::new().guest_time(Duration::from_millis(300))
}

fn open_with(how: u32, limits: HostLimits) -> Result<Session, Error> {
    let (_folder, path) = file("model", &[7; 8192]);
    let guest = GuestOptions::new().slots(how);
    hostile().open_with(&[path], SessionOptions::new().guest(guest).limits(limits))
}

/// Opens a session that does harm while another one lives, and sees that other one through.
fn attacked(how: u32, limits: HostLimits) -> Error {
    let mut other = open_with(BEHAVES, HostLimits::default()).unwrap();
    let began = Instant::now();
    let error = open_with(how, limits).expect_err("the attack must not succeed");
    assert!(began.elapsed() < Duration::from_secs(5), "{how}: {:?}", began.elapsed());
    assert!(error.message.len() > 30, "{error:?}");
    assert_eq!(other.tensor("t").unwrap().bytes(), [7; 16]);
    assert_eq!(other.release(&Selection::All).unwrap(), 0);
    assert_eq!(other.usage().mappings(), 0);
    error
}

#[track_caller]
fn hits_a_limit(how: u32, limits: HostLimits, words: &str) {
    let error = attacked(how, limits);
    assert_eq!(error.cause, Cause::LimitExceeded, "{error:?}");
    assert!(error.message.contains(words), "{error:?}");
}

#[track_caller]
fn fails(how: u32) {
    let error = attacked(how, limits());
    assert_eq!(error.cause, Cause::Internal, "{error:?}");
}

#[test]
fn looping_for_ever_hits_guest_time() {
    hits_a_limit(1, limits(), "computed for longer");
}

#[test]
fn growing_memory_hits_guest_memory() {
    hits_a_limit(2, limits().guest_memory(64 << 20), "67108864 bytes of guest memory");
}

#[test]
fn a_huge_list_hits_hostcall_bytes() {
    hits_a_limit(3, limits().hostcall_bytes(1 << 20).trace_batch(u32::MAX), "over the bridge");
}

#[test]
fn a_huge_list_hits_trace_batch() {
    hits_a_limit(3, limits(), "more entries at once");
}

#[test]
fn handles_end_with_an_answer() {
    let limits = limits().handles(100);
    let session = open_with(4, limits).unwrap();
    assert_eq!(session.stats().handles, 100);
    let usage = session.usage();
    assert_eq!(usage.buffers(), 99);
    drop(session);
    assert_eq!((usage.buffers(), usage.buffer_bytes()), (0, 0));
}

#[test]
fn a_stale_handle_is_the_end() {
    fails(5);
}

#[test]
fn a_foreign_handle_is_the_end() {
    fails(6);
}

#[test]
fn a_handle_of_another_kind_is_the_end() {
    fails(7);
}

#[test]
fn spans_outside_the_file_are_answered() {
    let session = open_with(8, limits()).unwrap();
    assert_eq!(session.stats().mappings, 1);
}

#[test]
fn flooding_the_observer_hits_host_calls_and_keeps_the_ring_small() {
    let limits = limits().host_calls(2000).trace_bytes(1 << 20).guest_time(Duration::from_secs(10));
    hits_a_limit(9, limits, "called the host more than 2000 times");
}

#[test]
fn flooding_with_names_hits_trace_names() {
    hits_a_limit(10, limits(), "more names than it may");
}

#[test]
fn asking_for_ever_hits_host_calls() {
    hits_a_limit(11, limits().host_calls(1000), "called the host more than 1000 times");
}

#[test]
fn calling_itself_for_ever_is_the_end() {
    let error = attacked(12, limits());
    assert!(error.message.contains("stack"), "{error:?}");
}

#[test]
fn handles_of_its_own_hit_a_limit() {
    hits_a_limit(13, limits().handles(1000), "handle limit");
}

#[test]
fn growing_a_table_hits_table_elements() {
    hits_a_limit(20, limits(), "table elements");
}

#[test]
fn a_trap_is_reported_as_a_bug() {
    let error = attacked(14, limits());
    assert!(error.message.contains("bug in the component") && error.message.contains("unreachable"), "{error:?}");
}

#[test]
fn names_that_were_never_given_are_the_end() {
    hits_a_limit(18, limits(), "never gave");
}

#[test]
fn a_place_that_is_not_there_shows_no_byte() {
    for how in [15, 16, 17, 19] {
        let session = open_with(how, limits()).unwrap();
        let error = session.tensor("t").unwrap_err();
        assert_eq!((&error.cause, error.tensor), (&Cause::Internal, Some(0)), "{how}");
    }
}

#[test]
fn after_a_trap_views_stay_and_every_call_answers_the_same() {
    let mut session = open_with(BEHAVES, limits()).unwrap();
    let (view, usage) = (session.tensor("t").unwrap(), session.usage());
    let error = session.load(&Selection::All, &LoadOptions::default()).unwrap_err();
    assert_eq!(error.cause, Cause::Internal);
    for again in [
        session.load(&Selection::All, &LoadOptions::default()).unwrap_err(),
        session.tensor("t").unwrap_err(),
        session.release(&Selection::All).unwrap_err(),
        session.slots().unwrap_err(),
        session.close().unwrap_err(),
    ] {
        assert_eq!(again, error);
    }
    assert_eq!(view.bytes(), [7; 16]);
    drop(session);
    assert_eq!(view.bytes(), [7; 16], "a view outlives its session");
    assert_eq!(usage.mappings(), 1);
    drop(view);
    assert_eq!((usage.mappings(), usage.maps()), (0, usage.unmaps()));
}

#[test]
fn a_busy_mapping_stays_until_its_view_goes() {
    let mut session = open_with(BEHAVES, limits()).unwrap();
    let view = session.tensor("t").unwrap();
    let error = session.release(&Selection::All).unwrap_err();
    assert_eq!(error.cause, Cause::Internal, "this guest gives up when the host says busy");
    assert_eq!(session.usage().mappings(), 1);
    drop(view);
    drop(session);
}

#[test]
fn something_else_than_a_component_is_refused() {
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0", b"(component)"] {
        let error = weighbridge::Runtime::builder().component(bytes).cache_dir(None).build().unwrap_err();
        assert_eq!(error.cause, Cause::UnsupportedFormat, "{error:?}");
    }
}
