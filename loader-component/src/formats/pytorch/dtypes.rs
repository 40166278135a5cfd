//! Element types of tensors, by the names that safetensors has for them.
use super::super::dtype::{Dtype, Layout, tensor_bytes};

static LAYOUTS: &[Layout] = &[
    Layout::plain("BOOL", 1),
    Layout::plain("U8", 1),
    Layout::plain("I8", 1),
    Layout::plain("F8_E5M2", 1),
    Layout::plain("F8_E4M3", 1),
    Layout::plain("F8_E8M0", 1),
    Layout::plain("F8_E4M3FNUZ", 1),
    Layout::plain("F8_E5M2FNUZ", 1),
    Layout::plain("I16", 2),
    Layout::plain("U16", 2),
    Layout::plain("F16", 2),
    Layout::plain("BF16", 2),
    Layout::plain("I32", 4),
    Layout::plain("U32", 4),
    Layout::plain("F32", 4),
    Layout::plain("I64", 8),
    Layout::plain("U64", 8),
    Layout::plain("F64", 8),
    Layout::plain("C64", 8),
];

/// The element type of this name.
pub(super) fn dtype(name: &str) -> Option<Dtype> {
    LAYOUTS.iter().find(|layout| layout.name == name).map(Dtype::of)
}

/// Bytes of an element.
pub(super) fn width(dtype: Dtype) -> u64 {
    tensor_bytes(dtype, &[1]).unwrap_or(1)
}
