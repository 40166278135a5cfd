//! `weighbridge record`: load a model and keep all that happened.
use super::failure::{Failure, Result};
use super::jail::Paths;
use super::load::{Done, RecordingJson};
use super::options::{Files, LoadArgs};
use super::output::Output;
use super::session::{Opened, open_to_load, runtime};
use super::units::{bytes_exact, plural};
use super::write_file::{WriteArgs, write_file};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use weighbridge::recording::{ReadLimits, Recording};
use weighbridge::trace::Record as TraceRecord;
use weighbridge::{Level, Observer, Runtime, TensorInfo, escape};

/// Load a model and record every transition, call and answer
///
/// The recording holds the headers of the model and what the machines did with them, but no byte of a tensor and no path.
/// `replay` runs it again without the model. It is written even where the load fails: attach it to a bug report.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge record model.gguf --out load.wbrec
  weighbridge record model.gguf --out staged.wbrec --strategy staged-read --chunk 1MiB
  weighbridge replay load.wbrec")]
pub(crate) struct Record {
    #[command(flatten)]
    files: Files,
    /// Where to write the recording
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Keep the paths and the names of the files in the recording
    #[arg(long)]
    with_paths: bool,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    load: LoadArgs,
}

/// Keeps every record of a session.
#[derive(Default)]
struct Keep(Mutex<Vec<TraceRecord>>);

impl Observer for Keep {
    fn observe(&self, records: &[TraceRecord]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(records);
    }
}

impl Record {
    /// The files that it needs in a jail.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths::default().read(&self.files.files).write([&self.out])
    }

    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        self.load.check()?;
        // A load can take its time, and may fail in a way that does not come again: first see that it can be kept.
        self.write.check(&self.out)?;
        let runtime = runtime()?;
        let kept = Arc::new(Keep::default());
        let mut tensors = Vec::new();
        let result = self.load(&runtime, &kept, &mut tensors, output.is_json());
        let records = std::mem::take(&mut *kept.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut recording = self.recording(&runtime, records)?;
        recording.forget_tensor_bytes(&tensors);
        let size = write_file(&self.out, &self.write, |out| recording.write(out))?;
        let out = escape(&self.out.to_string_lossy());
        let (opened, done) = match result {
            Ok(done) => done,
            // The error is what was asked about, and the recording is what it left behind.
            Err(failure) => return Err(failure.hint(format!("what happened is recorded in {out}"))),
        };
        if output.is_json() {
            let mut report = done.json("weighbridge.record/1", &opened);
            let (file, records) = (self.out.to_string_lossy().into_owned(), recording.records.len());
            report.recording = Some(RecordingJson { file, records, bytes: size });
            output.json(&report)?;
        } else {
            done.show(&opened, output)?;
            output.text("\n")?;
            let count = plural(recording.records.len() as u64, "record");
            output.verdict(true, &format!("{out}: {count}, {}", bytes_exact(size)))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Loads and closes. `tensors` are known even where the load fails, unless the model cannot be opened.
    fn load(
        &self,
        runtime: &Runtime,
        kept: &Arc<Keep>,
        tensors: &mut Vec<TensorInfo>,
        quiet: bool,
    ) -> Result<(Opened, Done)> {
        let mut options = self.load.session();
        options.guest.observe = Level::Transitions;
        options.observer = Some(Arc::<Keep>::clone(kept));
        options.ring = 0;
        options.names_in_trace = self.with_paths;
        let mut opened = open_to_load(runtime, &self.files.files, &self.load, options)?;
        *tensors = opened.session.tensors()?.to_vec();
        let report = opened.load(&self.load, quiet)?;
        let done = Done::new(runtime, &mut opened, &self.load, report)?;
        opened.session.close()?;
        Ok((opened, done))
    }

    fn recording(&self, runtime: &Runtime, records: Vec<TraceRecord>) -> Result<Recording> {
        let mut header = runtime.recording_header(&records)?;
        if self.with_paths {
            header.paths = self.files.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        }
        Ok(Recording { header, records })
    }
}

/// Reads a recording for the subcommands that take one.
pub(crate) fn read(path: &std::path::Path) -> Result<Recording> {
    let file = std::fs::File::open(path).map_err(|error| Failure::file("read", path, &error))?;
    let mut limits = ReadLimits::default();
    // A large one of ours is read; one that becomes many times as large in memory as its file is none of ours.
    limits.memory = limits.memory.max(file.metadata().map_or(0, |stat| stat.len()).saturating_mul(4));
    Recording::read_within(std::io::BufReader::new(file), limits).map_err(|error| {
        let cause = match error {
            weighbridge::recording::ReadError::Io(_) => "io",
            weighbridge::recording::ReadError::Newer { .. } => "unsupported-format",
            _ => "malformed",
        };
        Failure::new("request", cause, format!("{}: {error}", path.display()))
    })
}
