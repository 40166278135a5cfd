//! The models that are loaded.
use crate::Result;
use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};
use weighbridge_loader::formats::build::{GgufBuilder, Value};

/// Strings of a large vocabulary.
pub const VOCABULARY: usize = 262_144;

/// A folder of this run in `target/bench`; what is in it goes with it.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new() -> Result<Self> {
        let folder = target().join("bench").join(std::process::id().to_string());
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Writes a file into it and answers where.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Where a file of this name would be.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

/// The real model that `cargo xtask models` fetches.
///
/// # Errors
/// It is not there.
pub fn minilm() -> Result<PathBuf> {
    let path = target().join("models/minilm.safetensors");
    match path.canonicalize() {
        Ok(path) => Ok(path),
        Err(_) => Err(format!("{} is not there; run `cargo xtask models`", path.display()).into()),
    }
}

/// A word of a vocabulary: 1 to 14 bytes, 7 on average, as in the vocabularies of real models.
fn word(number: usize) -> String {
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let length = 1 + (mixed >> 60) as usize % 14;
    (0..length).map(|at| char::from(b'a' + (mixed >> (at * 4 % 60)) as u8 % 26)).collect()
}

/// A GGUF header with a vocabulary of so many strings with scores and types, and 291 tensors; with `merges`, as many
/// strings again.
#[must_use]
pub fn vocabulary(strings: usize, merges: bool) -> Vec<u8> {
    let words: Vec<String> = (0..strings).map(word).collect();
    let count = strings as u64;
    let numbers = |code| Value::Array(code, count, vec![Value::Raw(code, vec![0; strings * 4])]);
    let mut file = GgufBuilder::new()
        .kv("general.architecture", Value::text("llama"))
        .kv("tokenizer.ggml.tokens", Value::texts(words.iter().map(String::as_str)))
        .kv("tokenizer.ggml.scores", numbers(6))
        .kv("tokenizer.ggml.token_type", numbers(5));
    if merges {
        let pairs: Vec<String> = (0..strings).map(|at| format!("{} {}", word(at), word(at + 1))).collect();
        file = file.kv("tokenizer.ggml.merges", Value::texts(pairs.iter().map(String::as_str)));
    }
    tensors(file, 291).build()
}

/// A GGUF file of so many tensors of 32 bytes, and no vocabulary.
#[must_use]
pub fn gguf(count: usize) -> Vec<u8> {
    tensors(GgufBuilder::new().kv("general.architecture", Value::text("llama")), count).build()
}

fn tensors(mut file: GgufBuilder, count: usize) -> GgufBuilder {
    for at in 0..count {
        file = file.tensor_at(tensor_name(at).as_bytes(), 0, &[4, 2], at as u64 * 32);
    }
    file.data_len(count * 32)
}

/// A name as the tensors of a llama have it.
fn tensor_name(at: usize) -> String {
    const PARTS: [&str; 9] =
        ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"];
    format!("blk.{}.{}.weight", at / PARTS.len(), PARTS[at % PARTS.len()])
}

/// A safetensors file of so many tensors of `bytes` each, none of them zero, written piece by piece.
///
/// # Errors
/// It cannot be written.
pub fn safetensors(path: &Path, count: usize, bytes: usize) -> Result<()> {
    let entry = |at: usize| {
        let (start, end, shape) = (at * bytes, (at + 1) * bytes, bytes / 4);
        let name = tensor_name(at);
        format!(r#""{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{start},{end}]}}"#)
    };
    let mut header = format!("{{{}}}", (0..count).map(entry).collect::<Vec<_>>().join(",")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    let data: Vec<u8> = (0..bytes).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8 | 1).collect();
    for _ in 0..count {
        file.write_all(&data)?;
    }
    Ok(file.into_inner()?.sync_all()?)
}
