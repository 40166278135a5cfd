//! A mapped load of a real model, against memmap2 and the safetensors crate.
use super::Setting;
use crate::{Contest, Report, Result, files, floor, timed};
use safetensors::SafeTensors;
use std::path::Path;
use weighbridge::{LoadOptions, Runtime, Selection, Strategy, StrategyPolicy, Tensor};

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
                let views = views(runtime, path)?;
                Ok(if bytes { views.iter().map(|view| floor::touch(view.bytes())).sum() } else { views.len() as u64 })
            })
        })
}

/// Every tensor of a model, mapped.
fn views(runtime: &Runtime, path: &Path) -> Result<Vec<Tensor>> {
    let mut session = runtime.open(path)?;
    let options = LoadOptions { policy: StrategyPolicy::Only(Strategy::MappedFile), ..LoadOptions::default() };
    session.load(&Selection::All, &options)?;
    let count = session.summary().tensors;
    (0..count).map(|index| Ok(session.tensor_at(index)?)).collect()
}
