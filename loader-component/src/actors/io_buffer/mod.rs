//! Owns the memory that copies of tensors lie in, and nothing else: no residency, no choice of strategy. The memory is the
//! host's, or the embedder's own.
mod context;
mod events;
mod machine;

pub use context::{Buffer, Context};
pub use events::{
    Abandon, Adopt, Allocate, Allocated, Command, Freed, Handle, Memory, Outcome, Output, Release, Retain,
};
pub use machine::{IoBuffer, IoBufferEvents as Event, TABLE};
