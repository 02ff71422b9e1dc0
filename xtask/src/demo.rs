//! `cargo xtask demo`: the host on a demonstration database, with messages written to files.

use std::path::Path;

use crate::tools::Tool;
use crate::{run, web};

/// Where the demonstration keeps its data, unless told otherwise.
const DEFAULTS: [(&str, &str); 2] = [
    ("--database", "sqlite:target/demo/crm.db"),
    ("--outbox", "target/demo/outbox"),
];

/// Builds and runs the host until it is stopped. `--database postgres` stands for a server of this run
/// alone, which is gone with it.
pub(crate) fn demo(root: &Path, extra: &[String]) -> Result<(), String> {
    let extra = &with_server(extra, || crm_postgres_testing::shared().map(str::to_owned))?;
    let folder = root.join("target").join("demo");
    std::fs::create_dir_all(&folder).map_err(|error| format!("target/demo: {error}"))?;
    let package = page(root)?;
    run::inherit(run::cargo(root).arg("build").args(package))?;
    // Built already, so that cargo can be told to be quiet: it would show the command with its arguments, and
    // the address of a database may hold a password.
    let mut command = run::cargo(root);
    command
        .args(["run", "--quiet"])
        .args(package)
        .arg("--")
        .args(arguments(extra));
    // A line per request would hide the password and the next steps.
    if std::env::var_os("RUST_LOG").is_none() {
        command.env("RUST_LOG", "warn");
    }
    if std::env::var_os("ANTHROPIC_API_KEY").is_some_and(|key| !key.is_empty()) {
        // Before it listens: four calls of a model are long enough to wonder.
        println!(
            "At the first start Claude drafts the demo's messages, which takes a few seconds."
        );
    }
    let status = command
        .status()
        .map_err(|error| format!("the host did not start: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the host stopped ({status})"))
    }
}

/// What to build: the host with its page, or, where there is no Node.js to make one, without.
fn page(root: &Path) -> Result<&'static [&'static str], String> {
    if Tool::Node.find(root).is_none() {
        println!(
            "without Node.js 20.19 there is no page, only the API: cargo xtask setup provides it"
        );
        return Ok(&["--locked", "--package", "crm-host"]);
    }
    web::build(root)?;
    Ok(&web::HOST)
}

/// The arguments with a server's address in place of the word `postgres`.
fn with_server(
    extra: &[String],
    server: impl Fn() -> Result<String, String>,
) -> Result<Vec<String>, String> {
    let mut arguments = Vec::with_capacity(extra.len());
    let mut is_value = false;
    for argument in extra {
        arguments.push(match argument.as_str() {
            "postgres" if is_value => server()?,
            "--database=postgres" => format!("--database={}", server()?),
            other => other.to_owned(),
        });
        is_value = argument == "--database";
    }
    Ok(arguments)
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
    fn the_word_postgres_stands_for_a_server() {
        let replaced = |extra: &[&str]| {
            let extra: Vec<String> = extra.iter().map(|&text| text.to_owned()).collect();
            with_server(&extra, || Ok("URL".to_owned()))
                .unwrap()
                .join(" ")
        };
        assert_eq!(replaced(&["--database", "postgres"]), "--database URL");
        assert_eq!(replaced(&["--database=postgres"]), "--database=URL");
        for others in [
            &["--database", "postgres://db/crm"][..],
            &["--outbox", "postgres"],
            &["postgres"],
        ] {
            assert_eq!(replaced(others), others.join(" "));
        }
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
