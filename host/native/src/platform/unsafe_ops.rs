//! All `unsafe` of this crate, each with its reason.
#![allow(unsafe_code)]
use std::{fs::File, io, ops::Range};

/// Maps a part of a file, read-only and shared.
pub(crate) fn map(file: &File, offset: u64, len: usize) -> io::Result<memmap2::Mmap> {
    // SAFETY: the type system wants that nobody changes the file while it is mapped, which no program can promise for files
    // of other people. What is promised instead: the map is read-only, is only ever read as plain bytes, for which every
    // value is valid, and no decision about memory is ever made on bytes of it: lengths and offsets come from `pread` into
    // memory of our own. What remains (a shrunken file answers SIGBUS; a changed one changes under the reader) is in the
    // documentation of `Tensor::bytes`, and `Tensor::copy_to` is the way around it.
    unsafe { memmap2::MmapOptions::new().offset(offset).len(len).map(file) }
}

/// Lets go of whole pages of a mapping; the next read fetches them from the file again.
#[cfg(unix)]
pub(crate) fn drop_pages(map: &memmap2::Mmap, range: Range<usize>) -> io::Result<()> {
    // SAFETY: MADV_DONTNEED destroys what was written to private or anonymous pages. This is a shared read-only mapping of
    // a file: nothing can have been written to it, and the same bytes come back (madvise(2)).
    unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) }
}

/// Which pages of a mapping are in memory; none where the system does not say.
#[cfg(unix)]
pub(crate) fn pages_in_memory(map: &memmap2::Mmap) -> Option<Vec<bool>> {
    let pages = map.len().div_ceil(rustix::param::page_size());
    let mut flags = vec![0u8; pages];
    // SAFETY: mincore(2) writes one byte for each page of [addr, addr + len), and `flags` has as many; `addr` is the start
    // of a live mapping, which is page-aligned. The pointer casts differ by system in constness and signedness alone.
    let done = unsafe { libc::mincore(map.as_ptr().cast_mut().cast(), map.len(), flags.as_mut_ptr().cast()) };
    (done == 0).then(|| flags.into_iter().map(|flag| flag & 1 != 0).collect())
}

/// The component whose machine code is in a file.
pub(crate) fn load_compiled(
    engine: &wasmtime::Engine,
    file: &std::path::Path,
) -> wasmtime::Result<wasmtime::component::Component> {
    // SAFETY: wasmtime runs this file as machine code, so it must be what `Component::serialize` wrote. The caller (`cache`)
    // has checked that it is a file of this user, in a folder that only this user can write to, under a key that holds the
    // component's hash and wasmtime's own compatibility hash, and that its sum is intact.
    unsafe { wasmtime::component::Component::deserialize_file(engine, file) }
}
