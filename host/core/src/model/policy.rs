//! What a pipeline lets through: the findings of a model under a policy.
use super::rules::Rule;
use super::{Finding, Severity, Totals};
use crate::{MetadataEntry, MetadataValue, ModelSummary, Pattern, TensorInfo, escape, types};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a policy says of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleLevel {
    /// Nothing is told.
    Off,
    /// [`Severity::Note`].
    Note,
    /// [`Severity::Warning`].
    Warning,
    /// [`Severity::Error`].
    Error,
}

impl RuleLevel {
    /// None for [`Self::Off`].
    #[must_use]
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Note => Some(Severity::Note),
            Self::Warning => Some(Severity::Warning),
            Self::Error => Some(Severity::Error),
        }
    }
}

/// What is let through. Of itself it only takes over what the rules say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct Policy {
    /// The lowest level that is denied.
    pub deny: Option<Severity>,
    /// The formats that are allowed, by their names; all where there are none.
    pub formats: Vec<String>,
    /// Most bytes of all files together.
    pub max_bytes: Option<u64>,
    /// Most bytes of one file.
    pub max_file_bytes: Option<u64>,
    /// Most tensors.
    pub max_tensors: Option<u64>,
    /// Most elements of all tensors together.
    pub max_parameters: Option<u64>,
    /// Keys of metadata that have to be there.
    pub required_metadata: Vec<String>,
    /// Patterns of names that a pickle must not have imported, such as `os.*`.
    pub denied_globals: Vec<String>,
    /// Levels of rules, by their names.
    pub rules: BTreeMap<String, RuleLevel>,
}

/// A model, as far as it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What its headers say.
    pub summary: &'a ModelSummary,
    /// Bytes of each of its files.
    pub files: &'a [u64],
    /// Its metadata.
    pub metadata: &'a [MetadataEntry],
    /// Its tensors.
    pub tensors: &'a [TensorInfo],
    /// What was noticed when it was opened.
    pub noticed: &'a [types::Finding],
}

impl Policy {
    /// What in the policy cannot be meant: a rule that is none, a pattern that is none.
    #[must_use]
    pub fn mistake(&self) -> Option<String> {
        if let Some(id) = self.rules.keys().find(|id| Rule::find(id).is_none()) {
            return Some(format!("there is no rule \"{}\"", escape(id)));
        }
        self.denied_globals.iter().find_map(|pattern| {
            let why = Pattern::new(pattern).err()?;
            Some(format!("\"{}\" in denied-globals is no pattern: {why}", escape(pattern)))
        })
    }

    /// What is to be told of a model. Findings of its values come beside, from [`Values::findings`](super::Values::findings),
    /// and go through [`Self::judge`].
    #[must_use]
    pub fn findings(&self, model: &Subject<'_>) -> Vec<Finding> {
        let mut found: Vec<Finding> = model.noticed.iter().map(|noticed| told(noticed, model.tensors)).collect();
        found.extend(self.globals(model));
        found.extend(self.own(model));
        self.judge(found)
    }

    /// The findings with the levels that the policy gives their rules, without those that it switches off.
    #[must_use]
    pub fn judge(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let judged = findings.into_iter().filter_map(|finding| {
            let level = match self.rules.get(&*finding.rule) {
                Some(level) => level.severity()?,
                None => finding.level,
            };
            Some(Finding { level, ..finding })
        });
        judged.collect()
    }

    /// The names that a pickle would have imported and that are not of PyTorch's own list.
    fn globals(&self, model: &Subject<'_>) -> Vec<Finding> {
        let denied: Vec<Pattern> =
            self.denied_globals.iter().filter_map(|pattern| Pattern::new(pattern).ok()).collect();
        let mut found = Vec::new();
        for entry in model.metadata.iter().filter(|entry| entry.key.starts_with("pytorch.globals[")) {
            let MetadataValue::Text(text) = &entry.value else { continue };
            // `os.system: blocked by weights_only, could run code, …`
            let Some((name, verdict)) = text.rsplit_once(": ") else { continue };
            if denied.iter().any(|pattern| pattern.matches(name)) {
                let message = format!("the policy denies {}: {}", escape(name), escape(verdict));
                found.push(Finding::of("policy/global", message).at(entry.source, None));
            } else if !verdict.starts_with("allowed") {
                let message = format!("the pickle names {}: {}", escape(name), escape(verdict));
                found.push(Finding::of("pytorch-global", message).at(entry.source, None));
            }
        }
        found
    }

    /// What the policy itself asks for.
    fn own(&self, model: &Subject<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        let format = &model.summary.format;
        if !self.formats.is_empty() && !self.formats.contains(format) {
            let allowed = self.formats.iter().map(|name| escape(name)).collect::<Vec<_>>().join(", ");
            let message = format!("the format is {}; the policy allows {allowed}", escape(format));
            found.push(Finding::of("policy/format", message));
        }
        let totals = Totals::of(model.tensors);
        let bytes = model.files.iter().fold(0u64, |sum, bytes| sum.saturating_add(*bytes));
        let largest = model.files.iter().copied().max().unwrap_or(0);
        for (what, is, unit, most) in [
            ("the files have", bytes, "bytes", self.max_bytes),
            ("the largest file has", largest, "bytes", self.max_file_bytes),
            ("the model has", totals.all.tensors, "tensors", self.max_tensors),
            ("the model has", totals.all.parameters, "parameters", self.max_parameters),
        ] {
            if let Some(most) = most.filter(|most| is > *most) {
                found.push(Finding::of("policy/size", format!("{what} {is} {unit}; the policy allows {most}")));
            }
        }
        for key in &self.required_metadata {
            if !model.metadata.iter().any(|entry| entry.key == *key) {
                let message = format!("the metadata have no {}, which the policy requires", escape(key));
                found.push(Finding::of("policy/metadata", message));
            }
        }
        found
    }
}

/// What the component noticed, in the words of this module. What PyTorch could run is told by a rule with a level of its own.
fn told(noticed: &types::Finding, tensors: &[TensorInfo]) -> Finding {
    let level = match Rule::find(&noticed.rule) {
        Some(rule) if rule.id == "pytorch-code" => rule.level,
        _ => match noticed.severity {
            types::Severity::Note => Severity::Note,
            types::Severity::Warning => Severity::Warning,
            types::Severity::Error => Severity::Error,
        },
    };
    let tensor = noticed.tensor.and_then(|index| tensors.get(usize::try_from(index).ok()?));
    Finding {
        rule: noticed.rule.clone().into(),
        level,
        file: noticed.source,
        tensor: tensor.map(|tensor| tensor.name.clone()),
        offset: noticed.offset,
        message: noticed.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(format: &str) -> ModelSummary {
        ModelSummary {
            format: format.to_owned(),
            version: 0,
            architecture: None,
            sources: 1,
            tensors: 1,
            metadata_entries: 0,
            tensor_bytes: 8,
            alignment: 1,
        }
    }

    fn text(key: &str, text: &str) -> MetadataEntry {
        let value = MetadataValue::Text(text.to_owned());
        MetadataEntry { key: key.to_owned(), kind: "string".to_owned(), source: 0, value }
    }

    fn rules(policy: &Policy, model: &Subject<'_>) -> Vec<(String, Severity)> {
        policy.findings(model).into_iter().map(|finding| (finding.rule.into_owned(), finding.level)).collect()
    }

    #[test]
    fn a_policy_asks_for_formats_sizes_and_metadata() {
        let summary = summary("gguf");
        let tensor = TensorInfo {
            name: "w".to_owned(),
            dtype: "F32".to_owned(),
            shape: vec![2],
            source: 0,
            offset: 0,
            bytes: 8,
        };
        let (metadata, tensors) = ([text("general.name", "x")], [tensor]);
        let model =
            Subject { summary: &summary, files: &[100, 20], metadata: &metadata, tensors: &tensors, noticed: &[] };
        assert!(rules(&Policy::default(), &model).is_empty());
        let strict = Policy {
            formats: vec!["safetensors".to_owned()],
            max_bytes: Some(119),
            max_file_bytes: Some(99),
            max_tensors: Some(0),
            max_parameters: Some(1),
            required_metadata: vec!["general.license".to_owned(), "general.name".to_owned()],
            ..Policy::default()
        };
        let found: Vec<String> = strict.findings(&model).into_iter().map(|finding| finding.message).collect();
        assert_eq!(
            found,
            [
                "the format is gguf; the policy allows safetensors",
                "the files have 120 bytes; the policy allows 119",
                "the largest file has 100 bytes; the policy allows 99",
                "the model has 1 tensors; the policy allows 0",
                "the model has 2 parameters; the policy allows 1",
                "the metadata have no general.license, which the policy requires",
            ]
        );
        let loose = Policy { max_bytes: Some(120), max_file_bytes: Some(100), ..Policy::default() };
        assert!(rules(&loose, &model).is_empty());
    }

    #[test]
    fn levels_and_globals() {
        let summary = summary("pytorch");
        let metadata = [
            text(
                "pytorch.globals[0]",
                "os.system: blocked by weights_only, could run code, called once (data.pkl, byte 12)",
            ),
            text(
                "pytorch.globals[1]",
                "collections.OrderedDict: allowed by weights_only, called once (data.pkl, byte 2)",
            ),
        ];
        let noticed = [
            types::Finding::new("pytorch-code", types::Severity::Warning, "code"),
            types::Finding::new("trailing-bytes", types::Severity::Warning, "more"),
        ];
        let model = Subject { summary: &summary, files: &[], metadata: &metadata, tensors: &[], noticed: &noticed };
        let found = rules(&Policy::default(), &model);
        let expected = [
            ("pytorch-code", Severity::Error),
            ("trailing-bytes", Severity::Warning),
            ("pytorch-global", Severity::Note),
        ];
        assert_eq!(found, expected.map(|(rule, level)| (rule.to_owned(), level)));
        let policy = Policy {
            denied_globals: vec!["os.*".to_owned()],
            rules: [("trailing-bytes".to_owned(), RuleLevel::Off), ("pytorch-code".to_owned(), RuleLevel::Note)].into(),
            ..Policy::default()
        };
        assert_eq!(policy.mistake(), None);
        let expected = [("pytorch-code", Severity::Note), ("policy/global", Severity::Error)];
        assert_eq!(rules(&policy, &model), expected.map(|(rule, level)| (rule.to_owned(), level)));
    }

    #[test]
    fn a_policy_that_cannot_be_meant_is_refused() {
        let rules = Policy { rules: [("trailing-byte".to_owned(), RuleLevel::Off)].into(), ..Policy::default() };
        assert_eq!(rules.mistake().as_deref(), Some("there is no rule \"trailing-byte\""));
        let globals = Policy { denied_globals: vec!["[".to_owned()], ..Policy::default() };
        assert!(globals.mistake().is_some());
        assert!(serde_json::from_str::<Policy>(r#"{"format":["gguf"]}"#).is_err(), "a key that is none");
        let whole = r#"{"deny":"warning","formats":["gguf"],"rules":{"values/nan":"off"},"max-bytes":7}"#;
        assert!(serde_json::from_str::<Policy>(whole).is_ok_and(|policy| policy.deny == Some(Severity::Warning)));
    }
}
