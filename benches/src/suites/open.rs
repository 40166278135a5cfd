//! Open and parse: what the sandbox costs where it works most.
use super::Setting;
use crate::{
    Contest, Goal, Report, Result,
    files::{self, VOCABULARY},
    floor, native, timed,
};
use safetensors::SafeTensors;
use std::{path::Path, time::Duration};
use weighbridge::Runtime;

/// Most time to open a GGUF model of 723 tensors.
const SMALL: Duration = Duration::from_micros(500);

pub(super) fn run(setting: &Setting) -> Result<Vec<Report>> {
    let runtime = Runtime::new()?;
    let mut reports = Vec::new();
    for (merges, what) in [(false, "scores and types"), (true, "scores, types and as many merges")] {
        let path = setting.folder.write("vocabulary.gguf", &files::vocabulary(VOCABULARY, merges))?;
        let title = format!("open: GGUF with {VOCABULARY} strings, {what}");
        reports.push(gguf(&runtime, &path, title, Goal::Ratio(2.0)).run(setting.time)?);
    }
    let path = setting.folder.write("small.gguf", &files::gguf(723))?;
    let title = "open: GGUF of 723 tensors without vocabulary".to_owned();
    reports.push(gguf(&runtime, &path, title, Goal::Time(SMALL)).run(setting.time)?);
    let path = setting.folder.path("small.safetensors");
    files::safetensors(&path, 723, 64)?;
    reports.push(safetensors(&runtime, &path).run(setting.time)?);
    Ok(reports)
}

fn gguf<'a>(runtime: &'a Runtime, path: &'a Path, title: String, goal: Goal) -> Contest<'a> {
    Contest::new(title)
        .peer("scan over memmap2", move || timed(|| floor::scan(path)))
        .ours("component", Some(goal), move || timed(|| Ok(runtime.open(path)?)))
        .ours("component, and the list of tensors", None, move || timed(|| Ok(runtime.open(path)?.tensors()?.len())))
        .ours("the same loader without its sandbox", None, move || timed(|| native::open(path)))
}

fn safetensors<'a>(runtime: &'a Runtime, path: &'a Path) -> Contest<'a> {
    Contest::new("open: safetensors of 723 tensors")
        .peer("safetensors over memmap2", move || {
            timed(|| {
                let map = floor::map(path)?;
                Ok(SafeTensors::deserialize(&map)?.len())
            })
        })
        .ours("component", None, move || timed(|| Ok(runtime.open(path)?)))
        .ours("component, and the list of tensors", None, move || timed(|| Ok(runtime.open(path)?.tensors()?.len())))
        .ours("the same loader without its sandbox", None, move || timed(|| native::open(path)))
}
