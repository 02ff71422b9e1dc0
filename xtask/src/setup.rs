//! `cargo xtask setup`: provides the tools that are missing.
//!
//! As root on Debian the system's own packages are used. Anyone else gets Node.js and PostgreSQL into
//! target/tools, and is told what to install where no package can help.

use std::path::Path;
use std::process::Command;

use crate::bindings;
use crate::postgres;
use crate::run::{self, heading};
use crate::tools::{Tool, doctor};
use crate::venv;

/// Shows what is there, provides the rest and prepares the Python environment of the tests.
pub(crate) fn setup(root: &Path) -> Result<(), String> {
    heading("tools");
    provide(root)?;
    heading("packages for the tests");
    venv::for_tests(root)?;
    bindings::tools(root)?;
    println!("\nReady. Next: cargo xtask test, or cargo xtask demo");
    Ok(())
}

/// Shows what is there and provides the rest.
pub(crate) fn provide(root: &Path) -> Result<(), String> {
    let missing = doctor(root);
    if missing.is_empty() {
        return Ok(());
    }
    if missing.iter().any(|tool| !tool.debian().is_empty())
        && can_apt()
        && let Err(problem) = apt(&missing)
    {
        // Without a network the packages below may still come from a local index.
        println!("{problem}");
    }
    if missing.contains(&Tool::Node)
        && Tool::Node.find(root).is_none()
        && let Err(problem) = venv::node(root)
    {
        println!("{problem}");
    }
    // After Node.js, whose npm brings it.
    if missing.contains(&Tool::Postgres)
        && Tool::Postgres.find(root).is_none()
        && let Err(problem) = postgres::from_npm(root)
    {
        println!("{problem}");
    }
    println!("\nafter setup:");
    let missing = doctor(root);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(advice(&missing))
    }
}

fn can_apt() -> bool {
    let root_user = run::probe(Command::new("id").arg("-u")).as_deref() == Some("0");
    root_user && run::probe(Command::new("apt-get").arg("--version")).is_some()
}

fn apt(missing: &[Tool]) -> Result<(), String> {
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    if missing.contains(&Tool::Postgres) {
        postgres::without_service()?;
    }
    if missing.contains(&Tool::Postfix) {
        postfix_without_server()?;
    }
    run::inherit(apt_get().args(["update", "--quiet"]))?;
    let packages = missing.iter().flat_map(|tool| tool.debian());
    run::inherit(
        apt_get()
            .args(["install", "-y", "--quiet", "--no-install-recommends"])
            .args(packages),
    )
}

/// Keeps apt from setting up a mail server that nobody asked for.
fn postfix_without_server() -> Result<(), String> {
    let answer =
        "echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections";
    run::inherit(Command::new("sh").args(["-c", answer]))
}

fn advice(missing: &[Tool]) -> String {
    let names: Vec<_> = missing.iter().map(|tool| tool.name()).collect();
    let packages: Vec<_> = missing
        .iter()
        .flat_map(|tool| tool.debian())
        .copied()
        .collect();
    let mut advice = format!("missing: {}. Install them", names.join(", "));
    if !packages.is_empty() {
        advice += &format!(
            "; on Debian and Ubuntu: sudo apt-get install {}",
            packages.join(" ")
        );
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_names_every_missing_tool_and_its_packages() {
        let advice = advice(&[Tool::Python, Tool::Node, Tool::Postgres, Tool::Postfix]);
        for part in [
            "python 3.11, venv, node 20.19, npm, postgresql 15, postfix",
            "install python3 python3-venv postgresql postfix",
        ] {
            assert!(advice.contains(part), "{advice}");
        }
    }
}
