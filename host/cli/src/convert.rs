//! `weighbridge convert`: a model of any format as safetensors.
use super::failure::Result;
use super::jail::Paths;
use super::options::Files;
use super::output::Output;
use super::progress::Progress;
use super::session::{open, runtime};
use super::units::{bytes, bytes_exact, parse_size, plural};
use super::write_file::WriteArgs;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use weighbridge::{ConvertOptions, Converted, ConvertedFile, Selection, SessionOptions, escape_path};

/// Write a model as safetensors, whatever format it has
///
/// The tensors are those that are read, of PyTorch checkpoints without running anything; the file is the one that
/// safetensors' own writer makes of them. A tensor with strides is made contiguous, and of tied weights each has bytes of its
/// own. Quantized types of GGUF have no place in safetensors and are refused. A file appears when it is whole.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge convert pytorch_model.bin model.safetensors
  weighbridge convert pytorch_model.bin.index.json model.safetensors --shard-size 5GiB
  weighbridge convert checkpoint.pt model.safetensors --select 'model.*' --metadata format=pt
  weighbridge convert arrays.npz arrays.safetensors --overwrite")]
pub(crate) struct Convert {
    #[command(flatten)]
    files: Files,
    /// Where to write it; of several files this names the model: OUT-00001-of-00003.safetensors and an index
    #[arg(value_name = "OUT.safetensors")]
    out: PathBuf,
    /// Write several files, each of at most so many bytes of tensors, and an index that names them
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    shard_size: Option<u64>,
    /// Write only the tensors whose names match, such as 'model.*'
    #[arg(long, value_name = "GLOB")]
    select: Option<String>,
    /// Write this into the metadata as well, such as format=pt
    #[arg(long, value_name = "KEY=TEXT", value_parser = parse_entry)]
    metadata: Vec<(String, String)>,
    #[command(flatten)]
    write: WriteArgs,
}

/// `KEY=TEXT`
fn parse_entry(text: &str) -> std::result::Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it has to be KEY=TEXT")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Convert {
    /// The files that it needs in a jail.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths::default().read(&self.files.files).write([&self.out])
    }

    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        if self.shard_size.is_none() {
            self.write.check(&self.out)?;
        }
        let runtime = runtime()?;
        let mut opened = open(&runtime, &self.files.files, SessionOptions::default())?;
        let mut options = ConvertOptions::new().shard_bytes(self.shard_size).overwrite(self.write.may_replace());
        if let Some(glob) = &self.select {
            options = options.selection(Selection::Matching(glob.clone()));
        }
        for (key, text) in &self.metadata {
            options = options.entry(key, text);
        }
        let total = opened.session.summary().tensor_bytes;
        let following = Progress::new("writing", total, output.is_json()).follow(opened.session.usage());
        let converted = opened.session.convert(&self.out, &options);
        drop(following);
        let converted = converted?;
        if output.is_json() {
            output.json(&Report::new(&opened.session.summary().format, &converted))?;
        } else {
            show(&converted, output)?;
        }
        opened.session.close()?;
        Ok(ExitCode::SUCCESS)
    }
}

fn show(converted: &Converted, output: &mut Output) -> Result<()> {
    for ConvertedFile { path, bytes, tensors, .. } in &converted.files {
        let tensors =
            if *tensors == 0 { String::new() } else { format!("{}, ", plural(u64::from(*tensors), "tensor")) };
        output.verdict(true, &format!("{}: {tensors}{}", escape_path(path), bytes_exact(*bytes)))?;
    }
    let mut notes = Vec::new();
    if converted.gathered > 0 {
        notes.push(format!("{} had strides and became contiguous", plural(u64::from(converted.gathered), "tensor")));
    }
    if converted.shared > 0 {
        let shared = plural(u64::from(converted.shared), "tensor");
        notes.push(format!("{shared} shared bytes with others, such as tied weights, and got bytes of their own"));
    }
    if converted.left_out > 0 {
        let (count, verb) = (u64::from(converted.left_out), if converted.left_out == 1 { "was" } else { "were" });
        let entries = if count == 1 { "1 metadata entry".to_owned() } else { format!("{count} metadata entries") };
        notes.push(format!("{entries} {verb} left out: the metadata of safetensors is text"));
    }
    if converted.files.len() > 1 {
        notes.push(format!("{} in all", bytes(converted.bytes)));
    }
    notes.iter().try_for_each(|note| output.note(&format!(" {note}")))
}

/// `weighbridge.convert/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    format: &'a str,
    files: Vec<FileJson>,
    tensors: u32,
    bytes: u64,
    gathered: u32,
    shared: u32,
    metadata_left_out: u32,
}

#[derive(Serialize)]
struct FileJson {
    path: String,
    bytes: u64,
    tensors: u32,
}

impl<'a> Report<'a> {
    fn new(format: &'a str, converted: &Converted) -> Self {
        let file = |file: &ConvertedFile| FileJson {
            path: file.path.to_string_lossy().into_owned(),
            bytes: file.bytes,
            tensors: file.tensors,
        };
        Self {
            schema: "weighbridge.convert/1",
            format,
            files: converted.files.iter().map(file).collect(),
            tensors: converted.tensors,
            bytes: converted.bytes,
            gathered: converted.gathered,
            shared: converted.shared,
            metadata_left_out: converted.left_out,
        }
    }
}
