//! Who watches a session, and who may answer in the host's place.
use crate::trace::{Answer, Call, Record};

/// Hears what a session does.
pub trait Observer: Send + Sync {
    /// Records in order, on the thread that works for the session. The session waits: at level `steps` an observer that
    /// does not return holds the machine at that transition.
    fn observe(&self, records: &[Record]);
}

/// Answers the guest in the host's place: injected faults, for tests and for the inspector.
pub trait Interpose: Send + Sync {
    /// An answer instead of the work, or none. An answer of a kind that the call cannot have becomes the error `other`.
    fn before(&self, call: &Call) -> Option<Answer>;

    /// What stands for the header bytes of a read that `before` did not answer and the host did, or none to leave them. An
    /// answer that is neither bytes nor an error becomes the error `other`.
    fn after_read(&self, _bytes: &[u8]) -> Option<Answer> {
        None
    }
}
