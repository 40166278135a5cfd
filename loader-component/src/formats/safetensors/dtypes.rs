//! The element types of safetensors: `Dtype` of the crate safetensors 0.8. Its types of less than a byte are blocks here.
use super::super::dtype::{Dtype, Layout, Packed};

const fn packed(name: &'static str, elements: u64, bytes: u64) -> Layout {
    Layout { name, elements, bytes, packed: Packed::Throughout }
}

static DTYPES: &[Layout] = &[
    Layout::plain("BOOL", 1),
    packed("F4", 2, 1),
    packed("F6_E2M3", 4, 3),
    packed("F6_E3M2", 4, 3),
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
    Layout::plain("C64", 8),
    Layout::plain("F64", 8),
    Layout::plain("I64", 8),
    Layout::plain("U64", 8),
];

/// The type with this name.
pub(in super::super) fn dtype(name: &str) -> Option<Dtype> {
    DTYPES.iter().find(|layout| layout.name == name).map(Dtype::of)
}

#[cfg(test)]
mod tests {
    use super::super::super::dtype::{SizeError, tensor_bytes};
    use super::dtype;

    #[test]
    fn sizes_and_blocks() {
        let bytes = |name: &str, shape: &[u64]| tensor_bytes(dtype(name).unwrap(), shape);
        assert_eq!(bytes("F4", &[3, 2]), Ok(3));
        assert_eq!(bytes("F6_E3M2", &[4]), Ok(3));
        assert_eq!(bytes("C64", &[2]), Ok(16));
        assert_eq!(bytes("F4", &[3, 0]), Ok(0));
        assert_eq!(bytes("F4", &[3]), Err(SizeError::Block(2)));
        assert!(["f32", "F33", "Q4_K", ""].iter().all(|name| dtype(name).is_none()));
    }
}
