//! What is worth a person's attention in a model that can be loaded.
use super::rules::Rule;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How much a finding matters. The order is that of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Unusual, and often a mistake.
    Warning,
    /// Wrong.
    Error,
}

impl Severity {
    /// Every case.
    pub const ALL: &[Self] = &[Self::Note, Self::Warning, Self::Error];

    /// The word for it, which is also the level that SARIF gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The rule that it goes against, such as `values/nan`. Rules keep their names.
    pub rule: Cow<'static, str>,
    /// How much it matters.
    pub level: Severity,
    /// Index of the file that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<u32>,
    /// The tensor that it is about, as in the file: escape it before it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
    /// Byte offset in that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// A sentence for a person, with escaped names.
    pub message: String,
}

impl Finding {
    /// A finding with only what every finding has.
    #[must_use]
    pub fn new(rule: impl Into<Cow<'static, str>>, level: Severity, message: impl Into<String>) -> Self {
        Self { rule: rule.into(), level, file: None, tensor: None, offset: None, message: message.into() }
    }

    /// A finding of one of the [rules](super::RULES), with its level.
    #[must_use]
    pub fn of(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(rule, Rule::find(rule).map_or(Severity::Error, |rule| rule.level), message)
    }

    /// Says which tensor it is about, and so in which file and where.
    #[must_use]
    pub fn about(self, tensor: &crate::TensorInfo) -> Self {
        let (file, offset) = (Some(tensor.source), Some(tensor.offset));
        Self { file, offset, tensor: Some(tensor.name.clone()), ..self }
    }

    /// Says where in which file.
    #[must_use]
    pub fn at(self, file: u32, offset: Option<u64>) -> Self {
        Self { file: Some(file), offset, ..self }
    }
}
