//! The engine, and the clock that no guest can outrun.
use crate::{
    config::{Room, config},
    platform::{self, unsafe_ops::run_in_place},
};
use std::{
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use wasmtime::Engine;

/// The granularity of guest time.
const TICK: Duration = Duration::from_millis(10);
/// Ticks without a guest after which the clock stops.
const IDLE: u32 = 20;

pub(crate) fn engine() -> wasmtime::Result<Engine> {
    let mut config = config(room(), cfg!(windows));
    run_in_place(&mut config);
    Engine::new(&config)
}

/// A process that has fewer addresses than these has no room for [`Room::Wide`].
const WIDE: u64 = 16 << 30;

/// How many addresses guests of this process may take: asked once, so that the engine and its code agree.
pub(crate) fn room() -> Room {
    static ROOM: OnceLock<Room> = OnceLock::new();
    *ROOM.get_or_init(|| match platform::address_limit() {
        Some(bytes) if bytes < WIDE => Room::Narrow,
        _ => Room::Wide,
    })
}

/// Bytes of stack that the host needs beside it: for what the guest calls, and for an embedder's observer.
pub(crate) const HOST_STACK: usize = 192 << 10;

/// Advances the epoch while a guest runs. Its thread begins with the first guest, sleeps when none runs, and ends when
/// none comes.
pub(crate) struct Ticker {
    running: AtomicUsize,
    /// Whether the thread is there and awake: a look at this is all that most guests need.
    awake: AtomicBool,
    state: Mutex<Thread>,
    wake: Condvar,
    engine: Engine,
    /// The process that this is the clock of. A child by fork(2) has a copy of it, and no thread.
    process: u32,
}

#[derive(PartialEq)]
enum Thread {
    None,
    Asleep,
    Awake,
}

/// Why no guest may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoClock {
    /// The system has no thread for it.
    NoThread,
    /// This process is a child of the one whose clock it is.
    Forked,
}

impl Ticker {
    pub(crate) fn new(engine: &Engine) -> Arc<Self> {
        Self::of(engine, std::process::id())
    }

    fn of(engine: &Engine, process: u32) -> Arc<Self> {
        Arc::new(Self {
            running: AtomicUsize::new(0),
            awake: AtomicBool::new(false),
            state: Mutex::new(Thread::None),
            wake: Condvar::new(),
            engine: engine.clone(),
            process,
        })
    }

    /// A guest runs until the answer is dropped. Where there is no clock no guest may run: each one sees to it that the clock
    /// goes, whatever became of those before it.
    pub(crate) fn run(self: &Arc<Self>) -> Result<Running, NoClock> {
        if std::process::id() != self.process {
            return Err(NoClock::Forked);
        }
        // Counted first: a clock that goes to sleep looks at the count after it has said so.
        self.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(self.clone());
        if !self.awake.load(Ordering::SeqCst) {
            self.start()?;
        }
        Ok(running)
    }

    fn start(self: &Arc<Self>) -> Result<(), NoClock> {
        self.start_with(|tick| std::thread::Builder::new().name("weighbridge-clock".to_owned()).spawn(tick).map(drop))
    }

    fn start_with(
        self: &Arc<Self>,
        spawn: impl FnOnce(Box<dyn FnOnce() + Send>) -> std::io::Result<()>,
    ) -> Result<(), NoClock> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            Thread::Awake => {}
            Thread::Asleep => self.wake.notify_one(),
            Thread::None => {
                let ticker = Arc::downgrade(self);
                spawn(Box::new(move || tick(&ticker))).map_err(|_| NoClock::NoThread)?;
                *state = Thread::Awake;
                self.awake.store(true, Ordering::SeqCst);
            }
        }
        Ok(())
    }

    /// Whether the clock has a thread that is awake.
    #[cfg(test)]
    fn is_awake(&self) -> bool {
        self.state.lock().is_ok_and(|state| *state == Thread::Awake)
    }
}

fn tick(ticker: &Weak<Ticker>) {
    let mut idle = 0;
    loop {
        std::thread::sleep(TICK);
        let Some(ticker) = ticker.upgrade() else { return };
        ticker.engine.increment_epoch();
        idle = if ticker.running.load(Ordering::SeqCst) > 0 { 0 } else { idle + 1 };
        if idle < IDLE {
            continue;
        }
        idle = 0;
        let mut state = ticker.state.lock().unwrap_or_else(PoisonError::into_inner);
        ticker.awake.store(false, Ordering::SeqCst);
        // Whoever starts to run after this look finds the thread not awake, and wakes it, for which it needs the lock.
        if ticker.running.load(Ordering::SeqCst) == 0 {
            *state = Thread::Asleep;
            let waited = ticker.wake.wait_timeout(state, Duration::from_secs(1));
            let (guard, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if waited.timed_out() && ticker.running.load(Ordering::SeqCst) == 0 {
                *state = Thread::None;
                return;
            }
            *state = Thread::Awake;
        }
        ticker.awake.store(true, Ordering::SeqCst);
        drop(state);
    }
}

/// A guest that runs.
pub(crate) struct Running(Arc<Ticker>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_clock_sleeps_while_no_guest_runs() {
        let ticker = Ticker::new(&engine().unwrap());
        assert!(!ticker.is_awake());
        let running = ticker.run();
        assert!(ticker.is_awake());
        drop(running);
        std::thread::sleep(TICK * (IDLE * 3));
        assert!(!ticker.is_awake());
        let _running = ticker.run();
        std::thread::sleep(TICK * 3);
        assert!(ticker.is_awake());
    }

    #[test]
    fn a_guest_for_which_there_was_no_thread_takes_no_others_clock() {
        let ticker = Ticker::new(&engine().unwrap());
        // The first guest is under way, and gets no thread; another one comes meanwhile.
        ticker.running.fetch_add(1, Ordering::SeqCst);
        let refused = ticker.start_with(|_| Err(std::io::ErrorKind::WouldBlock.into()));
        assert_eq!(refused, Err(NoClock::NoThread));
        assert!(!ticker.is_awake());
        let running = ticker.run();
        assert!(running.is_ok() && ticker.is_awake());
    }

    #[test]
    fn a_child_does_not_run_on_its_parents_clock() {
        let ticker = Ticker::of(&engine().unwrap(), std::process::id().wrapping_add(1));
        assert_eq!(ticker.run().err(), Some(NoClock::Forked));
        assert_eq!(ticker.running.load(Ordering::SeqCst), 0);
    }
}
