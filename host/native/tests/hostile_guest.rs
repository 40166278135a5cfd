//! A component other than ours against this host: whatever it does, its session ends with an error or gets an answer, no
//! limit is passed, and other sessions go on. The table is that of every host: `tests/hostile`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::{file, hostile};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weighbridge::{
    Cause, Error, GuestOptions, HostLimits, LoadOptions, Quota, QuotaLimits, Selection, Session, SessionOptions,
};

const BEHAVES: u32 = 0;
const LOOPS: u32 = 1;
const MAPS: u32 = 40;

/// `cases.json`.
#[derive(Deserialize)]
struct Table {
    file: Model,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Model {
    bytes: usize,
    each: u8,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    how: u32,
    #[serde(default)]
    limits: BTreeMap<String, u64>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(rename = "do")]
    action: Action,
    expect: Expected,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Open,
    List,
    Show,
    LoadInto,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Expected {
    Fails {
        cause: Cause,
        words: String,
    },
    Holds {
        mappings: Option<u64>,
        buffers: Option<u64>,
        handles: Option<u64>,
        read_at_most: Option<u64>,
        moved_at_most: Option<u64>,
        #[serde(default)]
        shows: bool,
    },
}

const TABLE: &str = include_str!("../../../tests/hostile/cases.json");

fn limits(changed: &BTreeMap<String, u64>) -> HostLimits {
    let mut limits = HostLimits::default();
    for (name, &value) in changed {
        let small = || u32::try_from(value).unwrap();
        match name.as_str() {
            "guest_memory" => limits.guest_memory = value,
            "table_elements" => limits.table_elements = small(),
            "instances" => limits.instances = small(),
            "mapped_bytes" => limits.mapped_bytes = value,
            "mappings" => limits.mappings = small(),
            "header_bytes" => limits.header_bytes = value,
            "buffer_bytes" => limits.buffer_bytes = value,
            "deadline_ms" => limits.deadline = Some(Duration::from_millis(value)),
            "guest_time_ms" => limits.guest_time = Duration::from_millis(value),
            "hostcall_bytes" => limits.hostcall_bytes = usize::try_from(value).unwrap(),
            "host_calls" => limits.host_calls = value,
            "host_work" => limits.host_work = value,
            "handles" => limits.handles = small(),
            "files" => limits.files = small(),
            "listing_bytes" => limits.listing_bytes = value,
            "trace_bytes" => limits.trace_bytes = value,
            "trace_batch" => limits.trace_batch = small(),
            "trace_names" => limits.trace_names = small(),
            other => panic!("there is no limit {other}"),
        }
    }
    limits
}

impl Case {
    fn open(&self, path: &Path) -> Result<Session, Error> {
        let guest = GuestOptions::new().slots(self.how);
        let options = SessionOptions::new().guest(guest).limits(limits(&self.limits));
        hostile().open_with(&[path.to_owned()], options)
    }

    /// What the case does, to its end.
    fn attack(&self, path: &Path) -> Result<Session, Error> {
        let mut session = self.open(path)?;
        match self.action {
            Action::Open => {}
            Action::List => drop(session.tensors()?.to_vec()),
            Action::Show => drop(session.tensor("t")?),
            Action::LoadInto => drop(session.load_into(&Selection::All, 0, |_, _, _| Ok(()))?),
        }
        Ok(session)
    }

    fn check(&self, result: Result<Session, Error>, model: &Model) {
        let name = &self.name;
        match (&self.expect, result) {
            (Expected::Fails { cause, words }, Err(error)) => {
                assert_eq!(error.cause, *cause, "{name}: {error:?}");
                assert!(error.message.contains(words) && error.message.len() > 30, "{name}: {error:?}");
            }
            (Expected::Holds { mappings, buffers, handles, read_at_most, moved_at_most, shows }, Ok(session)) => {
                let stats = session.stats();
                let exactly = |expected: &Option<u64>, found| assert_eq!(expected.unwrap_or(found), found, "{name}");
                exactly(mappings, stats.mappings);
                exactly(buffers, stats.buffers);
                exactly(handles, stats.handles);
                let bounded = |most: &Option<u64>, found| {
                    assert!(most.is_none_or(|most| (1..=most).contains(&found)), "{name}: {found}");
                };
                bounded(read_at_most, stats.bytes_to_guest);
                bounded(moved_at_most, stats.bytes_moved);
                if *shows {
                    assert_eq!(session.tensor("t").unwrap().bytes(), [model.each; 16], "{name}");
                }
            }
            (Expected::Fails { .. }, Ok(_)) => panic!("{name}: it must not succeed"),
            (Expected::Holds { .. }, Err(error)) => panic!("{name}: {error:?}"),
        }
    }
}

fn table() -> Table {
    serde_json::from_str(TABLE).unwrap()
}

#[test]
fn every_attack_is_answered_two_at_a_time_beside_an_honest_session() {
    let Table { file: model, cases } = table();
    for case in &cases {
        let (folder, path) = file("model", &vec![model.each; model.bytes]);
        case.files
            .iter()
            .for_each(|name| drop(std::fs::write(folder.path().join(name), vec![model.each; model.bytes])));
        let mut honest = open_with(BEHAVES, HostLimits::default()).unwrap();
        let began = Instant::now();
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| case.attack(&path));
            (case.attack(&path), other.join().unwrap())
        });
        println!("{:?} {}", began.elapsed(), case.name);
        assert!(began.elapsed() < Duration::from_secs(20), "{}: {:?}", case.name, began.elapsed());
        case.check(one, &model);
        case.check(other, &model);
        assert_eq!(honest.tensor("t").unwrap().bytes(), [7; 16]);
        assert_eq!(honest.release(&Selection::All).unwrap(), 0);
        assert_eq!(honest.usage().mappings(), 0);
    }
}

/// Every limit that an attack can hit has a case of its own.
#[test]
fn every_limit_is_hit() {
    let named: Vec<String> = table().cases.into_iter().flat_map(|case| case.limits.into_keys()).collect();
    for limit in [
        "guest_memory",
        "instances",
        "mapped_bytes",
        "mappings",
        "header_bytes",
        "buffer_bytes",
        "deadline_ms",
        "guest_time_ms",
        "hostcall_bytes",
        "host_calls",
        "host_work",
        "handles",
        "listing_bytes",
        "trace_bytes",
    ] {
        assert!(named.iter().any(|name| name == limit), "{limit}");
    }
    // At their defaults: `table_elements`, `files`, `trace_batch`, `trace_names`.
    let words = ["table elements", "more than the 4097 files", "more entries at once", "more names than"];
    for word in words {
        assert!(TABLE.contains(word), "{word}");
    }
}

fn limits_of_test() -> HostLimits {
    HostLimits::new().guest_time(Duration::from_millis(300))
}

fn open_with(how: u32, limits: HostLimits) -> Result<Session, Error> {
    open_as(how, SessionOptions::new().limits(limits))
}

fn open_as(how: u32, options: SessionOptions) -> Result<Session, Error> {
    let (_folder, path) = file("model", &[7; 8192]);
    let guest = GuestOptions::new().slots(how);
    hostile().open_with(&[path], options.guest(guest))
}

/// A guest that waits for a processor computes nothing: more of them than there are processors are all allowed their time.
#[test]
fn guest_time_is_the_processors() {
    let began = Instant::now();
    let threads = 4 * std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| assert_eq!(open_with(LOOPS, limits_of_test()).unwrap_err().cause, Cause::LimitExceeded));
        }
    });
    // Each got its 300 ms, so all of them together took a multiple of that.
    assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());
}

/// Two sessions that take every mapping that they can leave some to a third.
#[test]
fn sessions_share_what_a_process_may_have() {
    let mut bounds = QuotaLimits::default();
    (bounds.mappings, bounds.guests) = (1000, 3);
    let quota = Quota::new(bounds);
    let open = |how| open_as(how, SessionOptions::new().quota(Arc::clone(&quota)));
    let (first, second) = (open(MAPS).unwrap(), open(MAPS).unwrap());
    assert_eq!((first.usage().mappings(), second.usage().mappings()), (500, 250));
    let honest = open(BEHAVES).unwrap();
    assert_eq!(honest.tensor("t").unwrap().bytes(), [7; 16]);
    let error = open(BEHAVES).unwrap_err();
    assert!(error.cause == Cause::LimitExceeded && error.message.contains("3 guests"), "{error:?}");
    drop(first);
    assert!(open(BEHAVES).is_ok(), "what one gives back another may have");
}

/// A guest that calls itself without end, on a thread with less stack than that: it ends, not the process.
#[test]
fn a_guest_has_its_stack_on_any_thread() {
    hostile();
    for size in [192 << 10, 512 << 10, 1 << 20, 8 << 20] {
        let thread = std::thread::Builder::new().stack_size(size);
        let error = thread.spawn(|| open_with(12, limits_of_test()).unwrap_err()).unwrap().join().unwrap();
        assert!(error.message.contains("stack"), "{size}: {error:?}");
        let thread = std::thread::Builder::new().stack_size(size);
        thread.spawn(|| assert!(open_with(BEHAVES, limits_of_test()).is_ok())).unwrap().join().unwrap();
    }
}

#[test]
fn after_a_trap_views_stay_and_every_call_answers_the_same() {
    let mut session = open_with(BEHAVES, limits_of_test()).unwrap();
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
    let mut session = open_with(BEHAVES, limits_of_test()).unwrap();
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
        let error = weighbridge::Runtime::builder().component(bytes).build().unwrap_err();
        assert_eq!(error.cause, Cause::UnsupportedFormat, "{error:?}");
    }
}
