//! GGUF files as their bytes.
mod arrays;
mod fixed;
mod rewrite;
mod tensors;

use super::super::Limits;
use super::super::tests::{WINDOWS, loads, parse, parse_as, parse_in, refused, valid};
use crate::types::Cause;
