//! What is measured, by name.
mod copy;
mod load;
mod memory;
mod open;
mod pytorch;
mod start;
mod watch;

use crate::{Report, Result, files::Folder};
use std::time::Duration;

/// What a suite gets: where its files go, and how long a contest may take.
pub struct Setting {
    /// The folder of this run.
    pub folder: Folder,
    /// Of one contest.
    pub time: Duration,
}

/// One suite.
pub struct Suite {
    /// Its name on the command line.
    pub name: &'static str,
    /// Runs it.
    pub run: fn(&Setting) -> Result<Vec<Report>>,
}

/// All suites, in the order in which they run.
pub const SUITES: &[Suite] = &[
    Suite { name: "open", run: open::run },
    Suite { name: "start", run: start::run },
    Suite { name: "load", run: load::run },
    Suite { name: "pytorch", run: pytorch::run },
    Suite { name: "copy", run: copy::run },
    Suite { name: "watch", run: watch::run },
    Suite { name: "memory", run: memory::run },
];
