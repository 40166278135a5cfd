//! The host's side of one session: what the guest may do and what it did. Its limits, its log, its storage.
use crate::work::units;
use crate::{
    log::Log,
    media::Media,
    observer::Interpose,
    options::{Control, HostLimits, SessionOptions, nanos},
    quota::{Resource, Taken},
    replay::Player,
    stats::{Stats, Timings, Usage},
    table::Table,
    trace::{Answer, Call, What},
    types::{BatchError, Cause, Entry, Error, Phase, StorageError},
};
use std::{collections::HashMap, sync::Arc};

/// How often one export may move all bytes of its files.
const RUNS: u64 = 8;

/// A bound of the host was reached.
#[must_use]
pub fn limit(message: impl Into<String>) -> Error {
    Error::new(Phase::Request, Cause::LimitExceeded, message)
}

/// What answers the guest: this system's files and memory, or a recording.
enum Storage<M: Media> {
    Table(Box<Table<M>>),
    Replay(Player),
}

/// Nanoseconds of the processor in which a guest that is cancelled may get to its next call.
const GRACE: u64 = 20_000_000;

/// The host's side of one session. An engine's imports call it and nothing else; whatever it returns as an error ends the
/// guest.
pub struct Host<M: Media> {
    storage: Storage<M>,
    pub(crate) log: Log,
    interpose: Option<Arc<dyn Interpose>>,
    pub(crate) control: Control,
    pub(crate) limits: HostLimits,
    pub(crate) stats: Stats,
    pub(crate) timings: Timings,
    usage: Arc<Usage>,
    /// This guest's place among those of the process; none where there was none.
    place: Option<Taken>,
    /// The growth that was refused, to tell a limit from a bug when the guest traps over it.
    refused: Option<Refused>,
    /// Capacities of the targets whose handles the guest has.
    targets: HashMap<u64, u64>,
    /// Handles of its own that the guest made.
    own_handles: u32,
    entered: u64,
    in_host: u64,
    /// Since when, by the processor's clock, the guest has computed although it is cancelled.
    stopping: Option<u64>,
    /// What the guest has computed in this request, and the clocks when that was seen last: the guest's wall time in this
    /// export, and the processor's.
    computed: u64,
    seen: Option<(u64, u64)>,
    /// Times `guest_time`, while exports count together.
    together: Option<u64>,
    host_calls: u64,
    /// Units of host work in this request.
    work: u64,
    /// Bytes that this export read and moved so far.
    read: u64,
    moved: u64,
}

/// Why memory or a table did not grow.
#[derive(Clone, Copy)]
enum Refused {
    /// `guest_memory`.
    Memory,
    /// `table_elements`.
    Elements,
    /// The machine, or the sessions together.
    Machine,
}

/// A call of the guest that is under way, by when it began.
#[derive(Clone, Copy)]
struct Crossing(u64);

impl<M: Media> Host<M> {
    /// For a session over files of this system.
    #[must_use]
    pub fn new(media: M, options: &SessionOptions) -> Self {
        let usage = Arc::new(Usage::new(options.quota.clone()));
        Self::over(
            Storage::Table(Box::new(Table::new(media, options.host, options.limits, usage.clone()))),
            usage,
            options,
        )
    }

    /// For a session over a recording.
    pub(crate) fn replay(player: Player, options: &SessionOptions) -> Self {
        Self::over(Storage::Replay(player), Arc::new(Usage::new(options.quota.clone())), options)
    }

    fn over(storage: Storage<M>, usage: Arc<Usage>, options: &SessionOptions) -> Self {
        Self {
            storage,
            log: Log::new(M::now, options.ring, options.observer.clone(), &options.limits),
            interpose: options.interpose.clone(),
            control: Control::new(M::now, options.cancel.clone()),
            limits: options.limits,
            stats: Stats::default(),
            timings: Timings::default(),
            usage,
            place: Taken::one(&options.quota, Resource::Guests),
            refused: None,
            targets: HashMap::new(),
            own_handles: 0,
            entered: M::now(),
            in_host: 0,
            stopping: None,
            computed: 0,
            seen: None,
            together: None,
            host_calls: 0,
            work: 0,
            read: 0,
            moved: 0,
        }
    }

    /// The table of files, mappings and buffers; none in a replay.
    pub fn table(&mut self) -> Option<&mut Table<M>> {
        match &mut self.storage {
            Storage::Table(table) => Some(table),
            Storage::Replay(_) => None,
        }
    }

    /// As [`Self::table`], to look only.
    #[must_use]
    pub fn peek_table(&self) -> Option<&Table<M>> {
        match &self.storage {
            Storage::Table(table) => Some(table),
            Storage::Replay(_) => None,
        }
    }

    /// The bounds of this session.
    #[must_use]
    pub const fn limits(&self) -> &HostLimits {
        &self.limits
    }

    /// The guest was instantiated, which took `ns`.
    pub fn instantiated(&mut self, ns: u64) {
        self.timings.instantiate = ns;
        self.log.host("instantiate", ns);
    }

    /// Whether there is room in this process for one more guest; asked before it is instantiated.
    ///
    /// # Errors
    /// There are as many as there may be.
    pub fn admitted(&self) -> Result<(), Error> {
        if self.place.is_some() {
            return Ok(());
        }
        let most = self.usage.quota().limits().guests;
        Err(limit(format!(
            "there are {most} guests in this process, as many as there may be; close other sessions first"
        )))
    }

    /// An export is called: its clock starts.
    pub fn enter(&mut self) {
        self.stats.crossings_in += 1;
        self.entered = M::now();
        (self.in_host, self.seen, self.refused) = (0, None, None);
        if self.together.is_none() {
            self.begin();
        }
    }

    /// What is counted for one request begins anew.
    fn begin(&mut self) {
        (self.computed, self.work, self.host_calls, self.read, self.moved) = (0, 0, 0, 0, 0);
        self.stopping = None;
        self.control.start(self.limits.deadline);
    }

    /// Exports from now on count as one request, which is of a list of so many entries; none ends that.
    pub(crate) fn together(&mut self, entries: Option<u64>) {
        self.together = entries.map(|entries| 1 + (entries >> 20));
        self.begin();
    }

    /// Called every few milliseconds while the guest computes. Clamp: time in the guest, host calls not counted; and what the
    /// embedder wants to end, ends.
    ///
    /// # Errors
    /// Why the guest must end now.
    pub fn tick(&mut self) -> Result<(), Error> {
        self.hear_cancellation();
        match self.control.check() {
            Err(StorageError::Deadline) => return Err(self.overdue(Cause::Deadline)),
            // It hears of it with its next call, and the session goes on. One that makes none is ended.
            Err(_) if M::busy().saturating_sub(*self.stopping.get_or_insert_with(M::busy)) >= GRACE => {
                return Err(self.overdue(Cause::Cancelled));
            }
            Err(_) | Ok(()) => {}
        }
        self.has_computed()
    }

    /// As [`Self::tick`], of the guest's time alone: for an engine that is heard when the guest calls the host, where a
    /// cancellation is an answer.
    ///
    /// # Errors
    /// Why the guest must end now.
    pub fn has_computed(&mut self) -> Result<(), Error> {
        // Between two ticks it computed no longer than its wall time, and no longer than its processor: what a host call takes
        // is not in the one, and what a machine that is stopped takes is not in the other.
        let now = (M::now().saturating_sub(self.entered).saturating_sub(self.in_host), M::busy());
        let before = self.seen.replace(now).unwrap_or(now);
        let since = now.0.saturating_sub(before.0).min(now.1.saturating_sub(before.1));
        self.computed = self.computed.saturating_add(since);
        if self.computed <= self.guest_time() { Ok(()) } else { Err(self.overdue(Cause::LimitExceeded)) }
    }

    /// Nanoseconds that the guest may compute in this request.
    fn guest_time(&self) -> u64 {
        nanos(self.limits.guest_time).saturating_mul(self.together.unwrap_or(1))
    }

    /// How long the guest may compute from now on, in nanoseconds, and what it is ended with then ([`Self::overdue`]): for a
    /// host that must have somebody else end it.
    #[must_use]
    pub fn may_compute(&self) -> (u64, Cause) {
        let time = self.guest_time().saturating_sub(self.computed);
        match self.control.deadline.map(|deadline| deadline.saturating_sub(M::now())) {
            Some(left) if left < time => (left, Cause::Deadline),
            _ => (time, Cause::LimitExceeded),
        }
    }

    /// Why a guest ends that computed beyond its time (`limit-exceeded`), the deadline, or a cancellation.
    #[must_use]
    pub fn overdue(&self, cause: Cause) -> Error {
        let what = match cause {
            Cause::Deadline => "the deadline passed",
            Cause::Cancelled => "the work was cancelled",
            _ => {
                return limit(format!(
                    "the component computed for longer than the {:?} that it may; the session has ended. If the model is that \
                     large, raise `guest_time`",
                    self.limits.guest_time
                ));
            }
        };
        let message = format!("{what} while the component computed; the session has ended, open the model again");
        Error::new(Phase::Request, cause, message)
    }

    fn hear_cancellation(&self) {
        if let Storage::Table(table) = &self.storage
            && table.media().is_cancelled()
        {
            self.control.cancel.cancel();
        }
    }

    /// The guest called the host. Clamp: only so many calls of one export, since the time of host calls is not the guest's.
    ///
    /// # Errors
    /// Why the guest must end.
    fn crossed(&mut self) -> Result<Crossing, Error> {
        self.stats.crossings_out += 1;
        self.host_calls += 1;
        if self.host_calls > self.limits.host_calls {
            return Err(limit(format!(
                "the component called the host more than {} times in one request; the session has ended",
                self.limits.host_calls
            )));
        }
        Ok(Crossing(M::now()))
    }

    /// Clamp: what the host may be made to do in one export, counted before it is done.
    fn spend(&mut self, units: u64) -> Result<(), Error> {
        self.work = self.work.saturating_add(units);
        if self.work <= self.limits.host_work {
            return Ok(());
        }
        Err(limit(format!(
            "the component made the host do more than {} units of work in one request; the session has ended. If the \
             model is that large, raise `host_work`",
            self.limits.host_work
        )))
    }

    /// The call is over.
    fn returned(&mut self, crossing: Crossing) {
        self.in_host += M::now().saturating_sub(crossing.0);
    }

    /// A call that needs nothing but the table, such as a handle's id: counted, not traced.
    ///
    /// # Errors
    /// Why the guest must end.
    pub fn look_up(&mut self) -> Result<(), Error> {
        let crossing = self.crossed()?;
        self.spend(1)?;
        self.returned(crossing);
        Ok(())
    }

    /// Capacity of a target whose handle the guest has.
    #[must_use]
    pub fn target_len(&self, id: u64) -> u64 {
        self.targets.get(&id).copied().unwrap_or(0)
    }

    /// The guest gets a handle.
    pub fn handed_out(&mut self) {
        self.stats.handles += 1;
    }

    /// The guest makes a handle of a resource of its own. Clamp: only so many in all, for an engine that does not count them.
    ///
    /// # Errors
    /// Why the guest must end.
    pub fn made_handle(&mut self) -> Result<(), Error> {
        self.spend(1)?;
        self.own_handles = self.own_handles.saturating_add(1);
        if self.own_handles <= self.limits.handles {
            return Ok(());
        }
        Err(limit(format!(
            "the component made more handles of its own than its handle limit of {} lets it; the session has ended",
            self.limits.handles
        )))
    }

    /// Why a guest ends that passed longer lists or texts than the host copies, for an engine that does not count them.
    #[must_use]
    pub fn carried_too_much(&self) -> Error {
        limit(format!(
            "the component carried more over the bridge than the {} bytes that the host allows; the session has ended",
            self.limits.hostcall_bytes
        ))
    }

    /// The guest gets a handle of a target.
    pub fn handed_target(&mut self, id: u64, len: u64) {
        self.targets.insert(id, len);
        self.handed_out();
    }

    /// The guest dropped its handle of a source.
    pub fn drop_source(&mut self) {
        self.stats.crossings_out += 1;
        self.stats.handles = self.stats.handles.saturating_sub(1);
    }

    /// The guest dropped its handle of a mapping. What views still use stays until the last of them goes.
    pub fn drop_mapping(&mut self, id: u64) {
        self.drop_source();
        if let Storage::Table(table) = &mut self.storage {
            table.drop_mapping(id);
        }
    }

    /// The guest dropped its handle of a target.
    pub fn drop_target(&mut self, id: u64) {
        self.drop_source();
        self.targets.remove(&id);
        if let Storage::Table(table) = &mut self.storage {
            table.drop_target(id);
        }
    }

    /// Clamp: only so many handles at once. Asking for one more is answered, not punished.
    fn may_have(&self, more: usize) -> Result<(), StorageError> {
        let room = u64::from(self.limits.handles).saturating_sub(self.stats.handles);
        if more as u64 <= room { Ok(()) } else { Err(StorageError::Exhausted) }
    }

    /// `add-names` of the observer.
    ///
    /// # Errors
    /// Why the guest must end: there is no answer to give.
    pub fn add_names(&mut self, names: Vec<String>) -> Result<(), Error> {
        let crossing = self.crossed()?;
        self.spend(1 + names.len() as u64)?;
        let done = self.log.add_names(names);
        self.returned(crossing);
        done.map_err(|what| limit(format!("{what}; the session has ended")))
    }

    /// `emit` of the observer.
    ///
    /// # Errors
    /// As [`Self::add_names`].
    pub fn emit(&mut self, entries: &[Entry]) -> Result<(), Error> {
        let crossing = self.crossed()?;
        self.spend(1 + entries.len() as u64 / 8)?;
        let done = self.log.emit(entries);
        self.returned(crossing);
        done.map_err(|what| limit(format!("{what}; the session has ended")))
    }

    /// Clamp: linear memory. Whether the guest's memory may grow from `current` to `desired` bytes; it sees a failed
    /// `memory.grow` otherwise.
    pub fn memory_growing(&mut self, current: usize, desired: usize) -> bool {
        let more = desired.saturating_sub(current) as u64;
        let total = self.stats.guest_memory_bytes.saturating_add(more);
        let refused = if total > self.limits.guest_memory {
            Refused::Memory
        } else if !self.usage.take_guest_memory(more) {
            Refused::Machine
        } else if !self.table().is_none_or(|table| table.media_mut().has_room(more)) {
            self.usage.give_guest_memory(more);
            Refused::Machine
        } else {
            self.stats.guest_memory_bytes = total;
            return true;
        };
        self.refused = Some(refused);
        false
    }

    /// Clamp: table elements. Whether a table of the guest may grow to `desired` elements.
    pub fn table_growing(&mut self, desired: usize) -> bool {
        let allowed = desired <= self.limits.table_elements as usize;
        if !allowed {
            self.refused = Some(Refused::Elements);
        }
        allowed
    }

    /// Why the guest trapped, if it was over a growth that was refused.
    #[must_use]
    pub fn refused_growth(&self) -> Option<Error> {
        let limits = &self.limits;
        Some(match self.refused? {
            Refused::Memory => limit(format!(
                "the component needed more memory than the host allows ({} bytes of guest memory); the session has ended. \
                 Raise `guest_memory` if you trust the size of this model",
                limits.guest_memory
            )),
            Refused::Elements => limit(format!(
                "the component needed more table elements than the host allows ({}); the session has ended",
                limits.table_elements
            )),
            Refused::Machine => {
                let message = "the component needed more memory than this machine, its control group or the other sessions \
                               leave; the session has ended. End other work, or raise the limit of the group";
                Error::new(Phase::Request, Cause::OutOfMemory, message)
            }
        })
    }

    /// The one way of the guest to the storage.
    ///
    /// # Errors
    /// Why the guest must end.
    pub fn perform(&mut self, call: Call) -> Result<Answer, Error> {
        let crossing = self.crossed()?;
        self.spend(units(&call))?;
        let traced = self.log.on();
        if traced {
            self.log.record(What::Call(Box::new(call.clone())));
        }
        let began = M::now();
        let answer = self.answer(&call)?;
        let took = M::now().saturating_sub(began);
        self.count(&call, &answer, took);
        if traced {
            self.log.record(What::Return { answer: Box::new(answer.clone()), ns: took });
        }
        self.returned(crossing);
        Ok(answer)
    }

    fn answer(&mut self, call: &Call) -> Result<Answer, Error> {
        if let Some(answer) = self.interpose.as_ref().and_then(|interpose| interpose.before(call)) {
            // `get-capabilities` cannot fail: nothing but capabilities is heard.
            if !matches!(call, Call::GetCapabilities) || matches!(answer, Answer::Capabilities(_)) {
                return Ok(fitting(call, answer));
            }
        }
        self.hear_cancellation();
        if is_work(call)
            && let Err(error) = self.control.check()
        {
            return Ok(fitting(call, Answer::Failed(error)));
        }
        if let Err(error) = self.may_have(handles_of(call)).and_then(|()| self.may_move(call)) {
            return Ok(fitting(call, Answer::Failed(error)));
        }
        let answer = match &mut self.storage {
            Storage::Table(table) => table.perform(call, &self.control),
            // The call itself was compared when it was observed.
            Storage::Replay(player) => player.answer()?,
        };
        if let (Call::Read { .. }, Answer::Bytes(bytes), Some(interpose)) = (call, &answer, &self.interpose)
            && let Some(instead) = interpose.after_read(bytes)
        {
            return Ok(fitting(call, instead));
        }
        Ok(answer)
    }

    /// Clamp: the time of host calls is not the guest's, so what they may do in one export is bounded by bytes. No load
    /// moves more than its files have, and one that falls back starts over for each strategy.
    fn may_move(&mut self, call: &Call) -> Result<(), StorageError> {
        let (sum, more, most) = match call {
            Call::Read { len, .. } => (&mut self.read, u64::from(*len), self.limits.header_bytes),
            Call::ReadInto { batch, .. } => {
                let Storage::Table(table) = &self.storage else { return Ok(()) };
                let files = table.granted_bytes();
                let more = batch.iter().map(|span| span.len).fold(0, u64::saturating_add);
                (&mut self.moved, more, files.saturating_mul(RUNS))
            }
            _ => return Ok(()),
        };
        *sum = sum.saturating_add(more);
        if *sum <= most { Ok(()) } else { Err(StorageError::Exhausted) }
    }

    fn count(&mut self, call: &Call, answer: &Answer, ns: u64) {
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

impl<M: Media> Drop for Host<M> {
    fn drop(&mut self) {
        self.usage.guest_gone();
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
        (Call::ReadInto { .. }, Answer::Failed(error)) => Answer::BatchFailed(BatchError { span: 0, error }),
        (_, Answer::Failed(error)) => Answer::Failed(error),
        (call, _) => fitting(call, Answer::Failed(StorageError::Other("the injected answer does not fit".to_owned()))),
    }
}
