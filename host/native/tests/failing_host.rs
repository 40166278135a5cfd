//! A host that fails at call k with error e, for every k and every e of real loads. After each: one typed error, nothing
//! held that cannot be given back, and the same load again works.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::{file, loader, safetensors, value};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use weighbridge::trace::{Answer, Call};
use weighbridge::{
    BatchError, Cause, Error, ExtentPolicy, Interpose, Lifecycle, LoadOptions, Selection, Session, SessionOptions,
    StorageError, Strategy, StrategyPolicy,
};

/// Fails the call with this number, counted from 0; `u64::MAX` for none.
struct Fault {
    at: AtomicU64,
    calls: AtomicU64,
    answer: Answer,
}

impl Fault {
    fn new(at: u64, answer: Answer) -> Arc<Self> {
        Arc::new(Self { at: at.into(), calls: 0.into(), answer })
    }
}

impl Interpose for Fault {
    fn before(&self, _: &Call) -> Option<Answer> {
        let call = self.calls.fetch_add(1, Relaxed);
        (call == self.at.load(Relaxed)).then(|| self.answer.clone())
    }
}

fn answers() -> Vec<Answer> {
    let errors = [
        StorageError::Unsupported,
        StorageError::AccessDenied,
        StorageError::OutOfBounds,
        StorageError::Busy,
        StorageError::Exhausted,
        StorageError::Changed,
        StorageError::EndOfSource,
        StorageError::Cancelled,
        StorageError::Deadline,
        StorageError::Io(5),
        StorageError::Other("strange".to_owned()),
    ];
    let mut answers: Vec<_> = errors.into_iter().map(Answer::Failed).collect();
    answers.extend([
        Answer::BatchFailed(BatchError { span: 1, error: StorageError::Io(5) }),
        Answer::BatchFailed(BatchError { span: u32::MAX, error: StorageError::EndOfSource }),
        // Short and zero reads, and answers that do not fit at all.
        Answer::Bytes(Vec::new().into()),
        Answer::Bytes(vec![0; 3].into()),
        Answer::Done,
        Answer::Mapping(77),
    ]);
    answers
}

fn open(path: &Path, fault: &Arc<Fault>) -> Result<Session, Error> {
    let interpose: Arc<dyn Interpose> = fault.clone();
    loader().open_with(&[path.to_owned()], SessionOptions::new().interpose(interpose))
}

fn whole(session: &mut Session) {
    let tensor = session.tensor("b").unwrap();
    assert_eq!(tensor.bytes(), (3000..12_000).map(value).collect::<Vec<_>>());
}

fn give_back(session: &mut Session) {
    let states = session.states().unwrap().to_vec();
    let held = |lifecycle| states.iter().any(|state| state.lifecycle == lifecycle);
    if held(Lifecycle::MmapResident) {
        session.release(&Selection::All).unwrap();
    }
    if held(Lifecycle::Resident) {
        session.evict(&Selection::All).unwrap();
    }
}

#[test]
fn every_call_of_every_load_may_fail_in_every_way() {
    let (_folder, path) = file("m.safetensors", &safetensors(&[("a", 3000), ("b", 9000), ("c", 10)]));
    let (mut injected, mut survived) = (0, 0);
    for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
        for extent in [ExtentPolicy::WholeFile, ExtentPolicy::PerTensor] {
            let options = LoadOptions::new().policy(strategy).extent(extent).staging_bytes(4096);
            let probe = Fault::new(u64::MAX, Answer::Done);
            let mut session = open(&path, &probe).unwrap();
            let open_calls = probe.calls.load(Relaxed);
            session.load(&Selection::All, &options).unwrap();
            let all_calls = probe.calls.load(Relaxed);
            for answer in answers() {
                for at in 0..all_calls {
                    injected += 1;
                    let fault = Fault::new(at, answer.clone());
                    let opened = open(&path, &fault);
                    let mut session = match opened {
                        Ok(session) => session,
                        Err(error) => {
                            assert!(at < open_calls && error.cause != Cause::Internal, "{at} {answer:?}: {error:?}");
                            continue;
                        }
                    };
                    let usage = session.usage();
                    match session.load(&Selection::All, &options) {
                        // Some answers are good enough for the call that they came to.
                        Ok(_) => survived += 1,
                        Err(error) => {
                            assert!(error.message.len() > 10, "{error:?}");
                            let resident =
                                session.states().unwrap().iter().filter(|state| state.location.is_some()).count();
                            assert_eq!(resident, 0, "{at} {answer:?}: {error:?}");
                            assert_eq!((usage.mappings(), usage.buffers()), (0, 0), "{at} {answer:?}: {error:?}");
                            session.load(&Selection::All, &options).unwrap();
                            if !matches!(answer, Answer::Done) {
                                whole(&mut session);
                            }
                        }
                    }
                    give_back(&mut session);
                    assert_eq!((usage.mappings(), usage.buffers()), (0, 0), "{at} {answer:?}");
                    session.close().unwrap();
                }
            }
        }
    }
    println!("{injected} faults injected, {survived} made no difference");
    assert!(injected > 500);
}

#[test]
fn what_fails_while_giving_back_can_be_asked_again() {
    let (_folder, path) = file("m.safetensors", &safetensors(&[("a", 3000), ("b", 9000), ("c", 10)]));
    for strategy in [Strategy::MappedFile, Strategy::ReadCopy] {
        for extent in [ExtentPolicy::WholeFile, ExtentPolicy::PerTensor] {
            for answer in [StorageError::Busy, StorageError::Io(5)] {
                for later in 0..4 {
                    let fault = Fault::new(u64::MAX, Answer::Failed(answer.clone()));
                    let mut session = open(&path, &fault).unwrap();
                    let usage = session.usage();
                    let policy = StrategyPolicy::Only(strategy);
                    session.load(&Selection::All, &LoadOptions::new().policy(policy).extent(extent)).unwrap();
                    fault.at.store(fault.calls.load(Relaxed) + later, Relaxed);
                    let end = |session: &mut Session| match strategy {
                        Strategy::MappedFile => session.release(&Selection::All),
                        _ => session.evict(&Selection::All),
                    };
                    if let Err(error) = end(&mut session) {
                        println!("{strategy:?} {extent:?} {later}: {error}");
                        assert!(usage.mappings() + usage.buffers() > 0);
                    }
                    fault.at.store(u64::MAX, Relaxed);
                    session.close().unwrap();
                    assert_eq!(
                        (usage.mappings(), usage.buffers()),
                        (0, 0),
                        "{strategy:?} {extent:?} {answer:?} {later}"
                    );
                }
            }
        }
    }
}
