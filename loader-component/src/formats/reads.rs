//! Which reads of a parser are fair, for tests and fuzzers: none has a byte of a tensor in it, but for few that cannot know
//! better.
use super::header::Header;

/// Bytes that a ZIP archive without a comment is looked at the end of: its end record, and the records of zip64 before it.
const END: u64 = 98;
/// The same with the longest comment.
const END_AND_COMMENT: u64 = END + 65_535;
/// Bytes that are read at once of a pickle whose length nothing tells.
const BLIND: u64 = 4_096;
/// Bytes of the header of a tar archive, which the stream form is looked at for.
const TAR: u64 = 512;

/// The first of these reads that has bytes of a tensor in it, of a file that was read to this header.
///
/// Let pass are these. The end of an archive is looked for before anybody knows what is there. The beginning of PyTorch's
/// stream form may be the header of a tar archive, and its pickles are read in windows, the last of which may reach into the
/// first storage.
#[must_use]
pub fn first_unfair(header: &Header, file: &[u8], reads: &[(u64, u32)]) -> Option<(u64, u32)> {
    let size = file.len() as u64;
    let archive = file.starts_with(super::zip::MAGIC) && matches!(header.format.name, "pytorch" | "npz");
    let bare = file
        .len()
        .checked_sub(22)
        .and_then(|at| file.get(at..))
        .is_some_and(|end| end.starts_with(b"PK\x05\x06") && end.ends_with(&[0, 0]));
    let end = size.saturating_sub(if bare { END } else { END_AND_COMMENT });
    let stream = header.format.name == "pytorch" && !archive;
    // The spans of all tensors, those that overlap as one.
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for number in header.tensors.by_offset() {
        let Some(tensor) = header.tensors.get(number as usize).filter(|tensor| tensor.bytes > 0) else { continue };
        let to = tensor.offset.saturating_add(tensor.bytes);
        match spans.last_mut() {
            Some((_, last)) if tensor.offset <= *last => *last = to.max(*last),
            _ => spans.push((tensor.offset, to)),
        }
    }
    reads.iter().copied().find(|(at, len)| {
        let to = at.saturating_add(u64::from(*len));
        let next = spans.partition_point(|(_, end)| *end <= *at);
        let meets = spans.get(next).is_some_and(|(from, _)| *from < to);
        let blind = *at < header.data_offset && u64::from(*len) <= BLIND;
        let known = archive && *at >= end || stream && (blind || to <= TAR);
        meets && !known
    })
}
