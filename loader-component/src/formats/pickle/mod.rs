//! Pickles, protocols 0 to 5, read as data.
//!
//! A pickle is a program of a stack machine that may name anything that Python can import and have it called. Here the
//! machine runs and nothing is named but as a text and a byte offset: what Python would look up is a [`Global`], what it
//! would call is an [`Object`] that remembers callee and arguments. What such a value means is for its reader to decide, by
//! exact names; see `pytorch`.
//!
//! The machine has one state, "running", until it stops, and what it may do next depends on its stack alone. So its table
//! is that of the opcodes ([`OPCODES`]): a row says what an opcode reads, takes and does; two guards that are the same for
//! all rows say whether it can, and a row's act is one function. A transition table of `sml` would be these 68 rows times
//! the guards, all from "running" to "running", run some million times for a large checkpoint.
mod act;
mod arena;
pub mod build;
mod instruction;
mod machine;
mod memo;
mod opcodes;
mod text;
mod uses;

pub use arena::{Arena, Chain, MOST_OF_TUPLE, Object, Ref, Value};
pub use machine::{Pickle, PickleReader};
pub use opcodes::{Act, Argument, OPCODES, Opcode};
pub use uses::{Global, OpcodeUse};
