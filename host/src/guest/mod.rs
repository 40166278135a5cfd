//! One instance of the loader component: its state, what it may call, and what it is called with.
mod ended;
mod exports;
mod imports;
mod names;
mod replay;
mod state;

pub(crate) use ended::not_the_contract;
pub(crate) use exports::{Exports, Guest};
pub(crate) use imports::add_to_linker;
pub(crate) use names::TraceNames;
pub(crate) use state::State;
