//! The desk: answers an inspector, natively and in a web page, with one code. A [`Request`] comes in, [`Update`]s go out.
//!
//! A host brings two things:
//!
//! - a [`Link`], which carries updates away and blocks the guest where it is held. Natively it is a channel and a condition
//!   variable; in a web worker it posts messages and waits with `Atomics.wait` for the page's mailbox.
//! - a [`DeskHost`], which opens models and files, writes files and shows the bytes of views.
//!
//! [`Controls`] are what both ends share: the gate (pause, steps, breakpoints), the fault switches and the token that
//! cancels. Whoever takes a request gives it to [`Controls::at_once`] first; what comes back as [`AtOnce::Later`] goes to
//! [`Desk::handle`], one after the other.
//!
//! # In a web page
//!
//! - **Urgent requests** lie in a mailbox while the guest runs, so [`Link::poll`] takes them out and gives each to
//!   `at_once`. The desk polls before each request, with every batch of records and with every call of the guest; the
//!   host's [`Media::is_cancelled`](crate::Media::is_cancelled) polls too and says what [`Controls::cancel`] says. A page
//!   that is not isolated has nothing to wait with: its controls are [`Controls::new`]`(false)`, and for
//!   [`AtOnce::CannotHold`] it says what is missing.
//! - **Bytes that come later.** A load there returns before its bytes lie in their places. [`Desk::handle`] then returns
//!   [`Progress::Waiting`]: the host waits for its readers and calls [`Desk::go_on`] with what came of them, until it is
//!   [`Progress::Done`]. Hosts whose loads are whole when they return call [`Desk::run`].
//! - **Records** come in small batches. A link may gather those of [`Update::Records`], as long as it sends them before any
//!   other update.
//! - **What is offered**: [`DeskHost::open`] gets the options of the inspector and lowers what the host cannot offer
//!   (`mmap`, `buffer_bytes`, `ring`).
//! - **Requests of the page alone**, such as the hashes of tensors, work on [`Desk::model`].
mod answer;
mod control;
mod controls;
mod diff;
mod differences;
mod facts;
mod faults;
mod gate;
mod host;
mod messages;
mod open;
mod race;
mod recorded;
mod records;
mod report;
mod requests;
mod watch;

#[cfg(test)]
mod tests;

pub use answer::{Desk, Progress};
pub use control::{Breakpoint, Fault, FaultCall, FaultKind};
pub use controls::{AtOnce, Controls};
pub use differences::{DiffSide, MetadataDiff, ModelDiff, TensorDiff, Uncompared};
pub use facts::{Failure, FileBytes, FileFacts, HostFacts, Opened, Origin, RaceRow, Sandbox};
pub use host::{DeskHost, Link, PageBits};
pub use messages::{FileRef, OpenOptions, Request, Update};
pub use recorded::RecordedFile;
