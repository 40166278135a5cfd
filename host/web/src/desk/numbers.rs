//! The numbers of a tensor: the smallest and the largest of those that are finite.

/// Looks at elements, from the smallest number so far to the largest.
type Look = fn(&[u8], (f64, f64)) -> (f64, f64);

/// From the smallest to the largest.
#[derive(Clone, Copy)]
pub(super) struct Range {
    look: Look,
    ends: (f64, f64),
}

impl Range {
    /// Of no number yet; nothing for a type whose bytes are no plain numbers, as those of blocks.
    pub(super) fn new(dtype: &str) -> Option<Self> {
        let look: Look = match dtype {
            "F64" => |bytes, ends| widened(bytes, ends, f64::from_le_bytes),
            "F32" => |bytes, ends| widened(bytes, ends, |b| f32::from_le_bytes(b).into()),
            "F16" => |bytes, ends| widened(bytes, ends, |b| half(u16::from_le_bytes(b))),
            "BF16" => {
                |bytes, ends| widened(bytes, ends, |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16).into())
            }
            "I64" => |bytes, ends| widened(bytes, ends, |b| i64::from_le_bytes(b) as f64),
            "I32" => |bytes, ends| widened(bytes, ends, |b| i32::from_le_bytes(b).into()),
            "I16" => |bytes, ends| widened(bytes, ends, |b| i16::from_le_bytes(b).into()),
            "I8" => |bytes, ends| widened(bytes, ends, |b| i8::from_le_bytes(b).into()),
            "U64" => |bytes, ends| widened(bytes, ends, |b| u64::from_le_bytes(b) as f64),
            "U32" => |bytes, ends| widened(bytes, ends, |b| u32::from_le_bytes(b).into()),
            "U16" => |bytes, ends| widened(bytes, ends, |b| u16::from_le_bytes(b).into()),
            "U8" => |bytes, ends| widened(bytes, ends, |b| u8::from_le_bytes(b).into()),
            _ => return None,
        };
        Some(Self { look, ends: (f64::INFINITY, f64::NEG_INFINITY) })
    }

    /// The next bytes of a tensor: whole elements.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.ends = (self.look)(bytes, self.ends);
    }

    /// Both, if there was a number.
    pub(super) fn ends(self) -> Option<(f64, f64)> {
        Some(self.ends).filter(|(least, most)| least <= most)
    }
}

fn widened<const N: usize>(
    bytes: &[u8],
    (mut least, mut most): (f64, f64),
    number: impl Fn([u8; N]) -> f64,
) -> (f64, f64) {
    for element in bytes.as_chunks::<N>().0 {
        let number = number(*element);
        // NaN is no end of a range, and that there are infinities is a finding.
        if number.is_finite() {
            (least, most) = (least.min(number), most.max(number));
        }
    }
    (least, most)
}

/// A number of IEEE 754's binary16.
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (bits >> 10 & 31, f64::from(bits & 1023));
    let magnitude = match exponent {
        0 => mantissa / f64::from(1 << 24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        // 2^(exponent - 15) × (1 + mantissa / 1024)
        exponent => f64::from(1u32 << exponent) * (1024.0 + mantissa) / f64::from(1 << 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(dtype: &str, bytes: &[u8]) -> Option<(f64, f64)> {
        let mut range = Range::new(dtype)?;
        range.add(bytes);
        range.ends()
    }

    #[test]
    fn numbers_of_every_type() {
        let f64s = [1.5f64, f64::NAN, -2.25, f64::INFINITY].map(f64::to_le_bytes).concat();
        assert_eq!(range("F64", &f64s), Some((-2.25, 1.5)));
        let f32s = [f32::NEG_INFINITY, 3.0, f32::MAX].map(f32::to_le_bytes).concat();
        assert_eq!(range("F32", &f32s), Some((3.0, f32::MAX.into())));
        // One, minus the largest, infinity, NaN; the smallest subnormal; two thirds.
        let f16s = [0x3c00u16, 0xfbff, 0x7c00, 0x7e00].map(u16::to_le_bytes).concat();
        assert_eq!(range("F16", &f16s), Some((-65504.0, 1.0)));
        assert_eq!(range("F16", &1u16.to_le_bytes()), Some((2f64.powi(-24), 2f64.powi(-24))));
        assert_eq!(range("F16", &0x3955u16.to_le_bytes()), Some((0.66650390625, 0.66650390625)));
        assert_eq!(range("BF16", &0xc000u16.to_le_bytes()), Some((-2.0, -2.0)));
        assert_eq!(range("I8", &[0x80, 0x7f]), Some((-128.0, 127.0)));
        assert_eq!(range("U8", &[0x80, 0x7f]), Some((127.0, 128.0)));
        assert_eq!(range("I16", &(-300i16).to_le_bytes()), Some((-300.0, -300.0)));
        assert_eq!(range("I64", &i64::MIN.to_le_bytes()), Some((i64::MIN as f64, i64::MIN as f64)));
    }

    #[test]
    fn where_there_is_no_number_there_is_no_range() {
        assert_eq!(range("Q8_0", &[0; 34]), None);
        assert_eq!(range("F32", &[]), None);
        assert_eq!(range("F32", &f32::NAN.to_le_bytes()), None);
    }
}
