//! Read-copy and staged-read, against `pread` into the same kind of memory.
use super::Setting;
use crate::{Contest, Goal, Report, Result, files, floor, timed};
use std::{path::Path, time::Duration};
use weighbridge::{HostCapabilities, LoadOptions, Runtime, Selection, SessionOptions, Strategy};

pub(super) fn run(setting: &Setting) -> Result<Vec<Report>> {
    let (runtime, minilm) = (Runtime::new()?, files::minilm()?);
    let mut reports = vec![contest(&runtime, &minilm, "MiniLM, 87 MiB").run(setting.time)?];
    for (count, bytes, what) in [(64, 64 << 10, "64 tensors, 4 MiB"), (64, 16 << 20, "64 tensors, 1 GiB")] {
        let path = setting.folder.path("copy.safetensors");
        files::safetensors(&path, count, bytes)?;
        reports.push(contest(&runtime, &path, what).run(setting.time)?);
        std::fs::remove_file(&path)?;
    }
    Ok(reports)
}

fn contest<'a>(runtime: &'a Runtime, path: &'a Path, what: &str) -> Contest<'a> {
    let all = HostCapabilities::default().threads;
    let goal = Some(Goal::Ratio(1.2));
    let mut contest = Contest::new(format!("copy: {what}, from path to every byte in memory"));
    for threads in if all > 1 { vec![1, all] } else { vec![1] } {
        let with = format!("{threads} thread{}", if threads == 1 { "" } else { "s" });
        contest = contest
            .peer(&format!("pread, {with}"), move || timed(|| floor::pread(path, 0, threads)))
            .ours(&format!("read-copy, {with}"), goal, move || load(runtime, path, Strategy::ReadCopy, threads))
            .ours(&format!("staged-read, {with}"), None, move || load(runtime, path, Strategy::StagedRead, threads));
    }
    contest
}

fn load(runtime: &Runtime, path: &Path, strategy: Strategy, threads: usize) -> Result<Duration> {
    timed(|| {
        let host = HostCapabilities::new().threads(threads);
        let options = SessionOptions::new().host(host);
        let mut session = runtime.open_with(&[path.to_owned()], options)?;
        let options = LoadOptions::new().policy(strategy);
        session.load(&Selection::All, &options)?;
        Ok(session)
    })
}
