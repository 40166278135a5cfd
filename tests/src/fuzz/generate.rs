//! Files that are right but for a few places, made from the fuzzer's bytes: they get past the checks that bytes alone are
//! stopped at. Where the bytes run out, every choice is the first one, which is the right one.
use crate::files::File;
use arbitrary::{Result, Unstructured};
use weighbridge_loader::formats::build::{
    GgufBuilder, SafetensorsBuilder, Value, gguf_tensor_bytes, safetensors_tensor_bytes,
};

const NAMES: [&str; 8] =
    ["a", "b", "blk.0.attn_q.weight", "blk.1.ffn_up.weight", "token_embd.weight", "output.weight", "größe", ""];
const KEYS: [&str; 9] = [
    "general.alignment",
    "general.architecture",
    "llama.block_count",
    "llama.embedding_length",
    "split.no",
    "split.count",
    "split.tensors.count",
    "tokenizer.ggml.tokens",
    "k",
];
const CODES: [u32; 10] = [0, 24, 2, 12, 28, 39, 40, 42, 4, 1_000];
const DTYPES: [&str; 8] = ["U8", "F32", "BF16", "F4", "F6_E2M3", "BOOL", "C64", "X9"];
const AWKWARD: [u64; 8] = [0, 1, 31, 4_096, u32::MAX as u64, 1 << 32, 1 << 63, u64::MAX];

/// One file of any format.
pub(super) fn file(u: &mut Unstructured<'_>) -> File {
    let made = match u.int_in_range(0..=2).unwrap_or(0) {
        0 => gguf(u, None).map(|bytes| ("model.gguf".to_owned(), bytes)),
        1 => safetensors(u, &[]).map(|bytes| ("model.safetensors".to_owned(), bytes)),
        _ => index(u, &[]).map(|bytes| ("model.safetensors.index.json".to_owned(), bytes)),
    };
    let (name, mut bytes) = made.unwrap_or_default();
    damage(u, &mut bytes);
    File { name, bytes }
}

/// The files of one model; the first is the one that a person names.
pub(super) fn model(u: &mut Unstructured<'_>) -> Vec<File> {
    let mut files = match u.int_in_range(0..=2).unwrap_or(0) {
        0 => split(u),
        1 => sharded(u),
        _ => Ok((0..u.int_in_range(1..=3).unwrap_or(1)).map(|_| file(u)).collect()),
    }
    .unwrap_or_default();
    if rarely(u) {
        files.reverse();
    }
    if rarely(u) {
        files.pop();
    }
    for file in &mut files {
        if rarely(u) {
            damage(u, &mut file.bytes);
        }
    }
    files
}

/// Once in sixteen.
pub(super) fn rarely(u: &mut Unstructured<'_>) -> bool {
    u.arbitrary::<u8>().is_ok_and(|byte| byte % 16 == 15)
}

/// A number that is right, or rarely another one.
fn nearly(u: &mut Unstructured<'_>, right: u64) -> Result<u64> {
    if rarely(u) { Ok(*u.choose(&AWKWARD)?) } else { Ok(right) }
}

fn split(u: &mut Unstructured<'_>) -> Result<Vec<File>> {
    let parts = u.int_in_range(1..=3u16)?;
    (0..parts)
        .map(|part| {
            let bytes = gguf(u, Some((part, parts)))?;
            let shown = nearly(u, u64::from(part) + 1)?;
            Ok(File { name: format!("m-{shown:05}-of-{parts:05}.gguf"), bytes })
        })
        .collect()
}

fn sharded(u: &mut Unstructured<'_>) -> Result<Vec<File>> {
    let shards = u.int_in_range(1..=3usize)?;
    let names: Vec<(String, String)> = (0..u.int_in_range(1..=4usize)?)
        .map(|number| {
            let shard = if rarely(u) { shards } else { number % shards };
            Ok((format!("{}{number}", u.choose(&NAMES)?), format!("s-{shard}.safetensors")))
        })
        .collect::<Result<_>>()?;
    let mut files = vec![File { name: "model.safetensors.index.json".into(), bytes: index(u, &names)? }];
    for shard in 0..shards {
        let file = format!("s-{shard}.safetensors");
        let own: Vec<&str> = names.iter().filter(|(_, of)| *of == file).map(|(name, _)| name.as_str()).collect();
        files.push(File { bytes: safetensors(u, &own)?, name: file });
    }
    Ok(files)
}

fn gguf(u: &mut Unstructured<'_>, part: Option<(u16, u16)>) -> Result<Vec<u8>> {
    let mut file = GgufBuilder::new();
    let tensors = u.int_in_range(0..=3u64)?;
    if rarely(u) {
        file = file.version(u.int_in_range(0..=4)?);
    }
    if let Some((no, count)) = part {
        file = file.kv("split.no", Value::U16(u16::try_from(nearly(u, no.into())?).unwrap_or(u16::MAX)));
        file = file.kv("split.count", Value::U16(u16::try_from(nearly(u, count.into())?).unwrap_or(u16::MAX)));
        if u.arbitrary()? {
            let all = u32::try_from(nearly(u, tensors * u64::from(count))?).unwrap_or(u32::MAX);
            file = file.kv("split.tensors.count", Value::U32(all));
        }
    }
    for number in 0..u.int_in_range(0..=4u64)? {
        let key = u.choose(&KEYS)?;
        file = match *key {
            "general.alignment" if !rarely(u) => {
                let bytes = *u.choose(&[32, 64, 8, 1])?;
                file.align(bytes.into()).kv(key, Value::U32(bytes))
            }
            "k" => file.kv(&format!("k{number}"), value(u, 3)?),
            key => file.kv(key, value(u, 3)?),
        };
    }
    for number in 0..tensors {
        let unique = format!("{}{}.{number}", u.choose(&NAMES)?, part.map_or(0, |(no, _)| no));
        let name = if rarely(u) { *u.choose(&NAMES)? } else { &unique };
        let code = *u.choose(&CODES)?;
        let shape = shape(u)?;
        let bytes = gguf_tensor_bytes(code, &shape);
        file = match bytes.filter(|bytes| *bytes <= 1_024 && !rarely(u)) {
            Some(bytes) => file.tensor(name, code, &shape, &vec![1; usize::try_from(bytes).unwrap_or(0)]),
            None => file.tensor_at(name.as_bytes(), code, &shape, *u.choose(&AWKWARD)?),
        };
    }
    if rarely(u) {
        file = file.claim_tensors(*u.choose(&AWKWARD)?);
    }
    if rarely(u) {
        file = file.claim_entries(*u.choose(&AWKWARD)?);
    }
    Ok(file.build())
}

/// A shape that mostly fits a whole number of blocks.
fn shape(u: &mut Unstructured<'_>) -> Result<Vec<u64>> {
    let dimensions = if rarely(u) { u.int_in_range(0..=9)? } else { u.int_in_range(1..=4)? };
    let first = *u.choose(&[1, 32, 256, 3, 0])?;
    let rest = (1..dimensions).map(|_| {
        let right = u.int_in_range(0..=3)?;
        nearly(u, right)
    });
    std::iter::once(Ok(first)).take(dimensions).chain(rest).collect()
}

fn value(u: &mut Unstructured<'_>, deep: u32) -> Result<Value> {
    Ok(match u.int_in_range(0..=if deep == 0 { 12 } else { 14 })? {
        0 => Value::Text(u.choose(&["llama", "none", "größe", ""])?.as_bytes().to_vec()),
        1 => Value::U32(u.arbitrary()?),
        2 => Value::U8(u.arbitrary()?),
        3 => Value::I8(u.arbitrary()?),
        4 => Value::U16(u.int_in_range(0..=4)?),
        5 => Value::I16(u.arbitrary()?),
        6 => Value::I32(u.arbitrary()?),
        7 => Value::F32(u.arbitrary()?),
        8 => Value::Bool(u.int_in_range(0..=2)?),
        9 => Value::U64(u.arbitrary()?),
        10 => Value::I64(u.arbitrary()?),
        11 => Value::F64(u.arbitrary()?),
        12 => Value::Raw(u.int_in_range(0..=20)?, u.bytes(4)?.to_vec()),
        _ => {
            let elements: Vec<Value> = if u.arbitrary()? {
                (0..u.int_in_range(0..=3)?).map(|_| value(u, deep - 1)).collect::<Result<_>>()?
            } else {
                vec![value(u, 0)?; u.int_in_range(0..=40)?]
            };
            let code = elements.first().map_or(4, Value::code);
            Value::Array(code, nearly(u, elements.len() as u64)?, elements)
        }
    })
}

/// A safetensors file with tensors of these names, or of any.
fn safetensors(u: &mut Unstructured<'_>, names: &[&str]) -> Result<Vec<u8>> {
    let mut file = SafetensorsBuilder::new();
    for number in 0..u.int_in_range(0..=2)? {
        file = file.metadata(&format!("{}{number}", u.choose(&KEYS)?), u.choose(&NAMES)?);
    }
    let any: Vec<String> = (0..u.int_in_range(0..=3)?)
        .map(|number| Ok(format!("{}{number}", u.choose(&NAMES)?)))
        .collect::<Result<_>>()?;
    let names: Vec<&str> = if names.is_empty() { any.iter().map(String::as_str).collect() } else { names.to_vec() };
    for name in names {
        let dtype = *u.choose(&DTYPES)?;
        let shape = shape(u)?;
        let bytes = safetensors_tensor_bytes(dtype, &shape);
        file = match bytes.filter(|bytes| *bytes <= 1_024 && !rarely(u)) {
            Some(bytes) => file.tensor(name, dtype, &shape, &vec![1; usize::try_from(bytes).unwrap_or(0)]),
            None => {
                let (from, to) = (*u.choose(&AWKWARD)?, *u.choose(&AWKWARD)?);
                file.raw_entry(&format!(
                    "\"{name}\":{{\"shape\":{shape:?},\"data_offsets\":[{from},{to}],\"dtype\":\"{dtype}\"}}"
                ))
            }
        };
    }
    if rarely(u) {
        file = file.data(u.bytes(3)?);
    }
    if rarely(u) {
        file = file.claim_length(*u.choose(&AWKWARD)?);
    }
    Ok(file.build())
}

/// An index that places these tensors, or any.
fn index(u: &mut Unstructured<'_>, places: &[(String, String)]) -> Result<Vec<u8>> {
    let mut map = serde_json::Map::new();
    for (tensor, file) in places {
        map.insert(tensor.clone(), file.as_str().into());
    }
    for number in 0..u.int_in_range(0..=if places.is_empty() { 4 } else { 1 })? {
        let file = *u.choose(&["s-0.safetensors", "s-1.safetensors", "s-2.safetensors", "../s", "", "s.bin"])?;
        map.insert(format!("{}{number}", u.choose(&NAMES)?), file.into());
    }
    let mut whole = serde_json::Map::new();
    if u.arbitrary()? {
        let size = u.arbitrary::<u32>()?;
        whole.insert("metadata".into(), serde_json::json!({"total_size": size, "note": null, "deep": [[{}]]}));
    }
    whole.insert("weight_map".into(), map.into());
    Ok(serde_json::Value::from(whole).to_string().into_bytes())
}

/// Overwrites, cuts and doubles a few places.
pub(super) fn damage(u: &mut Unstructured<'_>, bytes: &mut Vec<u8>) {
    for _ in 0..u.int_in_range(0..=3).unwrap_or(0) {
        let Some(last) = bytes.len().checked_sub(1) else { return };
        let at = u.int_in_range(0..=last).unwrap_or(0);
        match u.int_in_range(0..=3).unwrap_or(0) {
            0 => bytes[at] = u.arbitrary().unwrap_or(0),
            1 => {
                let number = u.choose(&AWKWARD).map_or([0; 8], |number| number.to_le_bytes());
                let end = bytes.len().min(at + 8);
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            2 => bytes.truncate(at),
            _ => {
                let piece = bytes[at..bytes.len().min(at + 16)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}
