//! Opening a model as the options of the command line say.
use super::failure::{Failure, Result};
use super::options::{LoadArgs, StrategyArg};
use super::progress::{Progress, patiently};
use super::units::{bytes, plural};
use std::path::PathBuf;
use weighbridge::{
    Cause, Error, FormatInfo, LoadReport, ModelSummary, Phase, Runtime, Session, SessionOptions, escape,
};

/// A session, and the names of its files for headlines.
pub(crate) struct Opened {
    pub(crate) session: Session,
    pub(crate) names: Vec<String>,
    /// What people call its format.
    title: String,
}

/// The runtime, with the component that is built in.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(patiently("preparing the component (kept for later starts)", Runtime::new)?)
}

/// Opens the files.
pub(crate) fn open(runtime: &Runtime, files: &[PathBuf], options: SessionOptions) -> Result<Opened> {
    let session = runtime.open_with(files, options).map_err(|error| refused(runtime, error))?;
    let names = session.files().iter().map(|file| file.shown().to_string_lossy().into_owned()).collect();
    let format = session.summary().format.clone();
    let known = runtime.formats()?.into_iter().find(|known| known.name == format);
    Ok(Opened { session, names, title: known.map_or(format, |known| known.title) })
}

/// Why a file is not opened; where its format is not read, with those that are.
pub(crate) fn refused(runtime: &Runtime, error: Error) -> Failure {
    let formats = match error.cause {
        Cause::UnsupportedFormat if error.phase == Phase::Parse => runtime.formats().unwrap_or_default(),
        _ => Vec::new(),
    };
    let failure = Failure::from(error);
    if formats.is_empty() {
        return failure;
    }
    failure.hint(format!("{} are read", FormatInfo::titles_and_versions(&formats, "and")))
}

/// Opens the files for a load. For `external-buffer` this tool is the embedder that has the memory, and registers it.
pub(crate) fn open_to_load(
    runtime: &Runtime,
    files: &[PathBuf],
    args: &LoadArgs,
    options: SessionOptions,
) -> Result<Opened> {
    let mut opened = open(runtime, files, options)?;
    if args.strategy == StrategyArg::ExternalBuffer {
        for tensor in opened.session.tensors()?.to_vec() {
            let name = escape(&tensor.name);
            let none = || {
                let message = format!("there is no memory for tensor {name}: {}", bytes(tensor.bytes));
                Failure::new("request", "out-of-memory", message)
            };
            let len = usize::try_from(tensor.bytes).map_err(|_| none())?;
            let mut buffer = Vec::new();
            buffer.try_reserve_exact(len).map_err(|_| none())?;
            buffer.resize(len, 0u8);
            opened.session.register(tensor.name, buffer)?;
        }
    }
    Ok(opened)
}

impl Opened {
    /// Loads, with a progress bar.
    pub(crate) fn load(&mut self, args: &LoadArgs, quiet: bool) -> Result<LoadReport> {
        let total = self.session.summary().tensor_bytes;
        let following = Progress::new("loading", total, quiet).follow(self.session.usage());
        let report = self.session.load(&args.selection(), &args.load());
        drop(following);
        report.map_err(|error| args.explain(error))
    }

    /// What the headline of a report says about the model.
    pub(crate) fn headline(&self) -> (String, String) {
        let name = match self.names.as_slice() {
            [only] => escape(only),
            [first, rest @ ..] => format!("{} and {} more", escape(first), rest.len()),
            [] => String::new(),
        };
        (name, describe(self.session.summary(), &self.title))
    }
}

/// `GGUF v3 · llama · 201 tensors · 25.9 MiB`
pub(crate) fn describe(summary: &ModelSummary, title: &str) -> String {
    let title = escape(title);
    let format = if summary.version == 0 { title } else { format!("{title} v{}", summary.version) };
    let tensors = plural(u64::from(summary.tensors), "tensor");
    let parts =
        [Some(format), summary.architecture.as_deref().map(escape), Some(tensors), Some(bytes(summary.tensor_bytes))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
