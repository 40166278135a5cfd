//! What the inspector knows: records in a bounded ring with indexes, and what follows from them.
pub mod at;
pub mod compare;
pub mod export;
pub mod ingest;
pub mod io;
pub mod lint;
pub mod lints;
pub mod names;
mod pending;
pub mod pickle;
pub mod query;
pub mod row;
mod rules;
pub mod run;
pub mod search;
pub mod store;
pub mod words;

pub use names::{NameId, Names};
pub use query::Query;
pub use row::{Edge, Kind, NONE, Ok3, Row};
pub use run::Run;
pub use store::Store;
