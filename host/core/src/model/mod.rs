//! What can be said about models from their headers and their bytes, the same in every tool: findings with stable rules,
//! counts of values, differences.
mod diff;
mod finding;
mod gather;
mod values;

pub use diff::{Headers, MetadataChange, TensorDifference, TensorPair, metadata_changes, row_major, tensor_pairs};
pub use finding::{Finding, Severity};
pub use gather::gather;
pub use values::{ValueCounter, Values};
