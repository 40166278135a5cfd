//! Every request × every lifecycle, on the real machine: the session of the driver, and the session of the component.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use weighbridge_loader::api::Selection;
use weighbridge_loader::types::{Advice, Error, Lifecycle};
use weighbridge_tests::double::Leaks;
use weighbridge_tests::files;
use weighbridge_tests::harness::{Harness, Setup};
use weighbridge_tests::native::Native;
use weighbridge_tests::run::{kebab, options, selection};

/// What each request comes to for a tensor that is …: `+N` done for N tensors, `cause` refused; then where it is afterwards.
/// A load of what is resident is no error: it is left as it is.
const MATRIX: &[(&str, [&str; 4])] = &[
    //                    unbound                        resident                     mmap-resident                    evicted
    ("load mapped-file", ["+1 mmap-resident", "+0 resident", "+0 mmap-resident", "+1 mmap-resident"]),
    ("load read-copy", ["+1 resident", "+0 resident", "+0 mmap-resident", "+1 resident"]),
    ("load staged-read", ["+1 resident", "+0 resident", "+0 mmap-resident", "+1 resident"]),
    ("load external-buffer", ["+1 resident", "+0 resident", "+0 mmap-resident", "+1 resident"]),
    ("release", ["not-mapped unbound", "not-mapped resident", "+1 evicted", "not-mapped evicted"]),
    ("evict", ["not-resident unbound", "+1 evicted", "invalid-request mmap-resident", "not-resident evicted"]),
    ("advise", ["not-mapped unbound", "not-mapped resident", "+1 mmap-resident", "not-mapped evicted"]),
    ("release all", ["+0 unbound", "+0 resident", "+1 evicted", "+0 evicted"]),
    ("evict all", ["+0 unbound", "+1 evicted", "+0 mmap-resident", "+0 evicted"]),
    ("close", ["+1 unbound", "+1 evicted", "+1 evicted", "+1 evicted"]),
];
const LIFECYCLES: [Lifecycle; 4] =
    [Lifecycle::Unbound, Lifecycle::Resident, Lifecycle::MmapResident, Lifecycle::Evicted];

fn load<H: Harness>(host: &mut H, strategy: &str) -> Result<u32, Error> {
    host.load(&selection("1"), &options(&[strategy.to_owned()])).map(|report| report.tensors)
}

fn request<H: Harness>(host: &mut H, request: &str) -> Result<u32, Error> {
    match request.split_once(' ').unwrap_or((request, "")) {
        ("load", strategy) => load(host, strategy),
        ("release", "all") => host.release(&Selection::All),
        ("evict", "all") => host.evict(&Selection::All),
        ("release", _) => host.release(&selection("1")),
        ("evict", _) => host.evict(&selection("1")),
        ("advise", _) => host.advise(1, Advice::Sequential).map(|_| 1),
        ("close", _) => host.close().map(|()| 1),
        _ => panic!("{request}"),
    }
}

fn all<H: Harness>() {
    let model = files::named("gguf").unwrap();
    let setup = Setup { registered: vec![("t1.weight".into(), 70_000)], ..Setup::default() };
    for (name, row) in MATRIX {
        for (lifecycle, cell) in LIFECYCLES.into_iter().zip(row) {
            let mut host = H::open(&model, &setup, &[]).unwrap();
            match lifecycle {
                Lifecycle::Resident => assert_eq!(load(&mut host, "read-copy").unwrap(), 1),
                Lifecycle::MmapResident => assert_eq!(load(&mut host, "mapped-file").unwrap(), 1),
                Lifecycle::Evicted => {
                    load(&mut host, "mapped-file").unwrap();
                    host.release(&Selection::All).unwrap();
                }
                _ => {}
            }
            assert_eq!(host.states()[1].lifecycle, lifecycle);
            let result = request(&mut host, name);
            let what = format!("{name} of a tensor that is {}: {result:?}", kebab(&lifecycle));
            let (outcome, after) = cell.split_once(' ').unwrap();
            match result {
                Ok(count) => assert_eq!(outcome, format!("+{count}"), "{what}"),
                Err(error) => {
                    assert_eq!((outcome, error.tensor), (kebab(&error.cause).as_str(), Some(1)), "{what}");
                }
            }
            let states: Vec<String> = host.states().iter().map(|state| kebab(&state.lifecycle)).collect();
            assert_eq!(states, ["unbound", after, "unbound", "unbound"], "{what}");
            if after.contains("resident") {
                assert_eq!(host.bytes(1).as_ref(), Some(&model.tensors[1].1), "{what}");
            }
            host.close().unwrap();
            assert_eq!(host.leaks(), Leaks::default(), "{what}");
        }
    }
}

#[test]
fn natively() {
    all::<Native>();
}

#[cfg(feature = "component")]
#[test]
fn through_the_component() {
    all::<weighbridge_tests::component::Component>();
}
