//! `weighbridge export`: a recording for other tools.
use super::failure::Result;
use super::output::Output;
use super::record::read;
use super::units::bytes_exact;
use super::write_file::{WriteArgs, write_file};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use weighbridge::recording::{Recording, mermaid_recording, perfetto};

/// Export a recording as a Perfetto trace or as a Mermaid diagram
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge export load.wbrec --format perfetto --out load.json    for https://ui.perfetto.dev
  weighbridge export load.wbrec --format mermaid                     what was taken, how often")]
pub(crate) struct Export {
    /// The recording
    recording: PathBuf,
    /// What to make of it
    #[arg(long, value_enum)]
    format: Format,
    /// Where to write it [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Trace events: exports, storage calls, and the states of every machine over time
    Perfetto,
    /// A state diagram, with how often each transition was taken
    Mermaid,
}

impl Export {
    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        let recording = read(&self.recording)?;
        let Some(path) = &self.out else {
            self.export(&recording, output)?;
            return Ok(ExitCode::SUCCESS);
        };
        let size = write_file(path, &self.write, |out| self.export(&recording, out))?;
        let file = path.to_string_lossy();
        if output.is_json() {
            output.json(&Report { schema: "weighbridge.export/1", file: &file, bytes: size })?;
        } else {
            output.verdict(true, &format!("{}: {}", weighbridge::escape(&file), bytes_exact(size)))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn export(&self, recording: &Recording, mut out: impl Write) -> io::Result<()> {
        match self.format {
            Format::Perfetto => perfetto(recording, out),
            Format::Mermaid => out.write_all(mermaid_recording(recording).as_bytes()),
        }
    }
}

/// `weighbridge.export/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    file: &'a str,
    bytes: u64,
}
