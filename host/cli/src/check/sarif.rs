//! Findings as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>), which code scanning reads.
use super::{Checked, Outcome};
use crate::failure::Failure;
use serde::Serialize;
use weighbridge::model::{Finding, RULES, Severity};

/// A log with one run.
#[derive(Serialize)]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    results: Vec<Found>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<RuleJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleJson {
    id: &'static str,
    short_description: Text,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: Severity,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: Severity,
    message: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    rule_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: Severity,
    message: Text,
    locations: [Location; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    byte_offset: u64,
}

/// The tensor.
#[derive(Serialize)]
struct Logical {
    name: String,
    kind: &'static str,
}

impl Log {
    pub(super) fn new(outcome: &Outcome) -> Self {
        let rules = RULES.iter().map(|rule| RuleJson {
            id: rule.id,
            short_description: Text { text: rule.what.to_owned() },
            default_configuration: Configuration { level: rule.level },
        });
        let driver =
            Driver { name: "weighbridge", semantic_version: env!("CARGO_PKG_VERSION"), rules: rules.collect() };
        let notify =
            |failure: &Failure| Notification { level: Severity::Error, message: Text { text: failure.sentence() } };
        let invocation = Invocation {
            execution_successful: outcome.problems.is_empty(),
            tool_execution_notifications: outcome.problems.iter().map(notify).collect(),
        };
        let results =
            outcome.models.iter().flat_map(|model| model.findings.iter().map(|finding| found(model, finding)));
        let run = Run { tool: Tool { driver }, invocations: [invocation], results: results.collect() };
        Self { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] }
    }
}

fn found(model: &Checked, finding: &Finding) -> Found {
    let file = finding.file.and_then(|file| model.files.get(usize::try_from(file).ok()?)).unwrap_or(&model.path);
    let logical = finding.tensor.iter().map(|tensor| Logical { name: tensor.clone(), kind: "member" });
    let physical = Physical {
        artifact_location: Artifact { uri: uri(file) },
        region: finding.offset.map(|byte_offset| Region { byte_offset }),
    };
    Found {
        rule_id: finding.rule.to_string(),
        rule_index: RULES.iter().position(|rule| rule.id == finding.rule),
        level: finding.level,
        message: Text { text: finding.message.clone() },
        locations: [Location { physical_location: physical, logical_locations: logical.collect() }],
    }
}

/// A path as a reference of RFC 3986: relative where it is.
fn uri(path: &str) -> String {
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    let mut uri = String::with_capacity(path.len());
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            // A colon too: before the first slash it would end a scheme.
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("a/model.gguf"), "a/model.gguf");
        assert_eq!(uri("/m/größe 1.gguf"), "file:///m/gr%C3%B6%C3%9Fe%201.gguf");
        assert_eq!(uri("a:b?#.gguf"), "a%3Ab%3F%23.gguf");
    }
}
