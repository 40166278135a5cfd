//! Sample models, with the bytes that every tensor must have.
use weighbridge_loader::formats::build::{GgufBuilder, NpyBuilder, SafetensorsBuilder, Value};

/// A file, in memory.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A model.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its files.
    pub files: Vec<File>,
    /// How many of them are given at first; the others are found by what the session misses.
    pub given: usize,
    /// Its tensors, in the order of their indices.
    pub tensors: Vec<(String, Vec<u8>)>,
}

/// The type code of single bytes in GGUF.
const I8: u32 = 24;

/// Sizes of the tensors of most samples: none is a multiple of a page, one is a single byte.
pub const SIZES: [usize; 4] = [5000, 70_000, 1, 12_345];
/// Sizes for chunks of a single byte.
const SMALL: [usize; 4] = [50, 70, 1, 123];
/// The same with tensors of no bytes at both ends and in between.
const SIZES_WITH_EMPTY: [usize; 7] = [0, 5000, 0, 70_000, 1, 12_345, 0];

/// The bytes of the tensor with this number: no two tensors and no two pages are alike.
#[must_use]
pub fn data(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number * 37 + at * 7 + at / 251 + 1) as u8).collect()
}

fn name(number: usize) -> String {
    format!("t{number}.weight")
}

fn numbered(sizes: &[usize]) -> Vec<(String, Vec<u8>)> {
    sizes.iter().enumerate().map(|(number, len)| (name(number), data(number, *len))).collect()
}

fn single(file: &str, bytes: Vec<u8>, tensors: Vec<(String, Vec<u8>)>) -> Model {
    Model { files: vec![File { name: file.into(), bytes }], given: 1, tensors }
}

fn with_tensors(file: GgufBuilder, tensors: &[(String, Vec<u8>)]) -> GgufBuilder {
    tensors.iter().fold(file, |file, (name, data)| file.tensor(name, I8, &[data.len() as u64], data))
}

/// One GGUF file.
#[must_use]
pub fn gguf(sizes: &[usize]) -> Model {
    let tensors = numbered(sizes);
    let file = GgufBuilder::new().kv("general.architecture", Value::text("none"));
    single("model.gguf", with_tensors(file, &tensors).build(), tensors)
}

/// One safetensors file, with tensors of no bytes among the others.
#[must_use]
pub fn safetensors(sizes: &[usize]) -> Model {
    let tensors = numbered(sizes);
    let file = tensors
        .iter()
        .fold(SafetensorsBuilder::new(), |file, (name, data)| file.tensor(name, "U8", &[data.len() as u64], data));
    single("model.safetensors", file.build(), tensors)
}

/// One NPY file of so many bytes.
#[must_use]
pub fn npy(bytes: usize) -> Model {
    let data = data(0, bytes);
    let file = NpyBuilder::new("|u1", &[bytes as u64]).data(&data).build();
    single("model.npy", file, vec![("array".into(), data)])
}

/// A GGUF model of three parts, the second without tensors; the first part is given.
#[must_use]
pub fn split() -> Model {
    split_of(&SIZES)
}

/// The same with tensors of these four sizes.
#[must_use]
pub fn split_of(sizes: &[usize]) -> Model {
    let tensors = numbered(sizes);
    let part = |number: u16, own: &[(String, Vec<u8>)]| {
        let file = GgufBuilder::new()
            .kv("general.architecture", Value::text("none"))
            .kv("split.no", Value::U16(number))
            .kv("split.count", Value::U16(3))
            .kv("split.tensors.count", Value::I32(4));
        File { name: format!("m-0000{}-of-00003.gguf", number + 1), bytes: with_tensors(file, own).build() }
    };
    let files = vec![part(0, &tensors[..2]), part(1, &[]), part(2, &tensors[2..])];
    Model { files, given: 1, tensors }
}

/// A safetensors model of two shards; the index is given.
#[must_use]
pub fn sharded() -> Model {
    let tensors = numbered(&SIZES_WITH_EMPTY);
    let (one, two) = tensors.split_at(4);
    let shard = |own: &[(String, Vec<u8>)]| {
        own.iter()
            .fold(SafetensorsBuilder::new(), |file, (name, data)| file.tensor(name, "U8", &[data.len() as u64], data))
            .build()
    };
    let place = |own: &[(String, Vec<u8>)], file: &str| {
        own.iter().map(|(name, _)| format!("\"{name}\":\"{file}\"")).collect::<Vec<_>>().join(",")
    };
    let map = [place(one, "s-1.safetensors"), place(two, "s-2.safetensors")].join(",");
    let files = vec![
        File { name: "model.safetensors.index.json".into(), bytes: format!("{{\"weight_map\":{{{map}}}}}").into() },
        File { name: "s-1.safetensors".into(), bytes: shard(one) },
        File { name: "s-2.safetensors".into(), bytes: shard(two) },
    ];
    Model { files, given: 1, tensors }
}

/// A GGUF file whose tensors lie in descending order, with gaps.
#[must_use]
pub fn gapped() -> Model {
    let tensors = numbered(&SIZES);
    let mut at = 0u64;
    let mut offsets = vec![0; tensors.len()];
    for (number, (_, data)) in tensors.iter().enumerate().rev() {
        offsets[number] = at;
        at = (at + data.len() as u64).next_multiple_of(32) + 4096 + 32;
    }
    let mut section = vec![0u8; usize::try_from(at).unwrap()];
    let mut file = GgufBuilder::new().kv("general.architecture", Value::text("none"));
    for ((name, data), offset) in tensors.iter().zip(&offsets) {
        let from = usize::try_from(*offset).unwrap();
        section[from..from + data.len()].copy_from_slice(data);
        file = file.tensor_at(name.as_bytes(), I8, &[data.len() as u64], *offset);
    }
    let mut bytes = file.header();
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes.extend(section);
    single("model.gguf", bytes, tensors)
}

/// A llama of two blocks, without the tensor of this name; one that says another number of blocks than it has if that is
/// asked for.
#[must_use]
pub fn llama(without: &str, blocks: u32) -> Model {
    let block =
        ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"];
    let mut file = GgufBuilder::new().kv("general.architecture", Value::text("llama"));
    let keys = [
        ("block_count", blocks),
        ("context_length", 8),
        ("embedding_length", 4),
        ("feed_forward_length", 4),
        ("attention.head_count", 2),
    ];
    for (key, value) in keys {
        file = file.kv(&format!("llama.{key}"), Value::U32(value));
    }
    let names = ["token_embd.weight".to_owned(), "output_norm.weight".into()]
        .into_iter()
        .chain((0..2).flat_map(|number| block.iter().map(move |name| format!("blk.{number}.{name}.weight"))))
        .filter(|name| name != without);
    let tensors: Vec<(String, Vec<u8>)> = names.enumerate().map(|(number, name)| (name, data(number, 16))).collect();
    for (name, data) in &tensors {
        file = file.tensor(name, 0, &[4], data);
    }
    single("model.gguf", file.build(), tensors)
}

/// The sample of this name.
#[must_use]
pub fn named(name: &str) -> Option<Model> {
    Some(match name {
        "gguf" => gguf(&SIZES),
        "safetensors" => safetensors(&SIZES_WITH_EMPTY),
        "npy" => npy(SIZES[1]),
        "small" => gguf(&SMALL),
        "small-split" => split_of(&SMALL),
        "split" => split(),
        "sharded" => sharded(),
        "gapped" => gapped(),
        "llama" => llama("", 2),
        "llama-broken" => llama("blk.1.ffn_up.weight", 2),
        "llama-miscounted" => llama("", 1),
        "llama-unknown" => gguf(&SIZES),
        "many" => gguf(&vec![64; 723]),
        "no-tensors" => gguf(&[]),
        "no-bytes" => safetensors(&[0, 0, 0]),
        "one" => gguf(&[12_345]),
        "pages" => gguf(&[16_384; 3]),
        "garbage" => single("model.gguf", b"this is no model at all".to_vec(), Vec::new()),
        "cut" => {
            let mut model = gguf(&SIZES);
            model.files[0].bytes.truncate(60);
            model
        }
        "foreign-shard" => {
            let mut model = split();
            model.files[2].bytes = split().files[0].bytes.clone();
            model
        }
        "twice" => {
            // The third part has a tensor of the first.
            let mut model = split();
            let tensors = numbered(&SIZES);
            let own = [tensors[0].clone(), tensors[3].clone()];
            let file = GgufBuilder::new()
                .kv("general.architecture", Value::text("none"))
                .kv("split.no", Value::U16(2))
                .kv("split.count", Value::U16(3))
                .kv("split.tensors.count", Value::I32(4));
            model.files[2].bytes = with_tensors(file, &own).build();
            model
        }
        "whole-split" => Model { given: 3, ..split() },
        "whole-sharded" => Model { given: 3, ..sharded() },
        _ => return None,
    })
}
