//! Many threads open, load, cancel, drop and cut off models at the same time, and the process ends as it began.
//!
//! The suite gives it some seconds; `cargo xtask soak` gives it minutes.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use weighbridge::{
    CancelToken, Cause, Error, ExtentPolicy, HostLimits, LoadOptions, Runtime, Selection, SessionOptions, Strategy,
    StrategyPolicy, Tensor,
};

mod common;

const THREADS: u64 = 64;
const TENSORS: usize = 24;
const TENSOR: usize = 40_000;

/// What a process has that must not grow.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    mappings: usize,
    threads: usize,
    resident: u64,
}

impl Held {
    fn now() -> Self {
        let entries = |path| fs::read_dir(path).unwrap().count();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        Self {
            descriptors: entries("/proc/self/fd"),
            mappings: fs::read_to_string("/proc/self/maps").unwrap().lines().count(),
            threads: entries("/proc/self/task"),
            resident: resident.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10,
        }
    }
}

/// xorshift64*: each thread its own, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

/// How often each thing came out.
type Counts = Mutex<BTreeMap<String, u64>>;

fn count(counts: &Counts, what: impl Into<String>) {
    *counts.lock().unwrap().entry(what.into()).or_default() += 1;
}

/// One model, from its opening to its end.
fn round(runtime: &Runtime, path: &Path, bytes: &[u8], dice: &mut Dice, kept: &mut Vec<Tensor>, counts: &Counts) {
    let cancel = CancelToken::default();
    let deadline = (dice.roll(8) == 0).then(|| Duration::from_micros(dice.roll(2_000)));
    let options = SessionOptions::new()
        .ring([0, 64, 65_536][dice.roll(3) as usize])
        .cancel(cancel.clone())
        .limits(HostLimits::new().deadline(deadline));
    let done = std::thread::scope(|scope| {
        if dice.roll(6) == 0 {
            let wait = Duration::from_micros(dice.roll(3_000));
            scope.spawn(move || {
                std::thread::sleep(wait);
                cancel.cancel();
            });
        }
        if dice.roll(6) == 0 {
            let (len, wait) = (dice.roll(bytes.len() as u64), Duration::from_micros(dice.roll(2_000)));
            scope.spawn(move || {
                std::thread::sleep(wait);
                File::options().write(true).open(path).unwrap().set_len(len).unwrap();
            });
        }
        used(runtime, path, options, dice, kept)
    });
    match done {
        Ok(()) => count(counts, "done"),
        Err(error) => {
            let known = [
                Cause::Cancelled,
                Cause::Deadline,
                Cause::SourceChanged,
                Cause::EndOfSource,
                Cause::Malformed,
                Cause::NotAModel,
                Cause::Busy,
            ];
            assert!(known.contains(&error.cause), "{error} ({})", error.cause);
            count(counts, error.cause.to_string());
        }
    }
}

fn used(
    runtime: &Runtime,
    path: &Path,
    options: SessionOptions,
    dice: &mut Dice,
    kept: &mut Vec<Tensor>,
) -> Result<(), Error> {
    let mut session = runtime.open_with(path, options)?;
    for _ in 0..=dice.roll(3) {
        let strategies = [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead];
        let policy = match dice.roll(4) {
            3 => StrategyPolicy::Auto,
            which => StrategyPolicy::Only(strategies[which as usize]),
        };
        let extent =
            [ExtentPolicy::WholeFile, ExtentPolicy::PerTensor, ExtentPolicy::Window(65_536)][dice.roll(3) as usize];
        let selection = match dice.roll(2) {
            0 => Selection::All,
            _ => Selection::Matching(format!("t{}*", dice.roll(TENSORS as u64))),
        };
        session.load(&selection, &LoadOptions::new().policy(policy).extent(extent).staging_bytes(8 << 10))?;
        for tensor in session.resident()? {
            let sum: u64 = tensor.bytes().iter().map(|byte| u64::from(*byte)).sum();
            assert!(sum <= 255 * tensor.len() as u64);
            if dice.roll(40) == 0 && kept.len() < 8 {
                kept.push(tensor);
            }
        }
        match dice.roll(3) {
            0 => drop(session.release(&selection)?),
            1 => drop(session.evict(&selection)?),
            _ => kept.truncate(dice.roll(8) as usize),
        }
    }
    if dice.roll(2) == 0 { session.close() } else { Ok(()) }
}

/// All threads for a while; how often each thing came out.
fn storm(runtime: &Runtime, folder: &Path, bytes: &[u8], time: Duration) -> BTreeMap<String, u64> {
    let (counts, end, rounds) = (Counts::default(), Instant::now() + time, AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (counts, rounds) = (&counts, &rounds);
            scope.spawn(move || {
                let path = folder.join(format!("{thread}.safetensors"));
                let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (thread + 1));
                let mut kept = Vec::new();
                while Instant::now() < end {
                    // A new file under the name: views of the one before go on to see that one.
                    let _ = fs::remove_file(&path);
                    fs::write(&path, bytes).unwrap();
                    round(runtime, &path, bytes, &mut dice, &mut kept, counts);
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let mut counts = counts.into_inner().unwrap();
    counts.insert("rounds".to_owned(), rounds.into_inner());
    counts
}

#[test]
fn a_soak_ends_as_it_began() {
    let seconds = std::env::var("WEIGHBRIDGE_SOAK_SECONDS").map_or(4, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..TENSORS).map(|number| format!("t{number}.weight")).collect();
    let bytes = common::safetensors(&names.iter().map(|name| (name.as_str(), TENSOR)).collect::<Vec<_>>());
    let runtime = Runtime::new().unwrap();
    // What a process has once and keeps (arenas of the allocator, the clock) is there after a first storm.
    storm(&runtime, folder.path(), &bytes, Duration::from_secs(2));
    let before = Held::now();
    let counts = storm(&runtime, folder.path(), &bytes, Duration::from_secs(seconds));
    // The clock's thread ends a moment after the last guest.
    let patience = Instant::now() + Duration::from_secs(10);
    let mut after = Held::now();
    while after.threads > before.threads && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(20));
        after = Held::now();
    }
    eprintln!("{seconds} s, {THREADS} threads: {counts:?}\nbefore {before:?}\nafter  {after:?}");
    assert!(counts.get("done").copied().unwrap_or_default() > 0, "{counts:?}");
    assert!(after.descriptors <= before.descriptors, "{before:?} {after:?}");
    assert!(after.threads <= before.threads, "{before:?} {after:?}");
    assert!(after.mappings <= before.mappings + 128, "{before:?} {after:?}");
    assert!(after.resident <= before.resident + (64 << 20), "{before:?} {after:?}");
    let model = folder.path().join("after.safetensors");
    fs::write(&model, &bytes).unwrap();
    assert_eq!(runtime.open(&model).unwrap().usage().mappings(), 0);
}
