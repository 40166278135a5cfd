//! A mapped load of a PyTorch archive, against the same tensors in a safetensors file.
use super::Setting;
use crate::{Contest, Goal, Report, Result, floor, timed};
use std::path::Path;
use weighbridge::{ConvertOptions, LoadOptions, Runtime, Selection, Session, Strategy};
use weighbridge_loader::formats::pickle::build::{PickleBuilder, archive};

/// How much longer it may take.
const GOAL: Goal = Goal::Ratio(1.05);

pub(super) fn run(setting: &Setting) -> Result<Vec<Report>> {
    let runtime = Runtime::new()?;
    let mut reports = Vec::new();
    for (tensors, bytes, what) in [(200usize, 1usize << 20, "200 tensors of 1 MiB"), (2_000, 4096, "2,000 of 4 KiB")] {
        let name = format!("checkpoint-{tensors}");
        let pytorch = setting.folder.write(&format!("{name}.pt"), &checkpoint(tensors, bytes))?;
        let safetensors = setting.folder.path(&format!("{name}.safetensors"));
        runtime.open(&pytorch)?.convert(&safetensors, &ConvertOptions::new())?;
        for touched in [false, true] {
            let until = if touched { "every byte read" } else { "every view" };
            let title = format!("pytorch: {what}, from path to {until}");
            // Where bytes are read the mapping is what counts; without them, what has to be parsed.
            let goal = touched.then_some(GOAL);
            let report = Contest::new(title)
                .peer("the same from safetensors", || load(&runtime, &safetensors, touched))
                .ours("PyTorch archive", goal, || load(&runtime, &pytorch, touched))
                .run(setting.time)?;
            reports.push(report);
        }
    }
    Ok(reports)
}

fn load(runtime: &Runtime, path: &Path, touched: bool) -> Result<std::time::Duration> {
    timed(|| {
        let mut session: Session = runtime.open(path)?;
        session.load(&Selection::All, &LoadOptions::new().policy(Strategy::MappedFile))?;
        let views = session.resident()?;
        Ok(if touched { views.iter().map(|view| floor::touch(view.bytes())).sum() } else { views.len() as u64 })
    })
}

/// A checkpoint as `torch.save` writes it, of so many tensors of floats.
fn checkpoint(tensors: usize, bytes: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..bytes).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8 | 1).collect();
    let elements = i64::try_from(bytes / 4).unwrap_or_default();
    let keys: Vec<String> = (0..tensors).map(|at| at.to_string()).collect();
    let begun = PickleBuilder::new(2).raw(b"}(");
    let pickle = keys.iter().fold(begun, |pickle, key| {
        let name = format!("model.layers.{key}.weight");
        pickle.text(&name).tensor("FloatStorage", key, elements, 0, &[elements], &[1])
    });
    let storages: Vec<(&str, &[u8])> = keys.iter().map(|key| (key.as_str(), data.as_slice())).collect();
    archive(&pickle.raw(b"u").stop(), &storages).build()
}
