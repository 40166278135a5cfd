//! Moves the bytes of a checked batch from files to memory, on several threads.
use super::{Native, Source};
use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};
use weighbridge_core::{BatchError, Control, Fill, Piece, StorageError, Usage};

/// Bytes of one part: what a thread takes at a time, and what lies between two looks at cancellation. Also far below the
/// 2 GiB that one read(2) moves at most.
const PART: usize = 8 << 20;

/// A part of a piece: where its bytes come from and the memory that they go to.
struct Part<'a> {
    span: u32,
    source: &'a Source,
    offset: u64,
    bytes: &'a mut [u8],
}

pub(super) fn fill(
    fills: Vec<Fill<'_, Native>>,
    threads: usize,
    control: &Control,
    usage: &Usage,
) -> Result<(), BatchError> {
    let mut parts = Vec::new();
    for fill in fills {
        fill.buffer.touch(fill.pieces.iter().map(|piece| piece.to.len()).fold(0, u64::saturating_add));
        cut(fill.buffer.bytes_mut(), fill.pieces, &mut parts)?;
    }
    parts.sort_by_key(|part| part.span);
    read(parts, threads, control, usage)
}

/// Cuts the memory of one buffer into the parts of its pieces, which are sorted and do not overlap.
fn cut<'a>(
    mut rest: &'a mut [u8],
    pieces: Vec<Piece<'a, Native>>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), BatchError> {
    let mut position = 0u64;
    for piece in pieces {
        // Registered memory is the embedder's: it is asked for its length once more, here, and not indexed on trust.
        let lost = || BatchError { span: piece.index, error: StorageError::OutOfBounds };
        let skip = piece.to.offset().checked_sub(position).and_then(|skip| usize::try_from(skip).ok());
        let len = usize::try_from(piece.to.len()).map_err(|_| lost())?;
        let skipped = std::mem::take(&mut rest);
        let (_, after) = skip.and_then(|skip| skipped.split_at_mut_checked(skip)).ok_or_else(lost)?;
        let (bytes, after) = after.split_at_mut_checked(len).ok_or_else(lost)?;
        rest = after;
        position = piece.to.end();
        let mut offset = piece.from.offset();
        for bytes in bytes.chunks_mut(PART) {
            let len = bytes.len() as u64;
            parts.push(Part { span: piece.index, source: piece.source, offset, bytes });
            offset += len;
        }
    }
    Ok(())
}

/// Reads the parts, in order of their spans, on a bounded number of threads.
fn read(parts: Vec<Part<'_>>, threads: usize, control: &Control, usage: &Usage) -> Result<(), BatchError> {
    let threads = threads.clamp(1, parts.len().max(1));
    let total: usize = parts.iter().map(|part| part.bytes.len()).sum();
    let queue = Mutex::new(parts.into_iter());
    // The lowest span that failed. Parts are handed out in order, so when one fails all lower ones are done or under way.
    let failed = AtomicU32::new(u32::MAX);
    let first = Mutex::new(None::<BatchError>);
    let work = || {
        loop {
            let next = queue.lock().map_or(None, |mut queue| queue.next());
            let Some(part) = next.filter(|part| part.span < failed.load(Ordering::Relaxed)) else { break };
            let len = part.bytes.len() as u64;
            let moved = control.check().and_then(|()| part.source.read_exact(part.bytes, part.offset));
            match moved {
                Ok(()) => usage.moved(len),
                Err(error) => {
                    failed.fetch_min(part.span, Ordering::Relaxed);
                    if let Ok(mut first) = first.lock()
                        && first.as_ref().is_none_or(|first| part.span < first.span)
                    {
                        *first = Some(BatchError { span: part.span, error });
                    }
                }
            }
        }
    };
    // Threads cost some 20 µs: not worth it for what one reads in that time.
    if threads == 1 || total < 2 * PART / 8 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // Where the process has no more threads to give, or the system, it is no error: this one does the work.
                let Some(taken) = usage.quota().thread() else { break };
                let work = move || {
                    work();
                    drop(taken);
                };
                if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
    }
    first.into_inner().ok().flatten().map_or(Ok(()), Err)
}
