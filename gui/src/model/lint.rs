//! What a lint is.

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Look at it.
    Warning,
    /// Good to know.
    Note,
}

/// Something noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// How much it matters.
    pub weight: Weight,
    /// What it is, in a few words.
    pub title: String,
    /// What it means and what to do.
    pub text: String,
    /// The tensor it is about.
    pub tensor: Option<u32>,
}
