//! Small reads, cut out of windows: where each read costs more than its bytes, a few windows are kept.
use super::source::Source;
use js_sys::Uint8Array;
use std::collections::VecDeque;
use weighbridge_core::{Span, StorageError};

/// Windows that are kept.
const KEPT: usize = 4;

/// A part of a file.
struct Window {
    source: u32,
    number: u64,
    /// As they came: of a header read in pieces, each byte is copied once.
    bytes: Uint8Array,
}

/// The windows that were used last, the newest at the end.
#[derive(Default)]
pub(super) struct Windows(VecDeque<Window>);

impl Windows {
    /// The bytes of a span. Where half a window would not hold it, it is read by itself.
    pub(super) fn read(&mut self, source: &Source, span: Span) -> Result<Vec<u8>, StorageError> {
        let Some(window) = source.window.filter(|window| span.len() < window / 2) else {
            return source.read(span.offset(), span.len()).map(|bytes| bytes.to_vec());
        };
        let mut bytes = vec![0; usize::try_from(span.len()).map_err(|_| StorageError::Exhausted)?];
        let mut rest = bytes.as_mut_slice();
        while !rest.is_empty() {
            let at = span.end() - rest.len() as u64;
            let number = at / window;
            let begin = number * window;
            let kept = self.window(source, number, window)?;
            let (from, to) = (at - begin, (span.end() - begin).min(kept.length().into()));
            if from >= to {
                return Err(StorageError::EndOfSource);
            }
            let (part, behind) = rest.split_at_mut_checked((to - from) as usize).ok_or(StorageError::OutOfBounds)?;
            // A window has far less than 4 GiB.
            kept.subarray(from as u32, to as u32).copy_to(part);
            rest = behind;
        }
        Ok(bytes)
    }

    fn window(&mut self, source: &Source, number: u64, window: u64) -> Result<Uint8Array, StorageError> {
        let kept = self.0.iter().position(|kept| kept.source == source.id && kept.number == number);
        let kept = match kept.and_then(|at| self.0.remove(at)) {
            Some(kept) => kept,
            None => {
                let begin = number * window;
                let bytes = source.read(begin, window.min(source.size.saturating_sub(begin)))?;
                Window { source: source.id, number, bytes }
            }
        };
        while self.0.len() >= KEPT {
            self.0.pop_front();
        }
        let bytes = kept.bytes.clone();
        self.0.push_back(kept);
        Ok(bytes)
    }
}
