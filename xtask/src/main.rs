//! Development commands: `cargo xtask setup | demo | test | long | web | package | deny`.
//!
//! Only the standard library is used, and a crate of the workspace that does the same, so that the first
//! command after a clone starts in seconds and works before anything else was fetched.

mod bindings;
mod checks;
mod closing;
mod counts;
mod demo;
mod long;
mod package;
mod postgres;
mod report;
mod run;
mod setup;
mod test;
mod tools;
mod venv;
mod web;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <command>

  setup        find python3 (with venv), node, cc, curl, PostgreSQL, Postfix and Chromium;
               provide what is missing
  demo [args]  start the host on a demonstration database in target/demo, on
               http://127.0.0.1:8000; extra arguments go to the host and replace
               the defaults (--listen 127.0.0.1:9000, --help, ...);
               --database postgres runs it on a PostgreSQL of its own
  test         format, lints, documentation, build and every test suite; non-zero when anything fails
  long [names] the same suites where they take hours: faults, races, random lives with the
               numbers of a long run; --list says which there are, names choose some
  web          the host's page: packages, types from the host's document, lints, tests, build
  bindings     builds, checks and tests the packages for Python and Node.js alone
  package      an installable wheel and an npm tarball in target/packages
  deny         licences, bans and sources of all dependencies (optional, needs cargo-deny)
  help         this text";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = args.collect();
    let root = root();
    let done = match (command.as_str(), rest.is_empty()) {
        ("setup", true) => setup::setup(&root),
        ("demo", _) => demo::demo(&root, &rest),
        ("test", true) => test::test(&root),
        ("long", _) => long::long(&root, &rest),
        ("web", true) => web::web(&root),
        ("bindings", true) => bindings::alone(&root),
        ("package", true) => package::package(&root),
        ("deny", true) => checks::deny(&root),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        ("setup" | "test" | "web" | "bindings" | "package" | "deny", false) => {
            Err(format!("`{command}` takes no arguments"))
        }
        _ => Err(format!("unknown command `{command}`\n\n{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // `test` has already printed its own closing line.
            if !problem.is_empty() {
                eprintln!("error: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder: the parent of this package's.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}
