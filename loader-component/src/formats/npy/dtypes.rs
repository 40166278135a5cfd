//! Element types: numpy's type strings, such as `<f4`, by the names that tensors' types have elsewhere.
use super::super::dtype::{Dtype, Layout};
use super::super::escape;
use crate::types::Cause;

/// What follows the byte order in a type string.
static DTYPES: &[(&str, Layout)] = &[
    ("b1", Layout::plain("BOOL", 1)),
    ("i1", Layout::plain("I8", 1)),
    ("u1", Layout::plain("U8", 1)),
    ("i2", Layout::plain("I16", 2)),
    ("u2", Layout::plain("U16", 2)),
    ("f2", Layout::plain("F16", 2)),
    ("i4", Layout::plain("I32", 4)),
    ("u4", Layout::plain("U32", 4)),
    ("f4", Layout::plain("F32", 4)),
    ("i8", Layout::plain("I64", 8)),
    ("u8", Layout::plain("U64", 8)),
    ("f8", Layout::plain("F64", 8)),
    ("c8", Layout::plain("C64", 8)),
    ("c16", Layout::plain("C128", 16)),
];

/// The type that a type string means, or why it is not read.
pub(super) fn dtype(descr: &str) -> Result<Dtype, (Cause, String)> {
    let (order, name) = match descr.split_at_checked(1) {
        Some((order @ ("<" | ">" | "|" | "="), name)) => (order, name),
        _ => ("", descr),
    };
    let shown = escape(descr);
    let Some((_, layout)) = DTYPES.iter().find(|(known, _)| *known == name) else {
        return Err((Cause::UnsupportedDtype, unknown(name, &shown)));
    };
    // A single byte has no order.
    match order {
        _ if layout.bytes == 1 => Ok(Dtype::of(layout)),
        "<" => Ok(Dtype::of(layout)),
        ">" => {
            let message = format!(
                "The elements are big-endian (\"{shown}\"); only little-endian ones are read. Save \
                 array.astype(array.dtype.newbyteorder(\"<\")) instead."
            );
            Err((Cause::UnsupportedFormat, message))
        }
        _ => {
            let message = format!("\"{shown}\" says no byte order; it must begin with \"<\".");
            Err((Cause::UnsupportedFormat, message))
        }
    }
}

/// Why a type of which no table tells the size is not read.
fn unknown(name: &str, shown: &str) -> String {
    match name.chars().next() {
        Some('O') => format!(
            "The elements are Python objects (\"{shown}\"), kept as a pickle, and a pickle can run code when it is read. \
             Save the array with a numeric dtype."
        ),
        Some('V') => format!(
            "The elements are bytes without a type (\"{shown}\"): bfloat16 and the floats of 8 bits lose theirs in an NPY \
             file. Save array.view() of an integer type of the same size, or a safetensors file."
        ),
        Some('U' | 'S' | 'a') => {
            format!("The elements are text (\"{shown}\"); numbers are read. Save the array with a numeric dtype.")
        }
        Some('M' | 'm') => {
            format!("The elements are dates or times (\"{shown}\"); save array.view(\"<i8\") instead.")
        }
        _ => format!("The element type \"{shown}\" is not known."),
    }
}
