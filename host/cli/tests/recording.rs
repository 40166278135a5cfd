//! Recordings of real sessions: what was recorded is replayed without the model, and what differs is named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod support;

use std::sync::{Arc, OnceLock};
use support::place::Place;
use weighbridge::ReplayError;
use weighbridge::recording::{Recording, compare, transition_counts};
use weighbridge::trace::{Answer, Call, What};
use weighbridge::{
    Error, ExtentPolicy, Happening, Interpose, Level, LoadOptions, Runtime, Selection, Session, SessionOptions,
    StorageError, Strategy,
};

/// One for all tests.
fn runtime() -> Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap()).clone()
}

fn options() -> SessionOptions {
    let mut options = SessionOptions::new().ring(1 << 22);
    options.guest.observe = Level::Transitions;
    options
}

fn load(strategy: Strategy) -> LoadOptions {
    LoadOptions::new().policy(strategy)
}

/// Loads a sample under `options`, in every way that `what` does.
fn recorded(options: SessionOptions, what: impl FnOnce(&mut Session)) -> (Runtime, Recording) {
    let place = Place::new();
    place.run("weighbridge sample model.gguf");
    let runtime = runtime();
    let mut session = runtime.open_with(&[place.path("model.gguf")], options).unwrap();
    what(&mut session);
    let recording = session.recording();
    // The model goes with its folder: what is replayed has nothing but the recording.
    drop((session, place));
    (runtime, recording)
}

fn through_a_file(recording: &Recording) -> Recording {
    let mut file = Vec::new();
    recording.write(&mut file).unwrap();
    Recording::read(file.as_slice()).unwrap()
}

#[test]
fn every_strategy_is_replayed_without_the_model() {
    for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
        let (runtime, recording) = recorded(options(), |session| {
            session.load(&Selection::All, &load(strategy)).unwrap();
            session.metadata(3).unwrap();
            let selection = Selection::Matching("blk.0.*".to_owned());
            match strategy {
                Strategy::MappedFile => session.release(&selection).unwrap(),
                _ => session.evict(&selection).unwrap(),
            };
            session.load(&Selection::All, &load(strategy)).unwrap();
            session.close().unwrap();
        });
        let recording = through_a_file(&recording);
        let report = runtime.replay(&recording, None).unwrap_or_else(|error| panic!("{strategy:?}: {error}"));
        assert!(report.complete);
        assert!(report.steps > 0 && report.calls > 0 && report.bytes_read > 0, "{report:?}");
        let compared = recording.records.iter().filter(|record| !matches!(record.what, What::Host { .. })).count();
        assert_eq!(report.compared, compared as u64);
    }
}

#[test]
fn registered_memory_is_replayed_without_the_memory() {
    let (runtime, recording) = recorded(options(), |session| {
        for tensor in session.tensors().unwrap().to_vec() {
            session.register(tensor.name, vec![0u8; tensor.bytes as usize]).unwrap();
        }
        session.load(&Selection::All, &load(Strategy::ExternalBuffer)).unwrap();
    });
    assert!(runtime.replay(&through_a_file(&recording), None).unwrap().complete);
}

#[test]
fn it_stops_where_it_is_told_to() {
    let (runtime, recording) = recorded(options(), |session| {
        session.load(&Selection::All, &load(Strategy::MappedFile)).unwrap();
    });
    for record in recording.records.iter().filter(|record| !matches!(record.what, What::Host { .. })) {
        let report = runtime.replay(&recording, Some(record.seq)).unwrap();
        assert_eq!(report.last.unwrap().seq, record.seq);
    }
    let last = recording.records.last().unwrap().seq;
    assert!(runtime.replay(&recording, Some(last)).unwrap().complete);
    assert!(matches!(runtime.replay(&recording, Some(last + 1)), Err(ReplayError::Until { .. })));
}

#[test]
fn the_first_difference_is_named() {
    let (runtime, recording) = recorded(options(), |session| {
        session.load(&Selection::All, &load(Strategy::MappedFile)).unwrap();
    });
    let mut tried = 0;
    for index in 0..recording.records.len() {
        let mut other = recording.clone();
        let record = &mut other.records[index];
        match &mut record.what {
            What::Step(entry) => match &mut entry.what {
                Happening::Event(name) | Happening::Action(name) | Happening::Command(name) => *name += 1,
                Happening::Guard((_, held)) => *held = !*held,
                Happening::Answer((_, good)) | Happening::Outcome((_, good)) => *good = !*good,
                Happening::Transition((_, to)) => *to += 1,
            },
            What::Call(call) => match &mut **call {
                Call::Read { offset, .. } | Call::MapRange { offset, .. } => *offset += 1,
                _ => continue,
            },
            _ => continue,
        }
        let seq = record.seq;
        match runtime.replay(&other, None) {
            Err(ReplayError::Differs { seq: found, expected, got }) => {
                assert_eq!(found, seq, "{expected} / {got}");
                assert_ne!(expected, got);
            }
            answer => panic!("record {seq}: {answer:?}"),
        }
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn another_answer_leads_elsewhere() {
    let (runtime, mut recording) = recorded(options(), |session| {
        session.load(&Selection::All, &load(Strategy::MappedFile)).unwrap();
    });
    let mapped = recording.records.iter_mut().find_map(|record| match &mut record.what {
        What::Return { answer, .. } if matches!(**answer, Answer::Mapping(_)) => Some((record.seq, answer)),
        _ => None,
    });
    let (seq, answer) = mapped.unwrap();
    **answer = Answer::Failed(StorageError::Exhausted);
    match runtime.replay(&recording, None) {
        Err(ReplayError::Differs { seq: found, .. }) => assert!(found > seq),
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn a_recording_of_another_component_is_refused() {
    let (runtime, mut recording) = recorded(options(), |_| {});
    recording.header.component = "0123456789abcdef".repeat(4);
    recording.header.weighbridge = "0.0.9".to_owned();
    let error = runtime.replay(&recording, None).unwrap_err().to_string();
    assert!(error.contains("weighbridge 0.0.9 with component 0123456789ab"), "{error}");
    assert!(error.contains(&runtime.component_id()[..12]), "{error}");
}

#[test]
fn a_ring_that_lost_its_beginning_is_refused_and_says_so() {
    let options = options().ring(16);
    let (runtime, recording) = recorded(options, |session| {
        session.load(&Selection::All, &LoadOptions::default()).unwrap();
    });
    assert_eq!(recording.records.len(), 16);
    let recording = through_a_file(&recording);
    let error = runtime.replay(&recording, None).unwrap_err();
    assert_eq!(error, ReplayError::Lost { lost: recording.header.lost });
    assert!(error.to_string().contains("larger ring"), "{error}");
    // What is left can be looked at.
    assert!(transition_counts(&recording).keys().all(|machine| !machine.starts_with('#')));
}

/// Fails the first mapping.
struct NoMapping;

impl Interpose for NoMapping {
    fn before(&self, call: &Call) -> Option<Answer> {
        matches!(call, Call::MapRange { .. }).then_some(Answer::Failed(StorageError::Io(5)))
    }
}

#[test]
fn a_load_that_failed_is_saved_and_replayed() {
    let options = options().interpose(Arc::new(NoMapping));
    let mut failure: Option<Error> = None;
    let (runtime, recording) = recorded(options, |session| {
        failure = session.load(&Selection::All, &load(Strategy::MappedFile)).err();
    });
    assert_eq!(failure.unwrap().os_code, Some(5));
    assert!(runtime.replay(&through_a_file(&recording), None).unwrap().complete);
}

#[test]
fn a_recording_without_steps_is_replayed_too() {
    let (runtime, recording) = recorded(SessionOptions::default(), |session| {
        session.load(&Selection::All, &LoadOptions::default()).unwrap();
    });
    let report = runtime.replay(&through_a_file(&recording), None).unwrap();
    assert!(report.complete && report.steps == 0 && report.calls > 0, "{report:?}");
}

#[test]
fn two_runs_of_the_same_load_do_the_same_work() {
    let run = || {
        recorded(options(), |session| {
            session.load(&Selection::All, &LoadOptions::default()).unwrap();
        })
        .1
    };
    let comparison = compare(&run(), &run());
    assert!(!comparison.rows.is_empty());
    for row in &comparison.rows {
        assert!(row.same_work(), "{row:?}");
    }
}

#[test]
fn it_has_no_path_no_name_and_no_tensor() {
    let place = Place::new();
    place.run("weighbridge sample my-secret-model.gguf");
    let runtime = runtime();
    let mut session = runtime.open_with(&[place.path("my-secret-model.gguf")], options()).unwrap();
    session.load(&Selection::All, &load(Strategy::ReadCopy)).unwrap();
    let mut file = Vec::new();
    session.recording().write(&mut file).unwrap();
    let text = String::from_utf8(file).unwrap();
    assert!(!text.contains("my-secret-model"));
    assert!(!text.contains(&*place.path("").to_string_lossy()));
    // No byte from the first tensor on was told.
    let data = session.tensors().unwrap().iter().map(|tensor| tensor.offset).min().unwrap();
    let reads = session.records().into_iter().filter_map(|record| match record.what {
        What::Call(call) => match *call {
            Call::Read { offset, len, .. } => Some(offset + u64::from(len)),
            _ => None,
        },
        _ => None,
    });
    let told: Vec<u64> = reads.collect();
    assert!(!told.is_empty() && told.iter().all(|end| *end <= data), "{told:?}, and the first tensor is at {data}");
}

/// What a person is told, names the file; what is recorded of it, does not, and is executed again all the same.
#[test]
fn a_recording_of_any_name_holds_no_name_and_replays() {
    let long = format!("secret-customer-{}", "finetune-".repeat(20));
    for name in [
        "secret-customer-7b",
        long.as_str(),
        "my\"secret-customer",
        "secret-customer\u{202e}x",
        "secret-customer\\x",
        "secret-customer' — ünïcode",
        "a.secret-customer",
    ] {
        let place = Place::new();
        let (first, second) = (format!("{name}-00001-of-00002.gguf"), format!("{name}-00002-of-00002.gguf"));
        place.run("weighbridge sample part.gguf");
        std::fs::copy(place.path("part.gguf"), place.path(&first)).unwrap();
        std::fs::copy(place.path("part.gguf"), place.path(&second)).unwrap();
        let out = place.path("out.wbrec");
        let paths = [place.path(&first), place.path(&second)];
        let output = place.command(&["record".into(), "--out".into(), out.clone(), paths[0].clone(), paths[1].clone()]);
        let told = { output }.output().unwrap();
        let told = String::from_utf8_lossy(&told.stderr).into_owned() + &String::from_utf8_lossy(&told.stdout);
        assert!(told.contains("secret-customer"), "a person is told which file: {told}");
        let text = std::fs::read_to_string(&out).unwrap();
        assert!(!text.contains("secret-customer"), "{name}: the recording names it");
        assert!(text.contains("file-0-00001-of-00002.gguf"));
        let report = runtime().replay(&Recording::read(text.as_bytes()).unwrap(), None);
        assert!(report.unwrap_or_else(|error| panic!("{name}: {error}")).complete);
    }
}

#[test]
fn seven_hundred_tensors_that_are_copied_one_by_one_take_less_than_two_megabytes() {
    let place = Place::new();
    place.run("weighbridge sample model.gguf --tensors 723");
    let runtime = runtime();
    let policy = load(Strategy::ReadCopy).extent(ExtentPolicy::PerTensor);
    let mut session = runtime.open_with(&[place.path("model.gguf")], options()).unwrap();
    session.load(&Selection::All, &policy).unwrap();
    session.close().unwrap();
    let recording = session.recording();
    let mut file = Vec::new();
    recording.write(&mut file).unwrap();
    let beyond = file.len() as u64 - session.stats().bytes_to_guest;
    assert!(beyond <= 2_000_000, "{beyond} bytes beyond the header, {} records", recording.records.len());
    assert!(runtime.replay(&Recording::read(file.as_slice()).unwrap(), None).unwrap().complete);
}
