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

/// Types that are not read and have names: those that ggml once had, with the names they then had, and a fork's.
static NAMED: &[(u32, &str)] = &[
    (4, "Q4_2, retired"),
    (5, "Q4_3, retired"),
    (31, "Q4_0_4_4, retired"),
    (32, "Q4_0_4_8, retired"),
    (33, "Q4_0_8_8, retired"),
    (36, "IQ4_NL_4_4, retired; I2_S in bitnet.cpp"),
    (37, "IQ4_NL_4_8, retired"),
    (38, "IQ4_NL_8_8, retired"),
    (97, "Q8_0_X4 of ik_llama.cpp"),
    (98, "Q8_1_X4 of ik_llama.cpp"),
    (99, "Q8_2_X4 of ik_llama.cpp"),
    (133, "Q6_0 of ik_llama.cpp"),
    (134, "IQ1_BN of ik_llama.cpp"),
    (135, "IQ2_BN of ik_llama.cpp"),
    (136, "Q8_K64 of ik_llama.cpp"),
    (137, "IQ2_K of ik_llama.cpp"),
    (138, "IQ3_K of ik_llama.cpp"),
    (139, "IQ4_K of ik_llama.cpp"),
    (140, "IQ5_K of ik_llama.cpp"),
    (141, "IQ6_K of ik_llama.cpp"),
    (144, "IQ4_KS of ik_llama.cpp"),
    (145, "IQ2_KS of ik_llama.cpp"),
    (146, "IQ4_KSS of ik_llama.cpp"),
    (147, "Q8_K16 of ik_llama.cpp"),
    (148, "Q8_K32 of ik_llama.cpp"),
    (149, "Q8_KR8 of ik_llama.cpp"),
    (150, "Q8_K128 of ik_llama.cpp"),
    (151, "Q8_KV of ik_llama.cpp"),
    (152, "IQ5_KS of ik_llama.cpp"),
    (153, "IQ2_KT of ik_llama.cpp"),
    (154, "IQ3_KT of ik_llama.cpp"),
    (155, "IQ4_KT of ik_llama.cpp"),
    (156, "IQ3_KS of ik_llama.cpp"),
    (157, "IQ2_KL of ik_llama.cpp"),
    (158, "IQ1_KT of ik_llama.cpp"),
    (202, "Q4_0_R8 of ik_llama.cpp"),
    (206, "Q5_0_R4 of ik_llama.cpp"),
    (208, "Q8_0_R8 of ik_llama.cpp"),
    (210, "Q2_K_R4 of ik_llama.cpp"),
    (211, "Q3_K_R4 of ik_llama.cpp"),
    (212, "Q4_K_R4 of ik_llama.cpp"),
    (213, "Q5_K_R4 of ik_llama.cpp"),
    (214, "Q6_K_R4 of ik_llama.cpp"),
    (216, "IQ2_XXS_R4 of ik_llama.cpp"),
    (217, "IQ2_XS_R4 of ik_llama.cpp"),
    (218, "IQ3_XXS_R4 of ik_llama.cpp"),
    (219, "IQ1_S_R4 of ik_llama.cpp"),
    (220, "IQ4_NL_R4 of ik_llama.cpp"),
    (221, "IQ3_S_R4 of ik_llama.cpp"),
    (222, "IQ2_S_R4 of ik_llama.cpp"),
    (223, "IQ4_XS_R8 of ik_llama.cpp"),
    (229, "IQ1_M_R4 of ik_llama.cpp"),
    (230, "BF16_R16 of ik_llama.cpp"),
    (233, "Q6_0_R4 of ik_llama.cpp"),
    (335, "IQ2_BN_R4 of ik_llama.cpp"),
    (337, "IQ2_K_R4 of ik_llama.cpp"),
    (338, "IQ3_K_R4 of ik_llama.cpp"),
    (339, "IQ4_K_R4 of ik_llama.cpp"),
    (340, "IQ5_K_R4 of ik_llama.cpp"),
    (344, "IQ4_KS_R4 of ik_llama.cpp"),
    (352, "IQ5_KS_R4 of ik_llama.cpp"),
    (397, "Q8_K_R16 of ik_llama.cpp"),
    (398, "Q8_KV_R8 of ik_llama.cpp"),
    (399, "Q8_K_R8 of ik_llama.cpp"),
];

/// What there is to say of a type that is not known: its number, and the name that others give it.
pub(super) fn unknown(code: u32) -> String {
    match NAMED.iter().find(|(known, _)| *known == code) {
        Some((_, name)) => format!("type {code} ({name})"),
        None => format!("type {code}"),
    }
}

/// The type with this number; none for numbers that are retired or unknown.
pub(in super::super) fn dtype(code: u32) -> Option<Dtype> {
    DTYPES.iter().find(|(known, _)| *known == code).map(|(_, layout)| Dtype::of(layout))
}

#[cfg(test)]
mod tests {
    use super::super::super::dtype::{SizeError, tensor_bytes};
    use super::{NAMED, dtype, unknown};

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
        assert!((43..100).chain(NAMED.iter().map(|(code, _)| *code)).all(|code| dtype(code).is_none()));
        assert_eq!(unknown(137), "type 137 (IQ2_K of ik_llama.cpp)");
        assert_eq!(unknown(4), "type 4 (Q4_2, retired)");
        assert_eq!(unknown(999), "type 999");
    }
}
