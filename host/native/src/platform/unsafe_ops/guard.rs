//! A guard for mappings: a page that the file does not have any more reads as zeros, and does not end the process.
//!
//! POSIX answers a read of such a page with SIGBUS at the instruction that reads. The handler here looks whether the address
//! lies in a mapping that was registered. If so it puts pages of zeros there, from that page to the end of the mapping, notes
//! it, and the read goes on. Every other SIGBUS goes to whoever had the signal before.
use std::{
    cell::UnsafeCell,
    mem, ptr,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// As many mappings as Linux gives a process.
const PLACES: usize = 65_536;

/// Where a guarded mapping lies. Written under [`FREE`]; read by the handler, which may not wait.
struct Place {
    /// Odd while the place is written, so that the handler never believes a start and an end of two mappings. The mapping
    /// that it looks for lives, so its place is not being written.
    version: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    lost: AtomicBool,
}

static TABLE: [Place; PLACES] = [const {
    Place {
        version: AtomicUsize::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        lost: AtomicBool::new(false),
    }
}; PLACES];

/// Places from here on were never used.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Places that were used, and are free again.
static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());

impl Place {
    fn write(&self, start: usize, end: usize) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::SeqCst);
        self.start.store(start, Ordering::SeqCst);
        self.end.store(end, Ordering::SeqCst);
        self.lost.store(false, Ordering::SeqCst);
        self.version.store(version.wrapping_add(2), Ordering::SeqCst);
    }

    /// The end of the mapping, if the address lies in it.
    fn end_of(&self, address: usize) -> Option<usize> {
        let version = self.version.load(Ordering::SeqCst);
        let (start, end) = (self.start.load(Ordering::SeqCst), self.end.load(Ordering::SeqCst));
        let same = version.is_multiple_of(2) && self.version.load(Ordering::SeqCst) == version;
        (same && (start..end).contains(&address)).then_some(end)
    }
}

/// A mapping that is guarded as long as this lives: it must be dropped before the mapping.
#[derive(Debug)]
pub(crate) struct Guard(usize);

impl Guard {
    /// Guards a mapping; none where there is no place left, or the system has no handler for it.
    pub(crate) fn of(map: &memmap2::Mmap) -> Option<Self> {
        if !installed() {
            return None;
        }
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let number = free.pop().or_else(|| {
            let number = USED.load(Ordering::Relaxed);
            (number < PLACES).then(|| USED.store(number + 1, Ordering::SeqCst)).map(|()| number)
        })?;
        let start = map.as_ptr().expose_provenance();
        TABLE.get(number)?.write(start, start + map.len());
        Some(Self(number))
    }

    /// Whether a read found a page that the file did not have any more.
    pub(crate) fn lost(&self) -> bool {
        TABLE.get(self.0).is_some_and(|place| place.lost.load(Ordering::SeqCst))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = TABLE.get(self.0) {
            place.write(0, 0);
        }
        free.push(self.0);
    }
}

/// Who had SIGBUS before.
struct Before(UnsafeCell<mem::MaybeUninit<libc::sigaction>>);

// SAFETY: it is written once, by `installed`, before the handler that reads it is there.
unsafe impl Sync for Before {}

static BEFORE: Before = Before(UnsafeCell::new(mem::MaybeUninit::uninit()));

/// The codes of SIGBUS for a page that its object does not have: the first on Linux and macOS, the second on FreeBSD.
const BUS_ADRERR: libc::c_int = 2;
const BUS_OBJERR: libc::c_int = 3;

/// Bytes of a page: the handler may not ask for it.
static PAGE: AtomicUsize = AtomicUsize::new(0);

/// Whether the handler is there. It is installed for the first mapping, once for a process, and stays.
fn installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        PAGE.store(rustix::param::page_size(), Ordering::SeqCst);
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_bus;
        // SAFETY: sigaction(2) reads and writes one `sigaction` each. Zeros are a valid one: no flags, no signal blocked.
        // The one of before is whole before the handler that reads it is there, since nothing else writes it.
        unsafe {
            let before: *mut libc::sigaction = BEFORE.0.get().cast();
            if libc::sigaction(libc::SIGBUS, ptr::null(), before) != 0 {
                return false;
            }
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = handler as libc::sighandler_t;
            // On a stack of its own, where the thread has one: the reader's may be nearly full.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) == 0
        }
    })
}

/// In a signal handler nothing may be called that waits or allocates: here are atomics, mmap(2) and sigaction(2). None of them
/// changes `errno` where it succeeds.
extern "C" fn on_bus(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the kernel hands over the information of this signal.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    if matches!(code, BUS_ADRERR | BUS_OBJERR) && replaced(address) {
        return;
    }
    pass_on(signal, info, context);
}

/// Puts zeros where a guarded mapping has lost its page.
fn replaced(address: usize) -> bool {
    let used = USED.load(Ordering::SeqCst);
    let Some((place, end)) = TABLE.iter().take(used).find_map(|place| Some((place, place.end_of(address)?))) else {
        return false;
    };
    let page = PAGE.load(Ordering::SeqCst);
    let start = address & !(page - 1);
    // First, so that no reader who sees a zero finds that nothing was lost.
    place.lost.store(true, Ordering::SeqCst);
    // Up to the end, and not one page alone: however many are read, a mapping has two parts then, and the system's number of
    // mappings is not used up.
    // SAFETY: the pages lie in a mapping of this crate, which lives, as somebody reads it, and is only ever read. They are
    // replaced by others that may be read.
    let zeros = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED;
        let at = ptr::with_exposed_provenance_mut::<libc::c_void>(start);
        libc::mmap(at, end - start, libc::PROT_READ, flags, -1, 0)
    };
    zeros != libc::MAP_FAILED
}

/// To whoever had the signal before, or to the system's own answer, which ends the process.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: `BEFORE` is whole before this handler is installed, and is not written again. What it holds is called as
    // sigaction(2) says that its flags want it.
    unsafe {
        let before: *const libc::sigaction = BEFORE.0.get().cast();
        let handler = (*before).sa_sigaction;
        if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
            // The instruction is tried again, and its signal has the default then: the process ends as without a guard. A
            // signal of a fault cannot be ignored.
            let mut default: libc::sigaction = mem::zeroed();
            default.sa_sigaction = libc::SIG_DFL;
            libc::sigaction(signal, &raw const default, ptr::null_mut());
        } else if (*before).sa_flags & libc::SA_SIGINFO != 0 {
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = mem::transmute(handler);
            handler(signal, info, context);
        } else {
            let handler: extern "C" fn(libc::c_int) = mem::transmute(handler);
            handler(signal);
        }
    }
}
