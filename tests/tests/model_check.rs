//! Model checking, to closure. `cargo test -p weighbridge-tests --test model_check -- --nocapture` prints the numbers;
//! `--ignored` runs the deeper check, of minutes.
use std::time::Instant;
use weighbridge_loader::api::SlotStatus;
use weighbridge_loader::driver::Session;
use weighbridge_loader::storage::Capabilities;
use weighbridge_loader::types::ExtentPolicy;
use weighbridge_tests::check::actors::io_buffer::Buffers;
use weighbridge_tests::check::actors::io_mmap::Mmap;
use weighbridge_tests::check::actors::rows::Rows;
use weighbridge_tests::check::actors::{self, Actor, io_loader, io_read, io_staged_read, model_loader, model_tensor};
use weighbridge_tests::check::search::{Broken, Found, explore};
use weighbridge_tests::check::session::host::{CAN, Flaw, Host};
use weighbridge_tests::check::session::requests::{MAPPED, READ, Request};
use weighbridge_tests::check::session::{Config, Model};

/// More than any of these needs: a check that does not come to an end is broken.
const STATES: usize = 100_000;

fn report(what: &str, found: &Found, begun: Instant) {
    let Found { states, transitions, depth, .. } = found;
    let time = begun.elapsed().as_secs_f32();
    println!(
        "states explored: {states}, transitions: {transitions}, machines: {what}, longest way: {depth}, {time:.1} s"
    );
    assert!(found.broken.is_none(), "{what}:\n{}", found.broken.as_ref().map(Broken::to_string).unwrap_or_default());
}

fn alone<A: Actor>(start: A, rows: &mut Rows) {
    let begun = Instant::now();
    let found = explore(&mut actors::Model::new(start, rows), STATES);
    report(A::NAME, &found, begun);
}

#[test]
fn each_actor_alone() {
    let mut rows = Rows::default();
    alone(io_read::Reader::default(), &mut rows);
    alone(io_staged_read::Stager::default(), &mut rows);
    alone(io_loader::Loader::default(), &mut rows);
    alone(model_tensor::Tensor::default(), &mut rows);
    alone(model_loader::Loader::default(), &mut rows);
    // Hosts that cannot map, and that cannot advise, then the pool in full.
    alone(Mmap::new(false, true, 0), &mut rows);
    alone(Mmap::new(true, false, 0), &mut rows);
    alone(Mmap::new(true, true, 2), &mut rows);
    alone(Buffers::new(1), &mut rows);
    let (taken, all, never) = rows.count();
    println!("rows taken by the check of each actor: {taken} of {all}; never: {never:?}");
    assert!(never.is_empty(), "never taken: {never:#?}");
}

const EVERY: &str = "model/loader, 3 model/tensor, io/loader, io/mmap of 2 slots, io/buffer, io/read, io/staged_read";

fn composed(what: &str, config: Config) {
    let begun = Instant::now();
    let failures = config.failures;
    let mut model = Model::new(config);
    let found = explore(&mut model, STATES);
    report(&format!("{EVERY}; {what}"), &found, begun);
    let cut = match model.cut {
        0 => "no bound on failures was met".to_owned(),
        cut => format!("{cut} runs could have failed more often, but for the bound of {failures} a request"),
    };
    println!("  {} states behave as others of their key; {cut}", model.audited);
}

/// Neither windows, nor falling back, nor checks that fail after the bytes are in place.
fn plain(request: &Request) -> bool {
    match request {
        Request::Load { policy, extent, undone, .. } => {
            policy.len() == 1 && !matches!(extent, ExtentPolicy::Window(_)) && !undone
        }
        _ => true,
    }
}

fn maps_or_reads(request: &Request) -> bool {
    match request {
        Request::Load { policy, extent, .. } => {
            [MAPPED, READ].contains(policy) && !matches!(extent, ExtentPolicy::Window(_))
        }
        _ => true,
    }
}

fn maps(request: &Request) -> bool {
    !matches!(request, Request::Load { policy, .. } if *policy != MAPPED)
}

const EVERYTHING_FAILS: u8 = u8::MAX;

#[test]
fn the_driver_however_often_the_host_fails() {
    composed(
        "each strategy, any number of failures",
        Config { failures: EVERYTHING_FAILS, asks: plain, ..Config::FULL },
    );
}

#[test]
fn the_driver_with_every_request() {
    composed("each strategy and several, undone or not, every extent", Config::FULL);
}

#[test]
fn the_driver_in_other_circumstances() {
    let can = |mmap: bool, advise: bool, max_batch: u32| Capabilities { mmap, advise, max_batch, ..CAN };
    composed("a host that cannot map", Config { can: can(false, false, 1), ..Config::FULL });
    composed("slots that retire", Config { retires_after: Some(1), asks: maps, ..Config::FULL });
    let empty = Config { last_is_empty: true, exact: true, failures: 1, asks: maps_or_reads, ..Config::FULL };
    composed("an empty tensor", empty);
    let exact = Config { exact: true, failures: 1, asks: maps_or_reads, ..Config::FULL };
    composed("unbound and evicted told apart", exact);
}

#[test]
#[ignore = "takes minutes"]
fn the_driver_deeper() {
    let one = |request: &Request| !matches!(request, Request::Load { policy, .. } if policy.len() > 1);
    let config = Config { failures: EVERYTHING_FAILS, asks: one, ..Config::FULL };
    composed("each strategy, undone or not, every extent, any number of failures", config);
    let config = Config { failures: 3, exact: true, ..Config::FULL };
    composed("everything, 3 failures a request, unbound and evicted told apart", config);
}

/// What is broken in a small model, with the shortest way to it.
fn broken(flaw: Flaw, also: fn(&Session<Host>) -> Result<(), String>) -> String {
    let asks = |request: &Request| match request {
        Request::Load { extent, .. } => *extent == ExtentPolicy::WholeFile && plain(request) && maps_or_reads(request),
        _ => true,
    };
    let found = explore(&mut Model::new(Config { flaw, asks, also, ..Config::FULL }), STATES);
    found.broken.as_ref().map(Broken::to_string).unwrap_or_default()
}

/// Hosts that break their word: the check says how, and by which requests and answers, as few as there can be.
#[test]
fn seeded_bugs_are_found() {
    let fine = |_: &Session<Host>| Ok(());
    assert_eq!(broken(Flaw::None, fine), "");
    let loaded = "\
1. load t0 by mapped-file, whole-file: ok, 1 tensors by mapped-file
     host: Map: ok
2. release t0: Busy in phase Release
     host: Unmap: Busy
";
    let leak = "\
3. release t0: ok, 1 tensors
     host: Unmap: ok
broken: 1 maps and 0 unmaps, 1 mappings are live, 0 slots hold one";
    assert_eq!(broken(Flaw::LeaksWhatWasBusy, fine), format!("{loaded}{leak}"));
    let ended = "broken: slot 0 holds a mapping that has ended";
    assert_eq!(broken(Flaw::EndsWhatIsBusy, fine), format!("{loaded}{ended}"));
    let kept = "\
1. load t0 by read-copy, whole-file: OutOfBounds in phase Transfer
     host: Allocate: Short
     host: Free: ok
broken: the guest has 1 targets and knows of 0";
    assert_eq!(broken(Flaw::NeverFrees, fine), kept);
    let skipped = "\
1. load t0 t1 by read-copy, whole-file: ok, 2 tensors by read-copy
     host: Allocate: ok
     host: ReadInto(2): ok
broken: t1 is resident and its bytes are not there";
    assert_eq!(broken(Flaw::SkipsASpan, fine), skipped);
}

/// A rule that does not hold is found out too: the rules are asked.
#[test]
fn broken_rules_are_found() {
    let never_pending = |session: &Session<Host>| {
        let pending = session.slots().iter().any(|slot| slot.status == SlotStatus::UnmapPending);
        if pending { Err("a slot waits to be unmapped".into()) } else { Ok(()) }
    };
    let pending = "\
1. load t0 by mapped-file, whole-file: ok, 1 tensors by mapped-file
     host: Map: ok
2. release t0: Busy in phase Release
     host: Unmap: Busy
broken: a slot waits to be unmapped";
    assert_eq!(broken(Flaw::None, never_pending), pending);
    let mut rows = Rows::default();
    let mut model = actors::Model::new(Mmap::new(true, true, 0), &mut rows).also(|mmap| {
        let retired = mmap.actor().context().slots().iter().any(|slot| slot.status == SlotStatus::Retired);
        if retired { Err("a slot retired".into()) } else { Ok(()) }
    });
    let retired = "\
1. Map(Map { source: 0, offset: 0, len: 24, source_len: 100 }): mapping
2. Mapped(Mapped { ticket: Ticket(1), result: Ok(9) }): ready
3. Abandon(Abandon { handle: Handle { slot: 0, generation: 0 } }): unmapping
4. Unmapped(Unmapped { ticket: Ticket(1), fault: None }): ready
broken: a slot retired";
    let found = explore(&mut model, STATES).broken.as_ref().map(Broken::to_string);
    assert_eq!(found.as_deref(), Some(retired));
}
