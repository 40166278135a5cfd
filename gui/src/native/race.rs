//! The race: the same tensors under every strategy, with the page cache dropped and with it warm.
use super::open::session_options;
use super::worker::{Current, Worker};
use crate::backend::{OpenOptions, RaceRow, Update};
use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;
use weighbridge::Error;
use weighbridge::types::{GuestOptions, Level, LoadOptions, Selection, Strategy};

pub(super) fn race(worker: &mut Worker, selection: &Selection) {
    if !matches!(worker.current, Current::Live(_)) {
        worker.outbox.tell(Update::Problem("Open a model first".into()));
        return;
    }
    let mut rows = Vec::new();
    for cold in [true, false] {
        for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
            if worker.shared.cancel.is_cancelled() {
                worker.outbox.tell(Update::Notice("The race was cancelled".into()));
                return;
            }
            if cold {
                drop_cache(&worker.files);
            }
            let row = RaceRow {
                strategy: strategy.name().into(),
                cold,
                result: Ok(0),
                bytes: 0,
                moved: 0,
                calls: 0,
                touch_ns: 0,
            };
            let run = once(worker, selection, strategy, row.clone());
            rows.push(run.unwrap_or_else(|error| RaceRow { result: Err(error.into_record().message), ..row }));
            worker.outbox.tell(Update::Race(rows.clone()));
        }
    }
}

/// One load in a session of its own, unwatched.
fn once(worker: &Worker, selection: &Selection, strategy: Strategy, row: RaceRow) -> Result<RaceRow, Error> {
    let unwatched = OpenOptions { guest: GuestOptions::new().observe(Level::Off), ..OpenOptions::default() };
    // Armed faults are for the session that is shown.
    let mut options = session_options(worker, &unwatched).ring(0);
    options.interpose = None;
    let mut session = worker.runtime.open_with(&worker.files, options)?;
    let before = session.stats().crossings_out;
    let began = Instant::now();
    let load = LoadOptions::new().policy(strategy);
    let report = session.load(selection, &load)?;
    let ns = nanos(began);
    let calls = session.stats().crossings_out - before;
    let began = Instant::now();
    let resident: Vec<u32> =
        (0u32..).zip(session.states()?).filter(|(_, s)| s.location.is_some()).map(|(i, _)| i).collect();
    let mut chunk = vec![0u8; 1 << 20];
    for i in resident {
        let tensor = session.tensor_at(i)?;
        let len = tensor.info().bytes;
        let mut at = 0;
        while at < len {
            let n = usize::try_from(len - at).unwrap_or(chunk.len()).min(chunk.len());
            tensor.copy_to(at, &mut chunk[..n])?;
            at += n as u64;
        }
    }
    Ok(RaceRow { result: Ok(ns), bytes: report.bytes, moved: report.moved, calls, touch_ns: nanos(began), ..row })
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Asks the system to forget its copies; it does so for clean pages that nobody maps.
fn drop_cache(files: &[PathBuf]) {
    for file in files {
        if let Ok(file) = File::open(file) {
            let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        }
    }
}
