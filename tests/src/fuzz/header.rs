//! One file's header: each format by itself, any bytes under any name, and files that are nearly right.
use super::generate;
use arbitrary::Unstructured;
use weighbridge_loader::api::{FilePart, MetadataEdit, NewValue};
use weighbridge_loader::formats::reads::first_unfair;
use weighbridge_loader::formats::{Budget, Header, Limits, Parser, Step, Window, rewrite};
use weighbridge_loader::types::Error;

/// A name for each way in which a name decides the format.
const NAMES: [&str; 4] = ["model", "model.gguf", "model.safetensors", "model.safetensors.index.json"];

/// The first byte chooses the name, the rest is the file.
pub fn header(input: &[u8]) {
    let Some((choice, file)) = input.split_first() else { return };
    parse_both_ways(NAMES[usize::from(*choice) % NAMES.len()], file);
}

/// A GGUF file: whatever the first four bytes were, they are its magic.
pub fn gguf(input: &[u8]) {
    let mut file = input.to_vec();
    let Some(magic) = file.first_chunk_mut::<4>() else { return };
    *magic = *b"GGUF";
    parse_both_ways("model.gguf", &file);
}

/// A safetensors file. An even length of the header that is too large becomes what the file has, so that most files get past
/// it; an odd one stays as it is.
pub fn safetensors(input: &[u8]) {
    let mut file = input.to_vec();
    let rest = file.len().saturating_sub(8) as u64;
    let Some(length) = file.first_chunk_mut::<8>() else { return };
    let claim = u64::from_le_bytes(*length);
    if claim > rest && claim.is_multiple_of(2) {
        *length = rest.to_le_bytes();
    }
    parse_both_ways("model.safetensors", &file);
}

/// The index of a model in shards.
pub fn index(input: &[u8]) {
    parse_both_ways("model.safetensors.index.json", input);
}

/// A file of any format that is right but for a few places.
pub fn generated(input: &[u8]) {
    let file = generate::file(&mut Unstructured::new(input));
    parse_both_ways(&file.name, &file.bytes);
}

/// Parses a file in one window and in small ones: the verdict is the same, a table stays inside the file, and no byte of a
/// tensor is asked for, but where the format cannot tell before (`formats::reads`).
pub fn parse_both_ways(name: &str, file: &[u8]) {
    let whole = parse(name, file, 1 << 20);
    let pieces = parse(name, file, 61);
    match (&whole, &pieces) {
        (Ok(one), Ok(two)) => assert!(one.tensors.iter().eq(two.tensors.iter()), "tensors differ with the windows"),
        (Err(one), Err(two)) => assert_eq!(one, two, "the verdict differs with the windows"),
        _ => panic!("loads with one window and not with the other"),
    }
    let Ok(header) = whole else { return };
    for tensor in header.tensors.iter() {
        // One without bytes may lie anywhere: nothing is read or mapped of it.
        let end = tensor.offset.checked_add(tensor.bytes);
        assert!(tensor.bytes == 0 || end.is_some_and(|end| end <= file.len() as u64));
        assert!(tensor.bytes == 0 || tensor.offset >= header.data_offset);
    }
    for (number, tensor) in (0u32..).zip(header.tensors.iter()) {
        assert_eq!(header.tensors.find(tensor.name), Some(number), "a name finds its tensor");
    }
    let mut fetch = |offset: u64, len: u32| -> Result<Vec<u8>, Error> { Ok(slice(file, offset, len)) };
    for entry in 0..header.metadata.len() {
        let _error_or_value = header.metadata.decode(entry, 3, &mut Budget::default(), &mut fetch);
    }
    rewritten(name, file, &header);
}

/// A file that loads and whose metadata can be changed loads with other metadata, and its tensors have the same bytes.
fn rewritten(name: &str, file: &[u8], header: &Header) {
    let value = Some(NewValue { kind: None, sequence: false, elements: vec!["changed".to_owned()] });
    let edit = MetadataEdit { key: "fuzz".to_owned(), value };
    let Ok(parts) = rewrite(header, &[edit], 1) else { return };
    let mut whole = Vec::new();
    for part in parts {
        match part {
            FilePart::Bytes(bytes) => whole.extend(bytes),
            FilePart::Kept(span) => whole.extend(slice(file, span.offset, u32::try_from(span.len).unwrap())),
        }
    }
    let again = parse(name, &whole, 1 << 20).expect("what was written anew loads");
    assert_eq!(again.metadata.get_text("fuzz"), Some("changed"));
    assert_eq!(again.tensors.len(), header.tensors.len());
    for (new, old) in again.tensors.iter().zip(header.tensors.iter()) {
        assert_eq!((new.name, new.dtype, new.shape, new.bytes), (old.name, old.dtype, old.shape, old.bytes));
        let bytes = |file: &[u8], offset| slice(file, offset, u32::try_from(old.bytes).unwrap());
        assert!(old.bytes == 0 || bytes(&whole, new.offset) == bytes(file, old.offset), "other bytes");
    }
}

fn slice(file: &[u8], offset: u64, len: u32) -> Vec<u8> {
    let from = usize::try_from(offset).unwrap();
    file[from..from + len as usize].to_vec()
}

/// Reads one file's header through windows of at most so many bytes.
pub(super) fn parse(name: &str, file: &[u8], max_read: u32) -> Result<Header, Error> {
    let mut parser = Parser::new(name, file.len() as u64, max_read, Limits::default());
    let (mut window, mut reads) = (None, Vec::new());
    loop {
        match parser.step(window.take())? {
            Step::Done(header) => {
                assert_eq!(first_unfair(&header, file, &reads), None, "tensor data was read");
                return Ok(header);
            }
            Step::Read { offset, len } => {
                reads.push((offset, len));
                window = Some(Window { offset, bytes: slice(file, offset, len) });
            }
        }
    }
}
