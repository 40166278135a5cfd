//! Benchmarks against peers, side by side in one run.
//!
//! A number of milliseconds says little about another machine, and less about a busy one. So nothing here is timed alone:
//! the entrants of a [`Contest`] take turns, and what is reported is the median of the ratios of each turn.
//!
//! - [`contest`]: entrants, rounds, ratios, tables.
//! - [`files`]: the models that are loaded; made in `target/bench`, and gone afterwards.
//! - [`floor`]: what there is to beat: a checked scan without a copy, and plain `pread`.
//! - [`native`]: the loader without its sandbox.
//! - [`child`]: measurements that need a process of their own.
//! - [`suites`]: what is measured.
pub mod child;
pub mod contest;
pub mod files;
pub mod floor;
pub mod native;
pub mod suites;

pub use contest::{Contest, Goal, Report, timed};

/// What goes wrong in a benchmark is for the person at the terminal.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
