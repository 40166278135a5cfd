//! `weighbridge replay`: a recorded load again, without the model.
use super::failure::{Failure, Result};
use super::jail::Paths;
use super::output::Output;
use super::record::read;
use super::session::runtime;
use super::units::{bytes, grouped, plural, time};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use weighbridge::{MachineStatus, escape};
use weighbridge::{ReplayError, ReplayReport};

/// Re-execute a recording: the same component, the same answers, and every step compared
///
/// No model file is needed. The first difference between what was recorded and what the component does now ends the replay with
/// exit status 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge replay load.wbrec
  weighbridge replay load.wbrec --until 120          stop after record 120 and show every machine
  weighbridge replay load.wbrec --json | jq .replay.machines")]
pub(crate) struct Replay {
    /// The recording
    recording: PathBuf,
    /// Stop after the record with this number
    #[arg(long, value_name = "N")]
    until: Option<u64>,
}

impl Replay {
    /// The files that it needs in a jail.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths::default().read([&self.recording])
    }

    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        let recording = read(&self.recording)?;
        let report = runtime()?.replay(&recording, self.until).map_err(|error| self.failed(error))?;
        if output.is_json() {
            output.json(&Report {
                schema: "weighbridge.replay/1",
                component: &recording.header.component,
                until: self.until,
                replay: &report,
            })?;
        } else {
            self.show(&report, output)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn failed(&self, error: ReplayError) -> Failure {
        let name = self.recording.display();
        let cause = match &error {
            ReplayError::Differs { .. } => "malformed",
            ReplayError::Failed(error) => error.cause.name(),
            _ => "invalid-request",
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
                    "{} answered from the recording, with {} of the file",
                    grouped(report.calls),
                    bytes(report.bytes_read)
                ),
            ),
            ("steps", grouped(report.steps)),
            ("time", format!("{}; recorded {}", time(report.replayed_ns), time(report.recorded_ns))),
        ])?;
        if let Some(last) = report.last.as_ref().filter(|_| self.until.is_some()) {
            output.title(&format!("At record {}", last.seq))?;
            output.text(&format!("  {}\n", escape(&last.text)))?;
            output.title("Machines")?;
            output.table(&["machine", "state", "of"], standing(&report.machines))?;
        }
        output.text("\n")?;
        let stopped = if report.complete { "" } else { " up to there" };
        output
            .verdict(true, &format!("the component does what it did{stopped} ({})", plural(report.compared, "record")))
    }
}

/// Which instances of a machine stand in which state; thousands of tensors are a few rows.
fn standing(machines: &[MachineStatus]) -> Vec<Vec<String>> {
    let mut rows: Vec<(&MachineStatus, Vec<(u32, u32)>)> = Vec::new();
    for status in machines {
        let same =
            |(other, _): &&mut (&MachineStatus, _)| other.machine == status.machine && other.state == status.state;
        let ranges = match rows.iter_mut().find(same) {
            Some((_, ranges)) => ranges,
            None => {
                rows.push((status, Vec::new()));
                let Some((_, ranges)) = rows.last_mut() else { continue };
                ranges
            }
        };
        match (status.instance, ranges.last_mut()) {
            (Some(instance), Some((_, last))) if *last + 1 == instance => *last = instance,
            (Some(instance), _) => ranges.push((instance, instance)),
            (None, _) => {}
        }
    }
    let range =
        |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}–{last}") };
    let row = |(status, ranges): (&MachineStatus, Vec<(u32, u32)>)| {
        let ranges: Vec<_> = ranges.iter().map(range).collect();
        vec![escape(&status.machine), escape(&status.state), ranges.join(", ")]
    };
    rows.into_iter().map(row).collect()
}

/// `weighbridge.replay/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    component: &'a str,
    until: Option<u64>,
    replay: &'a ReplayReport,
}
