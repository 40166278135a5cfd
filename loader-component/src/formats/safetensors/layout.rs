//! Where the tensors lie: from the header's end to the file's end, without holes and not on one another.
use super::super::escape;
use super::super::fault::{LONGEST_FILE, Length, cut_off, fault};
use super::super::noticed::cut_off_is;
use super::super::table::TensorTable;
use crate::api::Finding;
use crate::types::{Cause, Error};

/// Checks offsets relative to the data and makes them absolute; answers where the last tensor ends, and what there is to say
/// of that where a file may be `partial`.
pub(super) fn check(
    tensors: &mut TensorTable,
    data_offset: u64,
    size: u64,
    partial: bool,
) -> Result<(u64, Option<Finding>), Error> {
    let placed = |tensors: &TensorTable, tensor: u32, at: u64, why: String| {
        let name = escape(tensors.name(tensor));
        let field = format!("tensor[\"{name}\"].data_offsets");
        let at = data_offset.saturating_add(at);
        fault(Cause::Malformed, at, field, format!("Tensor \"{name}\" {why}.")).at_tensor(tensor)
    };
    let data = size.saturating_sub(data_offset);
    let mut reached = 0u64;
    // The first one that the file does not hold to its end. Where all lie as they should, the file is cut off.
    let mut first = None;
    for tensor in tensors.by_offset() {
        let (offset, bytes) = tensors.get(tensor as usize).map_or((0, 0), |t| (t.offset, t.bytes));
        let end = offset.saturating_add(bytes);
        if end > LONGEST_FILE {
            return Err(placed(
                tensors,
                tensor,
                data,
                format!("ends at byte {end} of the data, and no file is so long"),
            ));
        }
        if end > data && first.is_none() {
            first = Some(tensor);
        }
        if offset < reached {
            let why = format!("begins at byte {offset} of the data, inside another tensor that ends at {reached}");
            return Err(placed(tensors, tensor, offset, why));
        }
        if offset > reached {
            let why = format!("begins at byte {offset} of the data, which leaves a hole from {reached} on");
            return Err(placed(tensors, tensor, reached, why));
        }
        reached = end;
    }
    let end = data_offset.saturating_add(reached);
    let mut found = None;
    if let Some(tensor) = first {
        let name = escape(tensors.name(tensor));
        let what = format!("in tensor \"{name}\"");
        let field = format!("tensor[\"{name}\"].data_offsets");
        let error = cut_off(size, field, size, Length::Exactly(end), &what).at_tensor(tensor);
        found = Some(cut_off_is(partial, error)?);
    }
    tensors.shift(data_offset).map_err(|tensor| placed(tensors, tensor, 0, "would end beyond 2^64 bytes".into()))?;
    Ok((end, found))
}
