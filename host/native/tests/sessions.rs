//! Sessions over real files with the component of this library, from path to bytes and back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::{file, loader, safetensors, value};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use weighbridge::trace::{Call, Record, What};
use weighbridge::{
    Advice, AdviceEffect, CancelToken, Cause, ExtentPolicy, FormatInfo, GuestOptions, HostCapabilities, HostLimits,
    Level, Lifecycle, LoadOptions, MultiFile, Observer, Selection, Session, SessionOptions, StorageError, Strategy,
};

const TENSORS: &[(&str, usize)] = &[("a", 5000), ("b", 0), ("c", 70_000), ("d", 1), ("e", 12_345)];

fn model() -> (tempfile::TempDir, PathBuf) {
    file("model.safetensors", &safetensors(TENSORS))
}

fn only(strategy: Strategy) -> LoadOptions {
    LoadOptions::new().policy(strategy)
}

fn open(path: &Path, options: SessionOptions) -> Session {
    loader().open_with(&[path.to_owned()], options).unwrap()
}

/// Every tensor of [`TENSORS`] is there, byte for byte.
#[track_caller]
fn check(session: &mut Session) {
    let mut at = 0;
    let views = session.resident().unwrap();
    assert!(views.iter().map(|view| (view.name(), view.len())).eq(TENSORS.iter().copied()));
    for ((name, len), view) in TENSORS.iter().zip(&views) {
        let tensor = session.tensor(name).unwrap();
        assert_eq!(tensor.bytes().as_ptr(), view.bytes().as_ptr(), "{name}");
        assert_eq!((tensor.len(), tensor.dtype()), (*len, "U8"));
        let expected: Vec<u8> = (at..at + len).map(value).collect();
        assert!(tensor.bytes() == expected, "{name}");
        let mut copy = vec![0; *len];
        tensor.copy_to(0, &mut copy).unwrap();
        assert!(copy == expected, "{name}");
        at += len;
    }
}

#[test]
fn every_strategy_gives_the_same_bytes_and_gives_everything_back() {
    let (_folder, path) = model();
    let extents = [ExtentPolicy::WholeFile, ExtentPolicy::PerTensor, ExtentPolicy::Window(8192)];
    for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
        for extent in extents {
            for staging_bytes in [1000, 4096, 0] {
                let mut session = loader().open(&path).unwrap();
                let options = only(strategy).extent(extent).staging_bytes(staging_bytes);
                let report = session.load(&Selection::All, &options).unwrap();
                assert_eq!(report.used, Some(strategy));
                assert_eq!(report.tensors as usize, TENSORS.len());
                check(&mut session);
                let stats = session.stats();
                assert_eq!(stats.bytes_moved, report.moved);
                assert!(stats.bytes_to_guest < 1024, "only the header enters the guest");
                let mapped = strategy == Strategy::MappedFile;
                assert_eq!((stats.mappings > 0, stats.buffers > 0), (mapped, !mapped));
                let usage = session.usage();
                if mapped {
                    session.release(&Selection::All).unwrap();
                } else {
                    session.evict(&Selection::All).unwrap();
                }
                assert_eq!((usage.mappings(), usage.buffers()), (0, 0), "{strategy:?} {extent:?}");
                session.close().unwrap();
                session.close().unwrap();
            }
        }
    }
}

#[test]
fn dropping_a_session_at_any_point_leaves_nothing() {
    let (_folder, path) = model();
    for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
        let mut session = loader().open(&path).unwrap();
        let usage = session.usage();
        session.load(&Selection::All, &only(strategy)).unwrap();
        drop(session);
        assert_eq!(usage.maps(), usage.unmaps());
        assert_eq!((usage.mapped_bytes(), usage.buffers(), usage.buffer_bytes()), (0, 0, 0));
    }
}

#[test]
fn a_view_makes_release_busy_and_outlives_the_session() {
    let (_folder, path) = model();
    for strategy in [Strategy::MappedFile, Strategy::ReadCopy] {
        let mut session = loader().open(&path).unwrap();
        let usage = session.usage();
        session.load(&Selection::All, &only(strategy)).unwrap();
        let view = session.tensor("c").unwrap();
        let clone = view.clone();
        let end = |session: &mut Session| match strategy {
            Strategy::MappedFile => session.release(&Selection::All),
            _ => session.evict(&Selection::All),
        };
        for _ in 0..2 {
            assert_eq!(end(&mut session).unwrap_err().cause, Cause::Busy, "{strategy:?}");
            assert_eq!(session.close().unwrap_err().cause, Cause::Busy, "{strategy:?}");
        }
        drop(view);
        assert_eq!(session.close().unwrap_err().cause, Cause::Busy, "a clone is a view, too");
        drop(session);
        assert_eq!(clone.bytes()[0], value(5000));
        assert_eq!(usage.mappings() + usage.buffers(), 1);
        drop(clone);
        assert_eq!(usage.mappings() + usage.buffers(), 0);

        let mut session = loader().open(&path).unwrap();
        session.load(&Selection::All, &only(strategy)).unwrap();
        let view = session.tensor("a").unwrap();
        assert!(session.close().is_err());
        drop(view);
        session.close().unwrap();
    }
}

#[test]
fn a_truncated_file_answers_through_the_safe_copy() {
    let (_folder, path) = model();
    let mut session = loader().open(&path).unwrap();
    session.load(&Selection::All, &only(Strategy::MappedFile)).unwrap();
    let (tensor, small) = (session.tensor("c").unwrap(), session.tensor("a").unwrap());
    let mut bytes = vec![0; tensor.len()];
    tensor.copy_to(0, &mut bytes).unwrap();
    for offset in [1, 70_000, u64::MAX] {
        assert_eq!(tensor.copy_to(offset, &mut bytes).unwrap_err().cause, Cause::OutOfBounds);
    }
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(6000).unwrap();
    for (tensor, len) in [(&tensor, 70_000), (&small, 10)] {
        let error = tensor.copy_to(0, &mut bytes[..len]).unwrap_err();
        assert_eq!(error.cause, Cause::SourceChanged, "{error:?}");
        assert!(error.message.contains("open the model again"), "{error}");
    }
    drop((tensor, small));
    session.release(&Selection::All).unwrap();
    let error = session.load(&Selection::All, &only(Strategy::ReadCopy)).unwrap_err();
    assert_eq!(error.cause, Cause::SourceChanged, "{error:?}");
}

#[test]
fn a_consumer_gets_every_byte_in_order_in_bounded_chunks() {
    let (_folder, path) = model();
    let mut session = loader().open(&path).unwrap();
    let mut got: Vec<Vec<u8>> = vec![Vec::new(); TENSORS.len()];
    let report = session
        .load_into(&Selection::All, 4096, |tensor, offset, bytes| {
            assert!(bytes.len() <= 4096);
            let so_far = &mut got[tensor as usize];
            assert_eq!(so_far.len() as u64, offset);
            so_far.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    assert_eq!(report.used, Some(Strategy::ExternalBuffer));
    assert_eq!(got.concat(), (0..got.concat().len()).map(value).collect::<Vec<_>>());
    assert_eq!(got.concat().len() as u64, session.summary().tensor_bytes);
    let error = session.tensor("a").unwrap_err();
    assert_eq!(error.cause, Cause::NotResident, "{error:?}");
    session.evict(&Selection::All).unwrap();
    session.close().unwrap();
}

#[test]
fn a_consumer_ends_the_load() {
    let (_folder, path) = model();
    let cases = [
        (StorageError::Cancelled, Cause::Cancelled),
        (StorageError::Io(28), Cause::Io),
        (StorageError::Other("full".to_owned()), Cause::Other),
    ];
    for (answer, cause) in cases {
        let mut session = loader().open(&path).unwrap();
        let mut chunks = 0;
        let error = session
            .load_into(&Selection::All, 1000, |_, _, _| {
                chunks += 1;
                if chunks == 7 { Err(answer.clone()) } else { Ok(()) }
            })
            .unwrap_err();
        assert_eq!((chunks, error.cause == cause), (7, true), "{error:?}");
        assert!(session.states().unwrap().iter().all(|state| state.lifecycle != Lifecycle::Resident));
        session.load(&Selection::All, &LoadOptions::default()).unwrap();
        check(&mut session);
    }
}

#[test]
fn registered_memory_takes_tensors() {
    let (_folder, path) = model();
    let mut session = open(&path, SessionOptions::default());
    session.register("a", vec![0u8; 6000]).unwrap();
    let options = only(Strategy::ExternalBuffer);
    let error = session.load(&Selection::All, &options).unwrap_err();
    assert!(error.tensor.is_some(), "which one has no memory: {error:?}");
    session.register("c", vec![0u8; 69_999]).unwrap();
    let error = session.load(&Selection::Matching("[ac]".to_owned()), &options).unwrap_err();
    assert_eq!(error.tensor, Some(2));
    assert_eq!(session.stats().bytes_moved, 0, "before any byte moved");
    session.register("c", vec![0u8; 70_000]).unwrap();
    session.load(&Selection::Matching("[ac]".to_owned()), &options).unwrap();
    let view = session.tensor("c").unwrap();
    assert_eq!(view.bytes(), (5000..75_000).map(value).collect::<Vec<_>>());
    assert_eq!(session.register("c", vec![0u8; 70_000]).unwrap_err().cause, Cause::Busy);
    assert_eq!(session.stats().buffer_bytes, 0, "it is the embedder's");
    drop(view);
    session.evict(&Selection::Matching("[ac]".to_owned())).unwrap();
    session.register("c", vec![0u8; 70_000]).unwrap();
}

#[test]
fn auto_on_a_host_without_mmap_falls_back_and_says_why() {
    let (_folder, path) = model();
    let host = HostCapabilities::new().mmap(false);
    let mut session = open(&path, SessionOptions::new().host(host));
    let report = session.load(&Selection::All, &LoadOptions::default()).unwrap();
    assert_eq!(report.used, Some(Strategy::StagedRead));
    assert_eq!(report.refused[0].strategy, Strategy::MappedFile);
    assert_eq!(report.refused[0].reason.cause, Cause::StrategyUnavailable);
    check(&mut session);
}

#[test]
fn quotas_are_answers() {
    let (_folder, path) = model();
    let limits = HostLimits::new().mapped_bytes(8192).buffer_bytes(8192);
    let mut session = open(&path, SessionOptions::new().limits(limits));
    for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
        let error = session.load(&Selection::All, &only(strategy)).unwrap_err();
        assert_eq!(error.cause, Cause::OutOfMemory, "{strategy:?}: {error:?}");
    }
    session.load(&Selection::Tensors(vec![0]), &only(Strategy::ReadCopy).extent(ExtentPolicy::PerTensor)).unwrap();
    let limits = HostLimits::new().listing_bytes(100);
    let session = open(&path, SessionOptions::new().limits(limits));
    assert_eq!(session.tensors().unwrap_err().cause, Cause::LimitExceeded);
}

#[test]
fn cancelled_and_late_loads_leave_nothing_and_can_be_retried() {
    let (_folder, path) = model();
    let cancel = CancelToken::default();
    let mut session = open(&path, SessionOptions::new().cancel(cancel.clone()));
    let usage = session.usage();
    for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
        cancel.cancel();
        let error = session.load(&Selection::All, &only(strategy)).unwrap_err();
        assert_eq!(error.cause, Cause::Cancelled, "{error:?}");
        assert_eq!((usage.mappings(), usage.buffers()), (0, 0));
        cancel.reset();
        session.load(&Selection::All, &only(strategy)).unwrap();
        check(&mut session);
        if strategy == Strategy::MappedFile {
            session.release(&Selection::All).unwrap();
        } else {
            session.evict(&Selection::All).unwrap();
        }
    }
    let limits = HostLimits::new().deadline(Duration::ZERO);
    let late = loader().open_with(&[path], SessionOptions::new().limits(limits)).unwrap_err();
    assert_eq!(late.cause, Cause::Deadline, "{late:?}");
}

#[derive(Default)]
struct Watch(Mutex<Vec<Record>>);

impl Observer for Watch {
    fn observe(&self, records: &[Record]) {
        self.0.lock().unwrap().extend_from_slice(records);
    }
}

#[test]
fn the_observer_hears_everything_in_order_and_nothing_when_off() {
    let (_folder, path) = model();
    for level in Level::ALL {
        let watch = Arc::new(Watch::default());
        let guest = GuestOptions::new().observe(*level);
        let options = SessionOptions::new().guest(guest).observer(watch.clone());
        let mut session = open(&path, options);
        session.load(&Selection::All, &LoadOptions::default()).unwrap();
        let records = watch.0.lock().unwrap().clone();
        assert!(records.iter().enumerate().all(|(at, record)| record.seq == at as u64));
        assert!(records.windows(2).all(|pair| pair[0].at <= pair[1].at));
        assert_eq!(session.records(), records, "the ring has the same");
        let steps = records.iter().filter(|record| matches!(record.what, What::Step(_))).count();
        let names = records.iter().filter(|record| matches!(record.what, What::Names { .. })).count();
        assert_eq!((steps > 0, names > 0), (*level != Level::Off, *level != Level::Off), "{level:?}");
        let calls = records.iter().filter(|record| matches!(record.what, What::Call(_))).count();
        let returns = records.iter().filter(|record| matches!(record.what, What::Return { .. })).count();
        assert!(calls == returns && calls >= 4, "{calls} {returns}");
    }
}

/// How many steps of machines came at once, at most.
#[derive(Default)]
struct Batches(Mutex<usize>);

impl Observer for Batches {
    fn observe(&self, records: &[Record]) {
        let steps = records.iter().filter(|record| matches!(record.what, What::Step(_))).count();
        let mut most = self.0.lock().unwrap();
        *most = steps.max(*most);
    }
}

#[test]
fn the_level_is_changed_while_a_session_is_open() {
    let (_folder, path) = model();
    let batches = Arc::new(Batches::default());
    let guest = GuestOptions::new().observe(Level::Off);
    let mut session = open(&path, SessionOptions::new().guest(guest).observer(batches.clone()));
    let mut most = |level| {
        session.observe(level).unwrap();
        *batches.0.lock().unwrap() = 0;
        session.load(&Selection::All, &only(Strategy::MappedFile)).unwrap();
        session.release(&Selection::All).unwrap();
        *batches.0.lock().unwrap()
    };
    assert_eq!(most(Level::Off), 0);
    assert_eq!(most(Level::Steps), 1, "each step comes alone, so that the guest can be held there");
    assert!(most(Level::Transitions) > 1);
}

#[test]
fn no_name_of_the_model_is_in_the_trace_unless_it_may() {
    let (_folder, path) = file("secret.safetensors", &safetensors(TENSORS));
    for allowed in [false, true] {
        let session = open(&path, SessionOptions::new().names_in_trace(allowed));
        let text = serde_json::to_string(&session.records()).unwrap();
        assert_eq!(text.contains("secret"), allowed);
    }
}

#[test]
fn advice_reaches_the_system() {
    let (_folder, path) = model();
    let mut session = loader().open(&path).unwrap();
    session.load(&Selection::All, &only(Strategy::MappedFile)).unwrap();
    if cfg!(target_os = "linux") {
        for advice in Advice::ALL {
            assert_eq!(session.advise(2, *advice).unwrap(), AdviceEffect::Applied, "{advice:?}");
        }
        assert_eq!(session.advise(3, Advice::DontNeed).unwrap(), AdviceEffect::Ignored, "one byte is no whole page");
        let pages = session.residency(0).unwrap();
        assert_eq!(pages.pages.len() as u64, session.files()[0].size.div_ceil(pages.page_bytes));
    }
    check(&mut session);
}

/// A model of two files and its index.
fn sharded(shard: &str) -> (tempfile::TempDir, PathBuf) {
    let index = format!(r#"{{"metadata":{{}},"weight_map":{{"a":"one.safetensors","b":"{shard}"}}}}"#);
    let (folder, path) = file("model.safetensors.index.json", index.as_bytes());
    fs::write(folder.path().join("one.safetensors"), safetensors(&[("a", 100)])).unwrap();
    fs::write(folder.path().join("two.safetensors"), safetensors(&[("b", 200)])).unwrap();
    (folder, path)
}

#[test]
fn shards_are_found_beside_the_index_and_nowhere_else() {
    let (folder, path) = sharded("two.safetensors");
    let mut session = loader().open(&path).unwrap();
    assert_eq!(session.files().len(), 3);
    session.load(&Selection::All, &LoadOptions::default()).unwrap();
    assert_eq!((session.tensor("a").unwrap().len(), session.tensor("b").unwrap().len()), (100, 200));

    fs::remove_file(folder.path().join("two.safetensors")).unwrap();
    let error = loader().open(&path).unwrap_err();
    assert_eq!(error.cause, Cause::NotFound, "{error:?}");
    assert!(error.message.contains("two.safetensors"), "{error}");

    for outside in ["../two.safetensors", "/etc/passwd", "..", "sub/two.safetensors"] {
        let (_folder, path) = sharded(outside);
        let error = loader().open(&path).unwrap_err();
        assert_eq!(error.cause, Cause::Malformed, "{outside}: {error:?}");
    }

    let (_folder, path) = sharded("two.safetensors");
    let limits = HostLimits::new().files(2);
    let error = loader().open_with(&[path], SessionOptions::new().limits(limits)).unwrap_err();
    assert_eq!(error.cause, Cause::LimitExceeded, "{error:?}");
}

#[test]
fn what_cannot_be_a_model_is_refused_with_a_sentence() {
    let (folder, path) = model();
    let refused = |paths: &[PathBuf]| loader().open_with(paths, SessionOptions::default()).unwrap_err();
    assert_eq!(refused(&[]).cause, Cause::InvalidRequest);
    assert_eq!(loader().open(folder.path()).unwrap().summary().format, "safetensors", "the one model of a folder");
    let empty = tempfile::tempdir().unwrap();
    assert!(refused(&[empty.path().to_owned()]).message.contains("has no file"), "an empty folder");
    assert_eq!(refused(&[folder.path().join("none")]).cause, Cause::NotFound);
    assert_eq!(refused(&[path.clone(), path.clone()]).cause, Cause::InvalidRequest);
    let (_other, text) = file("notes.txt", b"this is no model, it is a text of some length");
    let error = refused(&[text]);
    assert_eq!(error.cause, Cause::NotAModel, "{error:?}");
    let session = loader().open(&path).unwrap();
    assert_eq!(session.tensor("none").unwrap_err().cause, Cause::NotFound);
    assert_eq!(session.tensor("a").unwrap_err().cause, Cause::NotResident);
    assert_eq!(session.tensor_at(99).unwrap_err().cause, Cause::NotFound);
}

#[test]
fn a_look_at_tensors_asks_the_guest_once_after_each_change() {
    let (_folder, path) = model();
    let mut session = loader().open(&path).unwrap();
    session.load(&Selection::All, &LoadOptions::new()).unwrap();
    let before = session.stats().crossings_in;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (name, len) in TENSORS {
                    assert_eq!(session.tensor(name).unwrap().len(), *len);
                }
                assert_eq!(session.find("c").unwrap(), Some(2));
                assert_eq!(session.resident().unwrap().len(), TENSORS.len());
            });
        }
    });
    let listed = session.stats().crossings_in;
    assert_eq!(listed - before, 2, "once for the list, once for the states");
    session.release(&Selection::from(0)).unwrap();
    assert_eq!(session.tensor("a").unwrap_err().cause, Cause::NotResident);
    assert_eq!(session.tensor("c").unwrap().len(), 70_000);
    assert_eq!(session.stats().crossings_in - listed, 2, "the release, and once for the states");
}

#[test]
fn many_sessions_on_many_threads() {
    let (_folder, path) = model();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let mut session = loader().open(&path).unwrap();
                    session.load(&Selection::All, &LoadOptions::default()).unwrap();
                    check(&mut session);
                }
            });
        }
    });
    fn sendable<T: Send>() {}
    fn shareable<T: Send + Sync + Clone>() {}
    fn shared<T: Send + Sync>() {}
    sendable::<Session>();
    shared::<Session>();
    shareable::<weighbridge::Tensor>();
    shareable::<weighbridge::Runtime>();
}

#[test]
fn the_component_asks_for_storage_and_observer_alone() {
    let mut imports = loader().imports();
    imports.sort();
    let names = ["observer", "storage", "types"].map(|name| format!("weighbridge:loader/{name}@0.1.0"));
    assert_eq!(imports, names);
    assert!(loader().exports().contains(&"weighbridge:loader/loader@0.1.0".to_owned()));
    assert!(!loader().describe().unwrap().is_empty());
    let formats = loader().formats().unwrap();
    let names: Vec<&str> = formats.iter().map(|format| format.name.as_str()).collect();
    assert_eq!(names, ["gguf", "safetensors", "npy", "pytorch", "npz"]);
    assert_eq!(formats[1].multi_file, MultiFile::Index("index.json".into()));
    assert_eq!(FormatInfo::titles(&formats, "or"), "GGUF, safetensors, NPY, PyTorch or NPZ");
    assert_eq!(FormatInfo::titles(&formats[..1], "or"), "GGUF");
    let versions = FormatInfo::titles_and_versions(&formats, "and");
    assert_eq!(versions, "GGUF (versions 2 and 3), safetensors, NPY (versions 1 to 3), PyTorch and NPZ");
    assert_eq!(loader().component_id().len(), 64);
}

/// The panic of what is called back goes to the caller; nothing waits for ever.
#[test]
fn a_panic_of_a_consumer_or_an_observer_reaches_the_caller() {
    struct Panics;
    impl Observer for Panics {
        fn observe(&self, records: &[Record]) {
            assert!(
                !records.iter().any(
                    |record| matches!(record.what, What::Call(ref call) if matches!(**call, Call::ReadInto { .. }))
                ),
                "observed"
            );
        }
    }
    let (_folder, path) = model();
    let run = |options: SessionOptions, consumer: fn(u32, u64, &[u8]) -> Result<(), StorageError>| {
        let mut session = open(&path, options);
        let load = std::panic::AssertUnwindSafe(|| session.load_into(&Selection::All, 4096, consumer));
        std::panic::catch_unwind(load).expect_err("it panics").downcast_ref::<&str>().map(|text| (*text).to_owned())
    };
    assert_eq!(run(SessionOptions::default(), |_, _, _| panic!("consumed")).as_deref(), Some("consumed"));
    let watched = SessionOptions::new().observer(Arc::new(Panics));
    assert_eq!(run(watched, |_, _, _| Ok(())).as_deref(), Some("observed"));
}

#[test]
fn the_host_bounds_mappings_header_bytes_and_lists() {
    let (_folder, path) = model();
    let with = |limits: HostLimits| SessionOptions::new().limits(limits);
    let mut session = open(&path, with(HostLimits::new().mappings(2)));
    let each = only(Strategy::MappedFile).extent(ExtentPolicy::PerTensor);
    assert_eq!(session.load(&Selection::All, &each).unwrap_err().cause, Cause::OutOfMemory);
    assert_eq!(session.stats().mappings, 0);
    session.load(&Selection::All, &only(Strategy::MappedFile)).unwrap();
    check(&mut session);

    let few = with(HostLimits::new().header_bytes(8));
    assert_eq!(loader().open_with(std::slice::from_ref(&path), few).unwrap_err().cause, Cause::OutOfMemory);

    let session = open(&path, with(HostLimits::new().listing_bytes(64)));
    assert_eq!(session.tensors().unwrap_err().cause, Cause::LimitExceeded);
    assert_eq!(session.states().unwrap_err().cause, Cause::LimitExceeded);

    // A deadline beyond what a clock can say is none.
    let never = with(HostLimits::new().deadline(Duration::MAX));
    open(&path, never).load(&Selection::All, &LoadOptions::default()).unwrap();
}

/// What a model's folder holds beside it may be a link: that of a cache of models is followed, another one if asked.
#[cfg(unix)]
#[test]
fn links_lead_out_of_the_folder_only_where_a_cache_has_them() {
    use std::os::unix::fs::symlink;
    let base = tempfile::tempdir().unwrap();
    let (blobs, snapshot) = (base.path().join("blobs"), base.path().join("snapshots/0f3a"));
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::create_dir_all(&snapshot).unwrap();
    let index = br#"{"metadata":{},"weight_map":{"a":"a.safetensors"}}"#;
    std::fs::write(snapshot.join("model.safetensors.index.json"), index).unwrap();
    std::fs::write(blobs.join("a1b2"), safetensors(&[("a", 16)])).unwrap();
    std::fs::write(base.path().join("secret"), safetensors(&[("a", 16)])).unwrap();
    let open = |follow_links| {
        let options = SessionOptions::new().follow_links(follow_links);
        loader().open_with(&[snapshot.join("model.safetensors.index.json")], options)
    };
    let part = snapshot.join("a.safetensors");
    symlink("../../blobs/a1b2", &part).unwrap();
    assert!(open(false).is_ok(), "{:?}", open(false).err());
    std::fs::remove_file(&part).unwrap();
    symlink("../../secret", &part).unwrap();
    let error = open(false).unwrap_err();
    assert!(error.cause == Cause::AccessDenied && error.message.contains("`follow_links`"), "{error:?}");
    assert!(open(true).is_ok());
    // A link of the cache's kind that leads to a further link is none of the cache's.
    std::fs::remove_file(&part).unwrap();
    symlink("../../blobs/a1b2", &part).unwrap();
    std::fs::remove_file(blobs.join("a1b2")).unwrap();
    symlink("../secret", blobs.join("a1b2")).unwrap();
    assert!(open(false).is_err());
}

/// A file of 12 TiB of which there is nothing: no answer, at once.
#[cfg(target_os = "linux")]
#[test]
fn the_pages_of_a_file_without_end_are_not_asked_for() {
    let (_folder, path) = file("m.safetensors", &safetensors(&[("a", 16)]));
    let mut session = loader().open(&path).unwrap();
    assert_eq!(session.residency(0).unwrap().pages.len(), 1);
    let header = br#"{"a":{"dtype":"U8","shape":[13194139533000],"data_offsets":[0,13194139533000]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    let large = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    large.set_len(bytes.len() as u64 + 13_194_139_533_000).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&large, &bytes, 0).unwrap();
    let mut session = loader().open(&path).unwrap();
    let began = std::time::Instant::now();
    assert_eq!(session.residency(0), None);
    assert!(began.elapsed() < std::time::Duration::from_secs(1));
}

/// Four times as many tensors take four times as long, and not sixteen.
#[test]
fn many_small_tensors_are_staged_in_linear_time() {
    let took = |tensors: usize| {
        let names: Vec<String> = (0..tensors).map(|number| format!("t{number}")).collect();
        let list: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 64)).collect();
        let (_folder, path) = file("m.safetensors", &safetensors(&list));
        let options = only(Strategy::StagedRead).extent(ExtentPolicy::PerTensor).staging_bytes(256);
        let mut session = open(&path, SessionOptions::new().ring(0));
        let began = std::time::Instant::now();
        session.load(&Selection::All, &options).unwrap();
        began.elapsed()
    };
    let least = |tensors| (0..2).map(|_| took(tensors)).min().unwrap();
    let (few, many) = (least(5_000), least(20_000));
    println!("{few:?} {many:?}");
    assert!(many < few * 9, "{few:?} {many:?}");
}
