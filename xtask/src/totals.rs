//! How many tests passed, from what libtest and pytest print.
use std::fmt;

/// Tests counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Ignored, in libtest's word.
    pub(crate) skipped: u64,
}

impl Totals {
    /// Adds what a line says, if it is the closing line of a test binary, or of pytest.
    pub(crate) fn read(&mut self, line: &str) {
        let Some(rest) = line.trim().strip_prefix("test result: ") else { return self.read_pytest(line) };
        let counts = rest.split_once(". ").map_or(rest, |(_, counts)| counts);
        for part in counts.split(';') {
            if let Some((number, what)) = part.trim().split_once(' ')
                && let Ok(number) = number.parse::<u64>()
            {
                match what {
                    "passed" => self.passed += number,
                    "failed" => self.failed += number,
                    "ignored" => self.skipped += number,
                    _ => {}
                }
            }
        }
    }
}

impl Totals {
    /// `2 failed, 57 passed, 1 skipped in 0.45s`: every part is a number and a word. What was expected to fail and did has passed.
    fn read_pytest(&mut self, line: &str) {
        let Some((counts, _)) = line
            .trim()
            .trim_matches('=')
            .trim()
            .rsplit_once(" in ")
            .filter(|(_, time)| time.split_once('s').is_some_and(|(seconds, _)| seconds.parse::<f64>().is_ok()))
        else {
            return;
        };
        let parts: Option<Vec<(u64, &str)>> = counts
            .split(", ")
            .map(|part| part.split_once(' ').and_then(|(number, what)| Some((number.parse().ok()?, what))))
            .collect();
        for (number, what) in parts.unwrap_or_default() {
            match what {
                "passed" | "xfailed" => self.passed += number,
                "failed" | "error" | "errors" => self.failed += number,
                "skipped" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_pytest_are_added_up() {
        let mut totals = Totals::default();
        for line in [
            "57 passed in 0.45s",
            "=========== 2 failed, 3 passed, 1 skipped, 4 deselected, 5 xfailed, 1 warning in 61.20s (0:01:01) ===========",
            "1 error in 0.10s",
            "passed in 3s",
            "FAILED tests/a.py::test - 3 passed in words",
            "no tests ran in 0.01s",
        ] {
            totals.read(line);
        }
        assert_eq!(totals, Totals { passed: 65, failed: 3, skipped: 1 });
    }

    #[test]
    fn closing_lines_are_added_up_and_others_are_not() {
        let mut totals = Totals::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s",
            "test wasm::test_result: 5 passed ... ok",
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s",
            "all doctests ran in 1.19s; merged doctests compilation took 0.20s",
        ] {
            totals.read(line);
        }
        assert_eq!(totals, Totals { passed: 5, failed: 4, skipped: 1 });
        assert_eq!(totals.to_string(), "5 passed, 4 failed, 1 skipped");
    }
}
