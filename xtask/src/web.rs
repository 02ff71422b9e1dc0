//! The host's page: its packages, its types from the host's own document, its checks, its tests and the files
//! that are embedded. Browsers are tried by the steps of `test`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bindings::{copy, names, node, npm};
use crate::closing::{Tap, TapLines};
use crate::report::Outcome;
use crate::run;
use crate::tools::Tool;

/// Where the page's sources are.
fn folder(root: &Path) -> PathBuf {
    root.join("examples").join("host").join("web")
}

/// Where the host with the page in it is put, and what its tests leave.
fn place(root: &Path) -> PathBuf {
    root.join("target").join("web")
}

/// What cargo is told to build the host with its page.
pub(crate) const HOST: [&str; 5] = ["--locked", "--package", "crm-host", "--features", "web"];

/// `cargo xtask web`: everything about the page but the browser.
pub(crate) fn web(root: &Path) -> Result<(), String> {
    build(root)?;
    check(root)?;
    tests(root).problem.map_or(Ok(()), Err)
}

/// Makes the files that are embedded.
pub(crate) fn build(root: &Path) -> Result<(), String> {
    packages(root)?;
    document(root)?;
    script(root, "api")?;
    script(root, "build")
}

/// Types, lints and format.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    script(root, "check")
}

/// The tests of what needs no browser.
pub(crate) fn tests(root: &Path) -> Outcome {
    let mut counter = TapLines::default();
    let ran = npm(root).and_then(|mut npm| {
        npm.current_dir(folder(root))
            .args(["run", "--silent", "test", "--", "--reporter=tap-flat"])
            .env("NO_COLOR", "1");
        run::tee(&mut npm, std::io::stdout(), |line| counter.line(line))
    });
    Outcome::of(counter.finish("vitest"), ran)
}

/// The page in a real browser, served by the host's own binary.
pub(crate) fn browser(root: &Path) -> Outcome {
    let mut counter = Tap::default();
    let ran = prepared(root).and_then(|mut command| {
        run::tee(&mut command, std::io::stdout(), |line| counter.line(line))
    });
    Outcome::of(counter.finish("node --test browser"), ran)
}

fn prepared(root: &Path) -> Result<Command, String> {
    let chromium = Tool::Chromium.find(root).ok_or(
        "chromium is missing: run `cargo xtask setup` as root, or name one in CRM_CHROMIUM",
    )?;
    run::inherit(run::cargo(root).arg("build").args(HOST))?;
    let place = place(root);
    fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let program = format!("crm-host{}", std::env::consts::EXE_SUFFIX);
    // Of its own: the next build without the page puts its program in the same place.
    let host = place.join(&program);
    copy(&root.join("target").join("debug").join(&program), &host)?;
    let folder = folder(root);
    let files = names(&folder.join("browser"))?
        .into_iter()
        .filter(|name| name.ends_with(".test.js"))
        .map(|name| format!("browser/{name}"));
    let mut command = node(root)?;
    command
        .args(["--test", "--test-reporter=tap", "--test-concurrency=1"])
        .args(files)
        .current_dir(&folder)
        .env("CRM_HOST", host)
        .env("CRM_CHROMIUM", chromium.program)
        .env("CRM_SCREENSHOTS", place.join("screenshots"));
    Ok(command)
}

/// Installs the packages of the lock file unless they are there: a second run needs no network.
fn packages(root: &Path) -> Result<(), String> {
    let folder = folder(root);
    let lock = folder.join("package-lock.json");
    let lock = fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let marker = folder.join("node_modules").join(".installed");
    if fs::read(&marker).is_ok_and(|installed| installed == lock) {
        println!("npm packages of the page: already installed");
        return Ok(());
    }
    let mut npm = npm(root)?;
    npm.current_dir(&folder)
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    run::inherit(&mut npm)?;
    fs::write(&marker, lock).map_err(|error| format!("{}: {error}", marker.display()))
}

/// Has the host print the document of its API, which the page's types are made of.
fn document(root: &Path) -> Result<(), String> {
    let package = ["--locked", "--package", "crm-host"];
    run::inherit(run::cargo(root).arg("build").args(package))?;
    let mut command = run::cargo(root);
    command.args(["run", "--quiet"]).args(package);
    let text = run::probe(command.args(["--", "openapi"]))
        .ok_or("`crm-host openapi` did not print the document")?;
    let file = folder(root).join("openapi.json");
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
}

fn script(root: &Path, name: &str) -> Result<(), String> {
    let mut npm = npm(root)?;
    npm.current_dir(folder(root))
        .args(["run", "--silent", name]);
    run::inherit(&mut npm)
}
