//! Counting tests from what the runners print.

use std::fmt;
use std::ops::Add;

/// How many tests passed, failed and were skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    /// No test at all.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Tests of `cargo nextest run` or `cargo test`. A passed test that printed `skipped: <why>` counts as
/// skipped.
pub(crate) fn of_rust(output: &str) -> Tally {
    let summaries = output.lines().map(str::trim);
    let summaries =
        summaries.filter(|line| line.starts_with("Summary [") || line.starts_with("test result:"));
    let mut tally = summaries.map(counts).fold(Tally::default(), Add::add);
    let said_skipped = output.lines().filter(|line| line.trim_start().starts_with("skipped:")).count();
    tally.passed = tally.passed.saturating_sub(said_skipped);
    tally.skipped += said_skipped;
    tally
}

/// Tests of pytest, from its last line of counts.
pub(crate) fn of_pytest(output: &str) -> Tally {
    let is_summary = |line: &&str| {
        line.contains(" in ")
            && (line.contains(" passed")
                || line.contains(" failed")
                || line.contains(" error")
                || line.contains(" skipped"))
    };
    output.lines().rev().find(is_summary).map(counts).unwrap_or_default()
}

/// Tests of several runners one after another, each under a heading `== NAME`; something is said before the first.
pub(crate) fn of_suites(output: &str) -> Tally {
    suites(output).into_iter().map(|(_, tally)| tally).fold(Tally::default(), Add::add)
}

/// The same, apart.
pub(crate) fn suites(output: &str) -> Vec<(&str, Tally)> {
    let of_suite = |text: &str| if text.contains("test result:") { of_rust(text) } else { of_pytest(text) };
    // At the beginning of a line: pytest draws longer ones around its own headings.
    let suites = output.split("\n== ").skip(1).filter_map(|suite| suite.split_once('\n'));
    suites.map(|(name, text)| (name.trim_end(), of_suite(text))).collect()
}

/// Reads every `<number> <word>` of a summary line.
fn counts(line: &str) -> Tally {
    let mut tally = Tally::default();
    let words: Vec<&str> = line.split_whitespace().collect();
    for pair in words.windows(2) {
        let Ok(number) = pair[0].parse::<usize>() else { continue };
        match pair[1].trim_end_matches([',', ';', '=']) {
            "passed" | "xpassed" => tally.passed += number,
            "failed" | "error" | "errors" => tally.failed += number,
            "timed" => tally.failed += number,
            "skipped" | "ignored" | "xfailed" => tally.skipped += number,
            _ => {}
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: usize, failed: usize, skipped: usize) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn nextest_is_counted() {
        let output =
            "     Summary [   0.010s] 7 tests run: 5 passed (1 slow), 1 failed, 1 timed out, 2 skipped\n";
        assert_eq!(of_rust(output), tally(5, 2, 2));
    }

    #[test]
    fn cargo_test_is_counted_over_all_its_binaries() {
        let one =
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(of_rust(&one.repeat(2)), tally(6, 0, 2));
    }

    #[test]
    fn a_test_that_says_it_was_skipped_did_not_pass() {
        let output =
            "    skipped: no user namespaces\n     Summary [   0.010s] 2 tests run: 2 passed, 0 skipped\n";
        assert_eq!(of_rust(output), tally(1, 0, 1));
    }

    #[test]
    fn suites_one_after_another_are_added() {
        let rust =
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        let output = format!(
            "kernel\n== a\n{rust}== b\n==== FAILURES ====\n1 failed, 2 passed in 61.05s (0:01:01)\n== c\n5 passed in 1.00s\nend\n"
        );
        assert_eq!(suites(&output).iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(of_suites(&output), tally(10, 1, 1));
    }

    #[test]
    fn pytest_is_counted() {
        assert_eq!(of_pytest("x\n10 passed, 1 skipped in 3.20s\n"), tally(10, 0, 1));
        assert_eq!(of_pytest("=== 1 failed, 2 passed, 1 error in 61.05s (0:01:01) ===\n"), tally(2, 2, 0));
        assert_eq!(of_pytest("nothing here\n"), Tally::default());
    }
}
