//! What a conformance suite found.

use std::fmt;

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The adapter keeps this part of the contract.
    Passed,
    /// Nothing was shown: the adapter does not have what the case is about, or its harness cannot act
    /// it out. Says which.
    Skipped(&'static str),
    /// One sentence that says what was wrong.
    Failed(String),
}

/// One case and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// The case.
    pub name: &'static str,
    /// How it ended.
    pub ending: Ending,
}

/// All cases of a suite and how they ended. Shown, it has one line for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order they ran.
    pub results: Vec<CaseResult>,
}

impl Report {
    /// Whether no case failed and at least one passed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let passed = |result: &CaseResult| result.ending == Ending::Passed;
        self.results.iter().any(passed) && self.failures().next().is_none()
    }

    /// The cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = &CaseResult> {
        let failed = |result: &&CaseResult| matches!(result.ending, Ending::Failed(_));
        self.results.iter().filter(failed)
    }

    /// The names of the cases that showed nothing. An adapter's test should name those it expects.
    #[must_use]
    pub fn skipped(&self) -> Vec<&'static str> {
        let skipped = |result: &&CaseResult| matches!(result.ending, Ending::Skipped(_));
        let results = self.results.iter().filter(skipped);
        results.map(|result| result.name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for result in &self.results {
            match &result.ending {
                Ending::Passed => writeln!(f, "ok      {}", result.name)?,
                Ending::Skipped(why) => writeln!(f, "skipped {}: {why}", result.name)?,
                Ending::Failed(wrong) => writeln!(f, "FAILED  {}: {wrong}", result.name)?,
            }
        }
        let (failed, skipped) = (self.failures().count(), self.skipped().len());
        let all = self.results.len();
        write!(f, "{all} cases, {failed} failed, {skipped} skipped")
    }
}
