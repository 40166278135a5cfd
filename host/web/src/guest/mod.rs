//! The component on this side of its glue: its exports, its imports, and values as the glue spells them.
mod columns;
mod ended;
mod engine;
mod imports;
mod lift;
mod lower;

pub(crate) use engine::{Instance, Shared, Start, bare};
pub use engine::{formats, tables};
pub use imports::Imports;
