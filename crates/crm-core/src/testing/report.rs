//! What a conformance suite found.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// How a case ends: well, or with one sentence that says what was wrong.
pub(super) type Verdict = Result<(), String>;

/// A running case.
pub(super) type Running = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// One case and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// The case.
    pub name: &'static str,
    /// What was wrong, if anything.
    pub failure: Option<String>,
}

/// All cases of a suite and how they ended. Shown, it has one line for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order they ran.
    pub results: Vec<CaseResult>,
}

impl Report {
    pub(super) fn add(&mut self, name: &'static str, verdict: Verdict) {
        self.results.push(CaseResult {
            name,
            failure: verdict.err(),
        });
    }

    /// Whether every case ended well, and there was one at all.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.results.is_empty() && self.results.iter().all(|result| result.failure.is_none())
    }

    /// The cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = &CaseResult> {
        self.results
            .iter()
            .filter(|result| result.failure.is_some())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for result in &self.results {
            match &result.failure {
                None => writeln!(f, "ok     {}", result.name)?,
                Some(failure) => writeln!(f, "FAILED {}: {failure}", result.name)?,
            }
        }
        let failed = self.failures().count();
        write!(f, "{} cases, {failed} failed", self.results.len())
    }
}

/// Fails with `what` unless `holds`.
pub(super) fn ensure(holds: bool, what: impl Into<String>) -> Verdict {
    if holds { Ok(()) } else { Err(what.into()) }
}

/// Fails unless both are equal; shows them.
pub(super) fn same<T: PartialEq + fmt::Debug>(found: T, wanted: T, what: &str) -> Verdict {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("{what}: found {found:?}, wanted {wanted:?}"))
    }
}
