//! Element types, and the one function that computes how many bytes a tensor has.
use std::fmt;

/// How the elements of a type are laid out in bytes. A format's folder has the table of its types.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The format's own name, such as `Q4_K` or `BF16`.
    pub(crate) name: &'static str,
    /// Elements of one block.
    pub(crate) elements: u64,
    /// Bytes of one block.
    pub(crate) bytes: u64,
    /// Which elements are neighbours in a block.
    pub(crate) packed: Packed,
}

/// Which elements make up the blocks of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packed {
    /// Those along the first dimension: it is a multiple of the block.
    FirstDimension,
    /// All of them, whatever the shape.
    Throughout,
}

impl Layout {
    /// A type of so many bytes for each element.
    pub(crate) const fn plain(name: &'static str, bytes: u64) -> Self {
        Self { name, elements: 1, bytes, packed: Packed::Throughout }
    }
}

/// An element type of one of the formats.
#[derive(Clone, Copy)]
pub(crate) struct Dtype(&'static Layout);

impl Dtype {
    /// The type that is laid out like this.
    pub(crate) const fn of(layout: &'static Layout) -> Self {
        Self(layout)
    }

    /// The format's own name, such as `Q4_K` or `BF16`.
    pub(crate) const fn name(self) -> &'static str {
        self.0.name
    }

    /// Elements and bytes of the smallest part that can stand alone.
    pub(crate) const fn block(self) -> (u64, u64) {
        (self.0.elements, self.0.bytes)
    }
}

impl fmt::Debug for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Cause a shape has no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizeError {
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
pub(crate) fn tensor_bytes(dtype: Dtype, shape: &[u64]) -> Result<u64, SizeError> {
    let Dtype(layout) = dtype;
    let (mut elements, mut empty) = (1u64, false);
    for (at, dimension) in shape.iter().enumerate() {
        if *dimension > i64::MAX as u64 {
            return Err(SizeError::Dimension(at));
        }
        empty |= *dimension == 0;
        elements = elements.checked_mul((*dimension).max(1)).ok_or(SizeError::Elements)?;
    }
    let run = match layout.packed {
        Packed::FirstDimension => shape.first().copied().unwrap_or(1),
        Packed::Throughout => elements,
    };
    let blocks = if empty { Some(0) } else { elements.checked_div(layout.elements) };
    if run.checked_rem(layout.elements) != Some(0) && !(empty && layout.packed == Packed::Throughout) {
        return Err(SizeError::Block(layout.elements));
    }
    blocks.and_then(|blocks| blocks.checked_mul(layout.bytes)).ok_or(SizeError::Bytes)
}
