//! The element types of safetensors, and the order in which its writer has them.

/// Ascending, as `Dtype` of the crate safetensors 0.8: tensors of the last one come first in a file.
const DTYPES: [&str; 22] = [
    "BOOL",
    "F4",
    "F6_E2M3",
    "F6_E3M2",
    "U8",
    "I8",
    "F8_E5M2",
    "F8_E4M3",
    "F8_E8M0",
    "F8_E4M3FNUZ",
    "F8_E5M2FNUZ",
    "I16",
    "U16",
    "F16",
    "BF16",
    "I32",
    "U32",
    "F32",
    "C64",
    "F64",
    "I64",
    "U64",
];

/// The place of a type in that order; none for one that the format does not have.
pub(super) fn rank(dtype: &str) -> Option<usize> {
    DTYPES.iter().position(|known| *known == dtype)
}
