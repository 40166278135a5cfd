//! Where the tensors lie: from the header's end to the file's end, without holes and not on one another.
use super::super::escape;
use super::super::fault::fault;
use super::super::table::TensorTable;
use crate::types::{Cause, Error};

/// Checks offsets relative to the data and makes them absolute.
pub(super) fn check(tensors: &mut TensorTable, data_offset: u64, size: u64) -> Result<(), Error> {
    let placed = |tensors: &TensorTable, tensor: u32, at: u64, why: String| {
        let name = escape(tensors.name(tensor));
        let field = format!("tensor[\"{name}\"].data_offsets");
        let at = data_offset.saturating_add(at);
        fault(Cause::Malformed, at, field, format!("Tensor \"{name}\" {why}.")).at_tensor(tensor)
    };
    let data = size.saturating_sub(data_offset);
    let mut reached = 0u64;
    for tensor in tensors.by_offset() {
        let (offset, bytes) = tensors.get(tensor as usize).map_or((0, 0), |t| (t.offset, t.bytes));
        let end = offset.saturating_add(bytes);
        if end > data {
            let why = format!("ends at byte {end} of the data, which has {data} bytes");
            return Err(placed(tensors, tensor, data, why));
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
    if reached < data {
        let at = data_offset.saturating_add(reached);
        let message = format!("{} bytes after the last tensor belong to nothing.", data.saturating_sub(reached));
        return Err(fault(Cause::Malformed, at, "tensor_data", message));
    }
    tensors.shift(data_offset).map_err(|tensor| placed(tensors, tensor, 0, "would end beyond 2^64 bytes".into()))
}
