//! What the fuzz targets run, over mutations of valid files, the same ones at each run: no panic, no leak, one verdict.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by failing"
)]
use weighbridge_loader::formats::build::{GgufBuilder, NpyBuilder, SafetensorsBuilder, Value};
use weighbridge_loader::formats::pickle::build::{PickleBuilder, archive, stream};
use weighbridge_loader::formats::zip::build::ZipBuilder;
use weighbridge_tests::files::File;
use weighbridge_tests::fuzz;

/// A small generator of numbers (xorshift); the seed is in every failure.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }
}

fn gguf() -> Vec<u8> {
    GgufBuilder::new()
        .kv("general.architecture", Value::text("llama"))
        .kv("llama.block_count", Value::U32(2))
        .kv("tokenizer.ggml.tokens", Value::texts(["a", "bc", "def"]))
        .tensor("token_embd.weight", 0, &[4, 3], &[1; 48])
        .tensor("blk.0.attn_q.weight", 24, &[40], &[2; 40])
        .tensor("blk.1.attn_q.weight", 24, &[0], &[])
        .build()
}

/// A lone part of a split model, all of whose numbers can be overwritten.
fn part() -> Vec<u8> {
    GgufBuilder::new()
        .kv("split.no", Value::U32(0))
        .kv("split.count", Value::U32(1))
        .kv("split.tensors.count", Value::U64(1))
        .tensor("a", 24, &[4], &[3; 4])
        .build()
}

fn safetensors() -> Vec<u8> {
    SafetensorsBuilder::new().tensor("a.weight", "F32", &[2, 2], &[1; 16]).tensor("b", "U8", &[3], &[1; 3]).build()
}

fn npy() -> Vec<u8> {
    NpyBuilder::new("<i2", &[3, 2]).data(&[4; 12]).build()
}

fn npz() -> Vec<u8> {
    ZipBuilder::new().entry("a.npy", &npy()).entry("b.npy", &npy()).build()
}

/// A tensor, a part of it, and a name that PyTorch would import.
fn pickle() -> Vec<u8> {
    let pickle = PickleBuilder::new(2).raw(b"}(").text("a").tensor("FloatStorage", "0", 12, 0, &[3, 4], &[4, 1]);
    let pickle = pickle.text("b").tensor("FloatStorage", "0", 12, 4, &[2, 2], &[2, 1]);
    pickle.text("c").global("os", "system").raw(b"u").stop()
}

fn checkpoint() -> Vec<u8> {
    archive(&pickle(), &[("0", &[5; 48])]).build()
}

fn streamed() -> Vec<u8> {
    stream(&pickle(), &[("0", 12, &[5; 48])])
}

/// Flips, overwrites with numbers that parsers dislike, cuts, doubles.
fn mutate(file: &[u8], random: &mut Random) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(file.len());
        let rest = file.len() - at;
        match random.below(5) {
            0 => file[at] ^= 1 << random.below(8),
            1 => file[at] = random.next() as u8,
            2 => {
                let awkward = [0, 1, 31, u64::from(u32::MAX), 1 << 63, u64::MAX, file.len() as u64];
                let number = awkward[random.below(awkward.len())].to_le_bytes();
                file[at..at + rest.min(8)].copy_from_slice(&number[..rest.min(8)]);
            }
            3 => file.truncate(at.max(1)),
            _ => {
                let piece = file[at..at + random.below(rest.min(64) + 1)].to_vec();
                file.splice(at..at, piece);
            }
        }
    }
    file
}

#[test]
fn mutated_files_give_one_verdict_and_hold_nothing() {
    let samples = [safetensors(), gguf(), safetensors(), part(), npy(), npz(), checkpoint(), streamed()];
    for seed in 1..=8_000u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let valid = &samples[usize::try_from(seed % samples.len() as u64).unwrap()];
        let file = mutate(valid, &mut random);
        let choices: Vec<u8> = (0..80).map(|_| random.next() as u8).collect();
        let run = std::panic::catch_unwind(|| {
            fuzz::parse_both_ways(if seed % 2 == 1 { "model.gguf" } else { "model" }, &file);
            for bytes in [&file, valid] {
                fuzz::requests(&choices, &[File { name: "model".into(), bytes: bytes.clone() }]);
            }
        });
        assert!(run.is_ok(), "seed {seed}");
    }
}
