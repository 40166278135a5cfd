//! One pass over the bytes of a model: the SHA-256 of every tensor and of every whole file, and what the values are.
//!
//! Of each file one thread reads, one hashes the file, and one hashes and counts the tensors, so a pass takes as long as the
//! slowest of the three. Files of a split model go side by side.
use crate::failure::{Failure, Result};
use crate::progress::Progress;
use crate::session::Opened;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use weighbridge::model::{ValueCounter, Values};
use weighbridge::{Tensor, TensorInfo};

/// Bytes that are read at once, and how many such pieces may wait for a hash.
const PIECE: usize = 1 << 20;
const WAITING: usize = 4;

/// What was found out about a tensor.
pub(crate) struct Hashed {
    pub(crate) info: TensorInfo,
    pub(crate) sha256: String,
    pub(crate) values: Values,
}

/// What a pass found out.
pub(crate) struct Pass {
    /// Of every file, in the order of the session.
    pub(crate) files: Vec<String>,
    /// Of every tensor that was loaded, in the order of the file.
    pub(crate) tensors: Vec<Hashed>,
}

/// A file with the tensors that lie in it, in the order of their bytes.
struct Lane {
    path: PathBuf,
    size: u64,
    tensors: Vec<Tensor>,
}

/// What the reader of a lane hands on.
#[derive(Clone)]
enum Part {
    /// The next bytes of the file, and whether they are of a tensor.
    Bytes(Arc<Vec<u8>>, bool),
    /// A tensor begins.
    Tensor(usize),
}

/// Hashes what was loaded. The bytes of tensors come through their views, all others from the files.
pub(crate) fn pass(opened: &mut Opened, quiet: bool) -> Result<Pass> {
    let views = opened.session.resident()?;
    let files = opened.session.files().iter();
    let mut lanes: Vec<_> =
        files.map(|file| Lane { path: file.shown().to_owned(), size: file.size, tensors: Vec::new() }).collect();
    let order: Vec<String> = views.iter().map(|view| view.name().to_owned()).collect();
    for view in views {
        let file = usize::try_from(view.info().source).ok();
        if let Some(lane) = file.and_then(|file| lanes.get_mut(file)) {
            lane.tensors.push(view);
        }
    }
    for lane in &mut lanes {
        lane.tensors.sort_by_key(|view| (view.info().offset, view.info().bytes));
    }
    let done = AtomicU64::new(0);
    let total = lanes.iter().map(|lane| lane.size).sum();
    let progress = Progress::new("hashing", total, quiet);
    let results = run(&lanes, &done, &progress);
    progress.done();
    let mut pass = Pass { files: Vec::new(), tensors: Vec::new() };
    for result in results {
        let (sha256, tensors) = result.map_err(|broken| broken.failure())?;
        pass.files.push(sha256);
        pass.tensors.extend(tensors);
    }
    let place: std::collections::HashMap<&str, usize> =
        order.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    pass.tensors.sort_by_key(|hashed| place.get(hashed.info.name.as_str()).copied());
    Ok(pass)
}

/// Why a lane ended early.
enum Broken {
    View(weighbridge::Error),
    File(PathBuf, io::Error),
    Changed(PathBuf),
    Thread,
}

impl Broken {
    fn failure(self) -> Failure {
        match self {
            Self::View(error) => error.into(),
            Self::File(path, error) => Failure::file("read", &path, &error),
            Self::Changed(path) => {
                let path = weighbridge::escape_path(&path);
                Failure::new("transfer", "source-changed", format!("{path} changed while it was read; try again"))
            }
            Self::Thread => Failure::new("transfer", "internal", "a thread that hashes died; please report it"),
        }
    }
}

type Outcome = std::result::Result<(String, Vec<Hashed>), Broken>;

/// Runs the lanes, as many at a time as the machine has processors for.
fn run(lanes: &[Lane], done: &AtomicU64, progress: &Progress) -> Vec<Outcome> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let workers = lanes.len().min(processors.div_ceil(2));
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::new());
    let running = AtomicUsize::new(workers);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, lane)) = take(lanes, &next) {
                    let outcome = lane.hash(done);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((at, outcome));
                }
                running.fetch_sub(1, Ordering::Release);
            });
        }
        while running.load(Ordering::Acquire) > 0 {
            progress.at(done.load(Ordering::Relaxed));
            thread::park_timeout(Duration::from_millis(2));
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn take<'a>(lanes: &'a [Lane], next: &AtomicUsize) -> Option<(usize, &'a Lane)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    lanes.get(at).map(|lane| (at, lane))
}

impl Lane {
    fn hash(&self, done: &AtomicU64) -> Outcome {
        thread::scope(|scope| {
            let (to_file, of_file) = mpsc::sync_channel::<Part>(WAITING);
            let (to_tensors, of_tensors) = mpsc::sync_channel::<Part>(WAITING);
            let file = scope.spawn(move || {
                let mut hasher = Sha256::new();
                for part in of_file {
                    if let Part::Bytes(bytes, _) = part {
                        hasher.update(bytes.as_slice());
                    }
                }
                hex(hasher)
            });
            let tensors = scope.spawn(move || self.hash_tensors(of_tensors));
            let read = self.read(|part| {
                if let Part::Bytes(bytes, of_tensor) = &part {
                    done.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    // A hash that died is noticed when it is joined.
                    let _ = to_file.send(part.clone());
                    if !of_tensor {
                        return;
                    }
                }
                let _ = to_tensors.send(part);
            });
            drop((to_file, to_tensors));
            let (file, tensors) = (file.join(), tensors.join());
            read?;
            file.ok().zip(tensors.ok()).ok_or(Broken::Thread)
        })
    }

    /// Reads the file from its first byte to its last: tensors through their views.
    fn read(&self, mut hand: impl FnMut(Part)) -> std::result::Result<(), Broken> {
        let failed = |error| Broken::File(self.path.clone(), error);
        let mut file = File::open(&self.path).map_err(failed)?;
        let mut at = 0;
        for (index, view) in self.tensors.iter().enumerate() {
            let info = view.info();
            self.gap(&mut file, at, info.offset, &mut hand)?;
            hand(Part::Tensor(index));
            let unit = ValueCounter::new(&info.dtype).unit().max(1);
            let piece = PIECE - PIECE % unit;
            let mut from = 0;
            while from < view.len() {
                let mut bytes = vec![0; piece.min(view.len() - from)];
                // Not `bytes()`: a page of a mapping that is gone would end the process.
                view.copy_to(from as u64, &mut bytes).map_err(Broken::View)?;
                from += bytes.len();
                hand(Part::Bytes(Arc::new(bytes), true));
            }
            at = at.max(info.offset.saturating_add(info.bytes));
        }
        self.gap(&mut file, at, self.size, &mut hand)?;
        match file.metadata().map_err(failed)?.len() == self.size {
            true => Ok(()),
            false => Err(Broken::Changed(self.path.clone())),
        }
    }

    /// The bytes of the file that are of no tensor: header, padding, what was not selected.
    fn gap(&self, file: &mut File, from: u64, to: u64, hand: &mut impl FnMut(Part)) -> std::result::Result<(), Broken> {
        let failed = |error| Broken::File(self.path.clone(), error);
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        let mut left = to.saturating_sub(from);
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let mut bytes = vec![0; now];
            match file.read_exact(&mut bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(Broken::Changed(self.path.clone()));
                }
                Err(error) => return Err(failed(error)),
            }
            left -= now as u64;
            hand(Part::Bytes(Arc::new(bytes), false));
        }
        Ok(())
    }

    fn hash_tensors(&self, parts: mpsc::Receiver<Part>) -> Vec<Hashed> {
        let mut hashed = Vec::with_capacity(self.tensors.len());
        let mut current: Option<(TensorInfo, Sha256, ValueCounter)> = None;
        let mut end = |current: Option<(TensorInfo, Sha256, ValueCounter)>| {
            if let Some((info, hasher, counter)) = current {
                hashed.push(Hashed { info, sha256: hex(hasher), values: counter.finish() });
            }
        };
        for part in parts {
            match part {
                Part::Tensor(index) => {
                    let begun = self.tensors.get(index).map(|view| {
                        let info = view.info().clone();
                        let counter = ValueCounter::new(&info.dtype);
                        (info, Sha256::new(), counter)
                    });
                    end(std::mem::replace(&mut current, begun));
                }
                Part::Bytes(bytes, _) => {
                    if let Some((_, hasher, counter)) = &mut current {
                        hasher.update(bytes.as_slice());
                        counter.add(&bytes);
                    }
                }
            }
        }
        end(current);
        hashed
    }
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
