//! What a batch may hold.
use super::cases;
use weighbridge_loader::actors::spans::{Span, Wrong, WrongSpan, first_wrong};

cases! {
    the_lowest_bad_span_is_named
    bounds_to_the_byte
    spans_that_overlap_in_a_target_are_refused
}

const GOOD: Span = Span { source: 0, offset: 2, len: 4, target: 0, target_offset: 0 };

fn verdict(spans: &[Span]) -> Option<WrongSpan> {
    first_wrong(spans, &[100, 8], &[10, 4])
}

fn the_lowest_bad_span_is_named() {
    let other = Span { target: 1, ..GOOD };
    assert_eq!(verdict(&[GOOD, other]), None);
    let empty = Span { len: 0, target: 1, ..GOOD };
    let short = Span { source: 1, offset: 6, target: 1, ..GOOD };
    let small = Span { len: 5, target: 1, ..GOOD };
    let nowhere = Span { target: 2, ..GOOD };
    let from_nowhere = Span { source: 2, target: 1, ..GOOD };
    for (span, wrong) in [
        (empty, Wrong::Empty),
        (short, Wrong::PastSource),
        (small, Wrong::PastTarget),
        (nowhere, Wrong::Unknown),
        (from_nowhere, Wrong::Unknown),
        (Span { len: (1 << 40) + 1, ..other }, Wrong::TooLong),
    ] {
        assert_eq!(verdict(&[GOOD, span]), Some(WrongSpan { span: 1, wrong }), "{span:?}");
        assert_eq!(verdict(&[span, GOOD]), Some(WrongSpan { span: 0, wrong }), "{span:?}");
    }
    // The lowest one, whatever is wrong with the others.
    assert_eq!(verdict(&[GOOD, short, empty]), Some(WrongSpan { span: 1, wrong: Wrong::PastSource }));
    assert_eq!(verdict(&[GOOD, empty, short]), Some(WrongSpan { span: 1, wrong: Wrong::Empty }));
}

fn bounds_to_the_byte() {
    let span = |source, offset, len, target, target_offset| Span { source, offset, len, target, target_offset };
    assert_eq!(verdict(&[span(1, 4, 4, 1, 0)]), None);
    assert_eq!(verdict(&[span(1, 7, 1, 0, 9)]), None);
    for (bad, wrong) in [
        (span(1, 5, 4, 1, 0), Wrong::PastSource),
        (span(1, 8, 1, 1, 0), Wrong::PastSource),
        (span(1, 9, 1, 1, 0), Wrong::PastSource),
        (span(1, u64::MAX - 3, 8, 0, 0), Wrong::PastSource),
        (span(1, 0, 4, 1, 1), Wrong::PastTarget),
        (span(1, 0, 1, 1, 4), Wrong::PastTarget),
        (span(1, 0, 1, 1, u64::MAX), Wrong::PastTarget),
    ] {
        assert_eq!(verdict(&[bad]), Some(WrongSpan { span: 0, wrong }), "{bad:?}");
    }
}

fn spans_that_overlap_in_a_target_are_refused() {
    let at = |target_offset, len| Span { target_offset, len, ..GOOD };
    assert_eq!(verdict(&[at(0, 4), at(4, 4)]), None);
    assert_eq!(verdict(&[at(4, 4), at(0, 4)]), None);
    for spans in [[at(0, 4), at(3, 4)], [at(3, 4), at(0, 4)], [at(2, 1), at(2, 1)], [at(0, 8), at(1, 1)]] {
        assert_eq!(verdict(&spans), Some(WrongSpan { span: 1, wrong: Wrong::Overlaps }), "{spans:?}");
    }
    // The same bytes of a source may go to two places.
    assert_eq!(verdict(&[GOOD, Span { target: 1, ..GOOD }]), None);
}
