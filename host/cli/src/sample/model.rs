//! The model itself: which tensors it has, and every one of their numbers.
use std::io::{self, Write};

/// A made-up model.
pub(super) struct Model {
    pub(super) blocks: u32,
    pub(super) width: u32,
    pub(super) tensors: Vec<Tensor>,
}

/// One tensor: names in both formats, and its rows.
pub(super) struct Tensor {
    pub(super) gguf_name: String,
    pub(super) safetensors_name: String,
    /// Elements of a row, and how many rows; none for a vector.
    pub(super) row: u64,
    pub(super) rows: Option<u64>,
    pub(super) kind: Kind,
}

/// What its numbers are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// F32 near 1, the scale of a norm.
    Norm,
    /// F16 around 0.
    Half,
    /// Q8_0 in GGUF, BF16 in safetensors, around 0.
    Quantized,
}

/// How the numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dtype {
    F32,
    F16,
    Bf16,
    Q8_0,
}

pub(super) const VOCABULARY: u64 = 256;
pub(super) const HEADS: u32 = 4;
const WIDTH_STEP: u32 = 64;
const BLOCK_TENSORS: u32 = 9;

impl Model {
    /// A model of so many tensors that has at least so many bytes.
    pub(super) fn new(tensors: u32, bytes: u64) -> Self {
        let mut width = WIDTH_STEP;
        loop {
            let model = Self::of_width(tensors, width);
            let is = model.tensors.iter().map(|tensor| tensor.bytes(tensor.kind.gguf())).sum::<u64>();
            if is >= bytes || tensors == 0 || width > 1 << 20 {
                return model;
            }
            width += WIDTH_STEP;
        }
    }

    fn of_width(count: u32, width: u32) -> Self {
        let blocks = count.saturating_sub(3) / BLOCK_TENSORS;
        let wide = u64::from(width);
        let mut tensors = vec![
            Tensor::new("token_embd.weight", "model.embed_tokens.weight", wide, Some(VOCABULARY), Kind::Half),
            Tensor::new("output_norm.weight", "model.norm.weight", wide, None, Kind::Norm),
            Tensor::new("output.weight", "lm_head.weight", wide, Some(VOCABULARY), Kind::Quantized),
        ];
        tensors.truncate(count as usize);
        for block in 0..blocks {
            let mut add = |gguf: &str, safetensors: &str, row, rows, kind| {
                let gguf = format!("blk.{block}.{gguf}.weight");
                tensors.push(Tensor::new(gguf, format!("model.layers.{block}.{safetensors}.weight"), row, rows, kind));
            };
            add("attn_norm", "input_layernorm", wide, None, Kind::Norm);
            add("attn_q", "self_attn.q_proj", wide, Some(wide), Kind::Quantized);
            add("attn_k", "self_attn.k_proj", wide, Some(wide), Kind::Quantized);
            add("attn_v", "self_attn.v_proj", wide, Some(wide), Kind::Quantized);
            add("attn_output", "self_attn.o_proj", wide, Some(wide), Kind::Quantized);
            add("ffn_norm", "post_attention_layernorm", wide, None, Kind::Norm);
            add("ffn_gate", "mlp.gate_proj", wide, Some(2 * wide), Kind::Quantized);
            add("ffn_up", "mlp.up_proj", wide, Some(2 * wide), Kind::Quantized);
            add("ffn_down", "mlp.down_proj", 2 * wide, Some(wide), Kind::Half);
        }
        // What makes no whole layer stands beside the layers.
        for extra in 0..count - tensors.len() as u32 {
            let name = format!("extra.{extra}.weight");
            tensors.push(Tensor::new(name.clone(), name, wide, None, Kind::Norm));
        }
        Self { blocks, width, tensors }
    }
}

impl Kind {
    pub(super) fn gguf(self) -> Dtype {
        match self {
            Self::Norm => Dtype::F32,
            Self::Half => Dtype::F16,
            Self::Quantized => Dtype::Q8_0,
        }
    }

    pub(super) fn safetensors(self) -> Dtype {
        match self {
            Self::Norm => Dtype::F32,
            Self::Half => Dtype::F16,
            Self::Quantized => Dtype::Bf16,
        }
    }
}

impl Tensor {
    fn new(gguf: impl Into<String>, safetensors: impl Into<String>, row: u64, rows: Option<u64>, kind: Kind) -> Self {
        Self { gguf_name: gguf.into(), safetensors_name: safetensors.into(), row, rows, kind }
    }

    pub(super) fn elements(&self) -> u64 {
        self.row * self.rows.unwrap_or(1)
    }

    pub(super) fn bytes(&self, dtype: Dtype) -> u64 {
        match dtype {
            Dtype::F32 => self.elements() * 4,
            Dtype::F16 | Dtype::Bf16 => self.elements() * 2,
            // 32 numbers of a byte, and their scale in F16.
            Dtype::Q8_0 => self.elements() / 32 * 34,
        }
    }

    /// Writes its numbers; `seed` makes them other ones.
    pub(super) fn write(&self, dtype: Dtype, seed: u64, out: &mut impl Write) -> io::Result<()> {
        let mut random = Random(seed);
        let mean = if self.kind == Kind::Norm { 1.0 } else { 0.0 };
        let mut number = || mean + random.next();
        match dtype {
            Dtype::F32 => (0..self.elements()).try_for_each(|_| out.write_all(&number().to_le_bytes())),
            Dtype::F16 => (0..self.elements()).try_for_each(|_| out.write_all(&f16(number()).to_le_bytes())),
            Dtype::Bf16 => (0..self.elements()).try_for_each(|_| out.write_all(&bf16(number()).to_le_bytes())),
            Dtype::Q8_0 => (0..self.elements() / 32).try_for_each(|_| {
                let numbers: [f32; 32] = std::array::from_fn(|_| number());
                out.write_all(&q8_0(&numbers))
            }),
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014), as numbers between −0.05 and 0.05.
struct Random(u64);

impl Random {
    #[allow(clippy::cast_precision_loss, reason = "24 bits are exact")]
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 40) as f32 / (1u32 << 24) as f32 - 0.5) * 0.1
    }
}

/// The nearest F16 below in magnitude. Numbers here are small, so there is no infinity to think of; what is too small is 0.
fn f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let exponent = ((bits >> 23) & 0xff) as i32 - 127 + 15;
    let mantissa = (bits & 0x7f_ffff) >> 13;
    let magnitude = if exponent <= 0 { 0 } else { (exponent.unsigned_abs() << 10) | mantissa };
    (sign | magnitude) as u16
}

/// The nearest BF16 below in magnitude: the upper half of an F32.
fn bf16(value: f32) -> u16 {
    (value.to_bits() >> 16) as u16
}

/// A block of Q8_0: the scale, then each number as a multiple of it.
#[allow(clippy::cast_possible_truncation, reason = "rounded to −127 … 127")]
fn q8_0(numbers: &[f32; 32]) -> [u8; 34] {
    let largest = numbers.iter().fold(0.0f32, |most, number| most.max(number.abs()));
    let scale = largest / 127.0;
    let mut block = [0; 34];
    block[..2].copy_from_slice(&f16(scale).to_le_bytes());
    for (byte, number) in block[2..].iter_mut().zip(numbers) {
        let quant = if scale == 0.0 { 0 } else { (number / scale).round() as i8 };
        *byte = quant.to_le_bytes()[0];
    }
    block
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_has_as_many_tensors_as_asked_for() {
        for count in [0, 1, 2, 3, 4, 12, 21, 30, 100, 723] {
            let model = Model::new(count, 0);
            assert_eq!(model.tensors.len(), count as usize);
            let names: std::collections::HashSet<_> = model.tensors.iter().map(|tensor| &tensor.gguf_name).collect();
            assert_eq!(names.len(), count as usize);
        }
        assert_eq!(Model::new(723, 0).blocks, 80);
    }

    #[test]
    fn it_has_at_least_as_many_bytes_as_asked_for() {
        let bytes = |model: &Model| model.tensors.iter().map(|tensor| tensor.bytes(tensor.kind.gguf())).sum::<u64>();
        let least = 10 << 20;
        assert!((least..least * 3 / 2).contains(&bytes(&Model::new(21, least))));
    }

    #[test]
    fn a_tensor_writes_the_bytes_that_it_says() {
        for tensor in &Model::new(12, 0).tensors {
            for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16, Dtype::Q8_0] {
                let mut out = Vec::new();
                tensor.write(dtype, 7, &mut out).unwrap();
                assert_eq!(out.len() as u64, tensor.bytes(dtype), "{} {dtype:?}", tensor.gguf_name);
            }
        }
    }

    #[test]
    fn halves_are_right() {
        for (value, bits) in [(0.0, 0), (1.0, 0x3c00), (-2.0, 0xc000), (0.5, 0x3800), (65504.0, 0x7bff), (1e-9, 0)] {
            assert_eq!(f16(value), bits, "{value}");
        }
        assert_eq!(bf16(1.0), 0x3f80);
    }

    #[test]
    fn a_block_gives_its_numbers_back() {
        let numbers: [f32; 32] = std::array::from_fn(|index| index as f32 / 320.0);
        let block = q8_0(&numbers);
        assert_eq!(block[33], 127);
        assert_eq!(block[2], 0);
    }
}
