//! The race: the same tensors under every strategy, with the page cache dropped and with it warm.
use super::{
    answer::{Desk, Model, Rest},
    facts::RaceRow,
    host::DeskHost,
    messages::{OpenOptions, Update},
    requests::length,
};
use crate::{
    engine::Engine,
    media::Media,
    types::{Error, GuestOptions, Level, LoadOptions, LoadReport, Selection, Strategy},
};

/// The strategies that run against each other.
const STRATEGIES: [Strategy; 3] = [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead];
/// Bytes that are copied at once when every byte is read.
const CHUNK: usize = 1 << 20;

/// A race that goes on when the bytes of a load are in their places.
pub(super) struct Race<H: DeskHost> {
    selection: Selection,
    /// Runs that are still to come, the last first.
    left: Vec<(bool, Strategy)>,
    rows: Vec<RaceRow>,
    running: Option<Running<H>>,
}

/// One load in a session of its own, unwatched.
struct Running<H: DeskHost> {
    model: H::Model,
    row: RaceRow,
    began: u64,
    report: LoadReport,
}

fn now<H: DeskHost>() -> u64 {
    <<H::Engine as Engine>::Media as Media>::now()
}

impl<H: DeskHost> Desk<H> {
    pub(super) fn race(&mut self, selection: Selection) {
        if !matches!(self.model, Model::Live(_)) {
            return self.no_model();
        }
        let caches: &[bool] = if self.host.races_cold() { &[true, false] } else { &[false] };
        let runs = caches.iter().flat_map(|cold| STRATEGIES.map(|strategy| (*cold, strategy)));
        let mut left: Vec<_> = runs.collect();
        left.reverse();
        self.run_next(Race { selection, left, rows: Vec::new(), running: None });
    }

    /// The bytes of a run are there, or could not be read.
    pub(super) fn race_on(&mut self, mut race: Race<H>, arrived: Result<(), Error>) {
        if let Some(running) = race.running.take() {
            let row = running.row.clone();
            let ended = arrived.and_then(|()| self.finish(running));
            race.rows.push(ended.unwrap_or_else(|error| RaceRow { result: Err(error.message), ..row }));
            self.send(Update::Race(race.rows.clone()));
        }
        self.run_next(race);
    }

    /// Begins runs until one has to wait for its bytes.
    fn run_next(&mut self, mut race: Race<H>) {
        while let Some((cold, strategy)) = race.left.pop() {
            if self.controls.cancel().is_cancelled() {
                return self.notice("The race was cancelled");
            }
            let name = strategy.name().to_owned();
            let row = RaceRow { strategy: name, cold, result: Ok(0), bytes: 0, moved: 0, calls: 0, touch_ns: 0 };
            match self.begin(&race.selection, strategy, row.clone()) {
                Ok(running) => {
                    race.running = Some(running);
                    self.rest = Some(Rest::Race(Box::new(race)));
                    return;
                }
                Err(why) => race.rows.push(RaceRow { result: Err(why), ..row }),
            }
            self.send(Update::Race(race.rows.clone()));
        }
    }

    fn begin(&mut self, selection: &Selection, strategy: Strategy, row: RaceRow) -> Result<Running<H>, String> {
        // A cold run over pages that are still in memory would be a warm one under a wrong name.
        if let (true, Model::Live(model)) = (row.cold, &mut self.model) {
            self.host.drop_pages(model)?;
        }
        self.start(selection, strategy, row).map_err(|error| error.message)
    }

    fn start(&mut self, selection: &Selection, strategy: Strategy, row: RaceRow) -> Result<Running<H>, Error> {
        let unwatched = OpenOptions { guest: GuestOptions::new().observe(Level::Off), ..OpenOptions::default() };
        // Armed faults are for the session that is shown.
        let mut model = self.host.open(&self.files, self.session_options(&unwatched))?;
        let session = H::session(&mut model);
        let before = session.stats().crossings_out;
        let began = now::<H>();
        let load = LoadOptions::new().policy(strategy);
        let report = session.load(selection, &load)?;
        let calls = session.stats().crossings_out.saturating_sub(before);
        Ok(Running { row: RaceRow { calls, ..row }, model, began, report })
    }

    /// Reads every byte once.
    fn finish(&mut self, Running { mut model, row, began, report }: Running<H>) -> Result<RaceRow, Error> {
        let ns = now::<H>().saturating_sub(began);
        let began = now::<H>();
        let states = H::session(&mut model).states()?.to_vec();
        let mut chunk = vec![0u8; CHUNK];
        for (tensor, _) in (0u32..).zip(states).filter(|(_, state)| state.location.is_some()) {
            let view = self.host.view(&mut model, tensor)?;
            let (len, mut at) = (length(H::session(&mut model), tensor), 0);
            while at < len {
                let most = usize::try_from(len - at).unwrap_or(CHUNK).min(CHUNK);
                let to = chunk.get_mut(..most).unwrap_or_default();
                self.host.copy(&view, at, to)?;
                at += most as u64;
            }
        }
        let touch_ns = now::<H>().saturating_sub(began);
        Ok(RaceRow { result: Ok(ns), bytes: report.bytes, moved: report.moved, touch_ns, ..row })
    }
}
