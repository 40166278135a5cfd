//! A whole session on a host in memory.
use super::generate;
use crate::double::Double;
use crate::faults::{Fault, Instead, Kind};
use crate::files::File;
use arbitrary::Unstructured;
use weighbridge_loader::api::{Limits as ApiLimits, LoadOptions, Selection, SessionOptions, SlotStatus, Validation};
use weighbridge_loader::driver::Session;
use weighbridge_loader::storage::{Capabilities, StorageError};
use weighbridge_loader::types::{Advice, ExtentPolicy, Level, Strategy, StrategyPolicy};

/// The fuzzer's bytes as requests, faults and a model: two bytes say how many bytes the requests have, and whether the rest is
/// one file or makes the files of a model that is nearly right.
pub fn session(input: &[u8]) {
    let [model, count, rest @ ..] = input else { return };
    let (choices, rest) = rest.split_at(usize::from(*count).min(rest.len()));
    let files = match model % 4 {
        0 => vec![File { name: "model".into(), bytes: rest.to_vec() }],
        1 => vec![generate::file(&mut Unstructured::new(rest))],
        _ => generate::model(&mut Unstructured::new(rest)),
    };
    requests(choices, &files);
}

/// Opens the first file as a model, gives it those of the others that it misses, and makes requests of it that `choices` says,
/// on a host that fails as they say: no panic, no call that a guest may not make, and at the end nothing is held.
pub fn requests(choices: &[u8], files: &[File]) {
    let mut choices = choices.iter().copied().chain(std::iter::repeat(0));
    let mut choose = || choices.next().unwrap_or(0);
    let odd = choose();
    let host = Capabilities {
        mmap: odd & 1 == 0,
        max_batch: if odd & 2 == 0 { 65_536 } else { 2 },
        max_read: if odd & 4 == 0 { 1 << 20 } else { 97 },
        ..Double::capabilities()
    };
    let double = Double::new(files, host);
    let options = SessionOptions {
        slots: u32::from(choose() % 5),
        limits: ApiLimits { header_bytes: 0, tensors: 0, metadata_entries: 0, name_bytes: 0, nesting: 0 },
        observe: Level::Off,
        partial: odd & 8 != 0,
    };
    if files.is_empty() {
        return;
    }
    let opened = Session::open(double.clone(), vec![double.grant(0)], &options, Box::new(()));
    let Ok(mut session) = opened else {
        assert_eq!(double.leaks(), crate::double::Leaks::default(), "after a refused open");
        return;
    };
    arm(&double, choose(), choose());
    provide(&mut session, &double, files);
    for _ in 0..8 {
        arm(&double, choose(), choose());
        request(&mut session, &mut choose);
    }
    double.faults().clear();
    session.close().expect("nothing is busy any more");
    assert!(session.slots().iter().all(|slot| matches!(slot.status, SlotStatus::Free | SlotStatus::Retired)));
    drop(session);
    assert_eq!(double.leaks(), crate::double::Leaks::default(), "after close");
}

/// Gives what is missing, as often as something new is.
fn provide(session: &mut Session<Double>, double: &Double, files: &[File]) {
    for _ in files {
        let there: Vec<usize> =
            (1..files.len()).filter(|number| session.missing().contains(&files[*number].name)).collect();
        if there.is_empty() || session.provide(there.into_iter().map(|number| double.grant(number)).collect()).is_err()
        {
            return;
        }
    }
}

fn arm(double: &Double, which: u8, when: u8) {
    let kinds =
        [Kind::MapRange, Kind::Unmap, Kind::Allocate, Kind::Free, Kind::ReadInto, Kind::Advise, Kind::Registered];
    double.faults().clear();
    let Some(kind) = kinds.get(usize::from(which % 16)) else { return };
    let error = match (kind.gives_back(), which >> 4) {
        (true, _) => StorageError::Busy,
        (_, 0) => StorageError::Exhausted,
        (_, 1) => StorageError::Changed,
        (_, 2) => StorageError::Other("no".into()),
        (_, 3) => StorageError::Unsupported,
        _ => StorageError::Cancelled,
    };
    let instead = Instead::Error(error, 0);
    double.faults().arm(Fault { kind: Some(*kind), at: 1 + u32::from(when % 4), times: 1, instead });
}

fn request(session: &mut Session<Double>, choose: &mut impl FnMut() -> u8) {
    let selection = match choose() % 4 {
        0 => Selection::All,
        1 => Selection::Matching("*a*".into()),
        _ => Selection::Tensors((0..choose() % 3).map(|n| u32::from(n * 2)).collect()),
    };
    let strategies = [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead, Strategy::ExternalBuffer];
    match choose() % 6 {
        0 | 1 => {
            let first = usize::from(choose() % 4);
            let policy = StrategyPolicy::FirstAvailable(strategies[first..].to_vec());
            let extent = match choose() % 4 {
                0 => ExtentPolicy::WholeFile,
                1 => ExtentPolicy::PerTensor,
                2 => ExtentPolicy::Auto,
                _ => ExtentPolicy::Window(u64::from(choose()) * 64),
            };
            let validate =
                Validation { structure: choose().is_multiple_of(4), architecture: choose().is_multiple_of(4) };
            let options = LoadOptions { policy, extent, staging_bytes: 1 + u64::from(choose()) * 16, validate };
            let _report_or_error = session.load(&selection, &options);
        }
        2 => drop(session.release(&selection)),
        3 => drop(session.evict(&selection)),
        4 => drop(session.advise(u32::from(choose() % 4), Advice::WillNeed)),
        _ => drop(session.metadata(0, 16, 2)),
    }
}
