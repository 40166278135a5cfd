//! `weighbridge diff`: what differs between two models.
use super::failure::Result;
use super::inspect::{Value, text};
use super::jail::Paths;
use super::output::{Output, shortened};
use super::progress::Progress;
use super::session::{Opened, open, runtime};
use super::units::{bytes, grouped, plural, shape};
use clap::Args;
use serde::Serialize;
use std::cmp::Reverse;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use weighbridge::model::{Headers, MetadataChange, TensorDifference, TensorPair, metadata_changes, tensor_pairs};
use weighbridge::{Error, LoadOptions, MetadataEntry, Selection, SessionOptions, Tensor, TensorInfo, escape};

/// Show what differs between two models
///
/// Metadata; tensors that were added or removed, or whose shape, type or bytes differ, the largest change first. Names tell
/// which tensors belong together, whatever the formats and the number of files. Exit status: 0 no difference, 1 differences,
/// 2 a model cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge diff old.gguf new.gguf
  weighbridge diff old.gguf new.gguf --headers
  weighbridge diff model-00001-of-00003.safetensors merged.safetensors
  weighbridge diff a.gguf b.gguf --json | jq -r '.tensors[] | \"\\(.name) \\(.change)\"'")]
pub(crate) struct Diff {
    /// The first model: one of its files
    a: PathBuf,
    /// The second
    b: PathBuf,
    /// Compare the headers alone: no byte of a tensor is read
    #[arg(long)]
    headers: bool,
    /// Show all rows of a long list, and values whole (with --json they always are)
    #[arg(long)]
    full: bool,
}

/// Bytes that are compared at once.
const PIECE: usize = 1 << 20;
/// Rows of a table at most, and characters of a value; `--full` shows the rest.
const ROWS: usize = 40;
const WIDTH: usize = 48;

/// A tensor that differs.
struct Change<'a> {
    pair: TensorPair<'a>,
    /// What differs: `added`, `removed`, `shape`, `dtype` or `bytes`.
    change: &'static str,
    /// Of the same type and shape, bytes that are not the same; else those of the larger one.
    differing: u64,
}

impl Diff {
    /// The files that it needs in a jail.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths::default().read([&self.a, &self.b])
    }

    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        self.compare(output).map_err(super::failure::Failure::trouble)
    }

    fn compare(&self, output: &mut Output) -> Result<ExitCode> {
        let runtime = runtime()?;
        let mut a = open(&runtime, std::slice::from_ref(&self.a), SessionOptions::default())?;
        let mut b = open(&runtime, std::slice::from_ref(&self.b), SessionOptions::default())?;
        let (metadata_a, tensors_a) = headers(&mut a)?;
        let (metadata_b, tensors_b) = headers(&mut b)?;
        let formats = (a.session.summary().format.clone(), b.session.summary().format.clone());
        let of_a = Headers { format: &formats.0, metadata: &metadata_a, tensors: &tensors_a };
        let of_b = Headers { format: &formats.1, metadata: &metadata_b, tensors: &tensors_b };
        let metadata = metadata_changes(&of_a, &of_b);
        let pairs = tensor_pairs(&of_a, &of_b);
        let differing = if self.headers { vec![0; pairs.len()] } else { bytes_of(&mut a, &mut b, &pairs, output)? };
        let mut changes: Vec<_> =
            pairs.iter().zip(differing).filter_map(|(pair, differing)| change(*pair, differing)).collect();
        changes.sort_by_key(|change| Reverse(change.differing));
        let same = formats.0 == formats.1 && metadata.is_empty() && changes.is_empty();
        if output.is_json() {
            output.json(&Report {
                schema: "weighbridge.diff/1",
                a: Side::new(&a),
                b: Side::new(&b),
                same,
                headers_only: self.headers,
                metadata: metadata.iter().map(MetadataJson::new).collect(),
                tensors: changes.iter().map(TensorJson::new).collect(),
            })?;
        } else {
            self.show((&a, &b), &metadata, &changes, output)?;
            let what = if self.headers { "the headers say the same" } else { "no difference" };
            let tensors = plural(changes.len() as u64, "tensor");
            let entries = plural(metadata.len() as u64, "metadata entry").replace("entrys", "entries");
            let verdict = if same { what.to_owned() } else { format!("{tensors} and {entries} differ") };
            output.verdict(same, &verdict)?;
        }
        a.session.close()?;
        b.session.close()?;
        Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn show(
        &self,
        (a, b): (&Opened, &Opened),
        metadata: &[MetadataChange],
        changes: &[Change],
        output: &mut Output,
    ) -> Result<()> {
        for (mark, opened) in [("-", a), ("+", b)] {
            let (name, rest) = opened.headline();
            output.headline(&format!("{mark} {name}"), &rest)?;
        }
        if !metadata.is_empty() {
            output.title("Metadata")?;
            let shown = self.rows(metadata.len());
            let rows = metadata.iter().take(shown).map(|change| {
                let cell = |entry: Option<&MetadataEntry>| {
                    let value = entry.map_or_else(String::new, |entry| text(&entry.value));
                    if self.full { value } else { shortened(&value, WIDTH) }
                };
                vec![shortened(&escape(change.key()), WIDTH), cell(change.a), cell(change.b)]
            });
            output.table(&["key", "first", "second"], rows)?;
            rest(metadata.len() - shown, output)?;
        }
        if !changes.is_empty() {
            output.title("Tensors")?;
            let shown = self.rows(changes.len());
            let rows = changes.iter().take(shown).map(|change| {
                let say = |tensor: Option<(u32, &TensorInfo)>| {
                    tensor.map_or_else(String::new, |(_, tensor)| {
                        format!("{} {}", escape(&tensor.dtype), shape(&tensor.shape))
                    })
                };
                let of = if change.change == "bytes" {
                    format!("{} of {}", grouped(change.differing), grouped(change.pair.bytes()))
                } else {
                    bytes(change.differing)
                };
                vec![
                    shortened(&escape(change.pair.name()), WIDTH),
                    change.change.to_owned(),
                    say(change.pair.a),
                    say(change.pair.b),
                    of,
                ]
            });
            output.table(&["tensor", "change", "first", "second", ">bytes"], rows)?;
            rest(changes.len() - shown, output)?;
        }
        output.text("\n")
    }

    fn rows(&self, all: usize) -> usize {
        if self.full { all } else { all.min(ROWS) }
    }
}

fn rest(count: usize, output: &mut Output) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    output.note(&format!(" {} more; --full shows them", plural(count as u64, "row")))
}

fn headers(opened: &mut Opened) -> Result<(Vec<MetadataEntry>, Vec<TensorInfo>)> {
    let metadata = opened.session.metadata(u32::MAX)?;
    Ok((metadata, opened.session.tensors()?.to_vec()))
}

fn change(pair: TensorPair<'_>, differing: u64) -> Option<Change<'_>> {
    let (change, differing) = match pair.difference {
        TensorDifference::Added => ("added", pair.bytes()),
        TensorDifference::Removed => ("removed", pair.bytes()),
        TensorDifference::Shape => ("shape", pair.bytes()),
        TensorDifference::Dtype => ("dtype", pair.bytes()),
        TensorDifference::Comparable if differing > 0 => ("bytes", differing),
        TensorDifference::Comparable => return None,
    };
    Some(Change { pair, change, differing })
}

/// Of every pair that can be compared, how many bytes differ.
fn bytes_of(a: &mut Opened, b: &mut Opened, pairs: &[TensorPair], output: &Output) -> Result<Vec<u64>> {
    let comparable = |pair: &&TensorPair| pair.difference == TensorDifference::Comparable;
    let mut views = Vec::new();
    for pair in pairs.iter().filter(comparable) {
        views.push((pair.a.map(|(index, _)| index), pair.b.map(|(index, _)| index)));
    }
    let load = |opened: &mut Opened, indices: Vec<u32>| -> Result<Vec<Tensor>> {
        if indices.is_empty() {
            return Ok(Vec::new());
        }
        let loaded = opened.session.load(&Selection::Tensors(indices.clone()), &LoadOptions::default());
        let views = loaded.and_then(|_| indices.iter().map(|index| opened.session.tensor_at(*index)).collect());
        Ok(views?)
    };
    let of_a = load(a, views.iter().filter_map(|(index, _)| *index).collect())?;
    let of_b = load(b, views.iter().filter_map(|(_, index)| *index).collect())?;
    let total = of_a.iter().map(|view| view.len() as u64).sum();
    let progress = Progress::new("comparing", total, output.is_json());
    let both: Vec<_> = of_a.into_iter().zip(of_b).collect();
    let counted = count(&both, &progress);
    progress.done();
    let mut counted = match counted {
        Ok(counted) => counted.into_iter(),
        Err((error, _)) => return Err(error.into()),
    };
    Ok(pairs.iter().map(|pair| if comparable(&pair) { counted.next().unwrap_or(0) } else { 0 }).collect())
}

/// An error, and whether it is of the first model.
type Broken = (Error, bool);

/// Counts on as many threads as the machine has processors.
fn count(both: &[(Tensor, Tensor)], progress: &Progress) -> std::result::Result<Vec<u64>, Broken> {
    let counts: Vec<AtomicU64> = both.iter().map(|_| AtomicU64::new(0)).collect();
    let (next, done, stop) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let broken: Mutex<Option<Broken>> = Mutex::new(None);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(both.len());
    let running = AtomicUsize::new(workers);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let (Some((a, b)), Some(count)) = (both.get(at), counts.get(at)) else { break };
                    match differing(a, b, &done) {
                        Ok(differing) => count.store(differing, Ordering::Relaxed),
                        Err(error) => {
                            broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                }
                running.fetch_sub(1, Ordering::Release);
            });
        }
        while running.load(Ordering::Acquire) > 0 {
            progress.at(done.load(Ordering::Relaxed));
            thread::park_timeout(Duration::from_millis(2));
        }
    });
    match broken.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(broken) => Err(broken),
        None => Ok(counts.into_iter().map(AtomicU64::into_inner).collect()),
    }
}

fn differing(a: &Tensor, b: &Tensor, done: &AtomicU64) -> std::result::Result<u64, Broken> {
    let (mut of_a, mut of_b) = (vec![0; PIECE.min(a.len())], vec![0; PIECE.min(a.len())]);
    let (mut at, mut count) = (0, 0);
    while at < a.len() {
        let now = PIECE.min(a.len() - at);
        let (of_a, of_b) = (&mut of_a[..now], &mut of_b[..now]);
        // Not `bytes()`: a page of a mapping that is gone would end the process.
        a.copy_to(at as u64, of_a).map_err(|error| (error, true))?;
        b.copy_to(at as u64, of_b).map_err(|error| (error, false))?;
        if of_a != of_b {
            count += of_a.iter().zip(of_b.iter()).filter(|(a, b)| a != b).count() as u64;
        }
        at += now;
        done.fetch_add(now as u64, Ordering::Relaxed);
    }
    Ok(count)
}

/// `weighbridge.diff/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    a: Side<'a>,
    b: Side<'a>,
    same: bool,
    headers_only: bool,
    metadata: Vec<MetadataJson<'a>>,
    tensors: Vec<TensorJson<'a>>,
}

#[derive(Serialize)]
struct Side<'a> {
    files: Vec<super::load::FileJson>,
    format: &'a str,
    tensors: u32,
    tensor_bytes: u64,
}

impl<'a> Side<'a> {
    fn new(opened: &'a Opened) -> Self {
        let summary = opened.session.summary();
        let files = super::load::files_json(opened);
        Self { files, format: &summary.format, tensors: summary.tensors, tensor_bytes: summary.tensor_bytes }
    }
}

#[derive(Serialize)]
struct MetadataJson<'a> {
    key: &'a str,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<Value<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<Value<'a>>,
}

impl<'a> MetadataJson<'a> {
    fn new(change: &MetadataChange<'a>) -> Self {
        let word = match (change.a, change.b) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        let value = |entry: Option<&'a MetadataEntry>| entry.map(|entry| Value(&entry.value));
        Self { key: change.key(), change: word, a: value(change.a), b: value(change.b) }
    }
}

#[derive(Serialize)]
struct TensorJson<'a> {
    name: &'a str,
    change: &'static str,
    differing_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<Described<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<Described<'a>>,
}

#[derive(Serialize)]
struct Described<'a> {
    dtype: &'a str,
    shape: &'a [u64],
    bytes: u64,
}

impl<'a> TensorJson<'a> {
    fn new(change: &Change<'a>) -> Self {
        let say = |tensor: Option<(u32, &'a TensorInfo)>| {
            tensor.map(|(_, info)| Described { dtype: &info.dtype, shape: &info.shape, bytes: info.bytes })
        };
        let Change { pair, change, differing } = change;
        Self { name: pair.name(), change, differing_bytes: *differing, a: say(pair.a), b: say(pair.b) }
    }
}
