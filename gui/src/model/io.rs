//! What the host was asked to do with files and slots, in order, so that both can be shown as they were at any row.
use std::collections::VecDeque;
use weighbridge_core::types::SlotStatus;

/// Kept at most; older ones go.
const SPANS: usize = 262_144;
const SLOT_OPS: usize = 131_072;
/// Header bytes kept for the why card.
const WINDOWS: usize = 4 << 20;

/// What was done with a span of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpanKind {
    /// Header bytes into the guest.
    Header,
    /// Mapped.
    Map,
    /// Read into host memory.
    Copy,
    /// Advised.
    Advise,
}

/// A span of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The row of the call.
    pub row: u64,
    /// What was done.
    pub kind: SpanKind,
    /// Index of the file.
    pub file: u32,
    /// Byte offset.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// Whether the host did it; `None` while it does.
    pub ok: Option<bool>,
}

/// What happened to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotOp {
    /// The row of the call.
    pub row: u64,
    /// Which.
    pub slot: u32,
    /// What it is now.
    pub status: SlotStatus,
    /// Index of the file that is mapped.
    pub file: u32,
    /// Byte offset of the extent.
    pub offset: u64,
    /// Bytes of the extent.
    pub len: u64,
    /// Nanoseconds since the session began.
    pub at: u64,
}

/// A slot as the trace tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotThen {
    /// What it was.
    pub status: SlotStatus,
    /// How often it had been given out.
    pub generation: u32,
    /// Index of the file.
    pub file: u32,
    /// Byte offset of the extent.
    pub offset: u64,
    /// Bytes of the extent.
    pub len: u64,
}

/// Header bytes as the guest got them.
#[derive(Clone, Debug)]
pub struct Window {
    /// Index of the file.
    pub file: u32,
    /// Byte offset.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Everything of that kind.
#[derive(Clone, Debug, Default)]
pub struct Io {
    /// Spans by row.
    pub spans: VecDeque<Span>,
    /// Slots by row.
    pub slots: VecDeque<SlotOp>,
    /// Header bytes, the latest last.
    pub windows: VecDeque<Window>,
    window_bytes: usize,
}

impl Io {
    /// Adds a span.
    pub fn span(&mut self, span: Span) {
        if self.spans.len() >= SPANS {
            self.spans.pop_front();
        }
        self.spans.push_back(span);
    }

    /// Adds what happened to a slot.
    pub fn slot(&mut self, op: SlotOp) {
        if self.slots.len() >= SLOT_OPS {
            self.slots.pop_front();
        }
        self.slots.push_back(op);
    }

    /// Keeps header bytes.
    pub fn window(&mut self, file: u32, offset: u64, bytes: &[u8]) {
        let keep = bytes.len().min(WINDOWS);
        self.windows.push_back(Window { file, offset, bytes: bytes[..keep].to_vec() });
        self.window_bytes += keep;
        while self.window_bytes > WINDOWS {
            let Some(old) = self.windows.pop_front() else { break };
            self.window_bytes -= old.bytes.len();
        }
    }

    /// Bytes around an offset, if a window has them: at most `around` on either side.
    #[must_use]
    pub fn bytes_around(&self, file: u32, offset: u64, around: usize) -> Option<(u64, Vec<u8>)> {
        self.windows.iter().rev().find_map(|w| {
            let at = usize::try_from(offset.checked_sub(w.offset)?).ok()?;
            (w.file == file && at <= w.bytes.len()).then(|| {
                let from = at.saturating_sub(around);
                let to = (at + around).min(w.bytes.len());
                (w.offset.saturating_add(from as u64), w.bytes[from..to].to_vec())
            })
        })
    }

    /// The spans of calls before row `end`.
    pub fn spans_before(&self, end: u64) -> impl Iterator<Item = &Span> {
        let n = self.spans.partition_point(|s| s.row < end);
        self.spans.range(..n)
    }

    /// The slots as they were before row `end`.
    #[must_use]
    pub fn slots_before(&self, end: u64) -> Vec<SlotThen> {
        let mut out: Vec<SlotThen> = Vec::new();
        for op in self.slots.iter().take_while(|op| op.row < end) {
            let at = op.slot as usize;
            if at >= out.len() {
                let free = SlotThen { status: SlotStatus::Free, generation: 0, file: 0, offset: 0, len: 0 };
                out.resize(at + 1, free);
            }
            let slot = &mut out[at];
            if op.status == SlotStatus::Reserved {
                slot.generation = slot.generation.saturating_add(1);
            }
            (slot.status, slot.file, slot.offset, slot.len) = (op.status, op.file, op.offset, op.len);
        }
        out
    }

    /// The free slots before row `end`: those that were given back, the next to be given out first, and the first of those
    /// that were never used.
    #[must_use]
    pub fn free_before(&self, end: u64) -> (Vec<u32>, u32) {
        let (mut stack, mut fresh) = (Vec::new(), 0u32);
        for op in self.slots.iter().take_while(|op| op.row < end) {
            match op.status {
                SlotStatus::Free => stack.push(op.slot),
                SlotStatus::Reserved => {
                    if stack.last() == Some(&op.slot) {
                        stack.pop();
                    } else {
                        stack.retain(|s| *s != op.slot);
                    }
                    fresh = fresh.max(op.slot.saturating_add(1));
                }
                _ => {}
            }
        }
        stack.reverse();
        (stack, fresh)
    }

    /// Slots in use over time: nanoseconds and how many.
    #[must_use]
    pub fn usage(&self) -> Vec<(u64, u32)> {
        let mut used = std::collections::HashSet::new();
        let mut out = Vec::new();
        for op in &self.slots {
            match op.status {
                SlotStatus::Free | SlotStatus::Retired => used.remove(&op.slot),
                _ => used.insert(op.slot),
            };
            #[allow(clippy::cast_possible_truncation)]
            out.push((op.at, used.len() as u32));
        }
        out
    }
}
