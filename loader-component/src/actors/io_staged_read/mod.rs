//! Moves a batch of tensors in bounded chunks, with progress and cancellation between them. The target may be memory or a
//! consumer: the machine cannot tell.
mod context;
mod events;
mod machine;

pub use context::{Context, Piece};
pub use events::{Command, Cursor, Outcome, Output, Staged, Submit};
pub use machine::{IoStagedRead, TABLE};
