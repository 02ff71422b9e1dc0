//! Finding the programs that the tests need besides Rust.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::probe;
use crate::venv;
use crm_postgres_testing::Binaries;

/// A program the project uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Python 3.11 or newer that can make virtual environments.
    Python,
    /// Node.js 20.19 or newer, with npm.
    Node,
    /// A C compiler: SQLite and ring are built from source.
    Cc,
    /// The tour in README.md is in curl.
    Curl,
    /// The programs of a PostgreSQL server, 15 or newer: the tests start one.
    Postgres,
    /// Lets system calls of a store or its server fail. Linux alone has it, and the tests that need it.
    Strace,
    /// Postfix's programs, which take mail and send it for the benchmarks. No server of it is set up.
    Postfix,
    /// The browser that the host's page is tried in. `CRM_CHROMIUM` names another one.
    Chromium,
}

impl Tool {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Python,
        Self::Node,
        Self::Cc,
        Self::Curl,
        Self::Postgres,
        Self::Strace,
        Self::Postfix,
        Self::Chromium,
    ];

    /// Whether anything here needs it.
    const fn is_needed(self) -> bool {
        cfg!(target_os = "linux") || !matches!(self, Self::Strace)
    }

    /// Its name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Python => "python 3.11, venv",
            Self::Node => "node 20.19, npm",
            Self::Cc => "cc",
            Self::Curl => "curl",
            Self::Postgres => "postgresql 15",
            Self::Strace => "strace",
            Self::Postfix => "postfix",
            Self::Chromium => "chromium",
        }
    }

    /// Debian packages that bring it.
    pub(crate) const fn debian(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["python3", "python3-venv"],
            // Debian 12 has version 18 alone; the one from PyPI is the same everywhere.
            Self::Node => &[],
            Self::Cc => &["gcc", "libc6-dev"],
            Self::Curl => &["curl"],
            Self::Postgres => &["postgresql"],
            Self::Strace => &["strace"],
            Self::Postfix => &["postfix"],
            Self::Chromium => &["chromium"],
        }
    }

    /// Where it is found: the program (the folder of PostgreSQL's programs) and its version.
    pub(crate) fn find(self, root: &Path) -> Option<Found> {
        self.places(root).into_iter().find_map(|program| {
            let version = match self {
                Self::Postgres => Binaries::at(&program).map(|found| found.version().to_owned()),
                Self::Python => probe(Command::new(&program).args(["-c", PYTHON_PROBE])),
                Self::Node => node_version(&program),
                Self::Cc => probe(Command::new(&program).arg("-dumpversion")),
                Self::Curl => probe(Command::new(&program).arg("--version")).map(first_words),
                Self::Strace => {
                    probe(Command::new(&program).arg("-V")).map(last_word_of_first_line)
                }
                // Its own folder of settings need not exist.
                Self::Postfix => probe(Command::new(&program).args(["-d", "-h", "mail_version"])),
                Self::Chromium => probe(Command::new(&program).arg("--version")).map(first_words),
            }?;
            Some(Found { program, version })
        })
    }

    fn places(self, root: &Path) -> Vec<PathBuf> {
        match self {
            Self::Python if cfg!(windows) => vec!["python".into(), "py".into()],
            Self::Python => vec!["python3".into()],
            // What `setup` installed when the system had none.
            Self::Node => vec!["node".into(), venv::program(root, "node")],
            Self::Cc => vec!["cc".into(), "gcc".into(), "clang".into()],
            Self::Curl => vec!["curl".into()],
            Self::Strace => vec!["strace".into()],
            Self::Postgres => Binaries::find()
                .map(|found| found.folder().to_owned())
                .into_iter()
                .collect(),
            // On the search path of administrators alone.
            Self::Postfix => vec!["postconf".into(), "/usr/sbin/postconf".into()],
            Self::Chromium => match std::env::var_os("CRM_CHROMIUM") {
                Some(named) if !named.is_empty() => vec![named.into()],
                _ => vec!["chromium".into(), "google-chrome".into()],
            },
        }
    }
}

/// The version of a Node.js that is new enough and has npm beside it.
fn node_version(program: &Path) -> Option<String> {
    let version = probe(Command::new(program).arg("--version"))?;
    probe(Command::new(npm(program)).arg("--version"))?;
    new_enough(&version).then_some(version)
}

/// `v20.19.0` is; `v20.11.1` is not: what builds the page needs the former.
fn new_enough(version: &str) -> bool {
    let numbers = version.strip_prefix('v').unwrap_or_default().split('.');
    let mut numbers = numbers.map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (20, 19),
        _ => false,
    }
}

/// npm beside this Node.js: in the same folder, or on the same search path.
pub(crate) fn npm(node: &Path) -> PathBuf {
    let name = match node.extension() {
        Some(_) => "npm.exe",
        None if cfg!(windows) => "npm.cmd",
        None => "npm",
    };
    node.with_file_name(name)
}

/// `curl 8.5.0` of all that it says.
fn first_words(text: String) -> String {
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    words.join(" ")
}

/// `6.1` of `strace -- version 6.1` and what follows.
fn last_word_of_first_line(text: String) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.rsplit(' ').next().unwrap_or_default().to_owned()
}

/// Fails where Debian's python3 lacks python3-venv, and for a Python older than the package supports.
const PYTHON_PROBE: &str = "import venv, ensurepip, sys; print('.'.join(map(str, sys.version_info[:3]))); \
     sys.exit(sys.version_info < (3, 11))";

/// A program that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Name or path.
    pub(crate) program: PathBuf,
    /// What it says its version is.
    pub(crate) version: String,
}

/// Prints which tools are there and returns those that are missing.
pub(crate) fn doctor(root: &Path) -> Vec<Tool> {
    let mut missing = Vec::new();
    for tool in Tool::ALL.into_iter().filter(|tool| tool.is_needed()) {
        let found = tool.find(root);
        println!("{}", row(tool, found.as_ref(), root));
        if found.is_none() {
            missing.push(tool);
        }
    }
    missing
}

fn row(tool: Tool, found: Option<&Found>, root: &Path) -> String {
    let name = tool.name();
    match found {
        Some(Found { program, version }) => {
            let program = program.strip_prefix(root).unwrap_or(program).display();
            format!("  {name:<18}  found    {version} ({program})")
        }
        None => format!("  {name:<18}  missing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_found_or_missing() {
        let root = Path::new("/r");
        let found = Found {
            program: "/r/target/node".into(),
            version: "v20".to_owned(),
        };
        let shown = row(Tool::Node, Some(&found), root);
        assert!(
            shown.contains("found") && shown.contains("v20 (target/node)"),
            "{shown}"
        );
        assert!(row(Tool::Cc, None, root).ends_with("missing"));
    }

    #[test]
    fn an_old_node_is_not_accepted() {
        for (version, good) in [
            ("v20.19.0", true),
            ("v20.18.3", false),
            ("v22.0.0", true),
            ("v24.19.0", true),
            ("v18.20.4", false),
            ("20.0.0", false),
            ("", false),
        ] {
            assert_eq!(new_enough(version), good, "{version}");
        }
        assert_eq!(npm(Path::new("/a/node")).parent(), Some(Path::new("/a")));
        assert!(npm(Path::new("node")).parent() == Some(Path::new("")));
    }

    #[test]
    fn a_compiler_is_found_wherever_this_test_was_linked() {
        assert!(Tool::Cc.find(Path::new(".")).is_some());
    }
}
