//! ZIP archives, pickles and checkpoints: any bytes where they matter, and files that are right but for a few places.
use super::generate::{damage, rarely};
use super::header::parse_both_ways;
use super::session::requests;
use crate::files::File;
use arbitrary::{Result, Unstructured};
use weighbridge_loader::formats::build::NpyBuilder;
use weighbridge_loader::formats::pickle::build::{PickleBuilder, archive, stream};
use weighbridge_loader::formats::zip::build::ZipBuilder;

/// The memory of every storage: twelve numbers of four bytes, whatever the numbers are.
const STORAGE: [u8; 48] = [7; 48];
const ENTRIES: [&str; 9] =
    ["a.npy", "b/c.npy", "A.NPY", "A.npy", "x/data.pkl", "x/data/0", "x/version", "../x", "x/byteorder"];
const CLASSES: [(&str, i64); 6] = [
    ("FloatStorage", 12),
    ("ByteStorage", 48),
    ("HalfStorage", 24),
    ("UntypedStorage", 48),
    ("QInt8Storage", 48),
    ("DoubleStorage", 6),
];
const NAMES: [&str; 5] = ["w", "layer.0.weight", "layer", "", "größe"];
const GLOBALS: [(&str, &str); 6] = [
    ("os", "system"),
    ("builtins", "eval"),
    ("torch", "Size"),
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_qtensor"),
    ("__torch__.m", "Net"),
];
const NUMBERS: [i64; 8] = [0, 1, 3, 4, 12, -1, 1 << 40, i64::MAX];

/// An archive of a few entries.
pub fn zip(input: &[u8]) {
    let u = &mut Unstructured::new(input);
    let mut file = entries(u).unwrap_or_default();
    damage(u, &mut file);
    parse_both_ways("model", &file);
}

/// Any bytes as the pickle of an archive, and as that of the stream form.
pub fn pickle(input: &[u8]) {
    parse_both_ways("model", &archive(input, &[("0", &STORAGE)]).build());
    parse_both_ways("model", &stream(input, &[("0", 12, &STORAGE)]));
}

/// A checkpoint of a few tensors, with what may hang beside them; and requests of it.
pub fn pytorch(input: &[u8]) {
    let u = &mut Unstructured::new(input);
    let mut file = checkpoint(u).unwrap_or_default();
    damage(u, &mut file);
    parse_both_ways("model", &file);
    let choices: Vec<u8> = (0..24).map(|_| u.arbitrary().unwrap_or(0)).collect();
    requests(&choices, &[File { name: "model".into(), bytes: file }]);
}

fn entries(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut zip = ZipBuilder::new().align(if u.arbitrary()? { 64 } else { 1 });
    for _ in 0..u.int_in_range(0..=3)? {
        let name = *u.choose(&ENTRIES)?;
        let data = match u.int_in_range(0..=2)? {
            0 => NpyBuilder::new("<i2", &[2]).data(&[1; 4]).build(),
            1 => NpyBuilder::new("|u1", &[u64::from(u.arbitrary::<u8>()?)]).data(&[2; 3]).build(),
            _ => u.bytes(u.len().min(8))?.to_vec(),
        };
        zip = if rarely(u) {
            zip.packed(name.as_bytes(), u.arbitrary()?, Some(u.arbitrary()?), &data)
        } else {
            zip.entry(name, &data)
        };
        if rarely(u) {
            zip = zip.flags(u.arbitrary()?).extra(u.bytes(4)?);
        }
    }
    if u.arbitrary()? {
        zip = zip.wide();
    }
    if rarely(u) {
        zip = zip.behind();
    }
    if rarely(u) {
        zip = zip.comment(b"PK\x05\x06 a comment").before_directory(b"between");
    }
    Ok(zip.build())
}

fn number(u: &mut Unstructured<'_>, right: i64) -> Result<i64> {
    if rarely(u) { Ok(*u.choose(&NUMBERS)?) } else { Ok(right) }
}

fn checkpoint(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let as_stream: bool = u.arbitrary()?;
    let (class, elements) = *u.choose(&CLASSES)?;
    let mut pickle = PickleBuilder::new(2).raw(b"}(");
    for at in 0..u.int_in_range(0..=3)? {
        let name = format!("{}{}", u.choose(&NAMES)?, if u.arbitrary()? { at.to_string() } else { String::new() });
        let (shape, strides): (Vec<i64>, Vec<i64>) = match u.int_in_range(0..=3)? {
            0 => (vec![elements], vec![1]),
            1 => (vec![2, 3], vec![3, 1]),
            2 => (vec![3, 2], vec![1, 3]),
            _ => (vec![*u.choose(&NUMBERS)?, *u.choose(&NUMBERS)?], vec![*u.choose(&NUMBERS)?, 1]),
        };
        let (count, offset) = (number(u, elements)?, number(u, 0)?);
        pickle = pickle.text(&name).tensor(class, "0", count, offset, &shape, &strides);
    }
    if u.arbitrary()? {
        let (module, name) = *u.choose(&GLOBALS)?;
        pickle = pickle.text("beside").global(module, name);
        if u.arbitrary()? {
            pickle = pickle.text("x").raw(b"\x85R");
        }
    }
    let pickle = pickle.raw(b"u").stop();
    if as_stream {
        let elements = u64::try_from(number(u, elements)?).unwrap_or(0);
        return Ok(stream(&pickle, &[("0", elements, &STORAGE)]));
    }
    let mut zip = archive(&pickle, &[("0", &STORAGE)]);
    if rarely(u) {
        zip = zip.entry("archive/constants.pkl", &PickleBuilder::new(2).raw(b")").stop());
    }
    if rarely(u) {
        zip = zip.entry("archive/code/m.py", b"def f(): pass");
    }
    Ok(zip.build())
}
