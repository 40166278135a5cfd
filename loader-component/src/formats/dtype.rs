//! Element types, and the one function that computes how many bytes a tensor has.
use std::fmt;

/// How elements are laid out in bytes.
struct Layout {
    name: &'static str,
    /// The number of the type in GGUF; none for a type of safetensors.
    code: Option<u32>,
    /// Elements of one block.
    elements: u64,
    /// Bytes of one block.
    bytes: u64,
}

const fn ggml(code: u32, name: &'static str, elements: u64, bytes: u64) -> Layout {
    Layout { name, code: Some(code), elements, bytes }
}

const fn plain(name: &'static str, elements: u64, bytes: u64) -> Layout {
    Layout { name, code: None, elements, bytes }
}

/// GGUF: ggml's `enum ggml_type` and the block sizes of `ggml-common.h` (upstream, 2026); 4, 5, 31–33 and 36–38 were
/// retired there. safetensors: `Dtype` of the crate safetensors 0.8; its types of less than a byte are blocks here.
static LAYOUTS: &[Layout] = &[
    ggml(0, "F32", 1, 4),
    ggml(1, "F16", 1, 2),
    ggml(2, "Q4_0", 32, 18),
    ggml(3, "Q4_1", 32, 20),
    ggml(6, "Q5_0", 32, 22),
    ggml(7, "Q5_1", 32, 24),
    ggml(8, "Q8_0", 32, 34),
    ggml(9, "Q8_1", 32, 36),
    ggml(10, "Q2_K", 256, 84),
    ggml(11, "Q3_K", 256, 110),
    ggml(12, "Q4_K", 256, 144),
    ggml(13, "Q5_K", 256, 176),
    ggml(14, "Q6_K", 256, 210),
    ggml(15, "Q8_K", 256, 292),
    ggml(16, "IQ2_XXS", 256, 66),
    ggml(17, "IQ2_XS", 256, 74),
    ggml(18, "IQ3_XXS", 256, 98),
    ggml(19, "IQ1_S", 256, 50),
    ggml(20, "IQ4_NL", 32, 18),
    ggml(21, "IQ3_S", 256, 110),
    ggml(22, "IQ2_S", 256, 82),
    ggml(23, "IQ4_XS", 256, 136),
    ggml(24, "I8", 1, 1),
    ggml(25, "I16", 1, 2),
    ggml(26, "I32", 1, 4),
    ggml(27, "I64", 1, 8),
    ggml(28, "F64", 1, 8),
    ggml(29, "IQ1_M", 256, 56),
    ggml(30, "BF16", 1, 2),
    ggml(34, "TQ1_0", 256, 54),
    ggml(35, "TQ2_0", 256, 66),
    ggml(39, "MXFP4", 32, 17),
    ggml(40, "NVFP4", 64, 36),
    ggml(41, "Q1_0", 128, 18),
    ggml(42, "Q2_0", 64, 18),
    plain("BOOL", 1, 1),
    plain("F4", 2, 1),
    plain("F6_E2M3", 4, 3),
    plain("F6_E3M2", 4, 3),
    plain("U8", 1, 1),
    plain("I8", 1, 1),
    plain("F8_E5M2", 1, 1),
    plain("F8_E4M3", 1, 1),
    plain("F8_E8M0", 1, 1),
    plain("F8_E4M3FNUZ", 1, 1),
    plain("F8_E5M2FNUZ", 1, 1),
    plain("I16", 1, 2),
    plain("U16", 1, 2),
    plain("F16", 1, 2),
    plain("BF16", 1, 2),
    plain("I32", 1, 4),
    plain("U32", 1, 4),
    plain("F32", 1, 4),
    plain("C64", 1, 8),
    plain("F64", 1, 8),
    plain("I64", 1, 8),
    plain("U64", 1, 8),
];

/// Types that GGUF once had.
pub(crate) const RETIRED: &[u32] = &[4, 5, 31, 32, 33, 36, 37, 38];

/// An element type of GGUF or of safetensors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dtype(u8);

impl Dtype {
    /// The type with this number in a GGUF file; none for numbers that are retired or unknown.
    #[must_use]
    pub fn from_gguf(code: u32) -> Option<Self> {
        Self::search(|layout| layout.code == Some(code))
    }

    /// The type with this name in a safetensors file.
    #[must_use]
    pub fn from_safetensors(name: &str) -> Option<Self> {
        Self::search(|layout| layout.code.is_none() && layout.name == name)
    }

    fn search(is: impl Fn(&Layout) -> bool) -> Option<Self> {
        LAYOUTS.iter().position(is).and_then(|at| u8::try_from(at).ok()).map(Self)
    }

    fn layout(self) -> &'static Layout {
        // A `Dtype` is only made by `search`, so the index is there; the fallback is the table's own first row.
        const FIRST: Layout = ggml(0, "F32", 1, 4);
        LAYOUTS.get(usize::from(self.0)).unwrap_or(const { &FIRST })
    }

    /// The format's own name, such as `Q4_K` or `BF16`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.layout().name
    }
}

impl fmt::Debug for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Cause a shape has no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// This dimension is 2^63 or more, which no reader of these formats can hold.
    Dimension(usize),
    /// The elements are 2^64 or more.
    Elements,
    /// The bytes are 2^64 or more.
    Bytes,
    /// The first dimension of a quantized type, or all elements of a type of less than a byte, are no multiple of a block
    /// of this many.
    Block(u64),
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dimension(at) => write!(f, "dimension {at} is 2^63 or more"),
            Self::Elements => f.write_str("the number of elements is 2^64 or more"),
            Self::Bytes => f.write_str("the size in bytes is 2^64 or more"),
            Self::Block(elements) => write!(f, "its elements do not fill blocks of {elements}"),
        }
    }
}

/// Bytes of a tensor. No dimension at all is one element. A dimension of 0 is 0 bytes, but the other dimensions must still
/// multiply to less than 2^64, so that nobody's strides wrap.
///
/// # Errors
/// The size is not a number of bytes below 2^64, or the shape does not divide into the type's blocks.
pub fn tensor_bytes(dtype: Dtype, shape: &[u64]) -> Result<u64, SizeError> {
    let layout = dtype.layout();
    let (mut elements, mut empty) = (1u64, false);
    for (at, dimension) in shape.iter().enumerate() {
        if *dimension > i64::MAX as u64 {
            return Err(SizeError::Dimension(at));
        }
        empty |= *dimension == 0;
        elements = elements.checked_mul((*dimension).max(1)).ok_or(SizeError::Elements)?;
    }
    // GGUF's blocks lie along the first dimension; safetensors packs all elements.
    let run = if layout.code.is_some() { shape.first().copied().unwrap_or(1) } else { elements };
    let blocks = if empty { Some(0) } else { elements.checked_div(layout.elements) };
    if run.checked_rem(layout.elements) != Some(0) && !(empty && layout.code.is_none()) {
        return Err(SizeError::Block(layout.elements));
    }
    blocks.and_then(|blocks| blocks.checked_mul(layout.bytes)).ok_or(SizeError::Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gguf(code: u32, shape: &[u64]) -> Result<u64, SizeError> {
        tensor_bytes(Dtype::from_gguf(code).unwrap(), shape)
    }

    fn safetensors(name: &str, shape: &[u64]) -> Result<u64, SizeError> {
        tensor_bytes(Dtype::from_safetensors(name).unwrap(), shape)
    }

    #[test]
    fn sizes_are_those_of_the_formats() {
        assert_eq!(gguf(0, &[]), Ok(4));
        assert_eq!(gguf(12, &[4096, 4096]), Ok(4096 / 256 * 144 * 4096));
        assert_eq!(gguf(8, &[0, 7]), Ok(0));
        assert_eq!(gguf(8, &[32, 0]), Ok(0));
        assert_eq!(gguf(40, &[64]), Ok(36));
        assert_eq!(safetensors("F4", &[3, 2]), Ok(3));
        assert_eq!(safetensors("F6_E3M2", &[4]), Ok(3));
        assert_eq!(safetensors("C64", &[2]), Ok(16));
        assert_eq!(safetensors("F4", &[3, 0]), Ok(0));
    }

    #[test]
    fn products_never_wrap() {
        assert_eq!(gguf(24, &[1 << 32, 1 << 32]), Err(SizeError::Elements));
        assert_eq!(gguf(24, &[i64::MAX as u64, 2]), Ok(u64::MAX - 1));
        assert_eq!(gguf(0, &[i64::MAX as u64, 2]), Err(SizeError::Bytes));
        assert_eq!(gguf(8, &[1152, (1 << 42) + 1]), Ok(1152 / 32 * 34 * ((1 << 42) + 1)));
        assert_eq!(gguf(8, &[1 << 40, 1 << 24]), Err(SizeError::Elements));
        assert_eq!(gguf(0, &[1 << 63]), Err(SizeError::Dimension(0)));
        assert_eq!(gguf(0, &[0, 1 << 62, 1 << 62]), Err(SizeError::Elements));
        assert_eq!(gguf(2, &[33]), Err(SizeError::Block(32)));
        assert_eq!(gguf(14, &[128, 2]), Err(SizeError::Block(256)));
        assert_eq!(safetensors("F4", &[3]), Err(SizeError::Block(2)));
    }

    #[test]
    fn unknown_types_are_unknown() {
        assert!((43..100).chain(RETIRED.iter().copied()).all(|code| Dtype::from_gguf(code).is_none()));
        assert!(["f32", "F33", "Q4_K", ""].iter().all(|name| Dtype::from_safetensors(name).is_none()));
    }
}
