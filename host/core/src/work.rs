//! What a call of the guest costs the host.
use crate::trace::Call;

/// About how many microseconds a call takes at the worst, whatever the bytes that it moves: those have bounds of their own.
/// System calls that map and unmap are dear, and lists cost by their length. Numbers are what the guest says, and may be
/// absurd: what is refused for them costs little.
pub(crate) fn units(call: &Call) -> u64 {
    match call {
        Call::GetCapabilities => 1,
        Call::Stat { .. } => 4,
        Call::Read { len, .. } => 4 + (u64::from(*len) >> 12).min(1 << 12),
        Call::MapRange { .. } => 32,
        // Of a huge page each.
        Call::Advise { len, .. } => 16 + (len >> 21).min(1 << 16),
        Call::Unmap { .. } | Call::Free { .. } => 16,
        Call::Allocate { .. } => 32,
        Call::Registered { tensors } => 2 + tensors.len() as u64,
        Call::ReadInto { sources, targets, batch } => {
            8 + 4 * sources.len() as u64 + targets.len() as u64 / 8 + batch.len() as u64 / 2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Advice, CopySpan};

    #[test]
    fn absurd_numbers_cost_no_more_than_refusing_them() {
        let advise = Call::Advise { mapping: 1, offset: 0, len: u64::MAX, advice: Advice::WillNeed };
        let read = Call::Read { source: 0, offset: 0, len: u32::MAX };
        assert!(units(&advise) < 1 << 17 && units(&read) < 1 << 13);
    }

    #[test]
    fn lists_cost_by_their_length_though_they_move_nothing() {
        let span = CopySpan { source: 0, offset: 0, len: 0, target: 0, target_offset: 0 };
        let batch = Call::ReadInto { sources: vec![0; 1000], targets: vec![1; 8000], batch: vec![span; 10_000] };
        assert_eq!(units(&batch), 8 + 4000 + 1000 + 5000);
    }
}
