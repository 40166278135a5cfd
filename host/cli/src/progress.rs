//! A progress bar on stderr, for work that a person would notice. Only on a terminal.
use super::output::colour_on;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use weighbridge::Usage;

/// Work shorter than this gets no bar: it would only flicker.
const PATIENCE: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(50);

/// Says on stderr what takes so long, if it does, until `work` is done.
pub(crate) fn patiently<T>(doing: &'static str, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    let (done, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if waiting.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
            let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            spinner.set_message(doing);
            while waiting.recv_timeout(TICK * 2) == Err(mpsc::RecvTimeoutError::Timeout) {
                spinner.tick();
            }
            spinner.finish_and_clear();
        });
        let result = work();
        drop(done);
        result
    })
}

/// A bar that counts bytes up to a total.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for `total` bytes; invisible where nobody would see it.
    pub(crate) fn new(doing: &str, total: u64, quiet: bool) -> Self {
        let stderr = io::stderr();
        if quiet || !stderr.is_terminal() {
            return Self { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(15));
        let fill = if colour_on(&stderr) { "{bar:32.cyan/dim}" } else { "{bar:32}" };
        let template = format!(
            "{{msg}} {fill} {{binary_bytes}} of {{binary_total_bytes}}  {{binary_bytes_per_sec}}  {{eta}} left"
        );
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_message(doing.to_owned());
        Self { bar }
    }

    /// So many bytes in all are done.
    pub(crate) fn at(&self, bytes: u64) {
        if self.bar.elapsed() >= PATIENCE {
            self.bar.set_position(bytes);
        }
    }

    /// Takes the bar off the screen.
    pub(crate) fn done(self) {
        self.bar.finish_and_clear();
    }

    /// Follows the bytes that a session moves while it works.
    pub(crate) fn follow(self, usage: Arc<Usage>) -> Following {
        let stop = Arc::new(AtomicBool::new(self.bar.is_hidden()));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::park_timeout(TICK);
                self.at(usage.moving());
            }
            self.done();
        });
        Following { stop, thread: Some(thread) }
    }
}

/// A bar that follows a session until it is dropped.
pub(crate) struct Following {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only draws; if it died, there is no bar.
            let _ = thread.join();
        }
    }
}
