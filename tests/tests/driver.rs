//! What the driver does depends on the requests and on the host's answers, and on nothing else; and some hosts lie.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use weighbridge_loader::api::{MetadataEntry, MetadataValue, Selection};
use weighbridge_loader::driver::Session;
use weighbridge_loader::formats::build::{GgufBuilder, Value};
use weighbridge_loader::storage::Capabilities;
use weighbridge_loader::types::{AdviceEffect, Cause, Level, Phase, Strategy};
use weighbridge_tests::double::{Call, Double, Leaks};
use weighbridge_tests::faults::{Fault, Kind, every_error};
use weighbridge_tests::files::{self, Model};
use weighbridge_tests::harness::{Harness, Setup};
use weighbridge_tests::native::Native;
use weighbridge_tests::run::{options, selection};

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// One session, and all that the host was asked in it.
fn run(fault: Option<(u32, usize)>) -> Vec<Call> {
    let model = files::named("whole-sharded").unwrap();
    let mut host = Native::open(&model, &Setup::default(), &[]).unwrap();
    if let Some((at, error)) = fault {
        host.arm(Fault::call(at, every_error()[error].clone()));
    }
    for load in ["mapped-file per-tensor", "staged-read,read-copy chunk=16384", "auto check=structure"] {
        let _ = host.load(&Selection::All, &options(&words(load)));
        let _ = host.evict(&Selection::All);
        let _ = host.release(&selection("1,3"));
    }
    let _ = host.close();
    host.host.calls()
}

#[test]
fn the_same_answers_give_the_same_calls() {
    assert_eq!(run(None), run(None));
    for at in 1..12 {
        for error in 0..every_error().len() {
            assert_eq!(run(Some((at, error))), run(Some((at, error))));
        }
    }
}

/// A request that is refused before any work asks the host for nothing.
#[test]
fn a_refused_request_makes_no_call() {
    let model = files::named("gguf").unwrap();
    let mut host = Native::open(&model, &Setup::default(), &[]).unwrap();
    host.load(&selection("0"), &options(&words("mapped-file"))).unwrap();
    let before = host.host.calls().len();
    let load = |host: &mut Native, which: &str, how: &str| host.load(&selection(which), &options(&words(how)));
    assert!(load(&mut host, "9", "mapped-file").is_err());
    assert!(load(&mut host, "all", "none").is_err());
    assert!(load(&mut host, "all", "read-copy,read-copy").is_err());
    assert!(load(&mut host, "all", "mapped-file window=0").is_err());
    assert!(load(&mut host, "glob:x*", "mapped-file").is_err());
    assert!(load(&mut host, "glob:[", "mapped-file").is_err());
    assert!(host.release(&selection("1")).is_err());
    assert!(host.evict(&selection("0")).is_err());
    assert!(host.advise(1, weighbridge_loader::types::Advice::Normal).is_err());
    assert_eq!(host.host.calls().len(), before);
}

#[test]
fn dropping_a_session_gives_everything_back() {
    let model = files::named("whole-split").unwrap();
    let setup = Setup { registered: vec![("t0.weight".into(), 5000)], ..Setup::default() };
    for loads in [&["mapped-file"][..], &["read-copy per-tensor"], &["staged-read", "external-buffer"], &[]] {
        let mut host = Native::open(&model, &setup, &[]).unwrap();
        for (tensor, load) in loads.iter().enumerate() {
            let _ = host.load(&selection(&tensor.to_string()), &options(&words(load)));
        }
        let double = host.host.clone();
        assert_eq!(double.open_sources(), 3);
        drop(host);
        assert_eq!(double.open_sources(), 0);
        assert_eq!(double.leaks(), Leaks::default());
        let (maps, unmaps) = double.maps_and_unmaps();
        assert_eq!(maps, unmaps);
    }
}

#[test]
fn a_refused_open_or_provide_keeps_no_file() {
    let model = files::named("garbage").unwrap();
    let double = Double::new(&model.files, Double::capabilities());
    let opened = Session::open(double.clone(), vec![double.grant(0)], &Setup::default().options, Box::new(()));
    assert!(opened.is_err());
    assert_eq!(double.open_sources(), 0);
    let twice =
        Session::open(double.clone(), vec![double.grant(0), double.grant(0)], &Setup::default().options, Box::new(()));
    assert!(twice.is_err_and(|error| error.cause == Cause::InvalidRequest));
    let none = Session::open(double.clone(), Vec::new(), &Setup::default().options, Box::new(()));
    assert!(none.is_err_and(|error| error.cause == Cause::InvalidRequest));
    assert_eq!(double.open_sources(), 0);
    for (name, files, kept) in [("split", &[0][..], 1), ("foreign-shard", &[1, 2], 1), ("twice", &[1, 2], 1)] {
        let mut host = Native::open(&files::named(name).unwrap(), &Setup::default(), &[]).unwrap();
        assert!(host.provide(files).is_err(), "{name}");
        assert_eq!(host.host.open_sources(), kept, "{name}");
    }
    // A model that is whole takes no further file either.
    let mut host = Native::open(&files::named("whole-split").unwrap(), &Setup::default(), &[]).unwrap();
    let other = host.host.grant(1);
    let other = ("other.gguf".to_owned(), other.1);
    assert!(host.session().provide(vec![other]).is_err());
    assert_eq!(host.host.open_sources(), 3);
}

#[test]
fn hosts_that_make_no_sense_are_answered() {
    let model = files::named("gguf").unwrap();
    let whole = Double::capabilities;
    for (host, loads) in [
        (Capabilities { max_read: 0, ..whole() }, false),
        (Capabilities { max_read: 1, ..whole() }, true),
        (Capabilities { map_granularity: 0, ..whole() }, true),
        (Capabilities { map_granularity: 3, ..whole() }, true),
        (Capabilities { map_granularity: 1 << 63, ..whole() }, true),
        (Capabilities { max_batch: 1, mmap: false, ..whole() }, true),
        (Capabilities { max_batch: 0, mmap: false, ..whole() }, false),
        (Capabilities { max_read: u32::MAX, max_batch: u32::MAX, map_granularity: 1, ..whole() }, true),
        (Capabilities { auto: Vec::new(), ..whole() }, false),
        (Capabilities { auto: vec![Strategy::ReadCopy; 2], ..whole() }, false),
        (Capabilities { auto: vec![Strategy::ReadCopy; 70_000], ..whole() }, false),
        (Capabilities { auto: vec![Strategy::StagedRead], ..whole() }, true),
    ] {
        let double = Double::new(&model.files, host.clone());
        let result = Native::over(double, &model, &Setup::default())
            .and_then(|mut session| session.load(&Selection::All, &options(&words("auto"))));
        assert_eq!(result.is_ok(), loads, "{host:?}: {result:?}");
    }
}

#[test]
fn advice_is_reported_as_what_it_did() {
    let model = files::named("gguf").unwrap();
    let mut host = Native::open(&model, &Setup::default(), &[]).unwrap();
    host.load(&Selection::All, &options(&words("mapped-file"))).unwrap();
    for effect in [AdviceEffect::Applied, AdviceEffect::Ignored, AdviceEffect::Unsupported] {
        host.host.answer_advice(effect);
        assert_eq!(host.advise(1, weighbridge_loader::types::Advice::DontNeed), Ok(effect));
    }
    // The advice is for the tensor's bytes and for no others.
    let info = host.tensors()[1].clone();
    let advised = host.host.calls().into_iter().rfind(|call| call.kind == Kind::Advise).unwrap();
    assert_eq!(advised.numbers[1..3], [info.offset, info.bytes]);
}

/// The file loses its end after it was opened, and the host does not tell: the answer is an error, and no byte is wrong.
#[test]
fn a_file_that_shrinks_unnoticed() {
    for load in ["mapped-file", "mapped-file per-tensor", "read-copy", "staged-read chunk=4096", "auto"] {
        let model = files::named("gguf").unwrap();
        let mut host = Native::open(&model, &Setup::default(), &[]).unwrap();
        host.host.shrink(0, 20_000);
        let error = host.load(&Selection::All, &options(&words(load))).unwrap_err();
        assert!(matches!(error.cause, Cause::OutOfBounds | Cause::EndOfSource), "{load}: {error:?}");
        host.host.shrink(0, 20_000);
        let first = host.load(&selection("0"), &options(&words("read-copy"))).unwrap();
        assert_eq!(first.tensors, 1);
        assert_eq!(host.bytes(0).as_ref(), Some(&model.tensors[0].1));
        host.close().unwrap();
        assert_eq!(host.leaks(), Leaks::default());
    }
}

/// At level off nothing crosses to the observer; a load of many tensors flushes in bounded pieces.
#[test]
fn the_observer_costs_nothing_when_off() {
    use std::cell::RefCell;
    use std::rc::Rc;
    use weighbridge_loader::bindings::weighbridge::loader::observer::Entry;
    use weighbridge_loader::observe::Observer;
    #[derive(Clone, Default)]
    struct Count(Rc<RefCell<Vec<usize>>>);
    impl Observer for Count {
        fn add_names(&mut self, names: &[String]) {
            assert!(!names.is_empty());
        }
        fn emit(&mut self, entries: &[Entry]) {
            self.0.borrow_mut().push(entries.len());
        }
    }
    let model = files::named("many").unwrap();
    for level in [Level::Off, Level::Outcomes, Level::Transitions, Level::Steps] {
        let (count, double) = (Count::default(), Double::new(&model.files, Double::capabilities()));
        let observe = weighbridge_loader::api::SessionOptions { observe: level, ..Setup::default().options };
        let mut session =
            Session::open(double.clone(), vec![double.grant(0)], &observe, Box::new(count.clone())).unwrap();
        session.load(&Selection::All, &options(&words("read-copy"))).unwrap();
        session.close().unwrap();
        let emitted = count.0.borrow();
        assert_eq!(emitted.is_empty(), level == Level::Off);
        assert!(emitted.iter().all(|entries| (1..=4096).contains(entries)), "{emitted:?}");
        if level == Level::Steps {
            assert!(emitted.iter().all(|entries| *entries == 1));
        }
    }
}

/// Exactly the tensor's bytes are written; what the embedder has behind them stays.
#[test]
fn memory_beyond_a_tensor_stays_as_it_was() {
    use weighbridge_tests::double::CANARY;
    let model = files::named("gguf").unwrap();
    for chunk in ["", "chunk=1000", "chunk=4096", "chunk=4999", "chunk=5000", "chunk=5001"] {
        let setup = Setup { registered: vec![("t0.weight".into(), 5064)], ..Setup::default() };
        let mut host = Native::open(&model, &setup, &[]).unwrap();
        let load = options(&words(&format!("external-buffer {chunk}")));
        // A failure before the first chunk leaves every byte.
        host.arm(Fault::call(2, every_error()[0].clone()));
        assert!(host.load(&selection("0"), &load).is_err());
        host.disarm();
        host.load(&selection("0"), &load).unwrap();
        let location = host.states()[0].location.unwrap();
        let memory = host.host.bytes(&weighbridge_loader::api::Location { bytes: 5064, ..location }).unwrap();
        assert!(memory[..5000] == model.tensors[0].1[..]);
        assert!(memory[5000..].iter().all(|byte| *byte == CANARY), "{chunk}");
    }
}

/// A release of one tensor never reaches another's mapping, whatever slots were used before.
#[test]
fn no_tensor_ends_anothers_mapping() {
    let model = files::named("gguf").unwrap();
    let setup = Setup {
        options: weighbridge_loader::api::SessionOptions { slots: 2, ..Setup::default().options },
        ..Setup::default()
    };
    let mut host = Native::open(&model, &setup, &[]).unwrap();
    let map = options(&words("mapped-file per-tensor"));
    host.load(&selection("0,1"), &map).unwrap();
    for round in 0..20u32 {
        let (out, into) = (round % 2, 2 + round % 2);
        host.release(&selection(&out.to_string())).unwrap();
        host.load(&selection(&into.to_string()), &map).unwrap();
        assert!(host.release(&selection(&out.to_string())).is_err());
        for tensor in [1 - out, into] {
            assert_eq!(host.bytes(tensor).as_ref(), Some(&model.tensors[tensor as usize].1));
        }
        host.release(&selection(&into.to_string())).unwrap();
        host.load(&selection(&out.to_string()), &map).unwrap();
    }
    let generations: Vec<u32> = host.slots().iter().map(|slot| slot.generation).collect();
    assert_eq!(generations, [20, 20]);
}

/// Loads leave what the header says of a tensor alone.
#[test]
fn no_load_changes_what_the_header_says() {
    let model = files::named("gapped").unwrap();
    let mut host = Native::open(&model, &Setup::default(), &[]).unwrap();
    let before = host.tensors();
    for load in ["mapped-file", "mapped-file per-tensor", "read-copy", "staged-read chunk=7000"] {
        host.load(&Selection::All, &options(&words(load))).unwrap();
        assert_eq!(host.tensors(), before);
        host.release(&Selection::All).unwrap();
        host.evict(&Selection::All).unwrap();
        assert_eq!(host.tensors(), before);
    }
}

/// A tensor's state says how its bytes got there, and where they are.
#[test]
fn states_tell_strategy_and_place() {
    use weighbridge_loader::api::Place;
    use weighbridge_loader::types::Strategy;
    let model = files::named("gguf").unwrap();
    let setup = Setup { registered: vec![("t3.weight".into(), 12_345)], ..Setup::default() };
    let mut host = Native::open(&model, &setup, &[]).unwrap();
    let loads = [
        ("mapped-file", Strategy::MappedFile),
        ("read-copy", Strategy::ReadCopy),
        ("staged-read", Strategy::StagedRead),
        ("external-buffer", Strategy::ExternalBuffer),
    ];
    for (tensor, (load, strategy)) in loads.into_iter().enumerate() {
        assert_eq!(host.states()[tensor].strategy, None);
        host.load(&selection(&tensor.to_string()), &options(&words(load))).unwrap();
        let state = host.states()[tensor];
        assert_eq!(state.strategy, Some(strategy));
        let location = state.location.unwrap();
        assert_eq!(location.bytes, model.tensors[tensor].1.len() as u64);
        assert_eq!(matches!(location.place, Place::Mapping(_)), strategy == Strategy::MappedFile);
        assert_eq!(state.slot.is_some(), strategy == Strategy::MappedFile);
    }
    host.evict(&Selection::All).unwrap();
    host.release(&Selection::All).unwrap();
    assert!(host.states().iter().all(|state| state.strategy.is_none() && state.location.is_none()));
}

/// An answer of metadata is bounded as a whole: the caller who asks on from what it got sees every entry, each once.
#[test]
fn pages_of_metadata_end_early() {
    let long = "x".repeat(10 << 20);
    let mut file = GgufBuilder::new().kv("first", Value::U8(1));
    for number in 0..5 {
        file = file.kv(&format!("long.{number}"), Value::text(&long));
    }
    let file = file.kv("huge", Value::text(&"y".repeat(33 << 20))).kv("last", Value::U8(2)).build();
    let model = Model { files: vec![files::File { name: "m.gguf".into(), bytes: file }], given: 1, tensors: vec![] };
    let mut host = Native::open(&model, &Setup::default(), &[]).unwrap();
    let total = host.session().summary().metadata_entries;
    let (mut keys, mut pages) = (Vec::new(), Vec::new());
    while keys.len() < total as usize {
        let page = host.session().metadata(u32::try_from(keys.len()).unwrap(), 256, 4).unwrap();
        let text = |entry: &MetadataEntry| match &entry.value {
            MetadataValue::Text(text) => text.len(),
            _ => 0,
        };
        assert!(page.iter().map(text).sum::<usize>() <= (32 << 20) + 100);
        pages.push(page.len());
        keys.extend(page.into_iter().map(|entry| entry.key));
    }
    assert_eq!(pages, [4, 2, 1, 1]);
    assert_eq!(keys, ["first", "long.0", "long.1", "long.2", "long.3", "long.4", "huge", "last"]);
}

/// A tensor has one number, that of the model, in errors about a part's header too.
#[test]
fn tensors_of_later_files_have_the_models_numbers() {
    let mut model = Model { given: 3, ..files::named("split").unwrap() };
    let third = &mut model.files[2].bytes;
    third.truncate(third.len() - 1_000);
    let error = Native::open(&model, &Setup::default(), &[]).err().unwrap();
    assert_eq!((error.source, error.tensor), (Some(2), Some(3)), "{error:?}");
    assert_eq!(error.field.as_deref(), Some("tensor_infos[1].offset"));
}

/// What comes at the wrong time says what to do instead.
#[test]
fn requests_out_of_turn_say_what_to_do() {
    let mut host = Native::open(&files::named("whole-split").unwrap(), &Setup::default(), &[]).unwrap();
    let other = ("other.gguf".to_owned(), host.host.grant(1).1);
    let error = host.session().provide(vec![other]).unwrap_err();
    assert_eq!((error.phase, &error.cause), (Phase::Request, &Cause::InvalidRequest));
    assert!(error.message.contains("has all of its files"), "{error:?}");
    host.close().unwrap();
    for error in [
        host.load(&Selection::All, &options(&words("auto"))).unwrap_err(),
        host.release(&Selection::All).unwrap_err(),
        host.evict(&Selection::All).unwrap_err(),
    ] {
        assert_eq!((error.phase, &error.cause), (Phase::Request, &Cause::InvalidRequest));
        assert!(error.message.contains("Open the model again"), "{error:?}");
    }
}

/// A tensor without bytes whose place is behind the end of the file: resident without a call.
#[test]
fn no_bytes_behind_the_end_are_touched() {
    let file = GgufBuilder::new().tensor("x", 24, &[33], &[5; 33]).tensor_at(b"y", 24, &[0], 64);
    let len = file.header().len().next_multiple_of(32) + 33;
    let bytes = file.build()[..len].to_vec();
    let tensors = vec![("x".to_owned(), vec![5; 33]), ("y".to_owned(), vec![])];
    let model = Model { files: vec![files::File { name: "m.gguf".into(), bytes }], given: 1, tensors };
    for load in ["mapped-file", "mapped-file per-tensor", "mapped-file window=4096", "read-copy", "staged-read"] {
        let mut host = Native::open(&model, &Setup::default(), &[]).unwrap();
        let report = host.load(&Selection::All, &options(&words(load))).unwrap();
        assert_eq!((report.tensors, report.bytes, report.extents), (2, 33, 1), "{load}");
        assert!(host.states().iter().all(|state| state.strategy.is_some() || state.location.is_none()));
        let ends = host.host.calls().into_iter().filter(|call| call.kind == Kind::MapRange);
        assert!(ends.map(|call| call.numbers[1] + call.numbers[2]).all(|end| end <= len as u64), "{load}");
        host.close().unwrap();
    }
}
