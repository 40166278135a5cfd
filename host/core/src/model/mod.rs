//! What can be said about models from their headers and their bytes, the same in every tool: findings with stable rules,
//! counts of values, differences, totals and the memory that they need.
mod attention;
mod diff;
mod finding;
mod memory;
mod totals;
mod values;

pub use attention::{Attention, Unknown};
pub use diff::{Headers, MetadataChange, TensorDifference, TensorPair, metadata_changes, row_major, tensor_pairs};
pub use finding::{Finding, Severity};
pub use memory::{CacheEstimate, MemoryEstimate};
pub use totals::{DtypeTotal, LayerRun, LayerTotal, Sum, Totals};
pub use values::{ValueCounter, Values};
