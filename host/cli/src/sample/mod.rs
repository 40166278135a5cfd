//! `weighbridge sample`: a small but real model, always the same for the same options.
mod gguf;
mod model;
mod safetensors;

use super::failure::Result;
use super::output::Output;
use super::units::{bytes_exact, parse_size, plural};
use super::write_file::{WriteArgs, write_file};
use clap::Args;
use model::Model;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use weighbridge::escape;

/// Make a small, real model file to try things with
///
/// The model has the tensors and the metadata of the llama family; its weights are pseudo-random numbers that are the same
/// every time. GGUF holds F32, F16 and Q8_0 tensors and a vocabulary; safetensors holds F32, F16 and BF16.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge sample sample.gguf
  weighbridge sample big.gguf --tensors 723 --size 1GiB
  weighbridge sample sample.safetensors --safetensors")]
pub(crate) struct Sample {
    /// Where to write it
    out: PathBuf,
    /// Write safetensors instead of GGUF
    #[arg(long)]
    safetensors: bool,
    /// How many tensors [default: 21, which are two layers]
    #[arg(long, value_name = "N", default_value = "21", hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    tensors: u32,
    /// Tensor bytes at least; the layers get wider
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    size: Option<u64>,
    #[command(flatten)]
    write: WriteArgs,
}

impl Sample {
    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        let model = Model::new(self.tensors, self.size.unwrap_or(0));
        let file_bytes = write_file(&self.out, &self.write, |out| {
            if self.safetensors { safetensors::write(&model, out) } else { gguf::write(&model, out) }
        })?;
        let format = if self.safetensors { "safetensors" } else { "gguf" };
        if output.is_json() {
            output.json(&Report {
                schema: "weighbridge.sample/1",
                file: &self.out.to_string_lossy(),
                format,
                tensors: model.tensors.len(),
                file_bytes,
            })?;
        } else {
            let out = escape(&self.out.to_string_lossy());
            let tensors = plural(model.tensors.len() as u64, "tensor");
            output.verdict(true, &format!("{out}: {format}, {tensors}, {}", bytes_exact(file_bytes)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `weighbridge.sample/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    tensors: usize,
    file_bytes: u64,
}
