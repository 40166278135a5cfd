//! `weighbridge inspect`: what the headers of a model say.
mod report;
mod text;
mod value;

pub(crate) use value::{Value, text};

use super::failure::{Failure, Result};
use super::jail::Paths;
use super::options::Files;
use super::output::Output;
use super::session::{Opened, open, runtime};
use clap::Args;
use report::{OneEntry, Report};
use std::process::ExitCode;
use weighbridge::model::{MemoryEstimate, Totals};
use weighbridge::{Finding, MetadataEntry, MetadataValue, Pattern, SessionOptions, TensorInfo, escape};

/// Show the metadata, the tensors and the size of a model
///
/// Only the headers are read, by the sandboxed component. What can be shown is: of a download that has not ended, of one part
/// of a split model, of an index whose shards are not all there; what is wrong is listed as findings.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge inspect model.gguf
  weighbridge inspect ~/.cache/huggingface/hub/models--org--name --no-tensors --context 32768
  weighbridge inspect model.gguf --select 'blk.0.*'
  weighbridge inspect model.gguf --metadata tokenizer.chat_template
  weighbridge inspect model.gguf --json | jq '.metadata.\"general.architecture\"'
  weighbridge inspect model.gguf --json | jq -r '.tensors[] | select(.bytes > 1e6) | .name'")]
pub(crate) struct Inspect {
    #[command(flatten)]
    files: Files,
    /// Show arrays and texts whole, and all layers (with --json they always are)
    #[arg(long)]
    full: bool,
    /// Show, and add up, only the tensors whose names match, such as 'blk.0.*'
    #[arg(long, value_name = "PATTERN")]
    select: Option<String>,
    /// Leave out the list of tensors
    #[arg(long)]
    no_tensors: bool,
    /// Print the whole value of one metadata entry, and nothing else
    #[arg(long, value_name = "KEY", conflicts_with_all = ["select", "no_tensors", "context", "full"])]
    metadata: Option<String>,
    /// Estimate the memory for a context of N tokens
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    context: Option<u64>,
}

/// Elements of an array that the text shows.
const HEAD: u32 = 4;

/// What is shown of a model.
struct Inspected {
    metadata: Vec<MetadataEntry>,
    /// Those that were selected, with their numbers.
    tensors: Vec<(u32, TensorInfo)>,
    findings: Vec<Finding>,
    totals: Totals,
    memory: MemoryEstimate,
}

impl Inspect {
    /// The files that it needs in a jail.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths::default().read(&self.files.files)
    }

    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        let pattern = self.pattern()?;
        let runtime = runtime()?;
        let mut options = SessionOptions::default();
        options.guest.partial = true;
        let mut opened = open(&runtime, &self.files.files, options)?;
        if let Some(key) = &self.metadata {
            return one(&mut opened, key, output);
        }
        let head = if self.full || output.is_json() { u32::MAX } else { HEAD };
        let all = opened.session.tensors()?.iter().zip(0..);
        let wanted = |tensor: &TensorInfo| pattern.as_ref().is_none_or(|pattern| pattern.matches(&tensor.name));
        let tensors: Vec<_> =
            all.filter(|(tensor, _)| wanted(tensor)).map(|(tensor, number)| (number, tensor.clone())).collect();
        if let (Some(pattern), [], true) = (&self.select, tensors.as_slice(), opened.session.summary().tensors > 0) {
            let message = format!("no tensor's name matches {}", escape(pattern));
            let hint = "`weighbridge inspect FILE` lists the names; `*` matches any text";
            return Err(Failure::new("request", "not-found", message).hint(hint));
        }
        let totals = Totals::of(tensors.iter().map(|(_, tensor)| tensor));
        let memory = MemoryEstimate::new(totals.all.bytes, &opened.session.attention()?, self.context);
        let model = Inspected {
            metadata: opened.session.metadata(head)?,
            findings: opened.session.findings()?,
            tensors,
            totals,
            memory,
        };
        if output.is_json() {
            output.json(&Report::new(&opened, &model, !self.no_tensors))?;
        } else {
            self.show(&opened, &model, output)?;
        }
        opened.session.close()?;
        Ok(ExitCode::SUCCESS)
    }

    fn pattern(&self) -> Result<Option<Pattern>> {
        let pattern = self.select.as_deref().map(Pattern::new).transpose();
        pattern.map_err(|why| Failure::usage(format!("--select is no pattern: {why}")))
    }
}

/// One entry, whole. Of a split model the first file that has it is meant.
fn one(opened: &mut Opened, key: &str, output: &mut Output) -> Result<ExitCode> {
    let metadata = opened.session.metadata(u32::MAX)?;
    let Some(entry) = metadata.iter().find(|entry| entry.key == key) else {
        let message = format!("the model has no metadata called {}", escape(key));
        let hint = "`weighbridge inspect FILE --no-tensors` lists the keys";
        return Err(Failure::new("request", "not-found", message).hint(hint));
    };
    if output.is_json() {
        output.json(&OneEntry::new(entry))?;
    } else {
        output.text(&format!("{}\n", value::whole(&entry.value)))?;
        if let MetadataValue::Sequence(sequence) = &entry.value
            && sequence.count > sequence.head.len() as u64
        {
            let (count, shown) = (sequence.count, sequence.head.len());
            output.note(&format!("{count} elements; the first {shown} are shown"))?;
        }
    }
    opened.session.close()?;
    Ok(ExitCode::SUCCESS)
}
