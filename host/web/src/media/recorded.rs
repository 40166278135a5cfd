//! A file of a recording: the bytes that were read when it was made are there, and all others are zero.
use std::sync::Arc;
use weighbridge_core::desk::RecordedFile;

/// What is known of it.
pub(super) struct Recorded {
    /// By their beginnings; they may overlap.
    parts: Vec<(u64, Arc<Vec<u8>>)>,
    /// Bytes of the longest.
    longest: u64,
}

impl Recorded {
    pub(super) fn new(file: RecordedFile) -> Self {
        let mut parts = file.read;
        parts.sort_by_key(|(at, _)| *at);
        let longest = parts.iter().map(|(_, bytes)| bytes.len() as u64).max().unwrap_or(0);
        Self { parts, longest }
    }

    /// Bytes from `offset` on.
    pub(super) fn read(&self, offset: u64, len: u64) -> Vec<u8> {
        let mut read = vec![0; usize::try_from(len).unwrap_or(0)];
        let end = offset.saturating_add(len);
        let first = self.parts.partition_point(|(at, _)| at.saturating_add(self.longest) <= offset);
        for (at, bytes) in self.parts.iter().skip(first).take_while(|(at, _)| *at < end) {
            // Either the part begins before the span, or the span before the part.
            let (skipped, place) = (offset.saturating_sub(*at) as usize, at.saturating_sub(offset) as usize);
            let known = bytes.get(skipped..).unwrap_or_default();
            let to = read.get_mut(place..).unwrap_or_default();
            let both = known.len().min(to.len());
            if let (Some(to), Some(known)) = (to.get_mut(..both), known.get(..both)) {
                to.copy_from_slice(known);
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_there_and_all_else_is_zero() {
        let part = |at, bytes: &[u8]| (at, Arc::new(bytes.to_vec()));
        let read = vec![part(10, &[1, 2, 3]), part(2, &[9; 4]), part(11, &[2, 3, 4])];
        let file = Recorded::new(RecordedFile { name: "file-0".into(), size: 20, read });
        assert_eq!(file.read(0, 8), [0, 0, 9, 9, 9, 9, 0, 0]);
        assert_eq!(file.read(4, 10), [9, 9, 0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(file.read(12, 1), [3]);
        assert_eq!(file.read(14, 6), [0; 6]);
        assert!(file.read(0, 0).is_empty());
    }
}
