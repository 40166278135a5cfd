//! GGUF version 3, as <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md> describes it. The only GGUF that this crate
//! knows: reading it is the component's affair.
use super::model::{Dtype, HEADS, Model, VOCABULARY};
use std::io::{self, Write};

const ALIGNMENT: u64 = 32;

pub(super) fn write(model: &Model, out: &mut impl Write) -> io::Result<()> {
    let header = header(model);
    out.write_all(&header)?;
    let mut at = header.len() as u64;
    for (tensor, seed) in model.tensors.iter().zip(1..) {
        pad(out, &mut at)?;
        let dtype = tensor.kind.gguf();
        tensor.write(dtype, seed, out)?;
        at += tensor.bytes(dtype);
    }
    // A tensor ends with its alignment, so that the file's size says nothing of the last one's.
    pad(out, &mut at)
}

fn pad(out: &mut impl Write, at: &mut u64) -> io::Result<()> {
    let end = at.next_multiple_of(ALIGNMENT);
    (*at..end).try_for_each(|_| out.write_all(&[0]))?;
    *at = end;
    Ok(())
}

fn header(model: &Model) -> Vec<u8> {
    let entries = metadata(model);
    let mut header = Vec::new();
    header.extend_from_slice(b"GGUF");
    header.extend_from_slice(&3u32.to_le_bytes());
    header.extend_from_slice(&(model.tensors.len() as u64).to_le_bytes());
    header.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    for (key, value) in &entries {
        string(&mut header, key);
        header.extend_from_slice(&value.kind().to_le_bytes());
        value.write(&mut header);
    }
    let mut offset = 0u64;
    for tensor in &model.tensors {
        let dtype = tensor.kind.gguf();
        string(&mut header, &tensor.gguf_name);
        let dimensions: Vec<u64> = std::iter::once(tensor.row).chain(tensor.rows).collect();
        header.extend_from_slice(&(dimensions.len() as u32).to_le_bytes());
        dimensions.iter().for_each(|elements| header.extend_from_slice(&elements.to_le_bytes()));
        header.extend_from_slice(&code(dtype).to_le_bytes());
        header.extend_from_slice(&offset.to_le_bytes());
        offset = (offset + tensor.bytes(dtype)).next_multiple_of(ALIGNMENT);
    }
    header
}

/// A value of the metadata.
enum Value {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    Floats(Vec<f32>),
    Numbers(Vec<i32>),
}

impl Value {
    fn kind(&self) -> u32 {
        match self {
            Self::U32(_) => 4,
            Self::F32(_) => 6,
            Self::Bool(_) => 7,
            Self::Text(_) => 8,
            Self::Texts(_) | Self::Floats(_) | Self::Numbers(_) => 9,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::U32(value) => out.extend_from_slice(&value.to_le_bytes()),
            Self::F32(value) => out.extend_from_slice(&value.to_le_bytes()),
            Self::Bool(value) => out.push(u8::from(*value)),
            Self::Text(value) => string(out, value),
            Self::Texts(values) => {
                array(out, 8, values.len());
                values.iter().for_each(|value| string(out, value));
            }
            Self::Floats(values) => {
                array(out, 6, values.len());
                values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
            }
            Self::Numbers(values) => {
                array(out, 5, values.len());
                values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
            }
        }
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn array(out: &mut Vec<u8>, element: u32, count: usize) {
    out.extend_from_slice(&element.to_le_bytes());
    out.extend_from_slice(&(count as u64).to_le_bytes());
}

/// The number of an element type in the file.
fn code(dtype: Dtype) -> u32 {
    match dtype {
        Dtype::F32 => 0,
        Dtype::F16 => 1,
        Dtype::Q8_0 => 8,
        Dtype::Bf16 => 30,
    }
}

fn metadata(model: &Model) -> Vec<(&'static str, Value)> {
    let vocabulary = vocabulary();
    let scores = (0..vocabulary.len() as i16).map(|rank| -f32::from(rank)).collect();
    // 2 unknown, 3 control, 1 normal
    let types = (0..vocabulary.len()).map(|token| [2, 3, 3].get(token).copied().unwrap_or(1)).collect();
    vec![
        ("general.architecture", Value::Text("llama".to_owned())),
        ("general.name", Value::Text("Weighbridge sample".to_owned())),
        ("general.file_type", Value::U32(7)),
        ("general.quantization_version", Value::U32(2)),
        ("general.alignment", Value::U32(ALIGNMENT as u32)),
        ("llama.block_count", Value::U32(model.blocks)),
        ("llama.context_length", Value::U32(2048)),
        ("llama.embedding_length", Value::U32(model.width)),
        ("llama.feed_forward_length", Value::U32(2 * model.width)),
        ("llama.attention.head_count", Value::U32(HEADS)),
        ("llama.attention.head_count_kv", Value::U32(HEADS)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("llama.rope.freq_base", Value::F32(10_000.0)),
        ("llama.rope.dimension_count", Value::U32(model.width / HEADS)),
        ("llama.vocab_size", Value::U32(VOCABULARY as u32)),
        ("tokenizer.ggml.model", Value::Text("llama".to_owned())),
        ("tokenizer.ggml.tokens", Value::Texts(vocabulary)),
        ("tokenizer.ggml.scores", Value::Floats(scores)),
        ("tokenizer.ggml.token_type", Value::Numbers(types)),
        ("tokenizer.ggml.bos_token_id", Value::U32(1)),
        ("tokenizer.ggml.eos_token_id", Value::U32(2)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(true)),
    ]
}

/// Three special tokens, and syllables.
fn vocabulary() -> Vec<String> {
    const FIRST: [&str; 16] = ["b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z"];
    const SECOND: [&str; 16] =
        ["a", "e", "i", "o", "u", "ai", "au", "ei", "oi", "ou", "an", "en", "in", "on", "un", "ø"];
    let special = ["<unk>", "<s>", "</s>"].map(str::to_owned);
    let syllables = SECOND.iter().flat_map(|second| FIRST.iter().map(move |first| format!("▁{first}{second}")));
    special.into_iter().chain(syllables).take(VOCABULARY as usize).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_file_ends_where_its_last_tensor_does() {
        let model = Model::new(21, 0);
        let mut file = Vec::new();
        write(&model, &mut file).unwrap();
        let data: u64 =
            model.tensors.iter().map(|tensor| tensor.bytes(tensor.kind.gguf()).next_multiple_of(ALIGNMENT)).sum();
        assert_eq!(file.len() as u64, (header(&model).len() as u64).next_multiple_of(ALIGNMENT) + data);
        assert_eq!(&file[..8], b"GGUF\x03\0\0\0");
    }

    #[test]
    fn the_vocabulary_has_no_token_twice() {
        let tokens: std::collections::HashSet<_> = vocabulary().into_iter().collect();
        assert_eq!(tokens.len() as u64, VOCABULARY);
    }
}
