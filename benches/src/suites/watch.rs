//! What being watched costs a load: level `transitions`, every record into the ring and to an observer that keeps it.
use super::Setting;
use crate::{Contest, Goal, Report, Result, files, floor, timed};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use weighbridge::{
    GuestOptions, Level, LoadOptions, Observer, Runtime, Selection, SessionOptions, Strategy, trace::Record,
};

/// As an inspector does: it keeps the records for another thread.
#[derive(Default)]
struct Keep(Mutex<Vec<Record>>);

impl Observer for Keep {
    fn observe(&self, records: &[Record]) {
        if let Ok(mut kept) = self.0.lock() {
            kept.extend_from_slice(records);
        }
    }
}

pub(super) fn run(setting: &Setting) -> Result<Vec<Report>> {
    let (runtime, minilm) = (Runtime::new()?, files::minilm()?);
    let many = setting.folder.path("many.safetensors");
    files::safetensors(&many, 20_000, 64)?;
    let cases: [(&str, &Path, Strategy, bool); 4] = [
        ("MiniLM, mapped, every byte read", &minilm, Strategy::MappedFile, true),
        ("MiniLM, mapped, no byte read", &minilm, Strategy::MappedFile, false),
        ("MiniLM, read-copy", &minilm, Strategy::ReadCopy, false),
        ("20,000 tensors of 64 bytes, mapped, no byte read", &many, Strategy::MappedFile, false),
    ];
    let contest = |(what, path, strategy, touch): (&str, &Path, Strategy, bool)| {
        let goal = Some(Goal::Ratio(1.05));
        let turn = |watched| {
            let (runtime, path) = (&runtime, path.to_owned());
            move || load(runtime, &path, strategy, touch, watched)
        };
        Contest::new(format!("watch: {what}, from path to resident"))
            .peer("not watched", turn(false))
            .ours("watched", goal, turn(true))
            .run(setting.time)
    };
    cases.into_iter().map(contest).collect()
}

fn load(runtime: &Runtime, path: &Path, strategy: Strategy, touch: bool, watched: bool) -> Result<Duration> {
    let observe = if watched { Level::Transitions } else { Level::Off };
    let keep = watched.then(|| Arc::new(Keep::default()));
    let observer = keep.clone().map(|keep| keep as Arc<dyn Observer>);
    let guest = GuestOptions::new().observe(observe);
    timed(|| {
        let mut options = SessionOptions::new().guest(guest);
        options.observer = observer;
        let mut session = runtime.open_with(&[path.to_owned()], options)?;
        let options = LoadOptions::new().policy(strategy);
        session.load(&Selection::All, &options)?;
        let mut sum = 0u64;
        if touch {
            for index in 0..session.summary().tensors {
                sum = sum.wrapping_add(floor::touch(session.tensor_at(index)?.bytes()));
            }
        }
        Ok((session, sum))
    })
}
