//! What a call of the guest costs the host.
use crate::trace::Call;

/// About how many microseconds a call takes at the worst, whatever the bytes that it moves: those have bounds of their own.
/// System calls that map and unmap are dear, and lists cost by their length.
pub(crate) fn units(call: &Call) -> u64 {
    match call {
        Call::GetCapabilities => 1,
        Call::Stat { .. } => 4,
        Call::Read { len, .. } => 4 + (u64::from(*len) >> 12),
        Call::MapRange { .. } => 32,
        // Of a huge page each.
        Call::Advise { len, .. } => 16 + (len >> 21),
        Call::Unmap { .. } | Call::Free { .. } => 16,
        Call::Allocate { .. } => 32,
        Call::Registered { tensors } => 2 + tensors.len() as u64,
        Call::ReadInto { sources, targets, batch } => {
            8 + 4 * sources.len() as u64 + targets.len() as u64 / 8 + batch.len() as u64 / 2
        }
    }
}
