//! What io/read and io/staged_read move: looked at once, in one pass, before the first byte.

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

/// What is wrong with a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// Its source or its target is not there.
    Unknown,
    /// It has no bytes.
    Empty,
    /// It has more bytes than are moved in one piece.
    TooLong,
    /// It ends past the end of its target.
    PastTarget,
    /// It ends past the end of its source.
    PastSource,
    /// It writes a byte that another span writes.
    Overlaps,
}

/// The lowest span that cannot be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WrongSpan {
    /// Which of the batch.
    pub span: u32,
    /// Why not.
    pub wrong: Wrong,
}

impl WrongSpan {
    fn new(span: usize, wrong: Wrong) -> Self {
        Self { span: u32::try_from(span).unwrap_or(u32::MAX), wrong }
    }
}

/// The lowest span that cannot be moved, and why. `sources` and `targets` are their sizes in bytes.
#[must_use]
pub fn first_wrong(spans: &[Span], sources: &[u64], targets: &[u64]) -> Option<WrongSpan> {
    let mut numbered = spans.iter().enumerate();
    let wrong = numbered.find_map(|(at, span)| Some(WrongSpan::new(at, wrong(span, sources, targets)?)));
    wrong.or_else(|| overlap(spans))
}

fn wrong(span: &Span, sources: &[u64], targets: &[u64]) -> Option<Wrong> {
    let (Some(&source), Some(&target)) = (sources.get(span.source as usize), targets.get(span.target as usize)) else {
        return Some(Wrong::Unknown);
    };
    let end = span.offset.checked_add(span.len);
    let target_end = span.target_offset.checked_add(span.len);
    if span.len == 0 {
        Some(Wrong::Empty)
    } else if span.len > SPAN_BYTES {
        Some(Wrong::TooLong)
    } else if target_end.is_none_or(|end| end > target) {
        Some(Wrong::PastTarget)
    } else if end.is_none_or(|end| end > source) {
        Some(Wrong::PastSource)
    } else {
        None
    }
}

/// Two spans of one batch may not write the same byte.
fn overlap(spans: &[Span]) -> Option<WrongSpan> {
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
        (!apart).then(|| WrongSpan::new(a.max(b), Wrong::Overlaps))
    })
}

/// The guards over what is wrong with a batch, and the actions that refuse it, of a machine with `Submit`.
macro_rules! span_findings {
    () => {
        fn span_too_long(&self, submit: &Submit) -> Result<bool, ()> {
            Ok(submit.wrong.is_some_and(|found| found.wrong == $crate::actors::spans::Wrong::TooLong))
        }

        fn span_past_target(&self, submit: &Submit) -> Result<bool, ()> {
            Ok(submit.wrong.is_some_and(|found| found.wrong == $crate::actors::spans::Wrong::PastTarget))
        }

        fn span_past_source(&self, submit: &Submit) -> Result<bool, ()> {
            Ok(submit.wrong.is_some_and(|found| found.wrong == $crate::actors::spans::Wrong::PastSource))
        }

        fn span_wrong(&self, submit: &Submit) -> Result<bool, ()> {
            Ok(submit.wrong.is_some())
        }

        $crate::actors::spans::span_refusals! {
            refuse_too_long => LimitExceeded,
            refuse_past_target => OutOfBounds,
            refuse_past_source => EndOfSource,
            refuse_span => InvalidRequest,
        }
    };
}
pub(crate) use span_findings;

/// Actions that refuse the span that was found, each with its cause.
macro_rules! span_refusals {
    ($($action:ident => $cause:ident,)*) => {
        $(fn $action(&mut self, submit: &Submit) -> Result<(), ()> {
            let fault = submit.wrong.map(|found| Fault::new(Cause::$cause).at(found.span));
            self.output.outcome = fault.map(Outcome::Refused);
            Ok(())
        })*
    };
}
pub(crate) use span_refusals;
