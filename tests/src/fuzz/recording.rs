//! Recordings: read, written again, exported, compared and drawn.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::de::IgnoredAny;
use weighbridge_core::recording::{
    Names, Recording, compare, dot, mermaid, mermaid_recording, perfetto, transition_counts,
};

const FIRST: &[u8] = b"{\"weighbridge-recording\":";
const LAST: &[u8] = b"{\"end\":";

/// What records without a first line are recorded by: two machines' names and a table.
const HEADER: &[u8] = br#"{"weighbridge-recording":1,"weighbridge":"0.1.0","component":"c0","names":["m","load","a","b","n"],"machines":[{"machine":"m","initial":"a","rows":[{"section":"s","source":"a","event":"load","completion":false,"guard":"","action":"n","target":"b"}]}]}
"#;

/// Lines without a first or a last one are given one that matches them, so that what they say is what is read; lines that have
/// them are read as they are. What was read is written and read again.
pub fn recording(input: &[u8]) {
    let Some(read) = read(input) else { return };
    let mut written = Vec::new();
    read.write(&mut written).expect("memory takes everything");
    let again = Recording::read(written.as_slice()).expect("what was written is read");
    assert_eq!(read, again, "a recording is another one after it was written");
}

/// One recording, or two with an empty line between them, in every use that reads only them.
pub fn recording_use(input: &[u8]) {
    let cut = input.windows(2).position(|two| two == b"\n\n");
    let (one, two) = cut.map_or((input, input), |at| (&input[..=at], &input[at + 2..]));
    let Some(one) = read(one) else { return };
    let two = read(two).unwrap_or_else(|| one.clone());
    export(&one);
    draw(&one);
    side_by_side(&one, &two);
}

fn read(input: &[u8]) -> Option<Recording> {
    if zeros(input) > 1 << 20 {
        return None;
    }
    let ended = input.split(|byte| *byte == b'\n').any(|line| line.starts_with(LAST));
    if ended {
        return Recording::read(input).ok();
    }
    let mut file = if input.starts_with(FIRST) { Vec::new() } else { HEADER.to_vec() };
    file.extend(input);
    while file.pop_if(|last| *last == b'\n').is_some() {}
    let lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
    let checks: Vec<u8> = lines.iter().flat_map(|line| crc16(line).to_be_bytes()).collect();
    let (records, check) = (lines.len() - 1, crc16(&checks));
    let last = format!("\n{{\"end\":{records},\"checks\":\"{}\",\"check\":{check}}}\n", STANDARD.encode(&checks));
    file.extend(last.into_bytes());
    Recording::read(file.as_slice()).ok()
}

/// The zeros that a recording leaves out. Many take time and teach nothing; their bound has tests of its own.
fn zeros(input: &[u8]) -> u64 {
    const FIELD: &[u8] = b"\"zeros\":";
    let fields = input.windows(FIELD.len()).enumerate().filter(|(_, window)| *window == FIELD);
    fields.fold(0, |sum, (at, _)| {
        let digits = input[at + FIELD.len()..].iter().skip_while(|byte| byte.is_ascii_whitespace());
        let number = digits.take_while(|byte| byte.is_ascii_digit());
        number
            .fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
            .saturating_add(sum)
    })
}

/// CRC-16/XMODEM by its definition, bit by bit.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            },
        )
    })
}

fn export(recording: &Recording) {
    let mut trace = Vec::new();
    perfetto(recording, &mut trace).expect("memory takes everything");
    serde_json::from_slice::<IgnoredAny>(&trace).expect("an export is JSON");
}

/// A diagram has the lines that it was made of, whatever the names in it are.
fn draw(recording: &Recording) {
    for table in &recording.header.machines {
        for (text, comment) in [(mermaid(table), "%%"), (dot(table), "//")] {
            for line in text.lines().skip(2) {
                let known = line.starts_with("    ") || line == "}" || line.starts_with("digraph \"");
                assert!(known, "a name began a line of its own: {line:?}");
            }
            assert!(text.starts_with(comment));
            assert!(text.lines().count() <= 2 * table.rows.len() + 8, "a name has a line break: {text}");
        }
    }
    let edges: usize = transition_counts(recording).values().map(|edges| 3 * edges.len() + 2).sum();
    assert!(mermaid_recording(recording).lines().count() <= 2 + edges, "a name has a line break");
    let names = Names::of(recording);
    for record in &recording.records {
        if let weighbridge_core::trace::What::Step(entry) = &record.what {
            assert!(!names.step(entry).is_empty());
        }
    }
}

fn side_by_side(one: &Recording, two: &Recording) {
    for row in compare(one, one).rows {
        assert!(row.same_work() && row.growth(0) == 0.0, "a recording differs from itself: {row:?}");
    }
    let rows = compare(one, two);
    let sum = rows.by_event();
    let count =
        |rows: &[weighbridge_core::recording::Delta]| rows.iter().map(|row| row.a.count + row.b.count).sum::<u64>();
    assert_eq!(count(&rows.rows), count(&sum.rows), "sums over instances lose nothing");
    assert!(rows.over(0.1, 1_000).len() <= rows.rows.len());
    let back = compare(two, one);
    assert!(rows.rows.iter().zip(&back.rows).all(|(there, back)| (there.a, there.b) == (back.b, back.a)));
}
