//! Fault switches.
use crate::{
    desk::{control::*, faults::Faults},
    trace::{Answer, Call},
    types::StorageError,
};

#[test]
fn the_nth_call_fails_once() {
    let mut faults = Faults::default();
    faults.set(vec![Fault::Call { call: FaultCall::Unmap, nth: 2, kind: FaultKind::Fail(StorageError::Busy) }]);
    let call = Call::Unmap { mapping: 1 };
    assert_eq!(faults.before(&call), None);
    assert_eq!(faults.before(&Call::Allocate { len: 1 }), None);
    assert_eq!(faults.before(&call), Some(Answer::Failed(StorageError::Busy)));
    assert_eq!(faults.before(&call), None);
    assert_eq!((faults.struck(), faults.struck()), (Some(Vec::new()), None));
}

#[test]
fn a_truncated_file_ends_early_every_time() {
    let mut faults = Faults::default();
    faults.set(vec![Fault::Truncate { at: 100 }]);
    let read = |offset| Call::Read { source: 0, offset, len: 50 };
    assert_eq!(faults.before(&read(50)), None);
    assert_eq!(faults.before(&read(51)), Some(Answer::Failed(StorageError::EndOfSource)));
    assert_eq!(faults.before(&read(u64::MAX)), Some(Answer::Failed(StorageError::EndOfSource)));
}

#[test]
fn half_of_what_was_read_is_answered_once() {
    let mut faults = Faults::default();
    let short = |call| Fault::Call { call, nth: 1, kind: FaultKind::Short };
    let read = Call::Read { source: 0, offset: 0, len: 4 };
    faults.set(vec![short(FaultCall::Read), short(FaultCall::Map)]);
    assert_eq!(faults.before(&read), None);
    assert_eq!(faults.after_read(&[1, 2, 3]), Some(Answer::Bytes(vec![1].into())));
    assert_eq!(faults.after_read(&[1, 2, 3]), None);
    let map = Call::MapRange { source: 0, offset: 0, len: 4 };
    assert_eq!(faults.before(&map), Some(Answer::Failed(StorageError::EndOfSource)));
    // A read that was refused for another reason leaves nothing to the next one.
    faults.set(vec![short(FaultCall::Read)]);
    assert_eq!((faults.before(&read), faults.before(&read)), (None, None));
    assert_eq!(faults.after_read(&[1, 2, 3]), None);
}
