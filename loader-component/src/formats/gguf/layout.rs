//! Where the tensors lie: inside the file, and not on one another.
use super::super::escape;
use super::super::fault::{LONGEST_FILE, Length, cut_off, fault};
use super::super::noticed::cut_off_is;
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
        if let Err(error) = self.ends(data, align) {
            self.cut_off = Some(cut_off_is(self.limits.partial, error)?);
        }
        let mut order = self.tensors.by_offset();
        self.tensors.measure_unknown(&order, self.bounds.size);
        let span = |tensor: u32| self.tensors.get(tensor as usize).map_or((0, 0), |t| (t.offset, t.bytes));
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

    /// That the file reaches as far as its tensors, those of unknown size left aside. A file that ends before tensors which
    /// lie as close together as they can is cut off; one whose tensors leave room for more than it has is wrong.
    fn ends(&self, data: u64, align: u64) -> Result<(), Error> {
        let size = self.bounds.size;
        let mut reach = data;
        let mut packed = data;
        let mut first = None;
        for ((offset, bytes), tensor) in self.tensors.spans().zip(0u32..).filter(|((_, bytes), _)| *bytes > 0) {
            let end = offset.saturating_add(bytes);
            reach = reach.max(end);
            packed = packed.saturating_add(bytes.checked_next_multiple_of(align).unwrap_or(u64::MAX));
            if end > size && first.is_none() {
                first = Some((offset, end, tensor));
            }
        }
        let Some((offset, end, tensor)) = first else { return Ok(()) };
        if reach > LONGEST_FILE || (reach > packed && !self.tensors.has_unknown()) {
            return Err(self.placed(tensor, format!("lies at bytes {offset} to {end}, but the file has {size}")));
        }
        let name = escape(self.tensors.name(tensor));
        let what = format!("in or before tensor \"{name}\", which lies at bytes {offset} to {end}");
        let field = format!("tensor_infos[{tensor}].offset");
        Err(cut_off(self.offset_field(tensor), field, size, Length::Exactly(reach), &what).at_tensor(tensor))
    }

    /// Where the last tensor ends, with its padding.
    pub(super) fn last_end(&self, data: u64) -> u64 {
        let reach = self.tensors.spans().fold(data, |reach, (offset, bytes)| reach.max(offset.saturating_add(bytes)));
        reach.checked_next_multiple_of(u64::from(self.alignment())).unwrap_or(u64::MAX)
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
