//! `cargo xtask test`: everything a change has to pass, in one command, with counts.
//!
//! Nothing is left out because a tool is missing: it is provided, or the run fails.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::bindings::{self, Build};
use crate::counts::Counter;
use crate::report::{Outcome, Report, seconds};
use crate::run::{self, heading};
use crate::{checks, package, postgres, setup, venv, web};

/// What earlier steps leave for later ones.
#[derive(Debug)]
struct Session<'a> {
    root: &'a Path,
    python: Option<PathBuf>,
    /// The maintenance database of a PostgreSQL server.
    database: Option<String>,
}

/// A step: a new suite is one more line in [`STEPS`].
struct Step {
    name: &'static str,
    run: fn(&mut Session<'_>) -> Outcome,
    /// Whether the steps after it are pointless once it failed.
    needed: bool,
}

const STEPS: [Step; 19] = [
    Step {
        name: "tools",
        run: |session| setup::provide(session.root).into(),
        needed: true,
    },
    Step {
        name: "format",
        run: |session| checks::format(session.root).into(),
        needed: false,
    },
    Step {
        name: "lints",
        run: |session| checks::clippy(session.root).into(),
        needed: false,
    },
    Step {
        name: "documentation",
        run: |session| checks::documentation(session.root).into(),
        needed: false,
    },
    Step {
        name: "python packages",
        run: python_packages,
        needed: true,
    },
    Step {
        name: "build",
        run: |session| {
            let built = checks::build(session.root);
            // At once: later builds may put libraries with other features in the same place.
            built
                .and_then(|()| bindings::assemble(session.root, "debug", Build::Plain))
                .into()
        },
        needed: true,
    },
    Step {
        name: "page",
        run: |session| {
            let built = web::build(session.root);
            built.and_then(|()| web::check(session.root)).into()
        },
        needed: false,
    },
    Step {
        name: "page's own tests",
        run: |session| web::tests(session.root),
        needed: false,
    },
    Step {
        name: "page in a browser",
        run: |session| web::browser(session.root),
        needed: false,
    },
    Step {
        name: "database",
        run: database,
        needed: true,
    },
    Step {
        name: "rust tests",
        run: rust_tests,
        needed: false,
    },
    Step {
        name: "host on PostgreSQL",
        run: host_on_postgres,
        needed: false,
    },
    Step {
        name: "checkers of the bindings",
        run: |session| bindings::tools(session.root).into(),
        needed: true,
    },
    Step {
        name: "python types",
        run: |session| bindings::python_types(session.root).into(),
        needed: false,
    },
    Step {
        name: "python tests",
        run: |session| bindings::python_tests(session.root),
        needed: false,
    },
    Step {
        name: "node types",
        run: |session| bindings::node_types(session.root).into(),
        needed: false,
    },
    Step {
        name: "node tests",
        run: |session| bindings::node_tests(session.root),
        needed: false,
    },
    Step {
        name: "conformance of plugins",
        run: |session| bindings::conformance(session.root),
        needed: false,
    },
    Step {
        name: "packages",
        run: |session| package::trial(session.root).into(),
        needed: false,
    },
];

/// Runs every step; the last line printed is `N passed, M failed`.
pub(crate) fn test(root: &Path) -> Result<(), String> {
    let mut session = Session {
        root,
        python: None,
        database: None,
    };
    let report = run_steps(&STEPS, &mut session);
    heading("summary");
    print!("{}", report.table());
    let (passed, failed) = report.totals();
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 {
        Ok(())
    } else {
        Err(String::new())
    }
}

fn run_steps(steps: &[Step], session: &mut Session<'_>) -> Report {
    let mut report = Report::default();
    for (index, step) in steps.iter().enumerate() {
        heading(&format!("{} ({} of {})", step.name, index + 1, steps.len()));
        let start = Instant::now();
        let outcome = (step.run)(session);
        let took = start.elapsed();
        match &outcome.problem {
            None => println!("{}: ok, {}", step.name, seconds(took)),
            Some(problem) => println!("{}: FAILED, {}: {problem}", step.name, seconds(took)),
        }
        let stop = step.needed && outcome.problem.is_some();
        report.add(step.name, outcome, took);
        if stop {
            println!("the steps after it need it: not run");
            break;
        }
    }
    report
}

fn python_packages(session: &mut Session<'_>) -> Outcome {
    let installed = venv::for_tests(session.root).map(|python| session.python = Some(python));
    installed.into()
}

/// One server for all suites: each has databases of its own in it.
fn database(session: &mut Session<'_>) -> Outcome {
    let started = postgres::for_tests().map(|url| session.database = Some(url));
    started.into()
}

fn rust_tests(session: &mut Session<'_>) -> Outcome {
    cargo_test(session, &["--workspace"], None)
}

/// The host's end-to-end tests once more, over the other database.
fn host_on_postgres(session: &mut Session<'_>) -> Outcome {
    const SUITES: [&str; 30] = [
        "bounces",
        "budgets",
        "campaign_smtp",
        "channels",
        "command_line",
        "cookie",
        "document",
        "export",
        "fallback",
        "flaws_access",
        "flaws_approval",
        "flaws_bad_input",
        "flaws_bad_tokens",
        "flaws_data",
        "flaws_record",
        "guardrails",
        "hostile_input",
        "imports",
        "kill",
        "main_job",
        "opt_in",
        "races",
        "receipts",
        "settings",
        "subscriptions",
        "surface",
        "tour",
        "unsubscribe",
        "voice",
        "writing",
    ];
    let mut tests = vec!["--package", "crm-host"];
    for suite in SUITES {
        tests.extend(["--test", suite]);
    }
    cargo_test(session, &tests, Some(("CRM_TEST_DATABASE", "postgres")))
}

fn cargo_test(session: &Session<'_>, which: &[&str], variable: Option<(&str, &str)>) -> Outcome {
    let mut command = run::cargo(session.root);
    // Colours would hide the lines to be counted; one failed suite must not hide the next.
    command
        .arg("test")
        .args(which)
        .args(["--locked", "--no-fail-fast"])
        .envs(variable)
        .env("CARGO_TERM_COLOR", "never")
        .envs(session.database.as_ref().map(|url| ("DATABASE_URL", url)));
    if let Some(python) = &session.python {
        command.env("CRM_PYTHON", python);
    }
    let mut counter = Counter::default();
    let ran = run::tee(&mut command, std::io::stdout(), |line| counter.line(line));
    let (suites, problem) = counter.finish();
    Outcome {
        suites,
        problem: ran.err().or(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(_: &mut Session<'_>) -> Outcome {
        Err("broken".to_owned()).into()
    }

    fn fine(session: &mut Session<'_>) -> Outcome {
        session.python = Some("ran".into());
        let mut counter = Counter::default();
        counter.line("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured");
        let (suites, problem) = counter.finish();
        Outcome { suites, problem }
    }

    fn session() -> Session<'static> {
        Session {
            root: Path::new("."),
            python: None,
            database: None,
        }
    }

    #[test]
    fn a_failed_check_does_not_hide_the_steps_after_it() {
        let mut session = session();
        let steps = [
            Step {
                name: "check",
                run: broken,
                needed: false,
            },
            Step {
                name: "next",
                run: fine,
                needed: false,
            },
        ];
        assert_eq!(run_steps(&steps, &mut session).totals(), (1, 1));
        assert!(session.python.is_some());
    }

    #[test]
    fn a_failed_need_stops_the_run_and_fails_it() {
        let mut session = session();
        let steps = [
            Step {
                name: "need",
                run: broken,
                needed: true,
            },
            Step {
                name: "next",
                run: fine,
                needed: false,
            },
        ];
        assert_eq!(run_steps(&steps, &mut session).totals(), (0, 1));
        assert!(session.python.is_none());
    }
}
