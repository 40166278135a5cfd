//! What LibFuzzer says of a run, read from its log.
use std::fmt::Write as _;

/// One run, or several of one target together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) target: String,
    /// Inputs that were run.
    pub(super) executions: u64,
    /// Inputs run each second.
    pub(super) rate: u64,
    /// Edges of the program that were taken (`cov`).
    pub(super) edges: u64,
    /// Edges with how often they were taken, and comparisons (`ft`).
    pub(super) features: u64,
    /// Inputs that reach something of their own, and their size as LibFuzzer writes it.
    pub(super) corpus: String,
    /// Why it ended early.
    pub(super) failure: Option<String>,
    /// The input that it failed on.
    pub(super) input: Option<String>,
}

impl Report {
    /// Reads a log.
    pub(super) fn read(target: &str, log: &str, good: bool) -> Self {
        let mut report = Self { target: target.to_owned(), ..Self::default() };
        for line in log.lines() {
            if let Some(said) = line.strip_prefix("stat::number_of_executed_units:") {
                report.executions = said.trim().parse().unwrap_or(0);
            } else if let Some(said) = line.strip_prefix("stat::average_exec_per_sec:") {
                report.rate = said.trim().parse().unwrap_or(0);
            } else if let Some((_, file)) = line.split_once("Test unit written to ") {
                report.input = Some(file.trim().to_owned());
            } else if line.starts_with('#') && line.contains(" cov: ") {
                report.status(line);
            } else if !good && (line.contains("panicked at") || line.starts_with("==") && line.contains("ERROR: ")) {
                report.failure.get_or_insert_with(|| line.trim().to_owned());
            }
        }
        if !good {
            report.failure.get_or_insert_with(|| "it ended without a reason".to_owned());
        }
        report
    }

    /// Reads `#1024 DONE cov: 976 ft: 2396 corp: 570/89Kb …`.
    fn status(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|number| number.parse().ok()).unwrap_or(0);
            match word {
                "cov:" => self.edges = number(),
                "ft:" => self.features = number(),
                "corp:" => self.corpus = words.next().unwrap_or_default().to_owned(),
                _ => {}
            }
        }
    }
}

/// The runs of one target as one: executions add up, of what was reached the best counts, since all share a corpus.
pub(super) fn by_target(reports: Vec<Report>) -> Vec<Report> {
    let mut sums: Vec<Report> = Vec::new();
    for report in reports {
        let Some(sum) = sums.iter_mut().find(|sum| sum.target == report.target) else {
            sums.push(report);
            continue;
        };
        sum.executions += report.executions;
        sum.rate += report.rate;
        if report.features > sum.features {
            (sum.edges, sum.features, sum.corpus) = (report.edges, report.features, report.corpus);
        }
        if sum.failure.is_none() {
            (sum.failure, sum.input) = (report.failure, report.input);
        }
    }
    sums.sort_by(|one, two| one.target.cmp(&two.target));
    sums
}

/// One line for each target.
pub(super) fn table(reports: &[Report]) -> String {
    let mut text = format!(
        "{:<14} {:>12} {:>8} {:>7} {:>9} {:>12}  result\n",
        "target", "executions", "per s", "edges", "features", "corpus"
    );
    for report in reports {
        let result = if report.failure.is_some() { "FAILED" } else { "ok" };
        let _ = writeln!(
            text,
            "{:<14} {:>12} {:>8} {:>7} {:>9} {:>12}  {result}",
            report.target, report.executions, report.rate, report.edges, report.features, report.corpus
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "INFO: Running with entropic power schedule (0xFF, 100).
#2\tINITED cov: 91 ft: 92 corp: 1/1b exec/s: 0 rss: 26Mb
#40000000\tDONE   cov: 976 ft: 2396 corp: 570/89Kb lim: 512 exec/s: 68694 rss: 29Mb
Done 40000000 runs in 583 second(s)
stat::number_of_executed_units: 40000000
stat::average_exec_per_sec:     68610
";

    #[test]
    fn a_log_is_read() {
        let report = Report::read("gguf", LOG, true);
        assert_eq!((report.executions, report.rate), (40_000_000, 68_610));
        assert_eq!((report.edges, report.features, report.corpus.as_str()), (976, 2396, "570/89Kb"));
        assert_eq!((report.failure, report.input), (None, None));
    }

    #[test]
    fn a_failure_names_its_reason_and_its_input() {
        let log = "thread '<unnamed>' panicked at tests/src/fuzz/glob.rs:12:9:\nsaid\n==7== ERROR: libFuzzer: deadly signal\n\
                   artifact_prefix='x'; Test unit written to target/fuzz/crashes/glob-crash-1\n";
        let report = Report::read("glob", log, false);
        assert_eq!(report.failure.as_deref(), Some("thread '<unnamed>' panicked at tests/src/fuzz/glob.rs:12:9:"));
        assert_eq!(report.input.as_deref(), Some("target/fuzz/crashes/glob-crash-1"));
        let hang = Report::read("glob", "==7== ERROR: libFuzzer: timeout after 10 seconds\n", false);
        assert!(hang.failure.is_some_and(|why| why.contains("timeout after 10 seconds")));
        assert!(Report::read("glob", "", false).failure.is_some());
    }

    #[test]
    fn runs_of_one_target_are_summed() {
        let one = Report::read("gguf", LOG, true);
        let more = Report { features: 2400, edges: 980, ..one.clone() };
        let other = Report { target: "a".to_owned(), ..one.clone() };
        let sums = by_target(vec![one, more, other]);
        assert_eq!(sums.iter().map(|sum| sum.target.as_str()).collect::<Vec<_>>(), ["a", "gguf"]);
        assert_eq!((sums[1].executions, sums[1].edges), (80_000_000, 980));
        assert_eq!(table(&sums).lines().count(), 3);
    }
}
