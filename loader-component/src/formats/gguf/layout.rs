//! Where the tensors lie: inside the file, and not on one another.
use super::super::escape;
use super::super::fault::fault;
use super::reader::Gguf;
use crate::types::{Cause, Error};

impl Gguf {
    /// Makes offsets absolute and checks them; answers where the data section begins. Any order and any gaps will do, the
    /// last tensor needs no padding, and one without bytes needs no place in the file.
    pub(super) fn lay_out(&mut self) -> Result<u64, Error> {
        if self.tensors.is_empty() {
            return Ok(self.at);
        }
        let align = u64::from(self.alignment());
        let Some(data) = self.at.checked_next_multiple_of(align) else {
            return Err(fault(Cause::Malformed, self.at, "tensor_data", "The data section begins beyond 2^64 bytes."));
        };
        self.tensors.shift(data).map_err(|tensor| self.placed(tensor, "would end beyond 2^64 bytes".into()))?;
        let size = self.bounds.size;
        for ((offset, bytes), tensor) in self.tensors.spans().zip(0u32..) {
            let end = offset.saturating_add(bytes);
            if bytes > 0 && end > size {
                let why = format!("lies at bytes {offset} to {end}, but the file has {size}");
                return Err(self.placed(tensor, why));
            }
        }
        let span = |tensor: u32| self.tensors.get(tensor as usize).map_or((0, 0), |t| (t.offset, t.bytes));
        let mut order = self.tensors.by_offset();
        // A tensor without bytes shares them with nobody.
        order.retain(|tensor| span(*tensor).1 > 0);
        for pair in order.windows(2) {
            let [first, second] = pair else { continue };
            let ((start, bytes), (next, _)) = (span(*first), span(*second));
            let end = start.saturating_add(bytes);
            if end > next {
                let (later, other) = (first.max(second), first.min(second));
                let name = escape(self.tensors.name(*other));
                return Err(self.placed(*later, format!("shares bytes {next} to {end} with \"{name}\"")));
            }
        }
        Ok(data)
    }

    /// The error about a tensor's place.
    fn placed(&self, tensor: u32, why: String) -> Error {
        let message = format!("Tensor \"{}\" {why}.", escape(self.tensors.name(tensor)));
        let field = format!("tensor_infos[{tensor}].offset");
        fault(Cause::Malformed, self.offset_field(tensor), field, message).at_tensor(tensor)
    }

    /// Where in the header a tensor's offset stands. Nothing else needs it, so it is counted out rather than kept.
    fn offset_field(&self, tensor: u32) -> u64 {
        let before = self.tensors.iter().take(tensor as usize + 1).fold(self.infos_at, |at, info| {
            at.saturating_add(8 + 4 + 4 + 8).saturating_add(info.name.len() as u64 + 8 * info.shape.len() as u64)
        });
        before.saturating_sub(8)
    }
}
