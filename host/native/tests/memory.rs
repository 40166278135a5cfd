//! What the system has no more of is answered with a sentence: memory of the control group, addresses, descriptors. The
//! system's killer is not called, and nothing of it is called a bug of the component.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::{hostile, loader};
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use weighbridge::{Cause, GuestOptions, LoadOptions, Selection, SessionOptions, Strategy};

/// Says to this test that it is the child, and which group to enter.
const GROUP: &str = "WEIGHBRIDGE_TEST_GROUP";
const LIMIT: u64 = 512 << 20;

/// A group below this process's own, of version 2 or 1, that is removed at the end. None where this user may make none.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
            let (mount, file) = match controllers {
                "" => ("/sys/fs/cgroup", "memory.max"),
                "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                _ => return None,
            };
            let group = Self(Path::new(mount).join(path).join(format!("weighbridge-test-{}", std::process::id())));
            fs::create_dir(&group.0).ok()?;
            fs::write(group.0.join(file), LIMIT.to_string()).ok()?;
            Some(group)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_copy_that_does_not_fit_the_control_group_is_answered() {
    if let Ok(group) = std::env::var(GROUP) {
        // The compiler needs more than a model does.
        let runtimes = (loader(), hostile());
        fs::write(Path::new(&group).join("cgroup.procs"), std::process::id().to_string()).unwrap();
        return in_the_group(runtimes.1);
    }
    let Some(group) = Group::new() else {
        println!("skipped: this user may make no control group");
        return;
    };
    let name = "a_copy_that_does_not_fit_the_control_group_is_answered";
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(GROUP, &group.0)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{:?}: {said}", child.status);
}

fn in_the_group(hostile: &weighbridge::Runtime) {
    let folder = tempfile::tempdir().unwrap();
    // Many tensors, none of which is too large alone.
    let (tensors, len) = (64u64, LIMIT / 16);
    let entry = |number: u64| {
        format!(
            r#""t{number}":{{"dtype":"U8","shape":[{len}],"data_offsets":[{},{}]}}"#,
            number * len,
            (number + 1) * len
        )
    };
    let header = format!("{{{}}}", (0..tensors).map(entry).collect::<Vec<_>>().join(","));
    let path = folder.path().join("sparse.safetensors");
    let file = fs::File::create(&path).unwrap();
    file.set_len(8 + header.len() as u64 + tensors * len).unwrap();
    file.write_all_at(&(header.len() as u64).to_le_bytes(), 0).unwrap();
    file.write_all_at(header.as_bytes(), 8).unwrap();
    for strategy in [Strategy::ReadCopy, Strategy::StagedRead] {
        for extent in [weighbridge::ExtentPolicy::WholeFile, weighbridge::ExtentPolicy::PerTensor] {
            let mut session = loader().open(&path).unwrap();
            let options = LoadOptions::new().policy(strategy).extent(extent);
            let error = session.load(&Selection::All, &options).unwrap_err();
            assert_eq!(error.cause, Cause::OutOfMemory, "{strategy:?} {extent:?}: {error:?}");
            // What fits is loaded.
            session.load(&Selection::Tensors(vec![0, 1]), &options_of_each(strategy)).unwrap();
        }
    }
    // A component with a small file, that takes what it can get; a guest that grows its memory likewise.
    let small = folder.path().join("model");
    fs::write(&small, [7; 8192]).unwrap();
    let attack = |slots| {
        let guest = GuestOptions::new().slots(slots);
        hostile.open_with(std::slice::from_ref(&small), SessionOptions::new().guest(guest))
    };
    assert!(attack(41).unwrap().usage().buffer_bytes() <= 65 << 20);
    let error = attack(2).unwrap_err();
    assert_eq!(error.cause, Cause::OutOfMemory, "{error:?}");
}

fn options_of_each(strategy: Strategy) -> LoadOptions {
    let extent = weighbridge::ExtentPolicy::PerTensor;
    LoadOptions::new().policy(strategy).extent(extent)
}

/// Says to a test that it is the child under a bound of the shell.
const BOUND: &str = "WEIGHBRIDGE_TEST_BOUND";

/// Runs the test with this name again, in a process of its own under `ulimit`.
fn under(limit: &str, name: &str) {
    let child = Command::new("sh")
        .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(BOUND, limit)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{limit} {:?}: {said}", child.status);
}

/// Sessions until there are no more, and why not.
fn until_refused() -> (usize, weighbridge::Error) {
    let (_folder, path) = common::file("m.safetensors", &common::safetensors(&[("a", 16)]));
    let mut sessions = Vec::new();
    loop {
        match loader().open(&path) {
            Ok(session) => sessions.push(session),
            Err(error) => return (sessions.len(), error),
        }
        assert!(sessions.len() < 1000);
    }
}

#[test]
fn a_system_without_addresses_is_no_bug_of_the_component() {
    if std::env::var(BOUND).is_err() {
        // A memory of a guest reserves some 4 GiB of addresses.
        return under("-v 32000000", "a_system_without_addresses_is_no_bug_of_the_component");
    }
    let (sessions, error) = until_refused();
    assert!(sessions > 0);
    assert_eq!(error.cause, Cause::OutOfMemory, "{error:?}");
    assert!(!error.message.contains("bug"), "{error:?}");
}

#[test]
fn a_process_without_descriptors_is_no_bug_of_the_component() {
    if std::env::var(BOUND).is_err() {
        return under("-n 64", "a_process_without_descriptors_is_no_bug_of_the_component");
    }
    let (_folder, path) = common::file("m.safetensors", &common::safetensors(&[("a", 16)]));
    // Files of models do not use them up, however many there are.
    let sessions: Vec<_> = (0..100).map(|_| loader().open(&path).unwrap()).collect();
    let mut others = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        others.push(file);
        assert!(others.len() < 1000);
    }
    // Those that the models have are given back for it.
    assert!(loader().open(&path).is_ok());
    while let Ok(file) = fs::File::open("/dev/null") {
        others.push(file);
    }
    drop(sessions);
    let error = loader().open(&path).unwrap_err();
    assert_eq!(error.cause, Cause::Io, "{error:?}");
    assert!(error.message.contains("raise `ulimit -n`, which is 64"), "{error:?}");
}

/// A model of so many files, each with a tensor of so many bytes that nobody wrote.
fn sharded(files: usize, bytes: u64) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let name = |number: usize| format!("model-{number:05}-of-{files:05}.safetensors");
    let mut map = Vec::new();
    for number in 1..=files {
        let header = format!(r#"{{"t{number}":{{"dtype":"U8","shape":[{bytes}],"data_offsets":[0,{bytes}]}}}}"#);
        let file = fs::File::create(folder.path().join(name(number))).unwrap();
        file.write_all_at(&(header.len() as u64).to_le_bytes(), 0).unwrap();
        file.write_all_at(header.as_bytes(), 8).unwrap();
        file.set_len(8 + header.len() as u64 + bytes).unwrap();
        map.push(format!(r#""t{number}":"{}""#, name(number)));
    }
    let index = folder.path().join("model.safetensors.index.json");
    fs::write(&index, format!(r#"{{"weight_map":{{{}}}}}"#, map.join(","))).unwrap();
    (folder, index)
}

#[test]
fn a_model_of_more_files_than_may_be_open_is_mapped() {
    if std::env::var(BOUND).is_err() {
        return under("-n 256", "a_model_of_more_files_than_may_be_open_is_mapped");
    }
    let (folder, index) = sharded(1148, 100);
    let mut model = loader().open(&index).unwrap();
    assert_eq!(model.files().len(), 1149);
    let report = model.load(&Selection::All, &LoadOptions::new()).unwrap();
    assert_eq!(
        (report.used, report.tensors, report.refused.len()),
        (Some(Strategy::MappedFile), 1148, 0),
        "{report:?}"
    );
    assert_eq!(model.tensor("t1").unwrap().bytes(), [0; 100]);
    model.release(&Selection::All).unwrap();
    // One that was closed meanwhile and is another now.
    let first = folder.path().join("model-00001-of-01148.safetensors");
    let bytes = fs::read(&first).unwrap();
    fs::remove_file(&first).unwrap();
    fs::write(&first, bytes).unwrap();
    let error = model.load(&Selection::All, &LoadOptions::new()).unwrap_err();
    assert_eq!((error.cause, error.file()), (Cause::SourceChanged, Some(first.as_path())), "{error:?}");
    // Copies read from them likewise.
    let rest = Selection::Tensors((1..1148).collect());
    let report = model.load(&rest, &LoadOptions::new().policy(Strategy::ReadCopy)).unwrap();
    assert_eq!(report.moved, 1147 * 100);
}

#[test]
fn a_model_larger_than_the_memory_that_may_be_used_is_mapped() {
    if std::env::var(BOUND).is_err() {
        return under("-d 1000000", "a_model_larger_than_the_memory_that_may_be_used_is_mapped");
    }
    let (_folder, index) = sharded(273, 10 << 20);
    let mut model = loader().open(&index).unwrap();
    let report = model.load(&Selection::All, &LoadOptions::new()).unwrap();
    assert_eq!((report.used, report.mapped), (Some(Strategy::MappedFile), 273 * (10 << 20)), "{report:?}");
}

#[test]
fn a_small_model_needs_few_addresses() {
    if std::env::var(BOUND).is_err() {
        return under("-v 1572864", "a_small_model_needs_few_addresses");
    }
    let (_folder, path) = common::file("m.safetensors", &common::safetensors(&[("a", 16), ("b", 100_000)]));
    let mut model = loader().open(&path).unwrap();
    let report = model.load(&Selection::All, &LoadOptions::new()).unwrap();
    assert_eq!(report.used, Some(Strategy::MappedFile), "{report:?}");
    // And more of them, until there are none left.
    let (sessions, error) = until_refused();
    assert!(sessions > 10, "{sessions}");
    assert_eq!(error.cause, Cause::OutOfMemory, "{error:?}");
    assert!(error.message.contains("`ulimit -v` is 1572864 KiB"), "{error:?}");
}

/// What there are no addresses for in one piece is mapped in pieces, and copied where there are none left.
#[test]
fn a_model_larger_than_the_addresses_is_out_of_memory() {
    if std::env::var(BOUND).is_err() {
        return under("-v 1572864", "a_model_larger_than_the_addresses_is_out_of_memory");
    }
    let (_folder, index) = sharded(8, 400 << 20);
    let mut model = loader().open(&index).unwrap();
    let error = model.load(&Selection::All, &LoadOptions::new()).unwrap_err();
    assert_eq!(error.cause, Cause::OutOfMemory, "{error:?}");
    let report = model.load(&Selection::from(3), &LoadOptions::new()).unwrap();
    assert_eq!((report.used, report.extents), (Some(Strategy::MappedFile), 1), "{report:?}");
}
