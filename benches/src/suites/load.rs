//! A mapped load of a real model, against memmap2 and the safetensors crate.
use super::Setting;
use crate::{Contest, Report, Result, files, floor, timed};
use safetensors::SafeTensors;
use std::path::Path;
use weighbridge::{LoadOptions, Runtime, Selection, Session, Strategy, Tensor};

pub(super) fn run(setting: &Setting) -> Result<Vec<Report>> {
    let (runtime, minilm) = (Runtime::new()?, files::minilm()?);
    let many = setting.folder.path("many.safetensors");
    files::safetensors(&many, 20_000, 64)?;
    let mut reports = Vec::new();
    for (what, path) in [("MiniLM", &minilm), ("20,000 tensors", &many)] {
        for bytes in [false, true] {
            let what = format!("load: {what}, from path to {}", if bytes { "every byte read" } else { "every view" });
            reports.push(contest(&runtime, path, what, bytes).run(setting.time)?);
        }
    }
    Ok(reports)
}

fn contest<'a>(runtime: &'a Runtime, path: &'a Path, title: String, bytes: bool) -> Contest<'a> {
    Contest::new(title)
        .peer("safetensors over memmap2", move || {
            timed(|| {
                let map = floor::map(path)?;
                let views = SafeTensors::deserialize(&map)?.tensors();
                Ok(if bytes {
                    views.iter().map(|(_, view)| floor::touch(view.data())).sum()
                } else {
                    views.len() as u64
                })
            })
        })
        .ours("component", None, move || {
            timed(|| {
                let views = load(runtime, path)?.resident()?;
                Ok(if bytes { views.iter().map(|view| floor::touch(view.bytes())).sum() } else { views.len() as u64 })
            })
        })
        .ours("component, each view asked for alone", None, move || {
            timed(|| {
                let session = load(runtime, path)?;
                let views = 0..session.summary().tensors;
                views.map(|at| Ok(session.tensor_at(at)?)).try_fold(0, |sum: u64, view: Result<Tensor>| {
                    let view = view?;
                    Ok(sum.wrapping_add(if bytes { floor::touch(view.bytes()) } else { 1 }))
                })
            })
        })
}

/// A model whose tensors are mapped.
fn load(runtime: &Runtime, path: &Path) -> Result<Session> {
    let mut session = runtime.open(path)?;
    let options = LoadOptions::new().policy(Strategy::MappedFile);
    session.load(&Selection::All, &options)?;
    Ok(session)
}
