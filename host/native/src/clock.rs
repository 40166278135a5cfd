//! The engine: which WebAssembly runs, and the clock that no guest can outrun.
use std::{
    sync::{
        Arc, Condvar, Mutex, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use wasmtime::{Config, Engine};

/// The granularity of guest time.
const TICK: Duration = Duration::from_millis(10);
/// Ticks without a guest after which the clock stops.
const IDLE: u32 = 20;

pub(crate) fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    // What the loader does not need cannot be attacked. (Threads and gc are not even compiled in.)
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    config.wasm_tail_call(false);
    config.wasm_relaxed_simd(false);
    config.wasm_stack_switching(false);
    config.wasm_custom_page_sizes(false);
    config.max_wasm_stack(1 << 20);
    Engine::new(&config)
}

/// Advances the epoch while a guest runs. Its thread begins with the first guest, sleeps when none runs, and ends when
/// none comes.
pub(crate) struct Ticker {
    running: AtomicUsize,
    state: Mutex<Thread>,
    wake: Condvar,
    engine: Engine,
}

#[derive(PartialEq)]
enum Thread {
    None,
    Asleep,
    Awake,
}

impl Ticker {
    pub(crate) fn new(engine: &Engine) -> Arc<Self> {
        Arc::new(Self {
            running: AtomicUsize::new(0),
            state: Mutex::new(Thread::None),
            wake: Condvar::new(),
            engine: engine.clone(),
        })
    }

    /// A guest runs until the answer is dropped. None where the system has no thread for the clock: then no guest may run.
    pub(crate) fn run(self: &Arc<Self>) -> Option<Running> {
        let running = Running(self.clone());
        if self.running.fetch_add(1, Ordering::SeqCst) == 0 {
            self.start()?;
        }
        Some(running)
    }

    fn start(self: &Arc<Self>) -> Option<()> {
        let mut state = self.state.lock().ok()?;
        match *state {
            Thread::Awake => {}
            Thread::Asleep => self.wake.notify_one(),
            Thread::None => {
                let ticker = Arc::downgrade(self);
                let thread = std::thread::Builder::new().name("weighbridge-clock".to_owned());
                thread.spawn(move || tick(&ticker)).ok()?;
                *state = Thread::Awake;
            }
        }
        Some(())
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
        let Ok(mut state) = ticker.state.lock() else { return };
        // Whoever starts to run after this look finds the thread asleep, as that needs the lock, and wakes it.
        if ticker.running.load(Ordering::SeqCst) == 0 {
            *state = Thread::Asleep;
            let Ok((mut state, waited)) = ticker.wake.wait_timeout(state, Duration::from_secs(1)) else { return };
            if waited.timed_out() && ticker.running.load(Ordering::SeqCst) == 0 {
                *state = Thread::None;
                return;
            }
            *state = Thread::Awake;
        }
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
}
