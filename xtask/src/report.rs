//! The closing table of `cargo xtask test`.

use std::fmt::Write;
use std::time::Duration;

use crate::counts::Suite;

/// What a step left behind.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The test suites it ran; empty for a step that is no test.
    pub(crate) suites: Vec<Suite>,
    /// Why it failed.
    pub(crate) problem: Option<String>,
    /// What its failed tests said, one text each.
    pub(crate) said: Vec<String>,
}

impl From<Result<(), String>> for Outcome {
    fn from(done: Result<(), String>) -> Self {
        Self {
            problem: done.err(),
            ..Self::default()
        }
    }
}

impl Outcome {
    /// Of a command whose output was read: what was counted in it, and how it ended.
    pub(crate) fn of(counted: Result<Suite, String>, ran: Result<(), String>) -> Self {
        match counted {
            Ok(suite) => Self {
                suites: vec![suite],
                problem: ran.err(),
                ..Self::default()
            },
            Err(problem) => Err(ran.err().unwrap_or(problem)).into(),
        }
    }

    /// Failed tests; a step that failed in any other way counts as one.
    fn failures(&self) -> u64 {
        let tests: u64 = self.suites.iter().map(|suite| suite.failed).sum();
        tests.max(u64::from(self.problem.is_some()))
    }
}

/// All steps that ran, in order.
#[derive(Debug, Default)]
pub(crate) struct Report {
    steps: Vec<(&'static str, Outcome, Duration)>,
}

impl Report {
    /// Adds a step.
    pub(crate) fn add(&mut self, name: &'static str, outcome: Outcome, took: Duration) {
        self.steps.push((name, outcome, took));
    }

    /// Passed tests and failures. A run without a single test is a failure.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let suites = self
            .steps
            .iter()
            .flat_map(|(_, outcome, _)| &outcome.suites);
        let passed = suites.map(|suite| suite.passed).sum();
        let failed = self
            .steps
            .iter()
            .map(|(_, outcome, _)| outcome.failures())
            .sum();
        if passed + failed == 0 {
            (0, 1)
        } else {
            (passed, failed)
        }
    }

    /// The table: steps with their time, below each its suites with their counts; then the problems.
    pub(crate) fn table(&self) -> String {
        let names = self.steps.iter().flat_map(|(name, outcome, _)| {
            let suites = outcome
                .suites
                .iter()
                .map(|suite| suite.name.chars().count() + 2);
            suites.chain([name.chars().count()])
        });
        let width = names.max().unwrap_or(0).max("step".len());
        let mut table = format!(
            "{:<width$}  {:>7}  {:>7}  {:>7}  {:>9}\n",
            "step", "passed", "failed", "ignored", "time"
        );
        let mut problems = String::new();
        for (name, outcome, took) in &self.steps {
            let verdict = if outcome.failures() == 0 {
                "ok"
            } else {
                "FAILED"
            };
            let took = seconds(*took);
            // Writing to a String cannot fail.
            let _ = writeln!(
                table,
                "{name:<width$}  {verdict:>7}  {:>7}  {:>7}  {took:>9}",
                "", ""
            );
            for Suite {
                name,
                passed,
                failed,
                ignored,
                ..
            } in &outcome.suites
            {
                let name = format!("  {name}");
                let _ = writeln!(
                    table,
                    "{name:<width$}  {passed:>7}  {failed:>7}  {ignored:>7}"
                );
            }
            if let Some(problem) = &outcome.problem {
                let _ = writeln!(problems, "FAILED {name}: {problem}");
            }
        }
        table + &problems
    }

    /// What failed tests said: they may be thousands of lines away.
    pub(crate) fn said(&self) -> String {
        let steps = self.steps.iter();
        let all = steps.flat_map(|(_, outcome, _)| &outcome.said);
        all.map(|said| format!("\n{said}")).collect()
    }
}

/// `0.4 s`, `83.0 s`.
pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(passed: u64, failed: u64) -> Suite {
        Suite {
            name: "core".to_owned(),
            passed,
            failed,
            ignored: 0,
            finished: true,
        }
    }

    fn report(outcomes: Vec<Outcome>) -> Report {
        let mut report = Report::default();
        outcomes
            .into_iter()
            .for_each(|outcome| report.add("step", outcome, Duration::ZERO));
        report
    }

    fn problem() -> Option<String> {
        Some("it broke".to_owned())
    }

    #[test]
    fn failures_are_never_lost() {
        let tests = |problem, failed| Outcome {
            suites: vec![suite(5, failed)],
            problem,
            ..Outcome::default()
        };
        let check = |problem| Outcome {
            problem,
            ..Outcome::default()
        };
        for (outcomes, expected) in [
            (vec![check(None), tests(None, 0)], (5, 0)),
            (vec![check(problem()), tests(None, 0)], (5, 1)),
            // A failed test also fails its command: counted once.
            (vec![check(None), tests(problem(), 2)], (5, 2)),
            // The binary crashed after its tests passed.
            (vec![tests(problem(), 0), tests(None, 0)], (10, 1)),
            // Counted although the command claimed success.
            (vec![tests(None, 3)], (5, 3)),
            (vec![check(None)], (0, 1)),
            (vec![], (0, 1)),
        ] {
            let shown = format!("{outcomes:?}");
            assert_eq!(report(outcomes).totals(), expected, "{shown}");
        }
    }

    #[test]
    fn the_table_names_suites_and_problems() {
        let report = report(vec![
            Outcome {
                suites: vec![suite(41, 0)],
                ..Outcome::default()
            },
            Outcome {
                problem: problem(),
                said: vec!["---- a stdout ----\nseed 1\n".to_owned()],
                ..Outcome::default()
            },
        ]);
        assert_eq!(report.said(), "\n---- a stdout ----\nseed 1\n");
        let table = report.table();
        assert!(
            table.contains("core") && table.contains("41") && table.contains("0.0 s"),
            "{table}"
        );
        assert!(table.contains("FAILED step: it broke"), "{table}");
        assert!(table.contains("ok"), "{table}");
    }
}
