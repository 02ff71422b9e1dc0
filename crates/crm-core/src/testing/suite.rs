//! What the three suites share: named cases, and running all of them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::report::{CaseResult, Ending, Report};

/// Why a case ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something was wrong.
    Failed(String),
    /// The adapter does not have what the case is about, or its harness cannot act it out.
    Skipped(&'static str),
}

impl From<String> for Stop {
    fn from(wrong: String) -> Self {
        Self::Failed(wrong)
    }
}

impl From<&str> for Stop {
    fn from(wrong: &str) -> Self {
        Self::Failed(wrong.to_owned())
    }
}

/// How the body of a case ends.
pub(super) type Verdict = Result<(), Stop>;

/// A running case.
pub(super) type Running = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// A named case over `H`: a store that holds nothing, or a harness around one channel or model.
pub struct Case<H> {
    /// Its name.
    pub name: &'static str,
    pub(super) run: fn(H) -> Running,
}

impl<H> Case<H> {
    /// Runs it.
    pub async fn run(&self, harness: H) -> CaseResult {
        let ending = match (self.run)(harness).await {
            Ok(()) => Ending::Passed,
            Err(Stop::Skipped(why)) => Ending::Skipped(why),
            Err(Stop::Failed(wrong)) => Ending::Failed(wrong),
        };
        CaseResult {
            name: self.name,
            ending,
        }
    }
}

impl<H> fmt::Debug for Case<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Functions as cases of the same names.
macro_rules! list {
    ($($name:ident),* $(,)?) => {
        vec![$($crate::testing::suite::Case {
            name: stringify!($name),
            run: |harness| Box::pin($name(harness)),
        }),*]
    };
}
pub(super) use list;

/// Runs cases, each with a new harness.
pub(super) async fn run_all<H, F, Fut>(cases: Vec<Case<H>>, make: F) -> Report
where
    F: Fn() -> Fut,
    Fut: Future<Output = H>,
{
    let mut report = Report::default();
    for case in cases {
        report.results.push(case.run(make().await).await);
    }
    report
}

/// Fails with `what` unless `holds`.
pub(super) fn ensure(holds: bool, what: impl Into<String>) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Stop::Failed(what.into()))
    }
}

/// Fails unless both are equal; shows them.
pub(super) fn same<T: PartialEq + fmt::Debug>(found: T, wanted: T, what: &str) -> Verdict {
    ensure(
        found == wanted,
        format!("{what}: found {found:?}, wanted {wanted:?}"),
    )
}
