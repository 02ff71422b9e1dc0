//! The packages for Python and Node.js: put together from the libraries that `build` made, then tested.
//!
//! Neither maturin nor napi's own command is used: both would compile most of the workspace once more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::closing::{Pytest, Tap};
use crate::postgres;
use crate::report::Outcome;
use crate::run;
use crate::tools::Tool;
use crate::venv;

/// Where packages are put together: those that are tested and packed, or those with the conformance
/// suites inside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Build {
    /// As published.
    Plain,
    /// With the feature `testing`.
    Conformance,
}

impl Build {
    fn folder(self, root: &Path) -> PathBuf {
        let folder = root.join("target").join("bindings");
        match self {
            Self::Plain => folder,
            Self::Conformance => folder.join("conformance"),
        }
    }

    /// The folder that holds the Python package `crm_engine` and its tests.
    pub(crate) fn python(self, root: &Path) -> PathBuf {
        self.folder(root).join("python")
    }

    /// The Node.js package.
    pub(crate) fn node(self, root: &Path) -> PathBuf {
        self.folder(root).join("node").join("crm-engine")
    }
}

/// Installs the checkers: pytest and mypy from PyPI; TypeScript and pyright from npm.
pub(crate) fn tools(root: &Path) -> Result<(), String> {
    venv::for_bindings(root)?;
    let place = checks(root);
    let from = root.join("bindings").join("checks");
    let lock = read(&from.join("package-lock.json"))?;
    let marker = place.join("installed");
    if fs::read(&marker).is_ok_and(|installed| installed == lock) {
        println!("npm packages: already installed");
        return Ok(());
    }
    fresh(&place)?;
    for name in ["package.json", "package-lock.json"] {
        copy(&from.join(name), &place.join(name))?;
    }
    let mut npm = npm(root)?;
    npm.current_dir(&place)
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    run::inherit(&mut npm)?;
    fs::write(&marker, lock).map_err(|error| shown(&marker, &error))
}

/// Puts both packages together from the libraries of `profile` (a folder of target).
pub(crate) fn assemble(root: &Path, profile: &str, build: Build) -> Result<(), String> {
    let built = root.join("target").join(profile);
    let sources = root.join("bindings");

    let python = build.python(root);
    fresh(&python)?;
    let package = python.join("crm_engine");
    for name in ["crm_engine", "tests", "conformance"] {
        copy_folder(&sources.join("python").join(name), &python.join(name))?;
    }
    for name in ["pyproject.toml", "derive_blocking.py", "make_wheel.py"] {
        copy(&sources.join("python").join(name), &python.join(name))?;
    }
    let extension = if cfg!(windows) {
        "_native.pyd"
    } else {
        "_native.abi3.so"
    };
    copy(&built.join(library("crm_python")), &package.join(extension))?;

    let node = build.node(root);
    fresh(&node)?;
    for name in ["package.json", "index.js", "index.d.ts", "tsconfig.json"] {
        copy(&sources.join("node").join(name), &node.join(name))?;
    }
    for name in ["test", "conformance"] {
        copy_folder(&sources.join("node").join(name), &node.join(name))?;
    }
    copy(&built.join(library("crm_node")), &node.join("native.node"))
}

/// `cargo xtask bindings`: both packages alone, built, checked and tested.
pub(crate) fn alone(root: &Path) -> Result<(), String> {
    run::inherit(run::cargo(root).args([
        "build",
        "--locked",
        "--package",
        "crm-python",
        "--package",
        "crm-node",
    ]))?;
    assemble(root, "debug", Build::Plain)?;
    tools(root)?;
    python_types(root)?;
    node_types(root)?;
    for tests in [python_tests, node_tests, conformance] {
        tests(root).problem.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// mypy and pyright over the Python package and its tests.
pub(crate) fn python_types(root: &Path) -> Result<(), String> {
    let python = venv::program(root, "python");
    let folder = Build::Plain.python(root);
    run::inherit(
        Command::new(&python)
            .args(["-m", "mypy"])
            .current_dir(&folder),
    )?;
    let mut pyright = node(root)?;
    pyright
        .arg(module(root, &["pyright", "index.js"]))
        .arg("--pythonpath")
        .arg(&python)
        .current_dir(&folder);
    run::inherit(&mut pyright)
}

/// The type declarations of the Node.js package, and code that uses them.
pub(crate) fn node_types(root: &Path) -> Result<(), String> {
    let mut tsc = node(root)?;
    tsc.arg(module(root, &["typescript", "bin", "tsc"]))
        .args(["--project", "tsconfig.json", "--typeRoots"])
        .arg(module(root, &["@types"]))
        .current_dir(Build::Plain.node(root));
    run::inherit(&mut tsc)
}

/// The tests of the Python package, on SQLite and on PostgreSQL.
pub(crate) fn python_tests(root: &Path) -> Outcome {
    on_postgres(|url| pytest(root, Build::Plain, "tests", Some(url)))
}

/// The tests of the Node.js package, on both.
pub(crate) fn node_tests(root: &Path) -> Outcome {
    on_postgres(|url| node_test(root, Build::Plain, "test", Some(url)))
}

fn on_postgres(tests: impl FnOnce(&str) -> Outcome) -> Outcome {
    match postgres::for_bindings() {
        // The server ends behind the tests.
        Ok((_server, url)) => tests(&url),
        Err(problem) => Err(problem).into(),
    }
}

/// The core's conformance suites against adapters written in Python and in JavaScript, with libraries
/// that hold the suites.
pub(crate) fn conformance(root: &Path) -> Outcome {
    let built = run::inherit(run::cargo(root).args([
        "build",
        "--locked",
        "--package",
        "crm-python",
        "--package",
        "crm-node",
        "--features",
        "crm-python/testing,crm-node/testing",
    ]));
    if let Err(problem) = built.and_then(|()| assemble(root, "debug", Build::Conformance)) {
        return Err(problem).into();
    }
    let mut all = pytest(root, Build::Conformance, "conformance", None);
    let node = node_test(root, Build::Conformance, "conformance", None);
    all.suites.extend(node.suites);
    all.problem = all.problem.or(node.problem);
    all
}

fn pytest(root: &Path, build: Build, tests: &str, database: Option<&str>) -> Outcome {
    let folder = build.python(root);
    let mut command = Command::new(venv::program(root, "python"));
    command
        .args(["-m", "pytest", "--color=no", "-q", "-rfE", tests])
        .current_dir(&folder)
        .env("PYTHONPATH", &folder)
        .env("CRM_README", root.join("README.md"))
        .envs(database.map(|url| ("DATABASE_URL", url)));
    let mut counter = Pytest::default();
    let ran = run::tee(&mut command, std::io::stdout(), |line| counter.line(line));
    Outcome::of(counter.finish(&format!("pytest {tests}")), ran)
}

fn node_test(root: &Path, build: Build, tests: &str, database: Option<&str>) -> Outcome {
    let command = node(root).and_then(|mut command| {
        let folder = build.node(root);
        // Named one by one: older versions of Node.js know no patterns.
        let files = names(&folder.join(tests))?
            .into_iter()
            .filter(|name| name.ends_with(".test.js"))
            .map(|name| format!("{tests}/{name}"));
        command
            .args(["--test", "--test-reporter=tap"])
            .args(files)
            .current_dir(&folder)
            .env("CRM_README", root.join("README.md"))
            .envs(database.map(|url| ("DATABASE_URL", url)));
        Ok(command)
    });
    let mut counter = Tap::default();
    let ran = command.and_then(|mut command| {
        run::tee(&mut command, std::io::stdout(), |line| counter.line(line))
    });
    Outcome::of(counter.finish(&format!("node --test {tests}")), ran)
}

/// Node.js, ready for arguments.
pub(crate) fn node(root: &Path) -> Result<Command, String> {
    let found = Tool::Node
        .find(root)
        .ok_or("node is missing: run `cargo xtask setup`")?;
    Ok(Command::new(found.program))
}

/// npm of that Node.js.
pub(crate) fn npm(root: &Path) -> Result<Command, String> {
    let found = Tool::Node
        .find(root)
        .ok_or("node is missing: run `cargo xtask setup`")?;
    let mut npm = Command::new(crate::tools::npm(&found.program));
    // Programs of packages ask the PATH for `node`: let them find this one, also where there is no other.
    let own = found.program.parent().map(Path::to_path_buf);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = own.into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).map_err(|error| format!("PATH: {error}"))?;
    npm.env("PATH", path);
    // Node.js trusts a list of its own, pip and cargo trust the system: behind a proxy with a certificate
    // of the house only the system knows it.
    if std::env::var_os("NODE_EXTRA_CA_CERTS").is_none()
        && let Some(trusted) = system_certificates()
    {
        npm.env("NODE_EXTRA_CA_CERTS", trusted);
    }
    Ok(npm)
}

/// The certificates this system trusts, in one file.
fn system_certificates() -> Option<PathBuf> {
    let told = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let usual = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
    ];
    let usual = usual.map(PathBuf::from);
    told.into_iter().chain(usual).find(|path| path.is_file())
}

fn checks(root: &Path) -> PathBuf {
    root.join("target").join("tools").join("checks")
}

/// A file among the installed npm packages.
fn module(root: &Path, parts: &[&str]) -> PathBuf {
    let start = checks(root).join("node_modules");
    parts.iter().fold(start, |path, part| path.join(part))
}

/// The file name of a dynamic library.
fn library(name: &str) -> String {
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{before}{name}{after}")
}

/// An empty folder, whatever was there.
pub(crate) fn fresh(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| shown(folder, &error))?;
    }
    fs::create_dir_all(folder).map_err(|error| shown(folder, &error))
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder).map_err(|error| shown(folder, &error))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

/// Copies a folder without what Python leaves behind.
fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    fresh(to)?;
    for name in names(from)? {
        let source = from.join(&name);
        if name == "__pycache__" {
            continue;
        }
        if source.is_dir() {
            copy_folder(&source, &to.join(&name))?;
        } else {
            copy(&source, &to.join(&name))?;
        }
    }
    Ok(())
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to)
        .map(drop)
        .map_err(|error| shown(from, &error))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| shown(path, &error))
}

fn shown(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_copied_anew_without_caches() {
        let place = std::env::temp_dir().join(format!("xtask-copy-{}", std::process::id()));
        let (from, to) = (place.join("from"), place.join("to"));
        for folder in [from.join("a"), from.join("__pycache__"), to.clone()] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(from.join("a").join("x"), "new").unwrap();
        fs::write(from.join("__pycache__").join("y"), "").unwrap();
        fs::write(to.join("stale"), "").unwrap();
        copy_folder(&from, &to).unwrap();
        assert_eq!(names(&to).unwrap(), ["a"]);
        assert_eq!(fs::read(to.join("a").join("x")).unwrap(), b"new");
        assert!(copy_folder(&place.join("missing"), &to).is_err());
        fs::remove_dir_all(place).unwrap();
    }
}
