//! What one instance may do and what it did: its limits, its clock, its storage.
use crate::{
    observer::{Interpose, Log, nanos},
    options::{Control, HostLimits},
    stats::{Stats, Timings},
    storage::Backend,
    trace::{Answer, Call, What},
    types::{Cause, Error, Phase, StorageError},
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use wasmtime::{ResourceLimiter, UpdateDeadline};

/// How often one export may move all bytes of its files.
const RUNS: u64 = 8;

/// The error with which the host ends a session; it travels through wasmtime as the reason of the trap.
#[derive(Debug)]
pub(crate) struct Ended(pub(crate) Error);

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Ended {}

/// A bound of the host was reached.
pub(crate) fn limit(message: impl Into<String>) -> Error {
    Error::new(Phase::Request, Cause::LimitExceeded, message)
}

/// The state of one store.
pub(crate) struct State {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) log: Log,
    pub(crate) interpose: Option<Arc<dyn Interpose>>,
    pub(crate) control: Control,
    pub(crate) limits: HostLimits,
    pub(crate) stats: Stats,
    pub(crate) timings: Timings,
    /// The growth that was refused, to tell a limit from a bug when the guest traps over it.
    pub(crate) refused: Option<&'static str>,
    /// Capacities of the targets whose handles the guest has.
    pub(crate) targets: HashMap<u64, u64>,
    entered: Instant,
    in_host: Duration,
    host_calls: u64,
    /// Bytes that this export read and moved so far.
    read: u64,
    moved: u64,
}

impl State {
    pub(crate) fn new(
        backend: Box<dyn Backend>,
        log: Log,
        interpose: Option<Arc<dyn Interpose>>,
        control: Control,
        limits: HostLimits,
    ) -> Self {
        Self {
            backend,
            log,
            interpose,
            control,
            limits,
            stats: Stats::default(),
            timings: Timings::default(),
            refused: None,
            targets: HashMap::new(),
            entered: Instant::now(),
            in_host: Duration::ZERO,
            host_calls: 0,
            read: 0,
            moved: 0,
        }
    }

    /// An export is called: its clock starts.
    pub(crate) fn enter(&mut self) {
        self.stats.crossings_in += 1;
        self.entered = Instant::now();
        self.in_host = Duration::ZERO;
        (self.host_calls, self.read, self.moved) = (0, 0, 0);
        self.refused = None;
    }

    /// Called at every tick while the guest computes. Clamp: time in the guest, host calls not counted.
    pub(crate) fn tick(&self) -> wasmtime::Result<UpdateDeadline> {
        if self.entered.elapsed().saturating_sub(self.in_host) <= self.limits.guest_time {
            return Ok(UpdateDeadline::Continue(1));
        }
        Err(wasmtime::Error::new(Ended(limit(format!(
            "the component computed for longer than the {:?} that it may; the session has ended. If the model is that \
             large, raise `guest_time`",
            self.limits.guest_time
        )))))
    }

    /// The guest called the host. Clamp: only so many calls of one export, since the time of host calls is not the guest's.
    pub(crate) fn crossed(&mut self) -> wasmtime::Result<Instant> {
        self.stats.crossings_out += 1;
        self.host_calls += 1;
        if self.host_calls > self.limits.host_calls {
            return Err(wasmtime::Error::new(Ended(limit(format!(
                "the component called the host more than {} times in one request; the session has ended",
                self.limits.host_calls
            )))));
        }
        Ok(Instant::now())
    }

    /// Capacity of a target.
    pub(crate) fn target_len(&self, id: u64) -> u64 {
        self.targets.get(&id).copied().unwrap_or(0)
    }

    /// The call that began at `since` is over.
    pub(crate) fn returned(&mut self, since: Instant) -> Duration {
        let took = since.elapsed();
        self.in_host += took;
        took
    }

    /// Clamp: only so many handles at once. Asking for one more is answered, not punished.
    pub(crate) fn may_have(&self, more: usize) -> Result<(), StorageError> {
        let room = u64::from(self.limits.handles).saturating_sub(self.stats.handles);
        if more as u64 <= room { Ok(()) } else { Err(StorageError::Exhausted) }
    }

    /// The one way of the guest to the storage.
    pub(crate) fn perform(&mut self, call: Call) -> wasmtime::Result<Answer> {
        let since = self.crossed()?;
        let traced = self.log.on();
        if traced {
            self.log.record(What::Call(Box::new(call.clone())));
        }
        let began = Instant::now();
        let answer = self.answer(&call).map_err(|error| wasmtime::Error::new(Ended(error)))?;
        let took = began.elapsed();
        self.count(&call, &answer, took);
        if traced {
            self.log.record(What::Return { answer: Box::new(answer.clone()), ns: nanos(took) });
        }
        self.returned(since);
        Ok(answer)
    }

    fn answer(&mut self, call: &Call) -> Result<Answer, Error> {
        if let Some(answer) = self.interpose.as_ref().and_then(|interpose| interpose.before(call)) {
            // `get-capabilities` cannot fail: nothing but capabilities is heard.
            if !matches!(call, Call::GetCapabilities) || matches!(answer, Answer::Capabilities(_)) {
                return Ok(fitting(call, answer));
            }
        }
        if is_work(call)
            && let Err(error) = self.control.check()
        {
            return Ok(fitting(call, Answer::Failed(error)));
        }
        if let Err(error) = self.may_have(handles_of(call)).and_then(|()| self.may_move(call)) {
            return Ok(fitting(call, Answer::Failed(error)));
        }
        self.backend.perform(call, &self.control)
    }

    /// Clamp: the time of host calls is not the guest's, so what they may do in one export is bounded by bytes. No load
    /// moves more than its files have, and one that falls back starts over for each strategy.
    fn may_move(&mut self, call: &Call) -> Result<(), StorageError> {
        let (sum, more, most) = match call {
            Call::Read { len, .. } => (&mut self.read, u64::from(*len), self.limits.header_bytes),
            Call::ReadInto { batch, .. } => {
                let Some(native) = self.backend.native() else { return Ok(()) };
                let files = native.sources.iter().map(|source| source.size()).fold(0, u64::saturating_add);
                let more = batch.iter().map(|span| span.len).fold(0, u64::saturating_add);
                (&mut self.moved, more, files.saturating_mul(RUNS))
            }
            _ => return Ok(()),
        };
        *sum = sum.saturating_add(more);
        if *sum <= most { Ok(()) } else { Err(StorageError::Exhausted) }
    }

    fn count(&mut self, call: &Call, answer: &Answer, took: Duration) {
        let ns = nanos(took);
        let part = match call {
            Call::Read { .. } => &mut self.timings.header_read,
            Call::MapRange { .. } => &mut self.timings.map,
            Call::ReadInto { .. } => &mut self.timings.read,
            Call::Advise { .. } => &mut self.timings.advise,
            Call::Unmap { .. } | Call::Free { .. } => &mut self.timings.unmap,
            Call::Allocate { .. } | Call::Registered { .. } => &mut self.timings.allocate,
            Call::GetCapabilities | Call::Stat { .. } => return,
        };
        *part += ns;
        match (call, answer) {
            (_, Answer::Bytes(bytes)) => self.stats.bytes_to_guest += bytes.len() as u64,
            (Call::ReadInto { batch, .. }, Answer::Done) => {
                self.stats.bytes_moved += batch.iter().map(|span| span.len).sum::<u64>();
            }
            _ => {}
        }
    }
}

/// Whether a call is work that can be cancelled. What gives something back is always done, so that a cancelled load can
/// leave nothing behind.
fn is_work(call: &Call) -> bool {
    !matches!(call, Call::GetCapabilities | Call::Advise { .. } | Call::Unmap { .. } | Call::Free { .. })
}

/// Handles that a call would give the guest.
fn handles_of(call: &Call) -> usize {
    match call {
        Call::MapRange { .. } | Call::Allocate { .. } => 1,
        Call::Registered { tensors } => tensors.len(),
        _ => 0,
    }
}

/// An answer from outside the backend, brought to a kind that the call can have.
fn fitting(call: &Call, answer: Answer) -> Answer {
    let fits = matches!(
        (call, &answer),
        (Call::GetCapabilities, Answer::Capabilities(_))
            | (Call::Stat { .. }, Answer::Stat(_))
            | (Call::Read { .. }, Answer::Bytes(_))
            | (Call::Advise { .. }, Answer::Effect(_))
            | (Call::Unmap { .. } | Call::Free { .. } | Call::ReadInto { .. }, Answer::Done)
            | (Call::ReadInto { .. }, Answer::BatchFailed(_))
    );
    match (call, answer) {
        (_, answer) if fits => answer,
        (Call::ReadInto { .. }, Answer::Failed(error)) => {
            Answer::BatchFailed(crate::types::BatchError { span: 0, error })
        }
        (_, Answer::Failed(error)) => Answer::Failed(error),
        (call, _) => fitting(call, Answer::Failed(StorageError::Other("the injected answer does not fit".to_owned()))),
    }
}

impl ResourceLimiter for State {
    /// Clamp: linear memory. The guest sees a failed `memory.grow`.
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.stats.guest_memory_bytes.saturating_add(desired.saturating_sub(current) as u64);
        if total > self.limits.guest_memory {
            self.refused = Some("memory");
            return Ok(false);
        }
        self.stats.guest_memory_bytes = total;
        Ok(true)
    }

    /// Clamp: table elements.
    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limits.table_elements as usize;
        if !allowed {
            self.refused = Some("table elements");
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }

    fn tables(&self) -> usize {
        self.limits.instances as usize
    }

    fn memories(&self) -> usize {
        self.limits.instances as usize
    }
}
