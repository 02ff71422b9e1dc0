//! `cargo xtask long`: the proofs that take too long for every change, with the numbers they are asked for.
//!
//! They are the same tests as in `cargo xtask test`, told by environment variables to run for longer. A
//! variable that is set already is left alone, so that one proof can be run for longer still.

use std::path::Path;
use std::time::Instant;

use crate::counts::Counter;
use crate::report::{Outcome, Report, seconds};
use crate::run::{self, heading};
use crate::{setup, venv};

/// One proof.
#[derive(Debug)]
struct Proof {
    /// What it is called on the command line.
    name: &'static str,
    /// What it shows.
    what: &'static str,
    package: &'static str,
    /// The test target and, if it is not to run whole, a part of the names of its tests.
    test: (&'static str, Option<&'static str>),
    /// How long it runs.
    variables: &'static [(&'static str, &'static str)],
}

const PROOFS: &[Proof] = &[
    Proof {
        name: "simulation",
        what: "200,000 whole lives of engine, store, provider and workers, each from its seed",
        package: "crm-core",
        test: ("simulation", Some("whatever_fails")),
        variables: &[("CRM_SIMULATION_SEEDS", "200000")],
    },
    Proof {
        name: "faults",
        what: "four workers are killed 100 times and PostgreSQL is restarted 5 times under 20,000 messages",
        package: "crm-store-postgres",
        test: ("workers", Some("faults")),
        variables: &[
            ("CRM_FAULT_MESSAGES", "20000"),
            ("CRM_FAULT_KILLS", "100"),
            ("CRM_FAULT_RESTARTS", "5"),
        ],
    },
    Proof {
        name: "kills-postgres",
        what: "workers on PostgreSQL are killed 1,000 times under 50,000 messages",
        package: "crm-store-postgres",
        test: ("workers", Some("faults")),
        variables: &[
            ("CRM_FAULT_MESSAGES", "50000"),
            ("CRM_FAULT_KILLS", "1000"),
            ("CRM_FAULT_RESTARTS", "0"),
        ],
    },
    Proof {
        name: "kills-sqlite",
        what: "the host on SQLite is killed 1,000 times, with 50 messages for each kill",
        package: "crm-host",
        test: ("kill", None),
        variables: &[("CRM_KILLS", "1000")],
    },
    Proof {
        name: "kills-batches",
        what: "the host is killed 300 times while campaigns are drafted in batches over HTTP",
        package: "crm-host",
        test: ("writing", Some("kills")),
        variables: &[("CRM_KILLS", "300")],
    },
    Proof {
        name: "failpoints-postgres",
        what: "worker processes on PostgreSQL die at each of fifteen named points, 25 times each",
        package: "crm-store-postgres",
        test: ("workers", Some("points")),
        variables: &[("CRM_FAILPOINT_ROUNDS", "25")],
    },
    Proof {
        name: "failpoints-sqlite",
        what: "worker processes on SQLite die at each of fifteen named points, 25 times each",
        package: "crm-store-sqlite",
        test: ("workers", Some("points")),
        variables: &[("CRM_FAILPOINT_ROUNDS", "25")],
    },
    Proof {
        name: "openings-postgres",
        what: "processes die at every message of the making of a schema",
        package: "crm-store-postgres",
        test: ("workers", Some("opening")),
        variables: &[("CRM_FAILPOINT_ROUNDS", "2")],
    },
    Proof {
        name: "openings-sqlite",
        what: "processes die at every page of the making of a file",
        package: "crm-store-sqlite",
        test: ("workers", Some("opening")),
        variables: &[("CRM_FAILPOINT_ROUNDS", "2")],
    },
    Proof {
        name: "freezes-postgres",
        what: "processes on PostgreSQL stand still for one to three leases and go on, 500 times",
        package: "crm-store-postgres",
        test: ("workers", Some("freezes")),
        variables: &[("CRM_FREEZES", "500")],
    },
    Proof {
        name: "freezes-sqlite",
        what: "processes on SQLite stand still for one to three leases and go on, 500 times",
        package: "crm-store-sqlite",
        test: ("workers", Some("freezes")),
        variables: &[("CRM_FREEZES", "500")],
    },
    Proof {
        name: "failovers",
        what: "PostgreSQL crashes 200 times; 20 synchronous and 10 lagging standbys are promoted",
        package: "crm-store-postgres",
        test: ("failover", None),
        variables: &[("CRM_RESTARTS", "200"), ("CRM_FAILOVER_ROUNDS", "20")],
    },
    Proof {
        name: "crash-points-sqlite",
        what: "a process ends early and late at each kind of commit, on SQLite",
        package: "crm-store-sqlite",
        test: ("crash_points", None),
        variables: &[("CRM_CRASH_ALL", "1")],
    },
    Proof {
        name: "crash-points-postgres",
        what: "a process ends early and late at each kind of commit, on PostgreSQL",
        package: "crm-store-postgres",
        test: ("crash_points", None),
        variables: &[("CRM_CRASH_ALL", "1")],
    },
    Proof {
        name: "storage-faults-sqlite",
        what: "each write and flush of the SQLite store fails, once and for good",
        package: "crm-store-sqlite",
        test: ("storage_faults", None),
        variables: &[("CRM_STORAGE_FAULT_STEP", "1")],
    },
    Proof {
        name: "storage-faults-postgres",
        what: "each write and flush of the server of PostgreSQL fails, once and until repaired",
        package: "crm-store-postgres",
        test: ("storage_faults", None),
        variables: &[("CRM_STORAGE_FAULT_STEP", "1")],
    },
    Proof {
        name: "cuts",
        what: "the way to PostgreSQL is cut at every message of the protocol, 20 times each",
        package: "crm-store-postgres",
        test: ("cuts", None),
        variables: &[("CRM_CUT_ROUNDS", "20")],
    },
    Proof {
        name: "races-sqlite",
        what: "each race 1,000 times over two stores of one SQLite file",
        package: "crm-store-sqlite",
        test: ("races", None),
        variables: &[("CRM_RACE_ROUNDS", "1000")],
    },
    Proof {
        name: "races-postgres",
        what: "each race 1,000 times over two stores of one PostgreSQL schema",
        package: "crm-store-postgres",
        test: ("races", None),
        variables: &[("CRM_RACE_ROUNDS", "1000")],
    },
    Proof {
        name: "plans",
        what: "the plans of every call over a million messages",
        package: "crm-store-postgres",
        test: ("plans", None),
        variables: &[("CRM_PLAN_ROWS", "1000000")],
    },
    Proof {
        name: "agreement-sqlite",
        what: "20,000 random lives on the store in memory and on SQLite",
        package: "crm-store-sqlite",
        test: ("agreement", None),
        variables: &[("CRM_AGREEMENT_CASES", "20000")],
    },
    Proof {
        name: "agreement-postgres",
        what: "20,000 random lives on the store in memory and on PostgreSQL",
        package: "crm-store-postgres",
        test: ("agreement", None),
        variables: &[("CRM_AGREEMENT_CASES", "20000")],
    },
];

/// Runs the proofs that are named, or all; `--list` only says which there are.
pub(crate) fn long(root: &Path, names: &[String]) -> Result<(), String> {
    if names.iter().any(|name| name == "--list") {
        print!("{}", list());
        return Ok(());
    }
    let chosen = choose(names)?;
    setup::provide(root)?;
    let python = venv::for_tests(root)?;
    let mut report = Report::default();
    for proof in chosen {
        heading(&format!("{}: {}", proof.name, proof.what));
        let start = Instant::now();
        let outcome = proof.run(root, &python);
        let took = start.elapsed();
        println!("{}: {}", proof.name, seconds(took));
        report.add(proof.name, outcome, took);
    }
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

fn choose(names: &[String]) -> Result<Vec<&'static Proof>, String> {
    if names.is_empty() {
        return Ok(PROOFS.iter().collect());
    }
    names
        .iter()
        .map(|name| {
            let found = PROOFS.iter().find(|proof| proof.name == name);
            found.ok_or_else(|| format!("no proof is called `{name}`; there are:\n\n{}", list()))
        })
        .collect()
}

fn list() -> String {
    let width = PROOFS.iter().map(|proof| proof.name.len()).max();
    let width = width.unwrap_or(0);
    let lines = PROOFS
        .iter()
        .map(|proof| format!("  {:<width$}  {}\n", proof.name, proof.what));
    lines.collect()
}

impl Proof {
    fn run(&self, root: &Path, python: &Path) -> Outcome {
        let (target, part) = self.test;
        let mut command = run::cargo(root);
        command
            .args(["test", "--locked", "--package", self.package])
            .args(["--test", target])
            .env("CARGO_TERM_COLOR", "never")
            .env("CRM_PYTHON", python)
            .envs(self.unset(|name| std::env::var_os(name).is_some()));
        // The figures are printed by the tests themselves.
        command.args(["--", "--nocapture"]).args(part);
        let mut counter = Counter::default();
        let ran = run::tee(&mut command, std::io::stdout(), |line| counter.line(line));
        let (suites, problem) = counter.finish();
        Outcome {
            suites,
            problem: ran.err().or(problem),
            ..Outcome::default()
        }
    }

    /// The variables that nobody has set.
    fn unset(
        &self,
        is_set: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&'static str, &'static str)> {
        let variables = self.variables.iter().copied();
        variables.filter(move |(name, _)| !is_set(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_names_a_target_that_reads_its_variables() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for proof in PROOFS {
            let package = ["crates", "examples"]
                .iter()
                .map(|folder| root.join(folder))
                .map(|folder| match proof.package {
                    "crm-host" => folder.join("host"),
                    other => folder.join(other),
                })
                .find(|folder| folder.is_dir())
                .unwrap();
            let tests = package.join("tests");
            let (target, _) = proof.test;
            let file = tests.join(format!("{target}.rs"));
            assert!(
                file.is_file() || tests.join(target).join("main.rs").is_file(),
                "{}",
                proof.name
            );
            for (variable, _) in proof.variables {
                assert!(
                    mentioned(&tests, variable)
                        || mentioned(&root.join("crates/crm-store-testing"), variable),
                    "{}: {variable}",
                    proof.name
                );
            }
        }
    }

    /// Whether code below `folder` reads `variable`.
    fn mentioned(folder: &Path, variable: &str) -> bool {
        let quoted = format!("\"{variable}\"");
        std::fs::read_dir(folder).unwrap().any(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                mentioned(&path, variable)
            } else {
                std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&quoted))
            }
        })
    }

    #[test]
    fn names_choose_and_an_unknown_one_is_answered_with_the_list() {
        assert_eq!(choose(&[]).unwrap().len(), PROOFS.len());
        let one = choose(&["cuts".to_owned()]).unwrap();
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].name, "cuts");
        let problem = choose(&["cut".to_owned()]).unwrap_err();
        assert!(
            problem.contains("`cut`") && problem.contains("agreement-postgres"),
            "{problem}"
        );
    }

    #[test]
    fn what_the_caller_sets_stands() {
        let faults = choose(&["faults".to_owned()]).unwrap()[0];
        let left: Vec<_> = faults.unset(|name| name == "CRM_FAULT_KILLS").collect();
        assert_eq!(
            left,
            [("CRM_FAULT_MESSAGES", "20000"), ("CRM_FAULT_RESTARTS", "5")]
        );
        assert_eq!(faults.unset(|_| true).count(), 0);
    }
}
