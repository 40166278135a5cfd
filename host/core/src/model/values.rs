//! NaN, infinities and tensors of nothing but zeros, counted while the bytes go by.
use super::{Finding, Severity};
use crate::{TensorInfo, escape};
use serde::Serialize;

/// What was counted in one tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Values {
    /// Elements that are no number; of quantized types, block scales that are none.
    pub nan: u64,
    /// Elements that are infinite; of quantized types, block scales that are.
    pub infinite: u64,
    /// Whether there are bytes and all of them are zero.
    pub all_zero: bool,
}

impl Values {
    /// What of it is worth a person's attention.
    #[must_use]
    pub fn findings(&self, tensor: &TensorInfo) -> Vec<Finding> {
        let name = escape(&tensor.name);
        let counted = match Layout::of(&tensor.dtype) {
            Some(Layout { scales: true, .. }) => "block scales",
            _ => "elements",
        };
        let mut found = Vec::new();
        if self.nan > 0 {
            let message = format!("tensor {name} has {} {counted} that are NaN", self.nan);
            found.push(Finding::new("values/nan", Severity::Error, message).about(tensor));
        }
        if self.infinite > 0 {
            let message = format!("tensor {name} has {} {counted} that are infinite", self.infinite);
            found.push(Finding::new("values/infinite", Severity::Error, message).about(tensor));
        }
        if self.all_zero {
            let message = format!("every byte of tensor {name} is zero");
            found.push(Finding::new("values/all-zero", Severity::Warning, message).about(tensor));
        }
        found
    }
}

/// A floating-point number's bits: the exponent is all ones in NaN and infinity, and the fraction tells them apart.
#[derive(Clone, Copy)]
enum Float {
    F64,
    F32,
    F16,
    Bf16,
    /// No infinity; NaN is all ones but for the sign (OCP 8-bit floating point, table 1).
    E4m3,
    /// As IEEE 754 (the same table).
    E5m2,
}

/// Where the floating-point numbers of a type are.
struct Layout {
    /// Bytes of a block; of plain types, of an element.
    block: usize,
    float: Float,
    /// Offsets in a block.
    at: &'static [usize],
    /// Whether they are scales of quantized elements.
    scales: bool,
}

impl Layout {
    /// The layouts of `ggml-common.h` for quantized types with scales of 16 bits; none for types without such numbers.
    fn of(dtype: &str) -> Option<Self> {
        let plain = |block, float| Some(Self { block, float, at: &[0], scales: false });
        let blocks = |block, at| Some(Self { block, float: Float::F16, at, scales: true });
        match dtype {
            "F64" => plain(8, Float::F64),
            "F32" => plain(4, Float::F32),
            "F16" => plain(2, Float::F16),
            "BF16" => plain(2, Float::Bf16),
            "F8_E4M3" => plain(1, Float::E4m3),
            "F8_E5M2" => plain(1, Float::E5m2),
            "Q4_0" => blocks(18, &[0]),
            "Q4_1" => blocks(20, &[0, 2]),
            "Q5_0" => blocks(22, &[0]),
            "Q5_1" => blocks(24, &[0, 2]),
            "Q8_0" => blocks(34, &[0]),
            "Q2_K" => blocks(84, &[80, 82]),
            "Q3_K" => blocks(110, &[108]),
            "Q4_K" => blocks(144, &[0, 2]),
            "Q5_K" => blocks(176, &[0, 2]),
            "Q6_K" => blocks(210, &[208]),
            _ => None,
        }
    }
}

/// Counts the values of one tensor.
pub struct ValueCounter {
    layout: Option<Layout>,
    values: Values,
    bytes: u64,
    zero: bool,
}

impl ValueCounter {
    /// For a type by the name that the format gives it. Of types without floating-point numbers, or that are not known here,
    /// only zeros are noticed.
    #[must_use]
    pub fn new(dtype: &str) -> Self {
        Self { layout: Layout::of(dtype), values: Values::default(), bytes: 0, zero: true }
    }

    /// Bytes that must not be torn apart between two calls of [`Self::add`].
    #[must_use]
    pub fn unit(&self) -> usize {
        self.layout.as_ref().map_or(1, |layout| layout.block)
    }

    /// The next bytes of the tensor: whole units.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.zero = self.zero && bytes.iter().all(|byte| *byte == 0);
        let Some(layout) = &self.layout else { return };
        let (mut nan, mut infinite) = (0u64, 0u64);
        let mut count = |(is_nan, is_infinite): (bool, bool)| {
            nan += u64::from(is_nan);
            infinite += u64::from(is_infinite);
        };
        // A loop for each type, so that the compiler makes it wide.
        match (layout.float, layout.scales) {
            (Float::F64, _) => bytes.as_chunks().0.iter().for_each(|b| count(f64_of(*b))),
            (Float::F32, _) => bytes.as_chunks().0.iter().for_each(|b| count(f32_of(*b))),
            (Float::F16, false) => bytes.as_chunks().0.iter().for_each(|b| count(f16_of(*b))),
            (Float::Bf16, _) => bytes.as_chunks().0.iter().for_each(|b| count(bf16_of(*b))),
            (Float::E4m3, _) => bytes.iter().for_each(|b| count((b & 0x7f == 0x7f, false))),
            (Float::E5m2, _) => bytes.iter().for_each(|b| count((b & 0x7f > 0x7c, b & 0x7f == 0x7c))),
            (Float::F16, true) => {
                for block in bytes.chunks_exact(layout.block) {
                    for scale in layout.at.iter().filter_map(|at| block.get(*at..)?.first_chunk()) {
                        count(f16_of(*scale));
                    }
                }
            }
        }
        self.values.nan += nan;
        self.values.infinite += infinite;
    }

    /// What was counted.
    #[must_use]
    pub fn finish(self) -> Values {
        Values { all_zero: self.zero && self.bytes > 0, ..self.values }
    }
}

fn f64_of(bytes: [u8; 8]) -> (bool, bool) {
    let value = f64::from_le_bytes(bytes);
    (value.is_nan(), value.is_infinite())
}

fn f32_of(bytes: [u8; 4]) -> (bool, bool) {
    let value = f32::from_le_bytes(bytes);
    (value.is_nan(), value.is_infinite())
}

fn f16_of(bytes: [u8; 2]) -> (bool, bool) {
    let magnitude = u16::from_le_bytes(bytes) & 0x7fff;
    (magnitude > 0x7c00, magnitude == 0x7c00)
}

fn bf16_of(bytes: [u8; 2]) -> (bool, bool) {
    let magnitude = u16::from_le_bytes(bytes) & 0x7fff;
    (magnitude > 0x7f80, magnitude == 0x7f80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(dtype: &str, bytes: &[u8]) -> (u64, u64, bool) {
        let mut counter = ValueCounter::new(dtype);
        // In pieces, as they come from a file.
        bytes.chunks(counter.unit()).for_each(|piece| counter.add(piece));
        let Values { nan, infinite, all_zero } = counter.finish();
        (nan, infinite, all_zero)
    }

    #[test]
    fn floats_of_every_width() {
        let f64s = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0].map(f64::to_le_bytes).concat();
        assert_eq!(count("F64", &f64s), (1, 2, false));
        let f32s = [f32::NAN, -f32::NAN, f32::INFINITY, f32::MAX, 0.0].map(f32::to_le_bytes).concat();
        assert_eq!(count("F32", &f32s), (2, 1, false));
        // Infinity, a NaN, the largest number, minus infinity.
        let f16s = [0x7c00u16, 0x7e00, 0x7bff, 0xfc00].map(u16::to_le_bytes).concat();
        assert_eq!(count("F16", &f16s), (1, 2, false));
        let bf16s = [0x7f80u16, 0xffc0, 0x7f7f].map(u16::to_le_bytes).concat();
        assert_eq!(count("BF16", &bf16s), (1, 1, false));
        assert_eq!(count("F8_E4M3", &[0x7f, 0xff, 0x7e, 0x78]), (2, 0, false));
        assert_eq!(count("F8_E5M2", &[0x7c, 0xfc, 0x7d, 0x7b]), (1, 2, false));
    }

    #[test]
    fn scales_of_blocks() {
        let mut blocks = vec![0u8; 34 * 3];
        blocks[34..36].copy_from_slice(&0x7e00u16.to_le_bytes());
        // Not a scale: quantized elements may have any bits.
        blocks[4..6].copy_from_slice(&0x7c00u16.to_le_bytes());
        assert_eq!(count("Q8_0", &blocks), (1, 0, false));
        let mut blocks = vec![0u8; 210 * 2];
        blocks[210 + 208..].copy_from_slice(&0xfc00u16.to_le_bytes());
        assert_eq!(count("Q6_K", &blocks), (0, 1, false));
    }

    #[test]
    fn zeros_are_noticed_in_every_type() {
        assert_eq!(count("I32", &[0; 8]), (0, 0, true));
        assert_eq!(count("a type of next year", &[0, 0, 1]), (0, 0, false));
        assert_eq!(count("F32", &[]), (0, 0, false), "nothing is not zeros");
    }
}
