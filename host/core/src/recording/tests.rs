//! Tests of the format: nothing is lost, and nothing damaged is taken.
#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::trace::{Answer, Call, Export, Outcome, Record, What};
use crate::types::{
    Capabilities, Entry, GuestOptions, Happening, LoadOptions, MachineRow, MachineTable, Selection, Strategy,
};
use std::io::{BufReader, Read};

/// A session as short as one can be, with every kind of record.
pub(super) fn sample() -> Recording {
    let step = |instance, what| What::Step(Entry { machine: 0, instance, what });
    let names = ["model/tensor", "load", "unbound", "loading", "can-load", "begin", "map", "loaded"];
    let whats = vec![
        What::Host { part: "instantiate".to_owned(), ns: 1000 },
        What::Enter(Box::new(Export::Open { sources: vec!["file-0".to_owned()], options: GuestOptions::default() })),
        What::Names { first: 0, names: names.map(str::to_owned).to_vec() },
        What::Call(Box::new(Call::Read { source: 0, offset: 0, len: 8 })),
        What::Return { answer: Box::new(Answer::Bytes(b"GGUF\x03\0\0\0".to_vec().into())), ns: 700 },
        What::Leave(Box::new(Outcome::Ok(serde_json::Value::Null))),
        What::Enter(Box::new(Export::Load { selection: Selection::All, options: LoadOptions::default() })),
        step(Some(0), Happening::Event(1)),
        step(Some(0), Happening::Guard((4, true))),
        step(Some(0), Happening::Action(5)),
        step(Some(0), Happening::Transition((2, 3))),
        step(None, Happening::Command(6)),
        What::Call(Box::new(Call::MapRange { source: 0, offset: 0, len: 4096 })),
        What::Return { answer: Box::new(Answer::Mapping(1)), ns: 2000 },
        step(None, Happening::Answer((6, true))),
        step(Some(0), Happening::Outcome((7, true))),
        What::Leave(Box::new(Outcome::Ok(serde_json::json!({"tensors": 1})))),
    ];
    let records = whats.into_iter().zip(0u64..).map(|(what, seq)| Record { seq, at: seq * 1500, what }).collect();
    let row = MachineRow {
        section: "load".to_owned(),
        source: "unbound".to_owned(),
        event: "load".to_owned(),
        completion: false,
        guard: "can-load".to_owned(),
        action: "begin".to_owned(),
        target: "loading".to_owned(),
        refuses: false,
    };
    let header = RecordingHeader {
        weighbridge: "0.1.0".to_owned(),
        component: "c0ffee".to_owned(),
        capabilities: Some(Capabilities {
            mmap: true,
            advise: true,
            map_granularity: 4096,
            max_read: 1 << 20,
            max_batch: 64,
            auto: vec![Strategy::MappedFile],
        }),
        machines: vec![MachineTable {
            machine: "model/tensor".to_owned(),
            initial: "unbound".to_owned(),
            rows: vec![row],
            order: 1,
            pooled: true,
            owns: None,
        }],
        ..RecordingHeader::default()
    };
    Recording { header, records }
}

fn written() -> Vec<u8> {
    let mut file = Vec::new();
    sample().write(&mut file).unwrap();
    file
}

#[test]
fn what_was_written_is_read() {
    assert_eq!(Recording::read(written().as_slice()).unwrap(), sample());
}

#[test]
fn every_line_is_json() {
    let text = String::from_utf8(written()).unwrap();
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert!(
        text.starts_with("{\"weighbridge-recording\":1,\"weighbridge\":\"0.1.0\",\"component\":\"c0ffee\""),
        "{text}"
    );
    assert_eq!(text.lines().count(), sample().records.len() + 2);
}

#[test]
fn every_prefix_is_refused_and_says_where_it_ends() {
    let file = written();
    for end in 0..file.len() {
        let error = Recording::read(&file[..end]).unwrap_err();
        let last = file[..end].iter().filter(|byte| **byte == b'\n').count();
        match &error {
            ReadError::Truncated { line, .. } => assert_eq!(*line, last, "{end}: {error}"),
            ReadError::NotARecording(_) => assert_eq!(last, 0, "{end}: {error}"),
            _ => panic!("{end}: {error}"),
        }
    }
}

#[test]
fn every_changed_byte_is_refused_and_its_line_is_named() {
    let file = written();
    let lines = sample().records.len() + 2;
    for at in 0..file.len() {
        for flip in [1u8, 2, 0x10, 0x20, 0x80] {
            let mut bad = file.clone();
            bad[at] ^= flip;
            let Err(error) = Recording::read(bad.as_slice()) else {
                panic!("byte {at} may be changed by {flip:#x}");
            };
            let here = file[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            match error {
                // A record whose number was changed is named by the number that it has now.
                ReadError::Line { line, .. } | ReadError::Changed { line, .. } => {
                    assert!(line == here || line == here + 1 || line == lines, "byte {at} of line {here}: {error}");
                }
                ReadError::Truncated { .. } => assert!(here + 1 >= lines, "byte {at} of line {here}: {error}"),
                ReadError::NotARecording(_) | ReadError::Newer { .. } => assert!(here <= 2, "{error}"),
                ReadError::Io(_) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn a_newer_format_is_refused_with_a_sentence() {
    let file = String::from_utf8(written())
        .unwrap()
        .replace("recording\":1,\"weighbridge\":\"0.1.0", "recording\":7,\"weighbridge\":\"0.9.0");
    let error = Recording::read(file.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error,
        "the recording has format version 7, and this weighbridge reads up to 1: use weighbridge 0.9.0 or newer"
    );
}

#[test]
fn something_else_is_no_recording() {
    for file in ["", "\n", "GGUF", "{}\n", "{\"weighbridge-recording\":0}\n", "[1,2]\n", "\u{0}\n"] {
        let error = Recording::read(file.as_bytes()).unwrap_err();
        assert!(matches!(error, ReadError::NotARecording(_) | ReadError::Truncated { .. }), "{file:?}: {error}");
    }
}

#[test]
fn a_line_without_an_end_does_not_fill_the_memory() {
    let endless = (&b"{\"weighbridge-recording\":"[..]).chain(std::io::repeat(b' '));
    let error = Recording::read(BufReader::new(endless)).unwrap_err().to_string();
    assert!(error.contains("longer than"), "{error}");
}

/// A line of zeros takes no room, so there are bounds: some kilobytes must not become gigabytes.
#[test]
fn zeros_that_are_left_out_are_bounded() {
    let line = |seq: usize| {
        format!(
            "{{\"seq\":{seq},\"at\":0,\"zeros\":{},\"return\":{{\"answer\":{{\"bytes\":\"\"}},\"ns\":0}}}}\n",
            60 << 20
        )
    };
    let mut file = Vec::new();
    sample().write(&mut file).unwrap();
    let header = file.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    let mut text = header.to_vec();
    (0..5).for_each(|seq| text.extend(line(seq).into_bytes()));
    let error = Recording::read(text.as_slice()).unwrap_err().to_string();
    assert!(error.contains("line 6") && error.contains("`zeros` is too large"), "{error}");
}

fn answered(bytes: Vec<u8>) -> Recording {
    let mut recording = sample();
    let what = What::Return { answer: Box::new(Answer::Bytes(bytes.into())), ns: 1 };
    recording.records = vec![Record { seq: 0, at: 0, what }];
    recording
}

/// What is written is read: zeros of any length, as long as there is memory for them.
#[test]
fn long_zeros_come_back() {
    let recording = answered(vec![0; 70 << 20]);
    let mut file = Vec::new();
    recording.write(&mut file).unwrap();
    assert_eq!(Recording::read(file.as_slice()).unwrap(), recording);
}

#[test]
fn a_line_that_nobody_would_read_is_not_written() {
    let error = answered(vec![1; 49 << 20]).write(&mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("record 0") && error.contains("max_read"), "{error}");
}

#[test]
fn numbers_at_their_end_are_refused() {
    let mut recording = sample();
    recording.header.lost = u64::MAX;
    recording.records.truncate(1);
    recording.records[0].seq = u64::MAX;
    let mut file = Vec::new();
    recording.write(&mut file).unwrap();
    let error = Recording::read(file.as_slice()).unwrap_err().to_string();
    assert!(error.contains("`seq` is the largest"), "{error}");
}

#[test]
fn a_ring_that_lost_its_beginning_still_reads() {
    let mut recording = sample();
    recording.records.drain(..4);
    recording.header.lost = 4;
    recording.header.names = vec!["model/tensor".to_owned(); 8];
    let mut file = Vec::new();
    recording.write(&mut file).unwrap();
    assert_eq!(Recording::read(file.as_slice()).unwrap(), recording);
    assert_eq!(Names::of(&recording).get(7), "model/tensor");
}

#[test]
fn seven_hundred_tensors_fit_into_a_megabyte() {
    let mut recording = sample();
    recording.records.clear();
    // Six transitions of 700 tensors, each with its event, guard and action.
    for tensor in 0..700 {
        for state in 0..6 {
            for what in [
                Happening::Event(40 + state),
                Happening::Guard((60 + state, true)),
                Happening::Action(80 + state),
                Happening::Transition((100 + state, 101 + state)),
            ] {
                let seq = recording.records.len() as u64;
                let what = What::Step(Entry { machine: 3, instance: Some(tensor), what });
                recording.records.push(Record { seq, at: 5_000_000_000 + seq * 300, what });
            }
        }
    }
    let mut file = Vec::new();
    recording.write(&mut file).unwrap();
    assert!(file.len() < 1_000_000, "{} bytes", file.len());
}

#[test]
fn two_runs_are_compared_row_by_row() {
    let a = sample();
    let same = compare(&a, &a);
    assert!(same.over(0.0, 0).is_empty());
    let row = |comparison: &Comparison, actor: &str, event: &str| {
        comparison.rows.iter().find(|row| row.actor == actor && row.event == event).cloned().unwrap()
    };
    assert_eq!(row(&same, "storage", "map-range").a, Side { count: 1, ns: 2000, bytes: 4096 });
    assert_eq!(row(&same, "export", "load").a, Side { count: 1, ns: 15_000, bytes: 0 });
    assert_eq!(row(&same, "model/tensor", "load").instance, Some(0));
    assert_eq!(row(&same, "model/tensor", "load").a, Side { count: 1, ns: 13_500, bytes: 0 });

    let mut b = sample();
    for record in &mut b.records {
        record.at *= 2;
    }
    let slower = compare(&a, &b);
    let over = slower.over(0.1, 0);
    assert!(over.iter().all(|row| row.actor != "storage"), "storage has its own time");
    assert!(over.iter().any(|row| row.actor == "export" && row.event == "open"));
    assert!(slower.over(0.1, 1_000_000).is_empty(), "all of it is below a millisecond");
    assert!(slower.over(1.0, 0).is_empty(), "twice is no more than 100 %");
}

#[test]
fn what_only_one_has_is_a_row_too() {
    let a = sample();
    let mut b = sample();
    b.records.truncate(6);
    let comparison = compare(&b, &a);
    let row = comparison.rows.iter().find(|row| row.event == "map-range").unwrap();
    assert_eq!((row.a.count, row.b.count), (0, 1));
    assert_eq!(row.growth(0), f64::INFINITY);
    assert!(!comparison.over(10.0, u64::MAX).is_empty());
    assert!(compare(&a, &b).over(0.0, 0).is_empty(), "less is not over a limit");
}

#[test]
fn rows_of_many_tensors_are_summed() {
    let mut many = sample();
    let step = |instance| What::Step(Entry { machine: 0, instance: Some(instance), what: Happening::Event(1) });
    many.records.extend((0..9).map(|instance| Record {
        seq: 17 + u64::from(instance),
        at: 30_000,
        what: step(instance),
    }));
    let comparison = compare(&sample(), &many);
    let of_load = |comparison: &Comparison| {
        let rows = comparison.rows.iter().filter(|row| row.actor == "model/tensor" && row.event == "load");
        rows.map(|row| (row.instance, row.a.count, row.b.count)).collect::<Vec<_>>()
    };
    assert_eq!(of_load(&comparison).len(), 9);
    assert_eq!(of_load(&comparison.by_event()), [(None, 1, 10)]);
}

#[test]
fn perfetto_gets_matching_slices() {
    let mut file = Vec::new();
    perfetto(&sample(), &mut file).unwrap();
    let trace: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let count = |ph: &str| events.iter().filter(|event| event["ph"] == ph).count();
    assert_eq!((count("B"), count("b"), count("X"), count("C")), (2, 1, 3, 2));
    assert_eq!((count("E"), count("e")), (count("B"), count("b")));
    let map = events.iter().find(|event| event["name"] == "map-range").unwrap();
    assert_eq!((map["ts"].as_f64(), map["dur"].as_f64()), (Some(18.0), Some(2.0)));
}

#[test]
fn diagrams_are_of_the_table_and_of_the_recording() {
    let recording = sample();
    let table = &recording.header.machines[0];
    let text = mermaid(table);
    assert!(
        text.contains("    [*] --> unbound\n    %% load\n    unbound --> loading: load [can-load] / begin\n"),
        "{text}"
    );
    assert!(dot(table).contains("\"unbound\" -> \"loading\" [label=\"load [can-load] / begin\"];"), "{}", dot(table));
    let taken = mermaid_recording(&recording);
    assert!(taken.contains("state \"model/tensor\" as m0 {"), "{taken}");
    assert!(taken.contains("m0_unbound --> m0_loading: load ×1"), "{taken}");
    assert_eq!(diagram_file_name("io/mmap", "mmd"), "io-mmap.mmd");
    assert_eq!(diagram_file_name("../x", "mmd"), "---x.mmd");
}

#[test]
fn a_name_in_a_diagram_begins_no_line_of_its_own() {
    let mut recording = sample();
    let table = &mut recording.header.machines[0];
    let evil = "x\nsubgraph cluster {\r\u{85}".to_owned();
    table.machine.clone_from(&evil);
    table.rows[0].section.clone_from(&evil);
    let silent =
        MachineRow { source: evil.clone(), target: evil, event: "unexpected".to_owned(), ..table.rows[0].clone() };
    table.rows.push(silent);
    assert_eq!(mermaid(table).lines().count(), 6, "{}", mermaid(table));
    assert_eq!(dot(table).lines().count(), 9, "{}", dot(table));
    assert!(!mermaid(table).contains(['\r', '\u{85}']) && !dot(table).contains(['\r', '\u{85}']));
}
