//! `weighbridge verify`: load a model, hash every tensor through its view, and hold the hashes against something.
pub(crate) mod hash;
mod manifest;

use super::failure::Result;
use super::jail::Paths;
use super::options::{Files, LoadArgs};
use super::output::{Output, shortened, terminal_width};
use super::session::{Opened, open_to_load, runtime};
use super::units::{bytes, grouped, plural, shape};
use super::write_file::{WriteArgs, write_file};
use clap::Args;
use hash::{Hashed, Pass, pass};
use manifest::Difference;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use weighbridge::model::{Finding, Values};
use weighbridge::{Runtime, TensorInfo, escape};

/// Load a model and print the SHA-256 of every tensor
///
/// The bytes are read through the views that the load hands out, once: for the hashes of the tensors, for those of the whole
/// files, and to find NaN, infinities and tensors of zeros. A file that shrinks under its mapping is an error here, not the
/// end of the process.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge verify model.gguf
  weighbridge verify model.gguf --write model.json
  weighbridge verify model.gguf --check SHA256SUMS
  weighbridge verify model-00001-of-00003.safetensors --against merged.safetensors
  weighbridge verify model.gguf --strategy staged-read --chunk 1MiB
  weighbridge verify model.safetensors --json | jq -r '.tensors[] | \"\\(.sha256)  \\(.name)\"'")]
pub(crate) struct Verify {
    #[command(flatten)]
    files: Files,
    /// Write the hashes to a manifest: JSON, or what sha256sum prints where it is called SHA256SUMS or *.sha256
    #[arg(long, value_name = "MANIFEST", conflicts_with = "select")]
    write: Option<PathBuf>,
    #[command(flatten)]
    replace: WriteArgs,
    /// Hold the hashes against a manifest; exit with 1 where they differ
    #[arg(long, value_name = "MANIFEST")]
    check: Option<PathBuf>,
    /// Hold every tensor against that of another model, of any format and sharding; exit with 1 where they differ
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    #[command(flatten)]
    load: LoadArgs,
}

impl Verify {
    /// The files that it needs in a jail.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths::default().read(&self.files.files).read(&self.check).read(&self.against).write(&self.write)
    }

    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        self.load.check()?;
        if let Some(path) = &self.write {
            self.replace.check(path)?;
        }
        let check = self.check.as_deref().map(manifest::read).transpose()?;
        let runtime = runtime()?;
        let quiet = output.is_json();
        let (mut opened, used, hashed) = self.hash(&runtime, &self.files.files, quiet)?;
        let mut differences = Vec::new();
        if let Some(check) = &check {
            differences.extend(check.check(&opened, &hashed, self.load.selects())?);
        }
        if !self.against.is_empty() {
            let (mut other, _, other_hashed) = self.hash(&runtime, &self.against, quiet)?;
            differences.extend(manifest::against((&opened, &hashed), (&other, &other_hashed)));
            other.session.close()?;
        }
        if let Some(path) = &self.write {
            write_file(path, &self.replace, |out| match manifest::is_sums(path) {
                true => manifest::write_sums(&opened, &hashed, out),
                false => manifest::write_json(&opened, &hashed, out),
            })?;
        }
        let findings: Vec<_> = hashed.tensors.iter().flat_map(|tensor| tensor.values.findings(&tensor.info)).collect();
        if output.is_json() {
            output.json(&Report::new(&opened, used, &hashed, &findings, self.compares().then_some(&differences)))?;
        } else {
            self.show(&opened, used, &hashed, &findings, &differences, output)?;
        }
        opened.session.close()?;
        Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn compares(&self) -> bool {
        self.check.is_some() || !self.against.is_empty()
    }

    fn hash(&self, runtime: &Runtime, files: &[PathBuf], quiet: bool) -> Result<(Opened, Option<&'static str>, Pass)> {
        let mut opened = open_to_load(runtime, files, &self.load, self.load.session())?;
        let used = opened.load(&self.load, quiet)?.used.map(weighbridge::Strategy::name);
        let hashed = pass(&mut opened, quiet)?;
        Ok((opened, used, hashed))
    }

    fn show(
        &self,
        opened: &Opened,
        used: Option<&str>,
        hashed: &Pass,
        findings: &[Finding],
        differences: &[Difference],
        output: &mut Output,
    ) -> Result<()> {
        let (name, rest) = opened.headline();
        output.headline(&name, &rest)?;
        let whole = fits(&hashed.tensors);
        let hash = |sha256: &str| if whole { sha256.to_owned() } else { shortened(sha256, 17) };
        output.table(
            &["tensor", "dtype", "shape", ">bytes", "sha256"],
            hashed.tensors.iter().map(|Hashed { info, sha256, .. }| {
                vec![escape(&info.name), escape(&info.dtype), shape(&info.shape), grouped(info.bytes), hash(sha256)]
            }),
        )?;
        output.title("Files")?;
        let files = opened.session.files().iter().zip(&hashed.files);
        let rows = files.map(|(file, sha256)| vec![escape(&file.name), grouped(file.size), hash(sha256)]);
        output.table(&["file", ">bytes", "sha256"], rows)?;
        if !whole {
            output.note(" The hashes are whole in a wider terminal, in a file, and with --json.")?;
        }
        if !findings.is_empty() {
            output.title("Findings")?;
            let rows = findings.iter().map(|finding| {
                vec![finding.level.name().to_owned(), finding.rule.to_string(), finding.message.clone()]
            });
            output.table(&["level", "rule", "what"], rows)?;
        }
        if !differences.is_empty() {
            output.title("Differences")?;
            for difference in differences {
                output.text(&format!(" {}\n", difference.sentence()))?;
            }
        }
        output.text("\n")?;
        let total = hashed.tensors.iter().map(|tensor| tensor.info.bytes).sum();
        let how = used.map_or_else(String::new, |used| format!(" by {used}"));
        let count = plural(hashed.tensors.len() as u64, "tensor");
        output.verdict(true, &format!("{count}, {}, loaded{how} and hashed", bytes(total)))?;
        if let Some(path) = &self.write {
            output.verdict(true, &format!("written to {}", weighbridge::escape_path(path)))?;
        }
        if self.compares() {
            let mut than: Vec<_> =
                self.check.iter().chain(&self.against).map(|p| weighbridge::escape_path(p)).collect();
            than.truncate(2);
            let than = than.join(" and ");
            match differences.len() as u64 {
                0 => output.verdict(true, &format!("as in {than}"))?,
                count => output.verdict(false, &format!("{} from {than}", plural(count, "difference")))?,
            }
        }
        Ok(())
    }
}

/// Whether the table with whole hashes fits the terminal, if it is one.
fn fits(hashed: &[Hashed]) -> bool {
    let widest = |cell: fn(&TensorInfo) -> String| {
        hashed.iter().map(|tensor| cell(&tensor.info).chars().count()).max().unwrap_or(0)
    };
    let cells = widest(|tensor| escape(&tensor.name))
        + widest(|tensor| escape(&tensor.dtype)).max(5)
        + widest(|tensor| shape(&tensor.shape)).max(5)
        + widest(|tensor| grouped(tensor.bytes)).max(5)
        + 64;
    // Three spaces between columns, and one before and after.
    terminal_width().is_none_or(|width| cells + 16 <= usize::from(width))
}

/// `weighbridge.verify/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    files: Vec<HashedFile>,
    format: &'a str,
    strategy: Option<&'static str>,
    tensors: Vec<HashedTensor<'a>>,
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<&'a Vec<Difference>>,
}

#[derive(Serialize)]
struct HashedFile {
    path: String,
    bytes: u64,
    sha256: String,
}

#[derive(Serialize)]
struct HashedTensor<'a> {
    name: &'a str,
    dtype: &'a str,
    shape: &'a [u64],
    bytes: u64,
    sha256: &'a str,
    #[serde(flatten)]
    values: Values,
}

impl<'a> Report<'a> {
    fn new(
        opened: &'a Opened,
        strategy: Option<&'static str>,
        hashed: &'a Pass,
        findings: &'a [Finding],
        differences: Option<&'a Vec<Difference>>,
    ) -> Self {
        let files = opened.session.files().iter().zip(&hashed.files).map(|(file, sha256)| HashedFile {
            path: file.shown().to_string_lossy().into_owned(),
            bytes: file.size,
            sha256: sha256.clone(),
        });
        let tensors = hashed.tensors.iter().map(|Hashed { info, sha256, values }| HashedTensor {
            name: &info.name,
            dtype: &info.dtype,
            shape: &info.shape,
            bytes: info.bytes,
            sha256,
            values: *values,
        });
        Self {
            schema: "weighbridge.verify/1",
            files: files.collect(),
            format: &opened.session.summary().format,
            strategy,
            tensors: tensors.collect(),
            findings,
            differences,
        }
    }
}
