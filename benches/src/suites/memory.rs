//! Memory: the guest's by the header, and the process's by the model.
use super::Setting;
use crate::{Report, Result, child, contest::table, files};
use weighbridge::{LoadOptions, Runtime, Selection};

/// Bytes of a chunk of staged-read where none are said.
const CHUNK: f64 = (4 << 20) as f64;

pub(super) fn run(setting: &Setting) -> Result<Vec<Report>> {
    Ok(vec![guest(setting)?, resident(setting)?])
}

fn mib(bytes: f64) -> String {
    format!("{:.2} MiB", bytes / f64::from(1 << 20))
}

/// The guest's memory after a load, against what went into it.
fn guest(setting: &Setting) -> Result<Report> {
    let runtime = Runtime::new()?;
    let folder = &setting.folder;
    let mut models = Vec::new();
    for strings in [0, 1 << 12, 1 << 15, files::VOCABULARY, 1 << 20] {
        let path = folder.write(&format!("{strings}.gguf"), &files::vocabulary(strings, false))?;
        models.push((format!("GGUF, {strings} strings, 291 tensors"), path));
    }
    for count in [723, 20_000, 200_000] {
        models.push((format!("GGUF, {count} tensors"), folder.write(&format!("t{count}.gguf"), &files::gguf(count))?));
        let path = folder.path(&format!("t{count}.safetensors"));
        files::safetensors(&path, count, 64)?;
        models.push((format!("safetensors, {count} tensors"), path));
    }
    models.push(("MiniLM".to_owned(), files::minilm()?));
    let mut rows = Vec::new();
    for (what, path) in models {
        let mut session = runtime.open(&path)?;
        let opened = session.stats();
        session.load(&Selection::All, &LoadOptions::default())?;
        let stats = session.stats();
        let size: u64 = session.files().iter().map(|file| file.size).sum();
        let cells = vec![
            what,
            mib(size as f64),
            mib(stats.bytes_to_guest as f64),
            mib(opened.guest_memory_bytes as f64),
            mib(stats.guest_memory_bytes as f64),
            (stats.crossings_in + stats.crossings_out).to_string(),
        ];
        rows.push((cells, true));
    }
    let head = ["", "file", "bytes into the guest", "guest memory, open", "guest memory, loaded", "crossings"];
    Ok(table("memory: the guest's, and what went into it", &head, &rows))
}

/// The most memory that a process ever held, against the model.
fn resident(setting: &Setting) -> Result<Report> {
    let large = setting.folder.path("large.safetensors");
    files::safetensors(&large, 64, 16 << 20)?;
    let minilm = files::minilm()?;
    let mut rows = Vec::new();
    for (what, path) in [("1 GiB", &large), ("MiniLM", &minilm)] {
        let model = std::fs::metadata(path)?.len() as f64;
        for strategy in ["read-copy", "staged-read", "consumer"] {
            let [before, after, buffers] = child::run(strategy, path)?[..] else {
                return Err("the child printed something else".into());
            };
            let (peak, beyond) = (after as f64, after.saturating_sub(before + buffers) as f64);
            let grown = after.saturating_sub(before) as f64;
            let (goal, met) = match strategy {
                "read-copy" => ("growth ≤ 1.05 × the model", grown <= 1.05 * model),
                _ => ("beyond ≤ 2 × the chunk", beyond <= 2.0 * CHUNK),
            };
            let cells = vec![
                format!("{what}, {strategy}"),
                mib(before as f64),
                mib(peak),
                format!("{:.3}", grown / model),
                format!("{:.3}", peak / model),
                mib(beyond),
                format!("{goal}: {}", if met { "met" } else { "**missed**" }),
            ];
            rows.push((cells, met));
        }
    }
    std::fs::remove_file(&large)?;
    let head = ["", "before the load", "peak", "growth / model", "peak / model", "growth beyond the buffers", "goal"];
    Ok(table("memory: the process's, most ever resident", &head, &rows))
}
