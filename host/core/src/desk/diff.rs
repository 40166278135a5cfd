//! Two models side by side: their headers, and the bytes of their tensors if that is asked for.
use super::{
    answer::{Desk, Model, Rest},
    differences::{DiffSide, MetadataDiff, ModelDiff, TensorDiff, Uncompared},
    facts::Failure,
    host::{DeskHost, Link as _},
    messages::{FileRef, OpenOptions, Update},
    open::label,
};
use crate::{
    engine::Engine,
    model::{Headers, TensorDifference, metadata_changes, tensor_pairs},
    session::Session,
    types::{
        Error, GuestOptions, Level, LoadOptions, LoadReport, MetadataEntry, MetadataValue, Selection, Strategy,
        TensorInfo,
    },
};
use std::cmp::Reverse;

/// Elements of an array that are shown.
const HEAD: usize = 8;
/// Bytes of tensors that are resident at once in each model: copies of them need room.
const BATCH: u64 = 64 << 20;
/// Tensors that are resident at once, where they are small.
const MOST: usize = 4096;
/// Tensors that are left out because they cannot be loaded; of more the comparison fails.
const UNCOMPARED: usize = 256;
/// Bytes that are compared at once.
const PIECE: usize = 1 << 20;

/// A comparison that goes on when the bytes of a load are in their places. Both models are opened for it alone, unwatched,
/// so that what is shown stays as it is.
pub(super) struct Diff<H: DeskHost> {
    a: H::Model,
    b: H::Model,
    result: ModelDiff,
    /// Tensors that are still to be compared, the last first.
    left: Vec<Pair>,
    now: Vec<Pair>,
    /// What the load of the first did, where that of the second is the one that is waited for.
    first: Option<LoadReport>,
    /// The load that is waited for.
    waiting: Option<LoadReport>,
    done: u64,
    total: u64,
}

/// A tensor of both, of the same type and shape.
struct Pair {
    a: (u32, TensorInfo),
    b: (u32, TensorInfo),
}

impl<H: DeskHost> Diff<H> {
    /// Takes the next batch, if the last one is done.
    fn fill(&mut self) {
        if !self.now.is_empty() {
            return;
        }
        let mut bytes = 0u64;
        while self.now.len() < MOST {
            let fits = |pair: &mut Pair| bytes == 0 || bytes.saturating_add(pair.a.1.bytes) <= BATCH;
            let Some(pair) = self.left.pop_if(fits) else { break };
            bytes = bytes.saturating_add(pair.a.1.bytes);
            self.now.push(pair);
        }
    }

    /// Goes on without the tensor that cannot be loaded.
    fn leave_out(&mut self, error: Error, index: impl Fn(&Pair) -> u32) -> Result<(), Ended> {
        let at = error.tensor.and_then(|tensor| self.now.iter().position(|pair| index(pair) == tensor));
        match at.filter(|_| self.result.uncompared.len() < UNCOMPARED) {
            Some(at) => {
                let pair = self.now.remove(at);
                self.done = self.done.saturating_add(pair.a.1.bytes);
                self.result.uncompared.push(Uncompared { name: pair.a.1.name, why: error.message });
                Ok(())
            }
            None => Err(Ended::Failed(error)),
        }
    }
}

/// Why a comparison ended early.
enum Ended {
    Cancelled,
    Failed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<H: DeskHost> Desk<H> {
    pub(super) fn diff(&mut self, files: &[FileRef], bytes: bool) {
        if !matches!(self.model, Model::Live(_)) {
            return self.no_model();
        }
        let unwatched = OpenOptions { guest: GuestOptions::new().observe(Level::Off), ..OpenOptions::default() };
        let (ours, options) = (self.files.clone(), self.session_options(&unwatched));
        let read = |desk: &mut Self, files: &[FileRef]| {
            let mut model = desk.host.open(files, options.clone())?;
            let headers = headers(H::session(&mut model), label(files))?;
            Ok((model, headers))
        };
        let a = match read(self, &ours) {
            Ok(a) => a,
            Err(error) => return self.fail_apart("read it again to compare", error),
        };
        let b = match read(self, files) {
            Ok(b) => b,
            Err(error) => return self.fail_apart("open the other model", error),
        };
        let ((a, of_a), (b, of_b)) = (a, b);
        let (mut result, pairs) = compare_headers(of_a, of_b);
        if !bytes || pairs.is_empty() {
            return self.send(Update::Diff(Box::new(result)));
        }
        result.compared = true;
        let total = pairs.iter().map(|pair| pair.a.1.bytes).fold(0, u64::saturating_add);
        let mut left = pairs;
        left.reverse();
        self.next(Diff { a, b, result, left, now: Vec::new(), first: None, waiting: None, done: 0, total });
    }

    /// Bytes came, or could not be read.
    pub(super) fn diff_on(&mut self, mut diff: Diff<H>, arrived: Result<(), Error>) {
        let went = match (arrived, diff.first.take(), diff.waiting.take()) {
            (Err(error), ..) => Err(error.into()),
            (Ok(()), None, first) => {
                diff.first = first;
                return self.load_second(diff);
            }
            (Ok(()), Some(first), second) => self.compare(&mut diff, &first, second.as_ref()),
        };
        match went {
            Ok(()) => self.next(diff),
            Err(ended) => self.ended(diff, ended),
        }
    }

    /// Begins the next batch, or ends.
    fn next(&mut self, mut diff: Diff<H>) {
        loop {
            diff.fill();
            if diff.now.is_empty() {
                diff.result.tensors.sort_by_key(|change| Reverse(change.differing));
                return self.send(Update::Diff(Box::new(diff.result)));
            }
            let percent = (u128::from(diff.done) * 100).checked_div(u128::from(diff.total)).unwrap_or(100);
            self.send(Update::Busy(format!("Comparing bytes, {percent} % done")));
            match load(H::session(&mut diff.a), diff.now.iter().map(|pair| pair.a.0)) {
                Ok(report) => {
                    diff.waiting = Some(report);
                    self.rest = Some(Rest::Diff(Box::new(diff)));
                    return;
                }
                Err(error) => {
                    if let Err(ended) = diff.leave_out(error, |pair| pair.a.0) {
                        return self.ended(diff, ended);
                    }
                }
            }
        }
    }

    fn load_second(&mut self, mut diff: Diff<H>) {
        match load(H::session(&mut diff.b), diff.now.iter().map(|pair| pair.b.0)) {
            Ok(report) => {
                diff.waiting = Some(report);
                self.rest = Some(Rest::Diff(Box::new(diff)));
            }
            Err(error) => {
                let (first, indices) = (diff.first.take(), diff.now.iter().map(|pair| pair.a.0).collect());
                let went = let_go(H::session(&mut diff.a), first.as_ref(), indices).map_err(Ended::Failed);
                match went.and_then(|()| diff.leave_out(error, |pair| pair.b.0)) {
                    Ok(()) => self.next(diff),
                    Err(ended) => self.ended(diff, ended),
                }
            }
        }
    }

    /// Compares the batch that is there, and lets go of it.
    fn compare(&mut self, diff: &mut Diff<H>, first: &LoadReport, second: Option<&LoadReport>) -> Result<(), Ended> {
        let (mut of_a, mut of_b) = (vec![0; PIECE], vec![0; PIECE]);
        let (mut in_a, mut in_b) = (Vec::new(), Vec::new());
        for pair in std::mem::take(&mut diff.now) {
            in_a.push(pair.a.0);
            in_b.push(pair.b.0);
            let len = pair.a.1.bytes;
            let mut differing = 0;
            if len > 0 {
                let a = self.host.view(&mut diff.a, pair.a.0)?;
                let b = self.host.view(&mut diff.b, pair.b.0)?;
                let mut at = 0;
                while at < len {
                    self.link.poll(&self.controls);
                    if self.controls.cancel().is_cancelled() {
                        return Err(Ended::Cancelled);
                    }
                    let piece = usize::try_from(len - at).unwrap_or(PIECE).min(PIECE);
                    let (Some(a_piece), Some(b_piece)) = (of_a.get_mut(..piece), of_b.get_mut(..piece)) else { break };
                    self.host.copy(&a, at, a_piece)?;
                    self.host.copy(&b, at, b_piece)?;
                    if a_piece != b_piece {
                        differing += a_piece.iter().zip(&*b_piece).filter(|(a, b)| a != b).count() as u64;
                    }
                    at += piece as u64;
                }
            }
            diff.done = diff.done.saturating_add(len);
            if differing > 0 {
                let (difference, a, b) = (TensorDifference::Comparable, Some(pair.a), Some(pair.b));
                diff.result.tensors.push(TensorDiff { difference, differing, a, b });
            }
        }
        let_go(H::session(&mut diff.a), Some(first), in_a)?;
        let_go(H::session(&mut diff.b), second, in_b)?;
        Ok(())
    }

    /// What the headers say is told, whatever became of the bytes.
    fn ended(&mut self, diff: Diff<H>, why: Ended) {
        let mut result = diff.result;
        result.compared = false;
        result.tensors.retain(|change| change.difference != TensorDifference::Comparable);
        self.send(Update::Diff(Box::new(result)));
        match why {
            Ended::Cancelled => self.notice("The comparison was cancelled: the headers were compared, the bytes not"),
            Ended::Failed(error) => self.fail_apart("compare bytes", error),
        }
    }

    /// Reports an error of a model that is not the one that is shown: what it says of files and tensors would be taken for
    /// that one's.
    fn fail_apart(&self, doing: &str, error: Error) {
        let error = Error { source: None, tensor: None, ..error };
        self.send(Update::Failed(Box::new(Failure { doing: doing.to_owned(), error, file: None, bytes: None })));
    }
}

/// A model's headers, and how it is called.
struct Read {
    side: DiffSide,
    metadata: Vec<MetadataEntry>,
    tensors: Vec<TensorInfo>,
}

fn headers<E: Engine>(session: &mut Session<E>, label: String) -> Result<Read, Error> {
    let tensors = session.tensors()?.to_vec();
    let metadata = session.metadata(u32::MAX)?;
    let summary = session.summary();
    let (format, tensor_bytes) = (summary.format.clone(), summary.tensor_bytes);
    Ok(Read { side: DiffSide { label, format, tensors: summary.tensors, tensor_bytes }, metadata, tensors })
}

/// What the headers say differently, and the tensors whose bytes can be compared.
fn compare_headers(a: Read, b: Read) -> (ModelDiff, Vec<Pair>) {
    let of_a = Headers { format: &a.side.format, metadata: &a.metadata, tensors: &a.tensors };
    let of_b = Headers { format: &b.side.format, metadata: &b.metadata, tensors: &b.tensors };
    let changes = metadata_changes(&of_a, &of_b).into_iter();
    let metadata = changes.map(|change| MetadataDiff { a: change.a.map(shown), b: change.b.map(shown) }).collect();
    let (mut tensors, mut pairs) = (Vec::new(), Vec::new());
    for pair in tensor_pairs(&of_a, &of_b) {
        let owned = |side: Option<(u32, &TensorInfo)>| side.map(|(index, tensor)| (index, tensor.clone()));
        match (pair.difference, owned(pair.a), owned(pair.b)) {
            (TensorDifference::Comparable, Some(a), Some(b)) => pairs.push(Pair { a, b }),
            (difference, a, b) => tensors.push(TensorDiff { difference, differing: pair.bytes(), a, b }),
        }
    }
    tensors.sort_by_key(|change| Reverse(change.differing));
    let comparable = pairs.len() as u64;
    let result =
        ModelDiff { a: a.side, b: b.side, metadata, tensors, comparable, compared: false, uncompared: Vec::new() };
    (result, pairs)
}

/// An entry with the first elements of an array.
fn shown(entry: &MetadataEntry) -> MetadataEntry {
    let value = match &entry.value {
        MetadataValue::Sequence(all) => {
            let mut first = all.clone();
            first.head.truncate(HEAD);
            MetadataValue::Sequence(first)
        }
        other => other.clone(),
    };
    MetadataEntry { key: entry.key.clone(), kind: entry.kind.clone(), source: entry.source, value }
}

fn load<E: Engine>(session: &mut Session<E>, indices: impl Iterator<Item = u32>) -> Result<LoadReport, Error> {
    session.load(&Selection::Tensors(indices.collect()), &LoadOptions::new())
}

fn let_go<E: Engine>(session: &mut Session<E>, report: Option<&LoadReport>, of: Vec<u32>) -> Result<(), Error> {
    match report.and_then(|report| report.used) {
        Some(Strategy::MappedFile) => session.release(&Selection::Tensors(of)).map(drop),
        Some(_) => session.evict(&Selection::Tensors(of)).map(drop),
        None => Ok(()),
    }
}
