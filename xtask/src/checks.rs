//! Checks that are no tests: format, lints, documentation, build, and the licences of dependencies.

use std::path::Path;
use std::process::Command;

use crate::run;

/// Channels that nothing here is built with but themselves.
const CHANNELS: &str = "crm-channels/twilio,crm-channels/telegram,crm-channels/whatsapp,\
    crm-channels/eskiz,crm-channels/webhook";

/// Every file is formatted.
pub(crate) fn format(root: &Path) -> Result<(), String> {
    run::inherit(run::cargo(root).args(["fmt", "--all", "--check"]))
}

/// No lint speaks up, in tests neither.
pub(crate) fn clippy(root: &Path) -> Result<(), String> {
    run::inherit(run::cargo(root).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The documentation builds, and no link in it is broken.
pub(crate) fn documentation(root: &Path) -> Result<(), String> {
    let mut command = run::cargo(root);
    command
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        // Its text names the feature's modules.
        .args(["--features", "crm-core/testing"])
        .args(["--features", CHANNELS])
        .env("RUSTDOCFLAGS", "-D warnings");
    run::inherit(&mut command)
}

/// Everything builds from the lock file.
pub(crate) fn build(root: &Path) -> Result<(), String> {
    run::inherit(run::cargo(root).args(["build", "--workspace", "--locked"]))
}

/// `cargo xtask deny`: deny.toml against all dependencies.
///
/// Apart from `test`, because cargo-deny is a large program to install. Advisories need their database
/// from the network: `cargo deny check advisories`.
pub(crate) fn deny(root: &Path) -> Result<(), String> {
    let version = run::probe(Command::new("cargo-deny").arg("--version"));
    let version = version.ok_or(
        "cargo-deny is not installed: cargo install cargo-deny --locked --version '~0.20'",
    )?;
    println!("{version}");
    run::inherit(run::cargo(root).args(["deny", "check", "licenses", "bans", "sources"]))
}
