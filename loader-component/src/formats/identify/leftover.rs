//! What downloads leave behind.
use super::seen::{Seen, grouped};

/// A file for which room was made and that nothing was written to.
pub(super) fn zeros(seen: &Seen<'_>) -> Option<String> {
    let zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    (!seen.head.is_empty() && zero(seen.head) && zero(seen.tail)).then(|| {
        format!(
            "This file's {} bytes begin and end with nothing but zeros: room was made for a download that was not written; \
             fetch the file again.",
            grouped(seen.size)
        )
    })
}

/// aria2's control file: version, extension, info hash, length of a piece, length of the file, all with the highest byte first.
pub(super) fn aria2(seen: &Seen<'_>) -> Option<String> {
    let number = |at: usize, bytes: usize| {
        let digits = seen.head.get(at..at.checked_add(bytes)?)?;
        Some(digits.iter().fold(0u64, |sum, digit| sum << 8 | u64::from(*digit)))
    };
    let (version, extension, hash) = (number(0, 2)?, number(2, 4)?, number(6, 4)?);
    if version > 1 || extension > 1 || !matches!(hash, 0 | 20) {
        return None;
    }
    let at = 10usize.checked_add(usize::try_from(hash).ok()?)?;
    let (piece, total) = (number(at, 4)?, number(at.checked_add(4)?, 8)?);
    let pieces = number(at.checked_add(20)?, 4)?;
    let fits = piece > 0 && total > 0 && total.div_ceil(piece).div_ceil(8) == pieces;
    fits.then(|| {
        format!(
            "This is the note that aria2 keeps of an unfinished download of {} bytes, not the model; let aria2 finish, and \
             give the file beside it.",
            grouped(total)
        )
    })
}
