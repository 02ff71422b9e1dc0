//! `cargo xtask demo`: the host on a demonstration database, with messages written to files.

use std::path::Path;

use crate::run;

/// Where the demonstration keeps its data, unless told otherwise.
const DEFAULTS: [(&str, &str); 2] = [
    ("--database", "sqlite:target/demo/crm.db"),
    ("--outbox", "target/demo/outbox"),
];

/// Builds and runs the host until it is stopped.
pub(crate) fn demo(root: &Path, extra: &[String]) -> Result<(), String> {
    let folder = root.join("target").join("demo");
    std::fs::create_dir_all(&folder).map_err(|error| format!("target/demo: {error}"))?;
    let mut command = run::cargo(root);
    command
        .args(["run", "--locked", "--package", "crm-host", "--"])
        .args(arguments(extra));
    // A line per request would hide the password and the next steps.
    if std::env::var_os("RUST_LOG").is_none() {
        command.env("RUST_LOG", "warn");
    }
    run::inherit(&mut command)
}

/// The host's arguments: what the caller gave replaces a default.
fn arguments(extra: &[String]) -> Vec<String> {
    let given = |flag: &str| {
        extra.iter().any(|argument| {
            argument
                .strip_prefix(flag)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })
    };
    let mut arguments = Vec::new();
    if !given("--demo") {
        arguments.push("--demo".to_owned());
    }
    for (flag, value) in DEFAULTS {
        if !given(flag) {
            arguments.extend([flag.to_owned(), value.to_owned()]);
        }
    }
    arguments.extend_from_slice(extra);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(extra: &[&str]) -> String {
        let extra: Vec<String> = extra.iter().map(|&argument| argument.to_owned()).collect();
        arguments(&extra).join(" ")
    }

    #[test]
    fn defaults_stay_inside_the_build_folder() {
        assert_eq!(
            joined(&[]),
            "--demo --database sqlite:target/demo/crm.db --outbox target/demo/outbox"
        );
    }

    #[test]
    fn given_arguments_replace_defaults_and_never_repeat_a_flag() {
        assert_eq!(
            joined(&["--database=sqlite:x.db", "--port", "0"]),
            "--demo --outbox target/demo/outbox --database=sqlite:x.db --port 0"
        );
        assert_eq!(
            joined(&["--demo", "--outbox", "o", "--database", "d"]),
            "--demo --outbox o --database d"
        );
        assert!(joined(&["--database-pool", "4"]).contains("--database sqlite:"));
    }
}
