//! A host that fails at call k with error e, for every k and every e: nothing is lost, nothing is kept, everything can be
//! asked again.
use crate::double::Leaks;
use crate::faults::{Fault, Instead, Kind};
use crate::files::{self, Model};
use crate::harness::{Harness, Setup};
use crate::run::{kebab, options, selection};
use weighbridge_loader::api::{LoadOptions, Selection, SlotStatus, TensorState};
use weighbridge_loader::storage::StorageError;
use weighbridge_loader::types::{Advice, Cause, Error, Lifecycle, Phase};

/// A load that is swept.
pub struct Plan {
    /// Its name, in failures.
    pub name: &'static str,
    /// The model.
    pub model: Model,
    /// The host.
    pub setup: Setup,
    /// The load.
    pub options: LoadOptions,
    /// Loaded before, to see that it stays.
    pub before: Option<(Selection, LoadOptions)>,
    /// The load is refused by this phase when the host does nothing wrong.
    pub refused: Option<Phase>,
}

fn load(words: &str) -> LoadOptions {
    options(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

/// Every load that is swept.
#[must_use]
pub fn plans() -> Vec<Plan> {
    let plan = |name, model, words| Plan {
        name,
        model: Model { given: usize::MAX, ..files::named(model).unwrap() },
        setup: Setup { quiet: true, ..Setup::default() },
        options: load(words),
        before: None,
        refused: None,
    };
    let registered = |names: &[usize]| -> Vec<(String, usize)> {
        names.iter().map(|number| (format!("t{number}.weight"), files::SIZES[*number])).collect()
    };
    let after = |plan: Plan, tensors, words| Plan { before: Some((selection(tensors), load(words))), ..plan };
    let on = |plan: Plan, change: &dyn Fn(&mut Setup)| {
        let mut plan = plan;
        change(&mut plan.setup);
        plan
    };
    vec![
        plan("mapped", "gguf", "mapped-file"),
        after(plan("mapped per tensor", "gguf", "mapped-file per-tensor"), "1", "mapped-file per-tensor"),
        after(plan("mapped windows", "gapped", "mapped-file window=16384"), "0", "read-copy"),
        after(plan("mapped, shared", "gguf", "mapped-file"), "0,2", "mapped-file"),
        plan("mapped, of no bytes", "safetensors", "mapped-file per-tensor"),
        plan("mapped, split", "split", "mapped-file"),
        plan("mapped, sharded", "sharded", "mapped-file per-tensor"),
        after(plan("read-copy", "gguf", "read-copy"), "3", "mapped-file"),
        on(plan("read-copy, small batches", "gguf", "read-copy per-tensor"), &|setup| setup.max_batch = 2),
        plan("read-copy, split", "split", "read-copy"),
        after(plan("staged", "gguf", "staged-read chunk=16384"), "2", "read-copy"),
        plan("staged, of no bytes", "sharded", "staged-read per-tensor chunk=4097"),
        on(plan("external", "gguf", "external-buffer chunk=16384"), &|s| s.registered = registered(&[0, 1, 2, 3])),
        on(plan("external, then copied", "gguf", "external-buffer,read-copy chunk=16384"), &|setup| {
            setup.registered = registered(&[0, 1, 2, 3]);
        }),
        on(plan("external of some, then mapped", "gguf", "external-buffer,mapped-file"), &|setup| {
            setup.registered = registered(&[0, 1]);
        }),
        plan("auto", "gguf", "auto"),
        on(plan("auto without mmap", "gguf", "auto chunk=32768"), &|setup| setup.mmap = false),
        on(plan("auto out of slots", "gguf", "auto per-tensor"), &|setup| setup.options.slots = 2),
        Plan {
            refused: Some(Phase::Structure),
            ..plan("undone, mapped", "llama-broken", "mapped-file check=structure")
        },
        Plan {
            refused: Some(Phase::Architecture),
            ..after(plan("undone, copied", "llama-broken", "read-copy check=architecture"), "0", "read-copy")
        },
        plan("checked", "llama", "mapped-file window=64 check=structure,architecture"),
    ]
}

/// What a cause must be for an error of the host.
fn cause(error: &StorageError) -> Cause {
    match error {
        StorageError::Unsupported => Cause::StrategyUnavailable,
        StorageError::AccessDenied => Cause::AccessDenied,
        StorageError::OutOfBounds => Cause::OutOfBounds,
        StorageError::Busy => Cause::Busy,
        StorageError::Exhausted => Cause::OutOfMemory,
        StorageError::Changed => Cause::SourceChanged,
        StorageError::EndOfSource => Cause::EndOfSource,
        StorageError::Cancelled => Cause::Cancelled,
        StorageError::Deadline => Cause::Deadline,
        StorageError::Io(_) => Cause::Io,
        StorageError::Other(_) => Cause::Other,
    }
}

/// Residency, without the names that a host gives anew each time.
fn standing(states: &[TensorState]) -> Vec<(Lifecycle, bool)> {
    states.iter().map(|state| (state.lifecycle, state.location.is_some())).collect()
}

struct Sweep<'p> {
    plan: &'p Plan,
    what: String,
}

impl Sweep<'_> {
    fn start<H: Harness>(&self) -> H {
        let mut host = H::open(&self.plan.model, &self.plan.setup, &[]).unwrap();
        if let Some((selection, options)) = &self.plan.before {
            host.load(selection, options).unwrap();
        }
        host
    }

    /// One typed error that says what the host said.
    fn typed(&self, error: &Error, phase: Phase, injected: &StorageError) {
        let what = &self.what;
        assert!(error.message.len() > 10, "{what}: {error:?}");
        if self.plan.refused == Some(error.phase) {
            return;
        }
        assert_eq!(error.phase, phase, "{what}: {error:?}");
        assert_eq!(error.cause, cause(injected), "{what}: {error:?}");
        assert_eq!(error.os_code, if let StorageError::Io(code) = injected { Some(*code) } else { None }, "{what}");
        assert_eq!(error.strategy.is_some(), phase == Phase::Transfer, "{what}: {error:?}");
        let tensors = u32::try_from(self.plan.model.tensors.len()).unwrap();
        assert!(error.tensor.is_none_or(|tensor| tensor < tensors), "{what}: {error:?}");
        if let StorageError::Other(words) = injected {
            assert!(error.message.contains(words.as_str()), "{what}: {error:?}");
        }
    }

    fn bytes<H: Harness>(&self, host: &mut H) {
        for (index, state) in (0u32..).zip(host.states()) {
            let (name, data) = &self.plan.model.tensors[index as usize];
            let resident = matches!(state.lifecycle, Lifecycle::Resident | Lifecycle::MmapResident);
            let bytes = host.bytes(index);
            assert_eq!(bytes.is_some(), resident || data.is_empty() && bytes.is_some(), "{}: {name}", self.what);
            if resident {
                assert!(bytes.as_ref() == Some(data), "{}: {name} differs", self.what);
            }
        }
    }

    /// Slots are owned by tensors, or free, or wait to be asked again.
    fn slots<H: Harness>(&self, host: &mut H) {
        let states = host.states();
        for (number, slot) in (0u32..).zip(host.slots()) {
            let own = states.iter().filter(|state| state.slot == Some(number)).count();
            assert_eq!(slot.tensors as usize, own, "{}: slot {number}", self.what);
            let fits = match slot.status {
                SlotStatus::Free => own == 0,
                SlotStatus::Owned => own > 0,
                SlotStatus::UnmapPending => true,
                SlotStatus::Reserved | SlotStatus::Retired => false,
            };
            assert!(fits, "{}: slot {number} is {}", self.what, kebab(&slot.status));
        }
    }

    /// From here on the host does what it should: the load works, and all of it goes away.
    fn recover<H: Harness>(&self, host: &mut H) {
        host.disarm();
        match (host.load(&Selection::All, &self.plan.options), self.plan.refused) {
            (Ok(_), None) => {
                let resident =
                    |state: &TensorState| matches!(state.lifecycle, Lifecycle::Resident | Lifecycle::MmapResident);
                assert!(host.states().iter().all(resident), "{}: the load again", self.what);
            }
            (Err(error), Some(phase)) => assert_eq!(error.phase, phase, "{}", self.what),
            (result, _) => panic!("{}: the load again: {result:?}", self.what),
        }
        self.bytes(host);
        self.slots(host);
        host.release(&Selection::All).unwrap_or_else(|error| panic!("{}: {error:?}", self.what));
        host.evict(&Selection::All).unwrap_or_else(|error| panic!("{}: {error:?}", self.what));
        let left = host.states().iter().any(|state| state.location.is_some());
        assert!(!left, "{}", self.what);
        self.end(host);
    }

    fn end<H: Harness>(&self, host: &mut H) {
        host.close().unwrap_or_else(|error| panic!("{}: close: {error:?}", self.what));
        for slot in host.slots_when_closed() {
            assert_eq!(kebab(&slot.status), "free", "{}", self.what);
        }
        assert_eq!(host.leaks(), Leaks::default(), "{}", self.what);
    }

    /// The load fails at call `at`, and at so many after it.
    fn load<H: Harness>(&self, at: u32, times: u32, error: &StorageError) -> usize {
        let mut host: H = self.start();
        let before = host.states();
        host.arm(Fault { kind: None, at, times, instead: Instead::Error(error.clone(), 0) });
        match host.load(&Selection::All, &self.plan.options) {
            Ok(_) => assert_eq!(self.plan.refused, None, "{}", self.what),
            Err(found) => {
                self.typed(&found, Phase::Transfer, error);
                assert_eq!(standing(&host.states()), standing(&before), "{}: {found:?}", self.what);
            }
        }
        let struck = host.struck();
        host.disarm();
        self.bytes(&mut host);
        self.slots(&mut host);
        self.recover(&mut host);
        struck
    }

    /// A request after a load fails at call `at`.
    fn end_of_residency<H: Harness>(&self, request: Phase, at: u32, times: u32, error: &StorageError) -> usize {
        let mut host: H = self.start();
        host.load(&Selection::All, &self.plan.options).unwrap();
        let before = standing(&host.states());
        host.arm(Fault { kind: None, at, times, instead: Instead::Error(error.clone(), 0) });
        let result = perform(&mut host, request);
        let struck = host.struck();
        host.disarm();
        assert_eq!(result.is_err(), struck > 0, "{}: {result:?}", self.what);
        if let Err(found) = result {
            self.typed(&found, request, error);
        }
        // What did not end is as it was; what did is evicted.
        for (before, after) in before.iter().zip(standing(&host.states())) {
            assert!(after == *before || after.0 == Lifecycle::Evicted, "{}", self.what);
        }
        self.bytes(&mut host);
        self.slots(&mut host);
        perform(&mut host, request).unwrap_or_else(|error| panic!("{}: again: {error:?}", self.what));
        if request == Phase::Close {
            self.end(&mut host);
        } else {
            self.recover(&mut host);
        }
        struck
    }
}

fn perform<H: Harness>(host: &mut H, request: Phase) -> Result<(), Error> {
    match request {
        Phase::Release => host.release(&Selection::All).map(|_| ()),
        Phase::Evict => host.evict(&Selection::All).map(|_| ()),
        Phase::Advise => {
            let mapped = host.states().iter().position(|state| state.lifecycle == Lifecycle::MmapResident);
            mapped.map_or(Ok(()), |at| host.advise(u32::try_from(at).unwrap(), Advice::WillNeed).map(|_| ()))
        }
        _ => host.close(),
    }
}

/// Sweeps one plan, and answers how many faults struck.
pub fn sweep<H: Harness>(plan: &Plan, errors: &[StorageError]) -> usize {
    let describe = |request: &str, at: u32, times: u32, error: &StorageError| {
        format!("{}: {request}, call {at}, {times} times {error:?}", plan.name)
    };
    let mut struck = 0;
    for error in errors {
        // Once, and from there on for ever: a host that dies.
        for times in [1, u32::MAX] {
            for at in 1.. {
                let sweep = Sweep { plan, what: describe("load", at, times, error) };
                let hit = sweep.load::<H>(at, times, error);
                struck += hit;
                if hit == 0 {
                    break;
                }
            }
            if plan.refused.is_some() {
                continue;
            }
            for request in [Phase::Release, Phase::Evict, Phase::Advise, Phase::Close] {
                for at in 1.. {
                    let sweep = Sweep { plan, what: describe(&kebab(&request), at, times, error) };
                    let hit = sweep.end_of_residency::<H>(request, at, times, error);
                    struck += hit;
                    if hit == 0 {
                        break;
                    }
                }
            }
        }
    }
    struck
}

/// Sweeps the opening of a model of this name; reads may also be short.
pub fn sweep_open<H: Harness>(name: &str, errors: &[StorageError], dropped: impl Fn()) -> usize {
    let model = Model { given: usize::MAX, ..files::named(name).unwrap() };
    let setup = Setup { max_read: 64, quiet: true, ..Setup::default() };
    let shorts = [0, 1, 7].map(|len| (Some(Kind::Read), Instead::Short(len)));
    let faults = errors.iter().map(|error| (None, Instead::Error(error.clone(), 0))).chain(shorts);
    let mut struck = 0;
    for (kind, instead) in faults {
        for at in 1.. {
            let what = format!("opening {name}: call {at} is {instead:?}");
            match H::open(&model, &setup, &[Fault { kind, at, times: 1, instead: instead.clone() }]) {
                Ok(mut host) => {
                    // The fault came after the end.
                    host.close().unwrap();
                    assert_eq!(host.leaks(), Leaks::default(), "{what}");
                    break;
                }
                Err(error) => {
                    struck += 1;
                    assert_eq!(error.phase, Phase::Parse, "{what}: {error:?}");
                    let expected = match &instead {
                        Instead::Error(error, _) => cause(error),
                        Instead::Short(_) => Cause::EndOfSource,
                    };
                    assert_eq!(error.cause, expected, "{what}: {error:?}");
                    assert!(error.source.is_some(), "{what}: {error:?}");
                    dropped();
                }
            }
        }
    }
    struck
}
