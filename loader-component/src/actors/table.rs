//! A machine's table as data, read from the tokens that `sml!` was given.
/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row;
/// One table.
pub struct Table;
/// All.
pub fn tables() -> Vec<Table> { vec![] }
