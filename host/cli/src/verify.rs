//! `weighbridge verify`: load a model and hash every tensor through its view.
use super::failure::Result;
use super::load::{FileJson, files_json};
use super::options::{Files, LoadArgs};
use super::output::{Output, shortened, terminal_width};
use super::progress::Progress;
use super::session::{Opened, open_to_load, runtime};
use super::units::{bytes, grouped, shape};
use clap::Args;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::process::ExitCode;
use weighbridge::{Lifecycle, Tensor, TensorInfo, escape};

/// Load a model and print the SHA-256 of every tensor
///
/// The bytes are read through the views that the load hands out. A file that shrinks under its mapping is an error here, not
/// the end of the process.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge verify model.gguf
  weighbridge verify model.gguf --strategy staged-read --chunk 1MiB
  weighbridge verify model.safetensors --json | jq -r '.tensors[] | \"\\(.sha256)  \\(.name)\"'")]
pub(crate) struct Verify {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    load: LoadArgs,
}

/// Bytes that are copied out of a view at once.
const PIECE: usize = 1 << 20;

impl Verify {
    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        self.load.check()?;
        let runtime = runtime()?;
        let mut opened = open_to_load(&runtime, &self.files.files, &self.load, self.load.session())?;
        let report = opened.load(&self.load, output.is_json())?;
        let hashed = hash(&opened, report.bytes, output.is_json())?;
        let used = report.used.map(weighbridge::Strategy::name);
        if output.is_json() {
            output.json(&Report {
                schema: "weighbridge.verify/1",
                files: files_json(&opened),
                format: &opened.session.summary().format,
                strategy: used,
                tensors: hashed.iter().map(|(tensor, sha256)| Hashed::new(tensor, sha256)).collect(),
            })?;
        } else {
            let (name, rest) = opened.headline();
            output.headline(&name, &rest)?;
            let whole = fits(&hashed);
            output.table(
                &["tensor", "dtype", "shape", ">bytes", "sha256"],
                hashed.iter().map(|(tensor, sha256)| {
                    vec![
                        escape(&tensor.name),
                        escape(&tensor.dtype),
                        shape(&tensor.shape),
                        grouped(tensor.bytes),
                        if whole { sha256.clone() } else { shortened(sha256, 17) },
                    ]
                }),
            )?;
            if !whole {
                output.note(" The hashes are whole in a wider terminal, in a file, and with --json.")?;
            }
            let total = hashed.iter().map(|(tensor, _)| tensor.bytes).sum();
            let how = used.map_or_else(String::new, |used| format!(" by {used}"));
            output.verdict(
                true,
                &format!("{} tensors, {}, loaded{how} and hashed", grouped(hashed.len() as u64), bytes(total)),
            )?;
        }
        opened.session.close()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether the table with whole hashes fits the terminal, if it is one.
fn fits(hashed: &[(TensorInfo, String)]) -> bool {
    let widest = |cell: fn(&TensorInfo) -> String| {
        hashed.iter().map(|(tensor, _)| cell(tensor).chars().count()).max().unwrap_or(0)
    };
    let cells = widest(|tensor| escape(&tensor.name))
        + widest(|tensor| escape(&tensor.dtype)).max(5)
        + widest(|tensor| shape(&tensor.shape)).max(5)
        + widest(|tensor| grouped(tensor.bytes)).max(5)
        + 64;
    // Three spaces between columns, and one before and after.
    terminal_width().is_none_or(|width| cells + 16 <= usize::from(width))
}

/// Hashes what was loaded, in the order of the file.
fn hash(opened: &Opened, total: u64, quiet: bool) -> Result<Vec<(TensorInfo, String)>> {
    let tensors = opened.session.tensors()?;
    let states = opened.session.states()?;
    let progress = Progress::new("hashing", total, quiet);
    let mut piece = vec![0; PIECE];
    let mut before = 0;
    let mut hashed = Vec::new();
    for ((info, state), index) in tensors.iter().zip(states).zip(0..) {
        if !matches!(state.lifecycle, Lifecycle::Resident | Lifecycle::MmapResident) {
            continue;
        }
        let tensor = opened.session.tensor_at(index)?;
        let sha256 = hash_one(&tensor, &mut piece, |done| progress.at(before + done))?;
        before += info.bytes;
        hashed.push((info.clone(), sha256));
    }
    progress.done();
    Ok(hashed)
}

fn hash_one(tensor: &Tensor, piece: &mut [u8], at: impl Fn(u64)) -> std::result::Result<String, weighbridge::Error> {
    let mut hasher = Sha256::new();
    let mut done = 0;
    while done < tensor.len() {
        let now = piece.len().min(tensor.len() - done);
        // Not `bytes()`: a page of a mapping that is gone would end the process.
        tensor.copy_to(done as u64, &mut piece[..now])?;
        hasher.update(&piece[..now]);
        done += now;
        at(done as u64);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `weighbridge.verify/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    files: Vec<FileJson>,
    format: &'a str,
    strategy: Option<&'static str>,
    tensors: Vec<Hashed<'a>>,
}

#[derive(Serialize)]
struct Hashed<'a> {
    name: &'a str,
    dtype: &'a str,
    shape: &'a [u64],
    bytes: u64,
    sha256: &'a str,
}

impl<'a> Hashed<'a> {
    fn new(tensor: &'a TensorInfo, sha256: &'a str) -> Self {
        Self { name: &tensor.name, dtype: &tensor.dtype, shape: &tensor.shape, bytes: tensor.bytes, sha256 }
    }
}
