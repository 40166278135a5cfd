//! The element types of GGUF: ggml's `enum ggml_type` and the block sizes of `ggml-common.h` (upstream, 2026).
use super::super::dtype::{Dtype, Layout, Packed};

/// ggml's blocks lie along the first dimension.
const fn ggml(name: &'static str, elements: u64, bytes: u64) -> Layout {
    Layout { name, elements, bytes, packed: Packed::FirstDimension }
}

/// Each with its number in a file.
static DTYPES: &[(u32, Layout)] = &[
    (0, ggml("F32", 1, 4)),
    (1, ggml("F16", 1, 2)),
    (2, ggml("Q4_0", 32, 18)),
    (3, ggml("Q4_1", 32, 20)),
    (6, ggml("Q5_0", 32, 22)),
    (7, ggml("Q5_1", 32, 24)),
    (8, ggml("Q8_0", 32, 34)),
    (9, ggml("Q8_1", 32, 36)),
    (10, ggml("Q2_K", 256, 84)),
    (11, ggml("Q3_K", 256, 110)),
    (12, ggml("Q4_K", 256, 144)),
    (13, ggml("Q5_K", 256, 176)),
    (14, ggml("Q6_K", 256, 210)),
    (15, ggml("Q8_K", 256, 292)),
    (16, ggml("IQ2_XXS", 256, 66)),
    (17, ggml("IQ2_XS", 256, 74)),
    (18, ggml("IQ3_XXS", 256, 98)),
    (19, ggml("IQ1_S", 256, 50)),
    (20, ggml("IQ4_NL", 32, 18)),
    (21, ggml("IQ3_S", 256, 110)),
    (22, ggml("IQ2_S", 256, 82)),
    (23, ggml("IQ4_XS", 256, 136)),
    (24, ggml("I8", 1, 1)),
    (25, ggml("I16", 1, 2)),
    (26, ggml("I32", 1, 4)),
    (27, ggml("I64", 1, 8)),
    (28, ggml("F64", 1, 8)),
    (29, ggml("IQ1_M", 256, 56)),
    (30, ggml("BF16", 1, 2)),
    (34, ggml("TQ1_0", 256, 54)),
    (35, ggml("TQ2_0", 256, 66)),
    (39, ggml("MXFP4", 32, 17)),
    (40, ggml("NVFP4", 64, 36)),
    (41, ggml("Q1_0", 128, 18)),
    (42, ggml("Q2_0", 64, 18)),
];

/// Types that GGUF once had.
pub(super) const RETIRED: &[u32] = &[4, 5, 31, 32, 33, 36, 37, 38];

/// The type with this number; none for numbers that are retired or unknown.
pub(in super::super) fn dtype(code: u32) -> Option<Dtype> {
    DTYPES.iter().find(|(known, _)| *known == code).map(|(_, layout)| Dtype::of(layout))
}

#[cfg(test)]
mod tests {
    use super::super::super::dtype::{SizeError, tensor_bytes};
    use super::{RETIRED, dtype};

    fn bytes(code: u32, shape: &[u64]) -> Result<u64, SizeError> {
        tensor_bytes(dtype(code).unwrap(), shape)
    }

    #[test]
    fn sizes_are_those_of_ggml() {
        assert_eq!(bytes(0, &[]), Ok(4));
        assert_eq!(bytes(12, &[4096, 4096]), Ok(4096 / 256 * 144 * 4096));
        assert_eq!(bytes(8, &[0, 7]), Ok(0));
        assert_eq!(bytes(8, &[32, 0]), Ok(0));
        assert_eq!(bytes(40, &[64]), Ok(36));
    }

    #[test]
    fn products_never_wrap() {
        assert_eq!(bytes(24, &[1 << 32, 1 << 32]), Err(SizeError::Elements));
        assert_eq!(bytes(24, &[i64::MAX as u64, 2]), Ok(u64::MAX - 1));
        assert_eq!(bytes(0, &[i64::MAX as u64, 2]), Err(SizeError::Bytes));
        assert_eq!(bytes(8, &[1152, (1 << 42) + 1]), Ok(1152 / 32 * 34 * ((1 << 42) + 1)));
        assert_eq!(bytes(8, &[1 << 40, 1 << 24]), Err(SizeError::Elements));
        assert_eq!(bytes(0, &[1 << 63]), Err(SizeError::Dimension(0)));
        assert_eq!(bytes(0, &[0, 1 << 62, 1 << 62]), Err(SizeError::Elements));
        assert_eq!(bytes(2, &[33]), Err(SizeError::Block(32)));
        assert_eq!(bytes(14, &[128, 2]), Err(SizeError::Block(256)));
    }

    #[test]
    fn unknown_types_are_unknown() {
        assert!((43..100).chain(RETIRED.iter().copied()).all(|code| dtype(code).is_none()));
    }
}
