//! `weighbridge replay`: a recorded load again, without the model.
use super::failure::{Failure, Result};
use super::output::Output;
use super::record::read;
use super::session::runtime;
use super::units::{bytes, grouped, plural, time};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use weighbridge::escape;
use weighbridge::recording::{ReplayError, ReplayReport, replay};

/// Re-execute a recording: the same component, the same answers, and every step compared
///
/// No model file is needed. The first difference between what was recorded and what the component does now ends the replay with
/// exit status 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge replay load.wbrec
  weighbridge replay load.wbrec --until 120          stop after record 120 and show every machine
  weighbridge replay load.wbrec --json | jq .machines")]
pub(crate) struct Replay {
    /// The recording
    recording: PathBuf,
    /// Stop after the record with this number
    #[arg(long, value_name = "N")]
    until: Option<u64>,
}

impl Replay {
    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        let recording = read(&self.recording)?;
        let report = replay(&runtime()?, &recording, self.until).map_err(|error| self.failed(error))?;
        if output.is_json() {
            output.json(&json!({
                "schema": "weighbridge.replay/1",
                "component": recording.header.component,
                "until": self.until,
                "replay": report,
            }))?;
        } else {
            self.show(&report, output)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn failed(&self, error: ReplayError) -> Failure {
        let name = self.recording.display();
        let cause = match &error {
            ReplayError::OtherComponent { .. } | ReplayError::Lost { .. } | ReplayError::Until { .. } => {
                "invalid-request"
            }
            ReplayError::Differs { .. } => "malformed",
            ReplayError::Failed(error) => error.cause.name(),
        };
        Failure::new("request", cause, format!("{name}: {error}"))
    }

    fn show(&self, report: &ReplayReport, output: &mut Output) -> Result<()> {
        output.facts(&[
            ("records", format!("{} compared, no difference", grouped(report.compared))),
            ("exports", grouped(report.exports)),
            (
                "calls",
                format!(
                    "{} answered from the recording, {} of header",
                    grouped(report.calls),
                    bytes(report.header_bytes)
                ),
            ),
            ("steps", grouped(report.steps)),
            ("time", format!("{}; recorded {}", time(report.replayed_ns), time(report.recorded_ns))),
        ])?;
        if let Some(last) = report.last.as_ref().filter(|_| self.until.is_some()) {
            output.title(&format!("At record {}", last.seq))?;
            output.text(&format!("  {}\n", escape(&last.text)))?;
            output.title("Machines")?;
            let rows = report.machines.iter().map(|status| {
                let instance = status.instance.map_or_else(String::new, |instance| instance.to_string());
                vec![escape(&status.machine), instance, escape(&status.state)]
            });
            output.table(&["machine", ">of", "state"], rows)?;
        }
        output.text("\n")?;
        let stopped = if report.complete { "" } else { " up to there" };
        output
            .verdict(true, &format!("the component does what it did{stopped} ({})", plural(report.compared, "record")))
    }
}
