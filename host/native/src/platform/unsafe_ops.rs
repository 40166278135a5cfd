//! All `unsafe` of this crate, each with its reason.
#![allow(unsafe_code)]
#[cfg(unix)]
mod guard;
#[cfg(not(unix))]
mod no_guard;

#[cfg(unix)]
pub(crate) use guard::Guard;
#[cfg(not(unix))]
pub(crate) use no_guard::Guard;

use crate::config::Room;
use std::{
    fs::File,
    io,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

/// A promise of an embedder: the files that it is given for stay as they are while anything of them is mapped.
///
/// Views of such files have no guard: a mapping costs a little less, and no signal handler is installed. Who cannot promise it
/// leaves it: nothing is lost but that.
#[derive(Clone, Copy, Debug)]
pub struct Unchanging(());

impl Unchanging {
    /// Makes the promise.
    ///
    /// # Safety
    /// No process may write to the files, or make them shorter, as long as a session or a [`Tensor`](crate::Tensor) has a
    /// mapping of them: a `&[u8]` that changes is undefined behaviour, and a read of a page that is gone ends the process.
    /// Files that are this program's own can be so: a sealed memfd, a file with fs-verity, an image that is mounted read-only
    /// ([`Permanence`](crate::Permanence) says what the system knows).
    #[must_use]
    pub const unsafe fn promise() -> Self {
        Self(())
    }
}

/// Maps a part of a file, read-only and shared.
pub(crate) fn map(file: &File, offset: u64, len: usize) -> io::Result<memmap2::Mmap> {
    // SAFETY: the type system wants that nobody changes the file while it is mapped, which no program can promise for files
    // of other people. What is promised instead: the map is read-only, is only ever read as plain bytes, for which every
    // value is valid, and no decision about memory is ever made on bytes of it: lengths and offsets come from `pread` into
    // memory of our own. A page that the file has lost reads as zeros (`guard`). What remains (a changed file changes under
    // the reader) is in the documentation of `Tensor::bytes`, and `Tensor::copy_to` is the way around it.
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

/// At the beginning of a page, whatever the size of pages is.
#[repr(C, align(65536))]
struct Pages<T: ?Sized>(T);

/// Machine code of the component, which the build script of this crate made of it, for each room that guests may have.
static WIDE: &Pages<[u8]> = &Pages(*include_bytes!(concat!(env!("OUT_DIR"), "/wide/component.cwasm")));
static NARROW: &Pages<[u8]> = &Pages(*include_bytes!(concat!(env!("OUT_DIR"), "/narrow/component.cwasm")));

/// The component of this library, for an engine with the settings of [`crate::config`] and of [`run_in_place`].
pub(crate) fn compiled_component(
    engine: &wasmtime::Engine,
    room: Room,
) -> wasmtime::Result<wasmtime::component::Component> {
    static TAKEN: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];
    let (code, taken) = match room {
        Room::Wide => (WIDE, &TAKEN[0]),
        Room::Narrow => (NARROW, &TAKEN[1]),
    };
    // Code at one address belongs to one engine of a process. Further ones, which few programs have, run a copy.
    let in_place = IN_PLACE && !taken.swap(true, Ordering::AcqRel);
    // SAFETY: wasmtime runs these bytes as machine code, so they must be what its own compiler wrote, unchanged. They are: the build
    // script of this crate wrote them with `Engine::precompile_component` just before this crate was compiled, `include_bytes!` made
    // them a constant of this program, and nothing else can be given to this function. No file and no environment variable is read
    // when the program runs. That the compiler was of the same version of wasmtime and had the same settings, and that this
    // processor has what they presume, wasmtime checks itself. Where they are run in place, they also must stay as they are for as
    // long as the component lives: a constant does, for ever.
    unsafe {
        if in_place {
            wasmtime::component::Component::deserialize_raw(engine, std::ptr::NonNull::from(&code.0))
        } else {
            wasmtime::component::Component::deserialize(engine, &code.0)
        }
    }
}

/// Whether machine code is run where it lies. Elsewhere wasmtime copies it.
const IN_PLACE: bool = cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

/// Sets an engine up to run machine code where it lies.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) fn run_in_place(config: &mut wasmtime::Config) {
    struct InPlace;

    impl wasmtime::CustomCodeMemory for InPlace {
        fn required_alignment(&self) -> usize {
            rustix::param::page_size()
        }

        fn publish_executable(&self, start: *const u8, len: usize) -> wasmtime::Result<()> {
            use rustix::mm::{MprotectFlags, mprotect};
            // SAFETY: these are whole pages of machine code, of a constant of this program or of what wasmtime has just compiled into memory of its own,
            // and what else they hold is only read. To be read and run takes no right away that anybody relies on: a constant is never written, and
            // wasmtime has done with writing when it calls this.
            Ok(unsafe { mprotect(start.cast_mut().cast(), len, MprotectFlags::READ | MprotectFlags::EXEC) }?)
        }

        /// The pages of a constant may be run by another engine; others are given back to the system next.
        fn unpublish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
            Ok(())
        }
    }

    config.with_custom_code_memory(Some(std::sync::Arc::new(InPlace)));
}

/// Sets an engine up to run machine code: it does so by itself.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) fn run_in_place(_: &mut wasmtime::Config) {}
