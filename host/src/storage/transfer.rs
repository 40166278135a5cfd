//! `read-into`: a batch of spans from files to targets, past the guest. All of it counts or nothing does.
use super::{
    Source, end_within,
    target::{Sink, Target},
};
use crate::{
    options::Control,
    stats::Usage,
    types::{BatchError, CopySpan, StorageError},
};
use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// Bytes of one piece: what a thread takes at a time, and what lies between two looks at cancellation. Also far below the
/// 2 GiB that one read(2) moves at most.
const PIECE: usize = 8 << 20;

/// One batch with the things that its indices stand for.
pub(crate) struct Batch<'a> {
    pub(crate) sources: Vec<&'a Source>,
    pub(crate) targets: &'a [u64],
    pub(crate) spans: &'a [CopySpan],
}

/// A part of a span: where its bytes come from and the memory that they go to.
struct Piece<'a> {
    span: u32,
    source: &'a Source,
    offset: u64,
    bytes: &'a mut [u8],
}

fn at(span: usize, error: StorageError) -> BatchError {
    BatchError { span: u32::try_from(span).unwrap_or(u32::MAX), error }
}

impl Batch<'_> {
    /// Clamp: every index is one of the lists', every span lies inside its source and its target, and no two spans share
    /// a byte of a target. Answers the bytes of the whole batch.
    pub(crate) fn validate(&self, table: &HashMap<u64, Target>) -> Result<u64, BatchError> {
        let mut total = 0u64;
        let mut places: Vec<(u64, u64, u64, usize)> = Vec::with_capacity(self.spans.len());
        for (index, span) in self.spans.iter().enumerate() {
            let check = || {
                let source = self.sources.get(span.source as usize).ok_or(StorageError::OutOfBounds)?;
                end_within(span.offset, span.len, source.size())?;
                let id = self.targets.get(span.target as usize).ok_or(StorageError::OutOfBounds)?;
                let target = table.get(id).ok_or(StorageError::OutOfBounds)?;
                let end = end_within(span.target_offset, span.len, target.len())?;
                Ok((*id, span.target_offset, end))
            };
            let (id, start, end) = check().map_err(|error| at(index, error))?;
            total = total.checked_add(span.len).ok_or_else(|| at(index, StorageError::OutOfBounds))?;
            if start < end {
                places.push((id, start, end, index));
            }
        }
        places.sort_unstable();
        let overlap = places
            .windows(2)
            .filter(|pair| pair[0].0 == pair[1].0 && pair[1].1 < pair[0].2)
            .map(|pair| pair[0].3.max(pair[1].3))
            .min();
        overlap.map_or(Ok(total), |index| Err(at(index, StorageError::OutOfBounds)))
    }

    /// Whether every source is still the file that was granted; the first span that uses one that is not.
    fn check_sources(&self) -> Result<(), BatchError> {
        for (number, source) in self.sources.iter().enumerate() {
            if let Err(error) = source.check() {
                let span = self.spans.iter().position(|span| span.source as usize == number);
                return Err(at(span.unwrap_or(0), error));
            }
        }
        Ok(())
    }

    /// Moves the bytes of a batch that was validated.
    pub(crate) fn run(
        &self,
        table: &mut HashMap<u64, Target>,
        sink: Option<&Sink>,
        threads: usize,
        usage: &Usage,
        control: &Control,
    ) -> Result<(), BatchError> {
        self.check_sources()?;
        let mut order: HashMap<u64, Vec<(usize, &CopySpan)>> = HashMap::new();
        for (index, span) in self.spans.iter().enumerate() {
            order.entry(self.targets[span.target as usize]).or_default().push((index, span));
        }
        for spans in order.values_mut() {
            spans.sort_unstable_by_key(|(_, span)| span.target_offset);
        }
        let mut pieces = Vec::new();
        let mut consumed = Vec::new();
        let mut busy: Option<BatchError> = None;
        for (id, target) in table.iter_mut() {
            let Some(spans) = order.get(id) else { continue };
            let lowest = spans.iter().map(|(index, _)| *index).min().unwrap_or(0);
            if let Target::Consumer { tensor, .. } = target {
                consumed.extend(spans.iter().map(|(index, span)| (*index, *tensor, **span)));
                continue;
            }
            match target.writable().and_then(|bytes| cut(bytes.unwrap_or_default(), spans, &self.sources, &mut pieces))
            {
                Ok(()) => {}
                Err(error) if busy.as_ref().is_none_or(|busy| lowest < busy.span as usize) => {
                    busy = Some(at(lowest, error))
                }
                Err(_) => {}
            }
        }
        busy.map_or(Ok(()), Err)?;
        pieces.sort_by_key(|piece| piece.span);
        move_pieces(pieces, threads, usage, control)?;
        consumed.sort_by_key(|(index, _, span)| (span.target, span.target_offset, *index));
        feed(&consumed, &self.sources, sink, usage, control)?;
        self.check_sources()
    }
}

/// Cuts the memory of one target into the pieces of its spans, which are sorted and do not overlap.
fn cut<'a>(
    mut rest: &'a mut [u8],
    spans: &[(usize, &CopySpan)],
    sources: &[&'a Source],
    pieces: &mut Vec<Piece<'a>>,
) -> Result<(), StorageError> {
    let mut position = 0u64;
    for (index, span) in spans {
        // Registered memory is the embedder's: it is asked for its length once more, here, and not indexed on trust.
        let skip = span.target_offset.checked_sub(position).and_then(|skip| usize::try_from(skip).ok());
        let len = usize::try_from(span.len).map_err(|_| StorageError::OutOfBounds)?;
        let skipped = std::mem::take(&mut rest);
        let (_, after) = skip.and_then(|skip| skipped.split_at_mut_checked(skip)).ok_or(StorageError::OutOfBounds)?;
        let (bytes, after) = after.split_at_mut_checked(len).ok_or(StorageError::OutOfBounds)?;
        rest = after;
        position = span.target_offset + span.len;
        let mut offset = span.offset;
        for bytes in bytes.chunks_mut(PIECE) {
            let len = bytes.len() as u64;
            pieces.push(Piece { span: *index as u32, source: sources[span.source as usize], offset, bytes });
            offset += len;
        }
    }
    Ok(())
}

/// Reads the pieces, in order of their spans, on a bounded number of threads.
fn move_pieces(pieces: Vec<Piece<'_>>, threads: usize, usage: &Usage, control: &Control) -> Result<(), BatchError> {
    let threads = threads.clamp(1, pieces.len().max(1));
    let total: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
    let queue = Mutex::new(pieces.into_iter());
    // The lowest span that failed. Pieces are handed out in order, so when one fails all lower ones are done or under way.
    let failed = AtomicU32::new(u32::MAX);
    let first = Mutex::new(None::<BatchError>);
    let work = || {
        loop {
            let next = queue.lock().map_or(None, |mut queue| queue.next());
            let Some(piece) = next.filter(|piece| piece.span < failed.load(Ordering::Relaxed)) else { break };
            let len = piece.bytes.len() as u64;
            let moved = control.check().and_then(|()| piece.source.read_exact(piece.bytes, piece.offset));
            match moved {
                Ok(()) => usage.moved(len),
                Err(error) => {
                    failed.fetch_min(piece.span, Ordering::Relaxed);
                    if let Ok(mut first) = first.lock()
                        && first.as_ref().is_none_or(|first| piece.span < first.span)
                    {
                        *first = Some(BatchError { span: piece.span, error });
                    }
                }
            }
        }
    };
    // Threads cost some 20 µs: not worth it for what one reads in that time.
    if threads == 1 || total < 2 * PIECE / 8 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // A system that gives no more threads is no error: this one does the work.
                if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
    }
    first.into_inner().ok().flatten().map_or(Ok(()), Err)
}

/// Hands chunks to the consumer, each tensor's in the order of its bytes, through one staging buffer.
fn feed(
    consumed: &[(usize, u32, CopySpan)],
    sources: &[&Source],
    sink: Option<&Sink>,
    usage: &Usage,
    control: &Control,
) -> Result<(), BatchError> {
    let Some((first, ..)) = consumed.first() else { return Ok(()) };
    let sink = sink.ok_or_else(|| at(*first, StorageError::Unsupported))?;
    let mut held = sink.consumer.try_lock().map_err(|_| at(*first, StorageError::Busy))?;
    let (consumer, kept) = &mut *held;
    let longest = consumed.iter().map(|(_, _, span)| span.len).max().unwrap_or(0);
    let size = usize::try_from(longest).unwrap_or(usize::MAX).min(sink.chunk.max(1));
    let mut staging = std::mem::take(kept);
    staging.clear();
    staging.try_reserve_exact(size).map_err(|_| at(*first, StorageError::Exhausted))?;
    for (index, tensor, span) in consumed {
        let mut done = 0;
        while done < span.len {
            let len = (span.len - done).min(size as u64) as usize;
            staging.resize(len, 0);
            let source = sources[span.source as usize];
            control
                .check()
                .and_then(|()| source.read_exact(&mut staging, span.offset + done))
                .map_err(|error| at(*index, error))?;
            let taken;
            (staging, taken) = consumer(*tensor, span.target_offset + done, staging);
            taken.map_err(|error| at(*index, error))?;
            done += len as u64;
            usage.moved(len as u64);
        }
    }
    *kept = staging;
    Ok(())
}
