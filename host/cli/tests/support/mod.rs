//! What the tests of the command line are made of.
mod mask;
pub(crate) mod place;
