//! `read-into`: a batch of spans from files to targets, past the guest. All of it counts or nothing does.
use super::{
    buffer::Run,
    target::{Sink, Target},
};
use crate::{
    media::{Fill, Media, Piece, Span},
    options::Control,
    stats::Usage,
    types::{BatchError, CopySpan, StorageError},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Spans that are checked between two looks at cancellation and deadline.
const BETWEEN_LOOKS: u32 = 1024;

/// One batch with the things that its indices stand for.
pub(super) struct Batch<'a, M: Media> {
    pub(super) sources: &'a [Arc<M::Source>],
    /// Numbers of the sources.
    pub(super) numbers: &'a [u32],
    pub(super) targets: &'a [u64],
    pub(super) spans: &'a [CopySpan],
}

/// A span of the batch that has been checked.
struct Checked {
    index: u32,
    id: u64,
    /// Index of the source and of the target in the lists of the batch.
    source: usize,
    order: u32,
    from: Span,
    to: Span,
}

/// What goes to the consumer of one tensor: its spans, sorted by their place in it.
struct Consumed<'a> {
    tensor: u32,
    len: u64,
    /// How many of its bytes from the first on the consumer has.
    taken: &'a mut u64,
    spans: &'a [Checked],
}

fn at(index: u32, error: StorageError) -> BatchError {
    BatchError { span: index, error }
}

impl<M: Media> Batch<'_, M> {
    /// Checks the batch, and moves its bytes.
    pub(super) fn run(
        &self,
        media: &mut M,
        table: &mut HashMap<u64, Target<M>>,
        sink: Option<&mut Sink>,
        usage: &Usage,
        control: &Control,
    ) -> Result<(), BatchError> {
        let checked = self.check(media, table, control)?;
        self.unchanged(media, control)?;
        // Out of the table while they are written to. The work is in the spans, not in the table, which may be large while a
        // batch is small.
        let mut taken: Vec<(u64, Target<M>)> = Vec::new();
        for group in checked.chunk_by(|a, b| a.id == b.id) {
            taken.extend(group.first().and_then(|span| table.remove_entry(&span.id)));
        }
        let done = self
            .transfer(media, &mut taken, &checked, sink, usage, control)
            .and_then(|()| self.unchanged(media, control));
        if done.is_ok() {
            self.remember(&mut taken, &checked);
        }
        table.extend(taken);
        done
    }

    /// What was moved may be shown from now on.
    fn remember(&self, taken: &mut [(u64, Target<M>)], checked: &[Checked]) {
        for (spans, (_, target)) in checked.chunk_by(|a, b| a.id == b.id).zip(taken) {
            let (Target::Fresh(buffer) | Target::Registered { buffer, .. }) = target else { continue };
            let Some(buffer) = Arc::get_mut(buffer) else { continue };
            for span in spans {
                if let Some(&source) = self.numbers.get(span.source) {
                    buffer.remember(Run { source, from: span.from, to: span.to });
                }
            }
        }
    }

    fn transfer(
        &self,
        media: &mut M,
        taken: &mut [(u64, Target<M>)],
        checked: &[Checked],
        sink: Option<&mut Sink>,
        usage: &Usage,
        control: &Control,
    ) -> Result<(), BatchError> {
        let mut busy: Option<BatchError> = None;
        let (mut fills, mut consumed) = (Vec::new(), Vec::new());
        for (spans, (_, target)) in checked.chunk_by(|a, b| a.id == b.id).zip(taken) {
            let buffer = match target {
                Target::Consumer { tensor, len, taken } => {
                    consumed.push(Consumed { tensor: *tensor, len: *len, taken, spans });
                    continue;
                }
                Target::Fresh(buffer) | Target::Registered { buffer, .. } => buffer,
            };
            match Arc::get_mut(buffer) {
                Some(buffer) => {
                    let piece = |span: &Checked| Piece {
                        index: span.index,
                        source: &*self.sources[span.source],
                        from: span.from,
                        to: span.to,
                    };
                    let pieces = spans.iter().map(piece).collect();
                    fills.push(Fill { buffer: buffer.memory_mut(), pieces });
                }
                None => {
                    let lowest = spans.iter().map(|span| span.index).min().unwrap_or(0);
                    if busy.as_ref().is_none_or(|busy| lowest < busy.span) {
                        busy = Some(at(lowest, StorageError::Busy));
                    }
                }
            }
        }
        busy.map_or(Ok(()), Err)?;
        if !fills.is_empty() {
            media.fill(fills, control, usage)?;
        }
        consumed.sort_by_key(|target| target.spans.first().map(|span| (span.order, span.index)));
        self.feed(media, consumed, sink, usage, control)
    }

    /// Clamp: every index is one of the lists', every span lies inside its source and its target, no two spans share a byte
    /// of a target, and an empty one moves nothing. Sorted by target and place.
    fn check(&self, media: &M, table: &HashMap<u64, Target<M>>, control: &Control) -> Result<Vec<Checked>, BatchError> {
        let mut total = 0u64;
        let mut checked = Vec::new();
        checked.try_reserve_exact(self.spans.len()).map_err(|_| at(0, StorageError::Exhausted))?;
        for (index, span) in (0u32..).zip(self.spans) {
            if index % BETWEEN_LOOKS == 0 {
                control.check().map_err(|error| at(index, error))?;
            }
            let check = || {
                let number = span.source as usize;
                let source = self.sources.get(number).ok_or(StorageError::OutOfBounds)?;
                let from = Span::within(span.offset, span.len, media.size(source))?;
                let id = *self.targets.get(span.target as usize).ok_or(StorageError::OutOfBounds)?;
                let target = table.get(&id).ok_or(StorageError::OutOfBounds)?;
                let to = Span::within(span.target_offset, span.len, target.len())?;
                Ok(Checked { index, id, source: number, order: span.target, from, to })
            };
            let span = check().map_err(|error| at(index, error))?;
            total = total.checked_add(span.from.len()).ok_or_else(|| at(index, StorageError::OutOfBounds))?;
            if !span.from.is_empty() {
                checked.push(span);
            }
        }
        checked.sort_unstable_by_key(|span| (span.id, span.to.offset(), span.index));
        let overlap = checked
            .windows(2)
            .filter(|pair| pair[0].id == pair[1].id && pair[1].to.offset() < pair[0].to.end())
            .map(|pair| pair[0].index.max(pair[1].index))
            .min();
        overlap.map_or(Ok(checked), |index| Err(at(index, StorageError::OutOfBounds)))
    }

    /// Whether every source is still the file that was granted; the first span that uses one that is not. A file that is
    /// listed many times is asked once.
    fn unchanged(&self, media: &mut M, control: &Control) -> Result<(), BatchError> {
        let mut asked = HashSet::new();
        for (number, (source, name)) in self.sources.iter().zip(self.numbers).enumerate() {
            if !asked.insert(*name) {
                continue;
            }
            if let Err(error) = control.check().and_then(|()| media.stat(source).map(drop)) {
                let span = self.spans.iter().position(|span| span.source as usize == number).unwrap_or(0);
                return Err(at(u32::try_from(span).unwrap_or(u32::MAX), error));
            }
        }
        Ok(())
    }

    /// Hands chunks to the consumer, each tensor's in the order of its bytes, through one staging buffer.
    fn feed(
        &self,
        media: &mut M,
        consumed: Vec<Consumed<'_>>,
        sink: Option<&mut Sink>,
        usage: &Usage,
        control: &Control,
    ) -> Result<(), BatchError> {
        let spans = || consumed.iter().flat_map(|target| target.spans);
        let Some(first) = spans().next().map(|span| span.index) else { return Ok(()) };
        let sink = sink.ok_or_else(|| at(first, StorageError::Unsupported))?;
        let longest = spans().map(|span| span.from.len()).max().unwrap_or(0);
        let size = usize::try_from(longest).unwrap_or(usize::MAX).min(sink.chunk);
        let mut staging = std::mem::take(&mut sink.staging);
        staging.clear();
        staging.try_reserve_exact(size).map_err(|_| at(first, StorageError::Exhausted))?;
        for target in consumed {
            for span in target.spans {
                let source = &self.sources[span.source];
                for chunk in span.from.chunks(size as u64) {
                    // It fits: it is at most `size`.
                    staging.resize(chunk.len() as usize, 0);
                    let read = control.check().and_then(|()| media.read_into(source, chunk, &mut staging));
                    read.map_err(|error| at(span.index, error))?;
                    let offset = span.to.offset() + (chunk.offset() - span.from.offset());
                    let answer;
                    (staging, answer) = (sink.consumer)(target.tensor, offset, staging);
                    answer.map_err(|error| at(span.index, error))?;
                    usage.moved(chunk.len());
                }
                if span.to.offset() == *target.taken {
                    *target.taken = span.to.end();
                }
            }
            if *target.taken == target.len {
                sink.whole.insert(target.tensor);
            }
        }
        sink.staging = staging;
        Ok(())
    }
}
