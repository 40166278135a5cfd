//! Large files: time, memory and reads in proportion.

use super::super::build::{GgufBuilder, Value};
use super::*;

/// The header of a valid file, followed by nothing but zeros.
fn sparse(header: &[u8], size: u64, reads: &mut u64) -> Result<Header, Error> {
    drive("model.gguf", size, 1 << 20, Limits::default(), &mut |offset, len| {
        *reads += u64::from(len);
        let at = usize::try_from(offset).unwrap().min(header.len());
        let mut bytes = header[at..header.len().min(at + len as usize)].to_vec();
        bytes.resize(len as usize, 0);
        bytes
    })
}

#[test]
fn a_vocabulary_is_passed_over_quickly() {
    let words: Vec<String> = (0..262_144).map(|n| format!("▁token{n}")).collect();
    let file = GgufBuilder::new()
        .kv("tokenizer.ggml.tokens", Value::texts(words.iter().map(String::as_str)))
        .kv("tokenizer.ggml.scores", Value::Array(6, 262_144, vec![Value::Raw(6, vec![0; 4 * 262_144])]))
        .tensor("x", 0, &[1], &[0; 4])
        .build();
    let (mut reads, mut bytes) = (0, 0);
    let header = drive("model.gguf", file.len() as u64, 1 << 20, Limits::default(), &mut |offset, len| {
        (reads, bytes) = (reads + 1, bytes + u64::from(len));
        slice(&file, offset, len)
    });
    assert_eq!(header.unwrap().metadata.sequence_len("tokenizer.ggml.tokens"), Some(262_144));
    // The scores, a million bytes, are not read. Towards the end, where less of the header is sure, the reads get smaller.
    assert!(bytes < 6_000_000 && reads < 50, "{reads} reads of {bytes} bytes");
}

#[test]
fn a_long_string_is_not_read() {
    let words = ["short".to_owned(), "x".repeat(3_000_000), "short".to_owned()];
    let file = GgufBuilder::new()
        .kv("a", Value::texts(words.iter().map(String::as_str)))
        .kv("b", Value::text(&words[1]))
        .build();
    let mut bytes = 0;
    let header = drive("model.gguf", file.len() as u64, 1 << 20, Limits::default(), &mut |offset, len| {
        bytes += u64::from(len);
        slice(&file, offset, len)
    });
    assert_eq!(header.unwrap().metadata.len(), 2);
    assert!(bytes < 600_000, "{bytes} bytes");
}

#[test]
fn a_million_small_tensors() {
    let mut file = GgufBuilder::new().align(8).kv("general.alignment", Value::U32(8));
    for n in 0..u64::from(MANY) {
        file = file.tensor_at(format!("blk.{n}.w").as_bytes(), 27, &[1], n * 8);
    }
    let file = file.data_len(8 * MANY as usize).build();
    let read = &mut |offset, len| slice(&file, offset, len);
    let header = drive("model.gguf", file.len() as u64, 1 << 20, Limits::default(), read).unwrap();
    assert_eq!(header.tensors.len(), MANY as usize);
    assert_eq!(header.tensors.find(&format!("blk.{}.w", MANY - 1)), Some(MANY - 1));
}

#[test]
fn a_sparse_file_of_64_gib() {
    let header = GgufBuilder::new().tensor_at(b"far", 0, &[256], 60 << 30).header();
    let mut reads = 0;
    let parsed = sparse(&header, 64 << 30, &mut reads).unwrap();
    assert!(parsed.tensors.get(0).unwrap().offset > 60 << 30);
    assert!(reads <= 64 << 10, "{reads} bytes");
    // The same file claims a header of 4 GiB of strings, or of bytes: that is over the limit before anything is walked.
    for (code, count) in [(8u32, 1u64 << 29), (0, 60 << 30), (9, 1 << 28)] {
        let claim = GgufBuilder::new().kv("a", Value::Array(code, count, vec![])).header();
        let mut reads = 0;
        let error = sparse(&claim, 64 << 30, &mut reads).unwrap_err();
        assert_eq!((error.cause, reads <= 64 << 10), (Cause::LimitExceeded, true), "{code}");
    }
    let claim = GgufBuilder::new().claim_tensors(1 << 30).header();
    assert_eq!(sparse(&claim, 64 << 30, &mut reads).unwrap_err().cause, Cause::LimitExceeded);
}

#[test]
fn a_host_that_answers_wrongly_is_refused() {
    let file = valid().build();
    let mut parser = Parser::new("model.gguf", file.len() as u64, 64, Limits::default());
    let Step::Read { offset, len } = parser.step(None).unwrap() else { unreachable!() };
    let short = Window { offset, bytes: slice(&file, offset, len - 1) };
    assert_eq!(parser.step(Some(short)).unwrap_err().cause, Cause::EndOfSource);
    assert_eq!(parser.step(None).unwrap_err().cause, Cause::Internal);
}
