//! How the files of one model belong together, in the ways that several formats share.
mod indexed;
mod rules;
mod single;

pub(crate) use indexed::{INDEXED, Reconciled, reconcile};
pub(crate) use rules::{Assembly, File, MOST_NAMED, Whole, no_model};
pub(crate) use single::SINGLE;
