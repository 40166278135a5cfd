//! The race: the same tensors under every strategy, with the page cache dropped and with it warm.
use super::current::{Current, Model};
use super::open::session_options;
use super::page_cache;
use crate::backend::{OpenOptions, RaceRow, Update};
use std::time::Instant;
use weighbridge::Error;
use weighbridge::types::{GuestOptions, Level, LoadOptions, Selection, Strategy};

pub(super) fn race(current: &Current, selection: &Selection) {
    if !matches!(current.model, Model::Live(_)) {
        current.outbox.send(Update::Problem("Open a model first".into()));
        return;
    }
    let mut rows = Vec::new();
    for cold in [true, false] {
        for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
            if current.shared.cancel.is_cancelled() {
                current.outbox.send(Update::Notice("The race was cancelled".into()));
                return;
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
            // A cold run over pages that are still in memory would be a warm one under a wrong name.
            let dropped = if cold { page_cache::drop_files(&current.files) } else { Ok(()) };
            let run = dropped.and_then(|()| {
                once(current, selection, strategy, row.clone()).map_err(|error| error.into_record().message)
            });
            rows.push(run.unwrap_or_else(|why| RaceRow { result: Err(why), ..row }));
            current.outbox.send(Update::Race(rows.clone()));
        }
    }
}

/// One load in a session of its own, unwatched.
fn once(current: &Current, selection: &Selection, strategy: Strategy, row: RaceRow) -> Result<RaceRow, Error> {
    let unwatched = OpenOptions { guest: GuestOptions::new().observe(Level::Off), ..OpenOptions::default() };
    // Armed faults are for the session that is shown.
    let mut options = session_options(current, &unwatched).ring(0);
    options.interpose = None;
    let mut session = current.runtime.open_with(&current.files, options)?;
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
