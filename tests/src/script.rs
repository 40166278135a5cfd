//! Scenarios as text, so that one table runs on every host.
//!
//! ```text
//! [name]
//! model gguf                     a sample of `files`
//! slots 2                        and `host no-mmap …`, `registered …`, `on native: why not elsewhere`, `open error …`
//! > load all mapped-file per-tensor
//! < error transfer slots-exhausted strategy=mapped-file tensor=2
//! ```
//! `>` is a step, the `<` below it are what is expected of it. Everything after `#` is a remark.

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Line in the file.
    pub line: usize,
    /// The words of the step.
    pub words: Vec<String>,
    /// The words of each expectation.
    pub expected: Vec<Vec<String>>,
}

/// One scenario.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// Its name, unique in all files.
    pub name: String,
    /// `key value` lines of its head.
    pub head: Vec<(String, String)>,
    /// What happens.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// The value of a line of the head.
    #[must_use]
    pub fn head(&self, key: &str) -> Option<&str> {
        self.head.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Whether it runs on this host; where it does not, the scenario says why.
    #[must_use]
    pub fn runs_on(&self, host: &str) -> bool {
        self.head("on").is_none_or(|on| {
            let (only, why) = on.split_once(':').expect("`on HOST: why`");
            assert!(!why.trim().is_empty());
            only == host
        })
    }
}

const FILES: &[(&str, &str)] = &[
    ("open", include_str!("scenarios/open.txt")),
    ("mapped", include_str!("scenarios/mapped.txt")),
    ("copied", include_str!("scenarios/copied.txt")),
    ("policy", include_str!("scenarios/policy.txt")),
    ("residency", include_str!("scenarios/residency.txt")),
    ("faults", include_str!("scenarios/faults.txt")),
];

/// Every scenario.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    FILES.iter().flat_map(|(file, text)| parse(file, text)).collect()
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn parse(file: &str, text: &str) -> Vec<Scenario> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split_once('#').map_or(line, |(line, _)| line).trim();
        let number = number + 1;
        if line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.trim_end_matches(']').to_owned();
            scenarios.push(Scenario { name, ..Scenario::default() });
            continue;
        }
        let scenario = scenarios.last_mut().unwrap_or_else(|| panic!("{file}:{number} is in no scenario"));
        if let Some(step) = line.strip_prefix('>') {
            scenario.steps.push(Step { line: number, words: words(step), expected: Vec::new() });
        } else if let Some(expected) = line.strip_prefix('<') {
            let step = scenario.steps.last_mut().unwrap_or_else(|| panic!("{file}:{number} expects of nothing"));
            step.expected.push(words(expected));
        } else {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            let known = ["model", "slots", "host", "registered", "on", "open", "open-fault"].contains(&key);
            assert!(known && scenario.steps.is_empty(), "{file}:{number}: {line}");
            scenario.head.push((key.to_owned(), value.trim().to_owned()));
        }
    }
    scenarios
}
