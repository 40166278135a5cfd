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

/// Maps a part of a file, read-only and privately.
pub(crate) fn map_private(file: &File, offset: u64, len: usize) -> io::Result<memmap2::Mmap> {
    // SAFETY: as above. Nothing is written to it, so that its pages are those of the file.
    unsafe { memmap2::MmapOptions::new().offset(offset).len(len).map_copy_read_only(file) }
}

/// Lets go of whole pages of a mapping; the next read fetches them from the file again.
#[cfg(unix)]
pub(crate) fn drop_pages(map: &memmap2::Mmap, range: Range<usize>) -> io::Result<()> {
    // SAFETY: MADV_DONTNEED destroys what was written to private or anonymous pages. This is a read-only mapping of a file:
    // nothing can have been written to it, and the same bytes come back (madvise(2)).
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

/// Nanoseconds that this thread has computed; none where the system has no such clock.
#[cfg(unix)]
pub(crate) fn thread_time() -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime(2) writes one `timespec`, which `time` is.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let nanos = u64::try_from(time.tv_nsec).ok()?;
    (done == 0).then_some(u64::try_from(time.tv_sec).ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)?)
}

/// Bytes that are left of this thread's stack.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn stack_left() -> Option<usize> {
    use std::{cell::OnceCell, mem::MaybeUninit, ptr};
    thread_local! {
        /// The lowest address of the stack. For the main thread the answer takes a walk through `/proc/self/maps`.
        static LOWEST: OnceCell<Option<usize>> = const { OnceCell::new() };
    }
    let lowest = || {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        // SAFETY: pthread_getattr_np(3) writes the attributes of a thread that lives, this one; where it answers 0 they are
        // initialised, are read by pthread_attr_getstack(3) into two variables, and are destroyed once.
        unsafe {
            if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
                return None;
            }
            let (mut address, mut size) = (ptr::null_mut(), 0);
            let done = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut address, &raw mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            (done == 0).then(|| address.addr())
        }
    };
    let here = 0u8;
    let lowest = LOWEST.with(|known| *known.get_or_init(lowest))?;
    ptr::from_ref(&here).addr().checked_sub(lowest)
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn stack_left() -> Option<usize> {
    None
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
