//! Findings for people, and for programs that know this tool.
use super::{Checked, Outcome};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::units::plural;
use serde::Serialize;
use weighbridge::escape;
use weighbridge::model::{Finding, Severity};

/// Each model with its findings, and a last line that says how it went.
pub(super) fn text(outcome: &Outcome, output: &mut Output) -> Result<()> {
    for model in &outcome.models {
        let headline = model.headline.as_deref().unwrap_or("cannot be opened");
        if model.findings.is_empty() {
            output.verdict(true, &format!("{}  {headline}", escape(&model.path)))?;
            continue;
        }
        let denied = model.findings.iter().any(|finding| finding.level >= outcome.deny);
        output.verdict(!denied, &format!("{}  {headline}", escape(&model.path)))?;
        let rows = model.findings.iter().map(|finding| {
            vec![
                finding.level.name().to_owned(),
                escape(&finding.rule),
                place(model, finding),
                sentence(&finding.message),
            ]
        });
        output.table(&["level", "rule", "where", "what"], rows)?;
        output.text("\n")?;
    }
    output.flush()?;
    outcome.problems.iter().for_each(Failure::tell);
    let counts: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .filter(|level| outcome.count(**level) > 0)
        .map(|level| plural(outcome.count(*level), level.name()))
        .collect();
    let counts = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    let models = plural(outcome.models.len() as u64, "model");
    let unread = match outcome.problems.len() {
        0 => String::new(),
        problems => format!("; {} could not be read", plural(problems as u64, "path")),
    };
    let good = !outcome.denied() && outcome.problems.is_empty();
    output.verdict(good, &format!("{counts} in {models}; denied from {} up{unread}", outcome.deny.name()))
}

/// `model-00002-of-00003.safetensors, byte 12`
fn place(model: &Checked, finding: &Finding) -> String {
    let file =
        finding.file.filter(|_| model.files.len() > 1).and_then(|file| model.files.get(usize::try_from(file).ok()?));
    let name = file.and_then(|file| std::path::Path::new(file).file_name()).map(|name| escape(&name.to_string_lossy()));
    let offset = finding.offset.map(|offset| format!("byte {offset}"));
    [name, offset].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// On one line.
fn sentence(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `weighbridge.check/1`
#[derive(Serialize)]
pub(super) struct Report<'a> {
    schema: &'static str,
    deny: Severity,
    denied: bool,
    counts: Counts,
    models: Vec<Model<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Counts {
    error: u64,
    warning: u64,
    note: u64,
}

#[derive(Serialize)]
struct Model<'a> {
    path: &'a str,
    files: &'a [String],
    opened: bool,
    findings: &'a [Finding],
}

impl<'a> Report<'a> {
    pub(super) fn new(outcome: &'a Outcome) -> Self {
        let models = outcome.models.iter().map(|model| Model {
            path: &model.path,
            files: &model.files,
            opened: model.headline.is_some(),
            findings: &model.findings,
        });
        Self {
            schema: "weighbridge.check/1",
            deny: outcome.deny,
            denied: outcome.denied(),
            counts: Counts {
                error: outcome.count(Severity::Error),
                warning: outcome.count(Severity::Warning),
                note: outcome.count(Severity::Note),
            },
            models: models.collect(),
            problems: outcome.problems.iter().map(Failure::sentence).collect(),
        }
    }
}
