//! Recordings that mean harm: each ends with a sentence, before memory is taken.
#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::trace::{Record, What};
use crate::types::{Entry, Happening};

/// A recording whose header and records are these lines, without the last line, which no attack gets to.
fn read(lines: &[String], limits: ReadLimits) -> Result<Recording, ReadError> {
    let mut text = String::from("{\"weighbridge-recording\":1,\"weighbridge\":\"\",\"component\":\"\"}\n");
    lines.iter().for_each(|line| {
        text.push_str(line);
        text.push('\n');
    });
    Recording::read_within(text.as_bytes(), limits)
}

#[track_caller]
fn refused(lines: &[String], says: &str) {
    refused_within(lines, ReadLimits::default(), says);
}

#[track_caller]
fn refused_within(lines: &[String], limits: ReadLimits, says: &str) {
    let error = read(lines, limits).unwrap_err();
    assert!(matches!(error, ReadError::Line { .. }), "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

fn line(what: &str) -> String {
    format!("{{\"seq\":0,\"at\":0,{what}}}")
}

#[test]
fn an_answer_of_many_values_is_not_parsed() {
    let entries: Vec<String> = (0..70_000).map(|key| format!("\"{key}\":0")).collect();
    refused(&[line(&format!("\"leave\":{{\"ok\":{{{}}}}}", entries.join(",")))], "has more than 65536 values");
    refused(&[line(&format!("\"leave\":{{\"ok\":[{}]}}", "[],".repeat(40_000) + "0"))], "has more than 65536 values");
    // Whatever it is called.
    let other = format!("\"strange\":[{}0]", "0,".repeat(1 << 20));
    refused(&[line(&other)], "has more than 1048576 values");
}

#[test]
fn values_are_not_nested_without_end() {
    let deep = format!("\"leave\":{{\"ok\":{}0{}}}", "[".repeat(30), "]".repeat(30));
    refused(&[line(&deep)], "nested more than 24 deep");
}

#[test]
fn names_have_the_bounds_of_a_live_session() {
    let long = format!("\"names\":{{\"first\":0,\"names\":[\"{}\"]}}", "n".repeat(1025));
    refused(&[line(&long)], "a name is longer than 1024 bytes");
    let many = format!("\"names\":{{\"first\":0,\"names\":[{}\"n\"]}}", "\"n\",".repeat(1 << 16));
    refused(&[line(&many)], "more than 65536 names");
    let header = format!(
        "{{\"weighbridge-recording\":1,\"weighbridge\":\"\",\"component\":\"\",\"names\":[\"{}\"]}}\n",
        "n".repeat(2000)
    );
    let error = Recording::read(header.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("line 1 of the recording is damaged: a name is longer"), "{error}");
}

#[test]
fn texts_of_errors_and_files_are_bounded() {
    let long = "x".repeat(20_000);
    for what in [
        format!("\"leave\":{{\"trapped\":\"{long}\"}}"),
        format!("\"leave\":{{\"failed\":{{\"phase\":\"parse\",\"cause\":\"malformed\",\"message\":\"{long}\"}}}}"),
        format!("\"host\":{{\"part\":\"{long}\",\"ns\":0}}"),
        format!("\"enter\":{{\"provide\":{{\"sources\":[\"{long}\"]}}}}"),
    ] {
        refused(&[line(&what)], "is longer than");
    }
    let many = "\"f\",".repeat(5000);
    refused(&[line(&format!("\"enter\":{{\"provide\":{{\"sources\":[{many}\"f\"]}}}}"))], "more than 4097 files");
}

#[test]
fn the_whole_has_one_budget() {
    let mut limits = ReadLimits { memory: 1 << 20, ..ReadLimits::default() };
    let steps: Vec<String> = (0..30_000).map(|seq| format!("[{seq},0,0,null,\"e\",0]")).collect();
    refused_within(&steps, limits, "more than 1048576 bytes of memory");
    let zeros = |seq| {
        format!("{{\"seq\":{seq},\"at\":0,\"zeros\":400000,\"return\":{{\"answer\":{{\"bytes\":\"\"}},\"ns\":0}}}}")
    };
    refused_within(&[zeros(0), zeros(1), zeros(2)], limits, "`zeros` is too large");
    limits.line = 100;
    refused_within(&[line(&format!("\"enter\":\"{}\"", "x".repeat(100)))], limits, "longer than 100 bytes");
}

#[test]
fn a_step_is_short() {
    refused(&[format!("[0,0,0,null,\"e\",0{}]", ",0".repeat(200))], "a step of more than 256 bytes");
}

/// A long name in many rows: the rows share it.
#[test]
fn no_name_is_multiplied() {
    const STEPS: u32 = 100_000;
    let step = |instance, what| What::Step(Entry { machine: 0, instance: Some(instance), what });
    let mut whats = vec![What::Names { first: 0, names: ["m", "e"].map(|name| name.repeat(1024)).to_vec() }];
    for instance in 0..STEPS {
        whats.push(step(instance, Happening::Event(1)));
        whats.push(step(instance, Happening::Transition((1, 0))));
    }
    let records = whats.into_iter().zip(0..).map(|(what, seq)| Record { seq, at: seq, what }).collect();
    let recording = Recording { header: RecordingHeader::default(), records };
    let comparison = compare(&recording, &recording);
    assert_eq!(comparison.rows.len(), STEPS as usize);
    assert!(comparison.rows.windows(2).all(|pair| std::ptr::eq(pair[0].actor.as_str(), pair[1].actor.as_str())));
    let mut written = Counted(0);
    perfetto(&recording, &mut written).unwrap();
    assert!(written.0 / u64::from(STEPS) < 2 * 600, "{}", written.0);
}

struct Counted(u64);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Names end neither a comment nor a text of a diagram, and turn nothing round.
#[test]
fn diagrams_hold_what_a_name_means_to_say() {
    let name = "m\u{202e}\n%%{init: {}}%%\n*/ end\u{ad}\u{e0041}";
    let row = crate::types::MachineRow {
        section: name.to_owned(),
        source: name.to_owned(),
        event: name.to_owned(),
        completion: false,
        guard: name.to_owned(),
        action: String::new(),
        target: "b".to_owned(),
        refuses: false,
    };
    let stays = crate::types::MachineRow { event: "unexpected".to_owned(), target: name.to_owned(), ..row.clone() };
    let table = crate::types::MachineTable {
        machine: name.to_owned(),
        initial: name.to_owned(),
        rows: vec![row, stays],
        order: 0,
        pooled: false,
        owns: None,
    };
    let step = |what| What::Step(Entry { machine: 0, instance: None, what });
    let whats = [
        What::Names { first: 0, names: vec![name.to_owned()] },
        step(Happening::Event(0)),
        step(Happening::Transition((0, 0))),
    ];
    let records = whats.into_iter().zip(0..).map(|(what, seq)| Record { seq, at: 0, what }).collect();
    let recording = Recording { header: RecordingHeader::default(), records };
    for (text, lines) in [(mermaid(&table), 6), (dot(&table), 9), (mermaid_recording(&recording), 7)] {
        assert!(!text.contains(['\u{202e}', '\u{ad}', '\u{e0041}']), "{text:?}");
        // A directive of Mermaid, which Graphviz does not know.
        assert!(text.starts_with("//") || !text.contains("%%{"), "{text}");
        assert!(text.lines().count() <= lines, "{text}");
    }
}
