//! What is under way while records become rows.
use super::NameId;
use std::collections::HashMap;
use weighbridge_core::trace::Call;
use weighbridge_core::types::Error;

/// What is under way in one machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    pub(super) event: NameId,
    pub(super) action: NameId,
    pub(super) guards: Vec<u16>,
    pub(super) open: bool,
    pub(super) last_row: Option<u64>,
    pub(super) seq: u64,
}

/// What is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Ingest {
    pub(super) machines: HashMap<(u16, u32), Pending>,
    pub(super) exports: Vec<u64>,
    pub(super) call: Option<(u64, Call)>,
    pub(super) slot: u32,
    pub(super) mappings: HashMap<u64, (u32, u32, u64, u64)>,
    /// The last error that an export gave.
    pub(super) error: Option<(u64, Error)>,
}
