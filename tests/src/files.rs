//! Sample models, with the bytes that every tensor must have.
use weighbridge_loader::formats::build::{GgufBuilder, NpyBuilder, SafetensorsBuilder, Value};
use weighbridge_loader::formats::pickle::build::{PickleBuilder, archive, stream};
use weighbridge_loader::formats::zip::build::ZipBuilder;

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

/// One NPZ file of as many arrays.
#[must_use]
pub fn npz(sizes: &[usize]) -> Model {
    let tensors = numbered(sizes);
    let file = tensors.iter().fold(ZipBuilder::new(), |file, (name, data)| {
        file.entry(&format!("{name}.npy"), &NpyBuilder::new("|u1", &[data.len() as u64]).data(data).build())
    });
    single("model.npz", file.build(), tensors)
}

/// The pickle of a dictionary of these tensors of bytes, each of a storage of its own.
fn state_dict(tensors: &[(String, Vec<u8>)]) -> PickleBuilder {
    (0..).zip(tensors).fold(PickleBuilder::new(2).raw(b"}("), |pickle, (number, (name, data))| {
        let len = i64::try_from(data.len()).unwrap();
        pickle.text(name).tensor("ByteStorage", &format!("{number}"), len, 0, &[len], &[1])
    })
}

fn checkpoint(pickle: PickleBuilder, tensors: &[(String, Vec<u8>)]) -> Vec<u8> {
    let keys: Vec<String> = (0..tensors.len()).map(|number| number.to_string()).collect();
    let storages: Vec<(&str, &[u8])> =
        keys.iter().zip(tensors).map(|(key, (_, data))| (key.as_str(), data.as_slice())).collect();
    archive(&pickle.raw(b"u").stop(), &storages).build()
}

/// A PyTorch checkpoint, as an archive.
#[must_use]
pub fn pytorch(sizes: &[usize]) -> Model {
    let tensors = numbered(sizes);
    single("model.pt", checkpoint(state_dict(&tensors), &tensors), tensors)
}

/// The same in the form of before PyTorch 1.6.
#[must_use]
pub fn pytorch_stream(sizes: &[usize]) -> Model {
    let tensors = numbered(sizes);
    let keys: Vec<String> = (0..tensors.len()).map(|number| number.to_string()).collect();
    let storages: Vec<(&str, u64, &[u8])> =
        keys.iter().zip(&tensors).map(|(key, (_, data))| (key.as_str(), data.len() as u64, data.as_slice())).collect();
    let file = stream(&state_dict(&tensors).raw(b"u").stop(), &storages);
    single("model.pth", file, tensors)
}

/// A checkpoint whose tensors are views of one storage: all of it, a part of it, all of it again.
#[must_use]
pub fn pytorch_tied() -> Model {
    let all = data(0, 12_000);
    let pickle = PickleBuilder::new(2)
        .raw(b"}(")
        .text("all")
        .tensor("ByteStorage", "0", 12_000, 0, &[120, 100], &[100, 1])
        .text("part")
        .tensor("ByteStorage", "0", 12_000, 5_001, &[77], &[1])
        .text("again")
        .tensor("ByteStorage", "0", 12_000, 0, &[12_000], &[1]);
    let file = checkpoint(pickle, &[("all".into(), all.clone())]);
    let part = all[5_001..5_078].to_vec();
    single("model.pt", file, vec![("all".into(), all.clone()), ("part".into(), part), ("again".into(), all)])
}

/// A checkpoint with a matrix and its transpose, which are one storage.
#[must_use]
pub fn pytorch_strided() -> Model {
    let all = data(0, 12);
    let pickle = PickleBuilder::new(2)
        .raw(b"}(")
        .text("plain")
        .tensor("ByteStorage", "0", 12, 0, &[3, 4], &[4, 1])
        .text("turned")
        .tensor("ByteStorage", "0", 12, 0, &[4, 3], &[1, 4]);
    let file = checkpoint(pickle, &[("plain".into(), all.clone())]);
    single("model.pt", file, vec![("plain".into(), all.clone()), ("turned".into(), all)])
}

/// A checkpoint that would have PyTorch run a command: beside the tensor, or in the place of one of its parts.
#[must_use]
pub fn pytorch_command(beside: bool) -> Model {
    let tensors = numbered(&[50]);
    let command = PickleBuilder::default().global("os", "system").text("echo").raw(b"\x85R").bytes();
    let pickle = if beside {
        state_dict(&tensors).text("beside").raw(&command)
    } else {
        let tensor = PickleBuilder::new(2).raw(b"}(").text("t0").global("torch._utils", "_rebuild_tensor_v2").raw(b"(");
        tensor.raw(&command).int(0).ints(&[50]).ints(&[1]).raw(b"\x89").ordered().raw(b"tR")
    };
    single("model.pt", checkpoint(pickle, &tensors), tensors)
}

/// A PyTorch model of two shards; the index is given.
#[must_use]
pub fn pytorch_sharded() -> Model {
    let tensors = numbered(&SIZES_WITH_EMPTY);
    let (one, two) = tensors.split_at(4);
    let place = |own: &[(String, Vec<u8>)], file: &str| {
        own.iter().map(|(name, _)| format!("\"{name}\":\"{file}\"")).collect::<Vec<_>>().join(",")
    };
    let names = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"];
    let map = [place(one, names[0]), place(two, names[1])].join(",");
    let index = format!("{{\"metadata\":{{\"total_size\":87346}},\"weight_map\":{{{map}}}}}");
    let files = vec![
        File { name: "pytorch_model.bin.index.json".into(), bytes: index.into() },
        File { name: names[0].into(), bytes: checkpoint(state_dict(one), one) },
        File { name: names[1].into(), bytes: checkpoint(state_dict(two), two) },
    ];
    Model { files, given: 1, tensors }
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
        "npz" => npz(&SIZES_WITH_EMPTY),
        "pytorch" => pytorch(&SIZES_WITH_EMPTY),
        "pytorch-stream" => pytorch_stream(&SIZES_WITH_EMPTY),
        "pytorch-tied" => pytorch_tied(),
        "pytorch-strided" => pytorch_strided(),
        "pytorch-sharded" => pytorch_sharded(),
        "pytorch-beside" => pytorch_command(true),
        "pytorch-command" => pytorch_command(false),
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
        "apart" => gguf(&[1_000, 200_000, 1_000]),
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
        "whole-pytorch-sharded" => Model { given: 3, ..pytorch_sharded() },
        "whole-sharded" => Model { given: 3, ..sharded() },
        _ => return None,
    })
}
