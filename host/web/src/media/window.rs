//! Small reads, cut out of windows: where each read costs more than its bytes, a few windows are kept.
use super::source::Source;
use std::collections::VecDeque;
use weighbridge_core::{Span, StorageError};

/// Windows that are kept.
const KEPT: usize = 4;

/// A part of a file.
struct Window {
    source: u32,
    number: u64,
    bytes: Vec<u8>,
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
        let mut bytes = Vec::with_capacity(usize::try_from(span.len()).unwrap_or(0));
        let mut at = span.offset();
        while at < span.end() {
            let number = at / window;
            let begin = number * window;
            let kept = self.window(source, number, window)?;
            let (from, to) = (at - begin, (span.end() - begin).min(kept.len() as u64));
            let part = kept.get(from as usize..to as usize).filter(|part| !part.is_empty());
            let part = part.ok_or(StorageError::EndOfSource)?;
            bytes.extend_from_slice(part);
            at += part.len() as u64;
        }
        Ok(bytes)
    }

    fn window(&mut self, source: &Source, number: u64, window: u64) -> Result<&[u8], StorageError> {
        let kept = self.0.iter().position(|kept| kept.source == source.id && kept.number == number);
        let kept = match kept.and_then(|at| self.0.remove(at)) {
            Some(kept) => kept,
            None => {
                let begin = number * window;
                let bytes = source.read(begin, window.min(source.size.saturating_sub(begin)))?.to_vec();
                Window { source: source.id, number, bytes }
            }
        };
        while self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(kept);
        Ok(self.0.back().map_or(&[], |kept| kept.bytes.as_slice()))
    }
}
