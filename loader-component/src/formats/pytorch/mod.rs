//! PyTorch checkpoints: what tensors are in them, found without running what they are made of.
//!
//! There are two forms. Since 1.6 a checkpoint is a ZIP archive in which `data.pkl` says what there is and `data/KEY` is
//! the memory of each storage; TorchScript archives have `constants.pkl` and code besides, which is never read. Before,
//! it was five pickles in a row and the storages behind them.
//!
//! A pickle may name anything. Few names mean something here, each by exact module and name (`known.rs`); everything else
//! is listed with its byte offset, and a tensor that depends on it is refused.
mod allowed;
mod archive;
mod checkpoint;
mod dtypes;
mod format;
mod handler;
mod header;
mod known;
mod reader;
mod records;
mod storages;
mod stream;
mod tensors;
mod walk;

pub use allowed::{WeightsOnly, weights_only};
pub use checkpoint::{Checkpoint, Finding, Form, PickleUse, Tensor};
pub(super) use handler::{CONTENTS, HANDLER};
pub use reader::CheckpointReader;
pub use storages::Storage;
