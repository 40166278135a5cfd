//! What io/read and io/staged_read move: checked once, in one pass, before the first byte.
use crate::actors::Fault;
use crate::types::Cause;

/// One tensor's bytes, from a source to a target. Sources and targets are numbered by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Number of the source.
    pub source: u32,
    /// Byte offset in the source.
    pub offset: u64,
    /// Bytes, at least 1.
    pub len: u64,
    /// Number of the target.
    pub target: u32,
    /// Byte offset in the target.
    pub target_offset: u64,
}

/// Most bytes of one span, as in the reference.
const SPAN_BYTES: u64 = 1 << 40;

/// The lowest span that cannot be moved, and why. `sources` and `targets` are their sizes in bytes.
#[must_use]
pub fn first_bad(spans: &[Span], sources: &[u64], targets: &[u64]) -> Option<Fault> {
    let bad = spans.iter().enumerate().find_map(|(index, span)| {
        let why = verdict(span, sources, targets)?;
        Some(Fault::new(why).at(u32::try_from(index).unwrap_or(u32::MAX)))
    });
    bad.or_else(|| overlap(spans))
}

fn verdict(span: &Span, sources: &[u64], targets: &[u64]) -> Option<Cause> {
    let (Some(&source), Some(&target)) = (sources.get(span.source as usize), targets.get(span.target as usize)) else {
        return Some(Cause::InvalidRequest);
    };
    let end = span.offset.checked_add(span.len);
    let target_end = span.target_offset.checked_add(span.len);
    if span.len == 0 {
        Some(Cause::InvalidRequest)
    } else if span.len > SPAN_BYTES {
        Some(Cause::LimitExceeded)
    } else if target_end.is_none_or(|end| end > target) {
        Some(Cause::OutOfBounds)
    } else if end.is_none_or(|end| end > source) {
        Some(Cause::EndOfSource)
    } else {
        None
    }
}

/// Two spans of one batch may not write the same byte.
fn overlap(spans: &[Span]) -> Option<Fault> {
    let ordered = |a: &Span, b: &Span| (a.target, a.target_offset.saturating_add(a.len)) <= (b.target, b.target_offset);
    if spans.windows(2).all(|pair| matches!(pair, [a, b] if ordered(a, b))) {
        return None;
    }
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_unstable_by_key(|&i| spans.get(i).map(|span| (span.target, span.target_offset)));
    order.windows(2).find_map(|pair| {
        let [a, b] = *pair else { return None };
        let (first, second) = (spans.get(a)?, spans.get(b)?);
        let apart =
            first.target != second.target || first.target_offset.saturating_add(first.len) <= second.target_offset;
        (!apart).then(|| Fault::new(Cause::InvalidRequest).at(u32::try_from(a.max(b)).unwrap_or(u32::MAX)))
    })
}
