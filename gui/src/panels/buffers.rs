//! Buffers that copies of tensors lie in: how many are there, and what each of them holds.
use crate::state::State;
use crate::text::{bytes, count, plural};
use crate::theme::{self, Tone};
use egui::Ui;
use weighbridge_core::types::{BufferState, BufferStatus};

/// Buffers in the list; the badges count all of them.
const MOST: usize = 256;

/// The buffers, as the guest last reported them; the trace does not tell of an earlier moment.
pub(super) fn of(state: &State) -> &[BufferState] {
    if state.is_live() && state.busy.is_none() { &state.run.buffers } else { &[] }
}

pub(super) fn show(ui: &mut Ui, buffers: &[BufferState]) {
    if buffers.is_empty() {
        return;
    }
    theme::section(ui, "Buffers of copies");
    ui.horizontal_wrapped(|ui| {
        for status in BufferStatus::ALL {
            let n = buffers.iter().filter(|buffer| buffer.status == *status).count() as u64;
            if n > 0 {
                theme::badge(ui, Tone::of_buffer(*status), &format!("{} {}", count(n), status.name()));
            }
        }
        let used = buffers.iter().filter(|buffer| buffer.target != 0).map(|buffer| buffer.bytes);
        ui.weak(format!("{} of memory", bytes(used.fold(0, u64::saturating_add))));
    });
    let in_use = |buffer: &BufferState| !matches!(buffer.status, BufferStatus::Free | BufferStatus::Retired);
    let listed = buffers.iter().enumerate().filter(|(_, buffer)| in_use(buffer));
    for (number, buffer) in listed.clone().take(MOST) {
        ui.label(row(number, buffer));
    }
    let more = listed.count().saturating_sub(MOST);
    if more > 0 {
        ui.weak(format!("and {} more", count(more as u64)));
    }
}

/// One buffer in words.
fn row(number: usize, buffer: &BufferState) -> String {
    let whose = if buffer.external { ", registered memory" } else { "" };
    format!(
        "Buffer {number}: {}, {}, {}, generation {}{whose}",
        buffer.status.name(),
        bytes(buffer.bytes),
        plural(u64::from(buffer.tensors), "tensor"),
        buffer.generation
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_says_what_it_holds_and_whose_it_is() {
        let buffer = BufferState {
            status: BufferStatus::FreePending,
            generation: 3,
            target: 7,
            bytes: 2048,
            tensors: 1,
            external: true,
        };
        let text = "Buffer 2: free-pending, 2.00 KiB, 1 tensor, generation 3, registered memory";
        assert_eq!(row(2, &buffer), text);
        assert!(!row(0, &BufferState { external: false, ..buffer }).contains("registered"));
    }
}
