//! The contract's enums as parts of actors' data, which a checker hashes. `wit-bindgen` derives everything but this.
use crate::api::{BufferStatus, SlotStatus};
use crate::types::{Advice, AdviceEffect, Cause, Lifecycle, Strategy};
use std::hash::{Hash, Hasher};

macro_rules! hash_as_number {
    ($($name:ty),*) => {
        $(impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                (*self as u8).hash(state);
            }
        })*
    };
}
hash_as_number!(Advice, AdviceEffect, BufferStatus, Cause, Lifecycle, SlotStatus, Strategy);
