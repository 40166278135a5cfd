//! `weighbridge check`: a gate for pipelines.
mod policy;
mod sarif;
mod show;
mod values;

use super::failure::{Failure, Result};
use super::jail::Paths;
use super::output::Output;
use super::session::{describe, refused, runtime};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use weighbridge::model::{Finding, Policy, Rule, Severity, Subject};
use weighbridge::{FormatInfo, ModelFiles, Runtime, Session, SessionOptions};

/// Say what is wrong with models, for a pipeline that lets only good ones through
///
/// Headers alone are read, unless --bytes asks for more. Exit status: 0 nothing at or above --deny, 1 findings, 2 wrong usage,
/// or a path that cannot be read. The rules are in docs/check.md.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge check model.gguf
  weighbridge check models/* --deny error
  weighbridge check snapshot --policy policy.toml --format sarif > findings.sarif
  weighbridge check model.safetensors --bytes
  weighbridge check model.pt --json | jq -r '.models[].findings[] | \"\\(.level) \\(.rule)\"'")]
pub(crate) struct Check {
    /// Models: a file of each, or a folder with models; further files of a model are looked for beside it
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Exit with 1 at findings of this level or above [default: warning, or what the policy says]
    #[arg(long, value_enum, value_name = "LEVEL")]
    deny: Option<Deny>,
    /// What is allowed, and how much each rule matters (TOML, or JSON where its name ends so)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Read the tensors too, for NaN, infinities and tensors of nothing but zeros
    #[arg(long)]
    bytes: bool,
}

/// `--deny`
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Deny {
    /// Any finding
    Note,
    /// What is unusual, and often a mistake
    Warning,
    /// What is wrong
    Error,
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One object, as with --json
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// A model that was looked at.
struct Checked {
    /// What was given for it, or found in the folder that was given.
    path: String,
    /// What people know its files by, in the order of the findings' numbers.
    files: Vec<String>,
    /// None where it could not be opened.
    headline: Option<String>,
    findings: Vec<Finding>,
}

/// What came of all paths.
struct Outcome {
    models: Vec<Checked>,
    /// Paths of which nothing can be said, each with why.
    problems: Vec<Failure>,
    deny: Severity,
}

impl Outcome {
    fn count(&self, level: Severity) -> u64 {
        self.models.iter().flat_map(|model| &model.findings).filter(|finding| finding.level == level).count() as u64
    }

    fn denied(&self) -> bool {
        self.models.iter().any(|model| model.findings.iter().any(|finding| finding.level >= self.deny))
    }
}

impl Check {
    /// The files that it needs in a jail.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths::default().read(&self.paths).read(&self.policy)
    }

    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        if output.is_json() && self.format == Format::Sarif {
            return Err(Failure::usage("--json and --format sarif contradict each other"));
        }
        let policy = self.policy.as_deref().map(policy::read).transpose()?.unwrap_or_default();
        let runtime = runtime()?;
        let formats = runtime.formats()?;
        policy::fits(&policy, &formats)?;
        let gate = Gate { runtime, policy, formats, bytes: self.bytes };
        let deny = match self.deny {
            Some(Deny::Note) => Severity::Note,
            Some(Deny::Warning) => Severity::Warning,
            Some(Deny::Error) => Severity::Error,
            None => gate.policy.deny.unwrap_or(Severity::Warning),
        };
        let mut outcome = Outcome { models: Vec::new(), problems: Vec::new(), deny };
        for path in &self.paths {
            let models = match path.is_dir() {
                true => gate.runtime.models_in(path),
                false => Ok(vec![ModelFiles::from(path)]),
            };
            match models {
                Ok(models) => {
                    for files in models {
                        match gate.model(path, files) {
                            Ok(checked) => outcome.models.push(checked),
                            Err(failure) => outcome.problems.push(failure),
                        }
                    }
                }
                Err(error) => outcome.problems.push(error.into()),
            }
        }
        match self.format {
            Format::Sarif => {
                output.json(&sarif::Log::new(&outcome))?;
                outcome.problems.iter().for_each(Failure::tell);
            }
            Format::Json => {
                output.json(&show::Report::new(&outcome))?;
                outcome.problems.iter().for_each(Failure::tell);
            }
            Format::Text if output.is_json() => {
                output.json(&show::Report::new(&outcome))?;
                outcome.problems.iter().for_each(Failure::tell);
            }
            Format::Text => show::text(&outcome, output)?,
        }
        Ok(match (outcome.problems.is_empty(), outcome.denied()) {
            (false, _) => ExitCode::from(2),
            (true, true) => ExitCode::FAILURE,
            (true, false) => ExitCode::SUCCESS,
        })
    }
}

/// What every model is looked at with.
struct Gate {
    runtime: Runtime,
    policy: Policy,
    formats: Vec<FormatInfo>,
    bytes: bool,
}

impl Gate {
    /// Looks at one model; a failure says nothing of the model.
    fn model(&self, given: &Path, files: ModelFiles) -> Result<Checked> {
        let mut options = SessionOptions::default();
        options.guest.partial = true;
        let given = given.to_string_lossy().into_owned();
        match self.runtime.open_with(files, options) {
            Ok(session) => self.opened(session, given),
            Err(error) => {
                let Some(rule) = Rule::of_cause(error.cause) else { return Err(refused(&self.runtime, error)) };
                let path = error.file().map_or(given, |file| file.to_string_lossy().into_owned());
                let finding = Finding::of(rule.id, error.message.clone()).at(0, error.offset);
                let findings = self.policy.judge(vec![finding]);
                Ok(Checked { files: vec![path.clone()], path, headline: None, findings })
            }
        }
    }

    fn opened(&self, mut session: Session, given: String) -> Result<Checked> {
        let metadata = session.metadata(0)?;
        let tensors = session.tensors()?.to_vec();
        let noticed = session.findings()?;
        let sizes: Vec<u64> = session.files().iter().map(|file| file.size).collect();
        let subject = Subject {
            summary: session.summary(),
            files: &sizes,
            metadata: &metadata,
            tensors: &tensors,
            noticed: &noticed,
        };
        let mut findings = self.policy.findings(&subject);
        if self.bytes {
            findings.extend(self.policy.judge(values::findings(&mut session)?));
        }
        let files: Vec<String> =
            session.files().iter().map(|file| file.shown().to_string_lossy().into_owned()).collect();
        let summary = session.summary();
        let known = self.formats.iter().find(|format| format.name == summary.format);
        let headline = describe(summary, known.map_or(&summary.format, |format| &format.title));
        session.close()?;
        Ok(Checked { path: files.first().cloned().unwrap_or(given), files, headline: Some(headline), findings })
    }
}
