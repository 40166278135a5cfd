//! First values of a tensor, decoded for the common types.

/// How a type is laid out: elements per block and bytes per block.
const fn block(dtype: &str) -> Option<(usize, usize)> {
    Some(match dtype.as_bytes() {
        b"F64" | b"I64" | b"U64" => (1, 8),
        b"F32" | b"I32" | b"U32" => (1, 4),
        b"F16" | b"BF16" | b"I16" | b"U16" => (1, 2),
        b"I8" | b"U8" | b"BOOL" | b"F8_E4M3" | b"F8_E5M2" => (1, 1),
        b"Q8_0" => (32, 34),
        b"Q4_0" => (32, 18),
        b"Q4_1" => (32, 20),
        _ => return None,
    })
}

/// IEEE 754 half precision.
fn f16(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((bits >> 10) & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        e => (1.0 + fraction / 1024.0) * 2f32.powi(e - 15),
    }
}

fn bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// Values from the first bytes, as many as are whole; `None` for types that are not decoded.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub(super) fn decode(dtype: &str, bytes: &[u8]) -> Option<Vec<f32>> {
    let (elements, size) = block(dtype)?;
    let mut out = Vec::with_capacity(bytes.len() / size * elements);
    for b in bytes.chunks_exact(size) {
        let u16_at = |i: usize| u16::from_le_bytes([b[i], b[i + 1]]);
        let first4 = || [b[0], b[1], b[2], b[3]];
        let first8 = || [b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]];
        match dtype {
            "F64" => out.push(f64::from_le_bytes(first8()) as f32),
            "I64" => out.push(i64::from_le_bytes(first8()) as f32),
            "U64" => out.push(u64::from_le_bytes(first8()) as f32),
            "F32" => out.push(f32::from_le_bytes(first4())),
            "I32" => out.push(i32::from_le_bytes(first4()) as f32),
            "U32" => out.push(u32::from_le_bytes(first4()) as f32),
            "F16" => out.push(f16(u16_at(0))),
            "BF16" => out.push(bf16(u16_at(0))),
            "I16" => out.push(f32::from(i16::from_le_bytes([b[0], b[1]]))),
            "U16" => out.push(f32::from(u16_at(0))),
            "I8" => out.push(f32::from(b[0].cast_signed())),
            "U8" | "BOOL" => out.push(f32::from(b[0])),
            "F8_E5M2" => out.push(f16(u16::from(b[0]) << 8)),
            "F8_E4M3" => out.push(e4m3(b[0])),
            "Q8_0" => {
                let scale = f16(u16_at(0));
                out.extend(b[2..].iter().map(|&q| scale * f32::from(q.cast_signed())));
            }
            "Q4_0" => {
                let scale = f16(u16_at(0));
                let value = |q: u8| scale * (f32::from(q) - 8.0);
                out.extend(b[2..].iter().map(|&q| value(q & 15)));
                out.extend(b[2..].iter().map(|&q| value(q >> 4)));
            }
            _ => {
                let (scale, least) = (f16(u16_at(0)), f16(u16_at(2)));
                let value = |q: u8| scale * f32::from(q) + least;
                out.extend(b[4..].iter().map(|&q| value(q & 15)));
                out.extend(b[4..].iter().map(|&q| value(q >> 4)));
            }
        }
    }
    Some(out)
}

fn e4m3(b: u8) -> f32 {
    let sign = if b & 0x80 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((b >> 3) & 15);
    let fraction = f32::from(b & 7);
    sign * match (exponent, b & 7) {
        (15, 7) => f32::NAN,
        (0, _) => fraction * 2f32.powi(-9),
        (e, _) => (1.0 + fraction / 8.0) * 2f32.powi(e - 7),
    }
}

/// Least, greatest, mean, and how many are no numbers.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub(super) fn statistics(values: &[f32]) -> (f32, f32, f32, usize) {
    let good = values.iter().copied().filter(|v| v.is_finite());
    let (mut least, mut most, mut sum, mut n) = (f32::INFINITY, f32::NEG_INFINITY, 0.0, 0usize);
    for v in good {
        least = least.min(v);
        most = most.max(v);
        sum += v;
        n += 1;
    }
    if n == 0 { (0.0, 0.0, 0.0, values.len()) } else { (least, most, sum / n as f32, values.len() - n) }
}

/// How many values fall into each of `bins`, from the least to the greatest.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub(super) fn histogram(values: &[f32], bins: usize) -> Vec<u32> {
    let (least, most, _, _) = statistics(values);
    let mut out = vec![0; bins];
    let width = ((most - least) / bins as f32).max(f32::MIN_POSITIVE);
    for v in values.iter().filter(|v| v.is_finite()) {
        let bin = (((v - least) / width) as usize).min(bins - 1);
        out[bin] += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_types() {
        assert_eq!(decode("F32", &1.5f32.to_le_bytes()), Some(vec![1.5]));
        assert_eq!(decode("F16", &[0x00, 0x3c, 0x00, 0xc0]), Some(vec![1.0, -2.0]));
        assert_eq!(decode("BF16", &[0x80, 0x3f]), Some(vec![1.0]));
        assert_eq!(decode("F8_E4M3", &[0x38]), Some(vec![1.0]));
        let mut q8 = vec![0x00, 0x3c];
        q8.extend([2u8; 32]);
        assert_eq!(decode("Q8_0", &q8), Some(vec![2.0; 32]));
        let mut q4 = vec![0x00, 0x3c];
        q4.extend([0x9au8; 16]);
        let values = decode("Q4_0", &q4).unwrap_or_default();
        assert_eq!((values[0], values[16]), (2.0, 1.0));
        assert_eq!(decode("Q6_K", &[0; 210]), None);
    }

    #[test]
    fn statistics_leave_out_what_is_no_number() {
        assert_eq!(statistics(&[1.0, f32::NAN, 3.0]), (1.0, 3.0, 2.0, 1));
        assert_eq!(histogram(&[0.0, 1.0, 1.0], 2), vec![1, 2]);
        assert_eq!(histogram(&[], 2), vec![0, 0]);
    }
}
