//! Tensor infos: name, dimensions, type, offset.
use super::super::bytes::little;
use super::super::dtype::{Dtype, Layout, SizeError, tensor_bytes};
use super::super::escape;
use super::super::escape::name_fault;
use super::super::fault::fault;
use super::super::window::{Buffer, Got};
use super::dtypes::{dtype, unknown};
use super::item::Item;
use super::reader::{Gguf, refused};
use crate::types::Cause;

/// Longest name. The format says 64 bytes and ggml stops at 63, but files of diffusion models have up to 127, which gguf-py
/// reads.
const LONGEST_NAME: u64 = 255;
/// Most dimensions. ggml has 4, but files of video models have 5, which gguf-py reads.
const MOST_DIMENSIONS: u32 = 8;

/// Stands for a type that is not known where a shape is checked: its elements must be countable all the same.
static SMALLEST: Layout = Layout::plain("unknown", 0);

impl Gguf {
    /// Reads one tensor's info. Its offset stays relative to the data section until that one's place is known.
    pub(super) fn info(&mut self, buffer: &Buffer) -> Got<()> {
        let number = self.tensors.len();
        let tensor = u32::try_from(number).unwrap_or(u32::MAX);
        let field = |part: &str| format!("tensor_infos[{number}]{part}");
        let bad =
            |at: u64, part: &str, message: String| fault(Cause::Malformed, at, field(part), message).at_tensor(tensor);
        let mut item = Item::new(buffer, self.at, self.bounds);
        let length_at = item.at();
        let length = item.u64(|| field(".name.length"))?;
        self.bounds.room(item.at(), length, 1, length_at, || field(".name.length"))?;
        if length == 0 || length > LONGEST_NAME {
            let message = format!("A tensor's name has {length} bytes; it must have 1 to {LONGEST_NAME}.");
            return Err(bad(length_at, ".name.length", message).into());
        }
        let name_at = item.at();
        let name = item.take(length, || field(".name"))?;
        let Ok(name) = str::from_utf8(name) else {
            let shown = escape(&String::from_utf8_lossy(name));
            return Err(bad(name_at, ".name", format!("The tensor's name \"{shown}\" is not UTF-8.")).into());
        };
        let shown = || escape(name);
        if let Some(why) = name_fault(name) {
            return Err(bad(name_at, ".name", format!("The tensor's name \"{}\" {why}.", shown())).into());
        }
        let rank_at = item.at();
        let rank = item.u32(|| field(".n_dims"))?;
        // 0 is legal: ggml reads it as a scalar, one element.
        if rank > MOST_DIMENSIONS {
            let message = format!("Tensor \"{}\" has {rank} dimensions; at most {MOST_DIMENSIONS} are read.", shown());
            return Err(bad(rank_at, ".n_dims", message).into());
        }
        let dims_at = item.at();
        let dims = item.take(u64::from(rank).saturating_mul(8), || field(".dims"))?;
        let mut shape = [0u64; MOST_DIMENSIONS as usize];
        for (dimension, bytes) in shape.iter_mut().zip(dims.chunks_exact(8)) {
            *dimension = little(bytes, 8);
        }
        let shape = shape.get(..rank as usize).unwrap_or_default();
        let code = item.u32(|| field(".type"))?;
        let known = dtype(code);
        let bytes = tensor_bytes(known.unwrap_or(Dtype::of(&SMALLEST)), shape).map_err(|why| {
            let (at, part) = match why {
                SizeError::Dimension(at) => (at, format!(".dims[{at}]")),
                SizeError::Block(_) => (0, ".dims[0]".into()),
                SizeError::Elements | SizeError::Bytes => (0, ".dims".into()),
            };
            let at = dims_at.saturating_add((at as u64).saturating_mul(8));
            let dtype = known.map_or_else(|| unknown(code), |dtype| dtype.name().into());
            bad(at, &part, format!("Tensor \"{}\" of type {dtype} and shape {shape:?} has no size: {why}.", shown()))
        })?;
        let offset_at = item.at();
        let offset = item.u64(|| field(".offset"))?;
        let alignment = u64::from(self.alignment());
        if offset.checked_rem(alignment) != Some(0) {
            let message = format!(
                "Tensor \"{}\" begins at {offset}, which is no multiple of the alignment {alignment}.",
                shown()
            );
            return Err(bad(offset_at, ".offset", message).into());
        }
        let end = item.at();
        let kept = match known {
            Some(dtype) => self.tensors.push(name, dtype, shape, offset, bytes),
            None => self.tensors.push_unknown(name, unknown(code), shape, offset, 0),
        };
        kept.map_err(|why| refused(why, name_at, field(".name"), name).at_tensor(tensor))?;
        self.at = end;
        Ok(())
    }
}
