//! `cargo xtask package`: an installable wheel and an npm tarball in target/packages.
//!
//! Both hold the library of the machine they were made on. The check installs both into empty folders and
//! runs the README's example there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bindings::{self, Build, fresh, names};
use crate::{run, setup, venv};

/// Builds the libraries for release and packs them.
pub(crate) fn package(root: &Path) -> Result<(), String> {
    setup::provide(root)?;
    run::inherit(run::cargo(root).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "crm-python",
        "--package",
        "crm-node",
    ]))?;
    bindings::assemble(root, "release", Build::Plain)?;
    let place = root.join("target").join("packages");
    pack(root, &place)?;
    check(root, &place)?;
    for name in names(&place)? {
        println!("target/packages/{name}");
    }
    Ok(())
}

/// Packs and checks the libraries of the last `cargo build`: what `test` does.
pub(crate) fn trial(root: &Path) -> Result<(), String> {
    let place = root.join("target").join("bindings").join("packages");
    pack(root, &place)?;
    check(root, &place)
}

fn pack(root: &Path, place: &Path) -> Result<(), String> {
    fresh(place)?;
    let readme = readme(root)?;
    for (folder, section) in [
        (Build::Plain.python(root), "From Python"),
        (Build::Plain.node(root), "From Node"),
    ] {
        write(&folder.join("README.md"), &description(&readme, section)?)?;
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            bindings::copy(&root.join(licence), &folder.join(licence))?;
        }
    }
    let python = venv::create(root)?;
    run::inherit(
        Command::new(python)
            .arg("make_wheel.py")
            .arg(place)
            .current_dir(Build::Plain.python(root)),
    )?;
    let mut npm = bindings::npm(root)?;
    npm.args(["pack", "--silent", "--pack-destination"])
        .arg(place)
        .current_dir(Build::Plain.node(root));
    run::inherit(&mut npm)
}

fn check(root: &Path, place: &Path) -> Result<(), String> {
    let readme = readme(root)?;
    let empty = root.join("target").join("bindings").join("empty");

    let python = empty.join("python");
    fresh(&python)?;
    run::inherit(
        Command::new(venv::create(root)?)
            .args(["-m", "venv", "venv"])
            .current_dir(&python),
    )?;
    let own = python.join("venv");
    let own = if cfg!(windows) {
        own.join("Scripts").join("python.exe")
    } else {
        own.join("bin").join("python")
    };
    run::inherit(
        Command::new(&own)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-index",
            ])
            .arg(ending(place, ".whl")?)
            .current_dir(&python),
    )?;
    for example in examples(&readme, "From Python", "python")? {
        write(&python.join("job.py"), example)?;
        run::inherit(
            Command::new(&own)
                .arg("job.py")
                .current_dir(&python)
                .env_remove("PYTHONPATH"),
        )?;
    }

    let node = empty.join("node");
    fresh(&node)?;
    write(&node.join("package.json"), "{\"private\":true}")?;
    let mut npm = bindings::npm(root)?;
    npm.args(["install", "--offline", "--no-audit", "--no-fund"])
        .arg(ending(place, ".tgz")?)
        .current_dir(&node);
    run::inherit(&mut npm)?;
    for example in examples(&readme, "From Node", "js")? {
        write(&node.join("job.mjs"), example)?;
        run::inherit(bindings::node(root)?.arg("job.mjs").current_dir(&node))?;
    }
    Ok(())
}

fn readme(root: &Path) -> Result<String, String> {
    let path = root.join("README.md");
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// What a package says of itself where it is installed from: what the whole README begins and ends with, and
/// between them the section about its language.
fn description(readme: &str, section: &str) -> Result<String, String> {
    let mut parts = readme.split("\n## ");
    let beginning = parts.next().unwrap_or_default();
    let part = |name: &str| {
        readme
            .split("\n## ")
            .find(|text| text.lines().next() == Some(name))
            .ok_or_else(|| format!("README.md: there is no section {name}"))
    };
    let end = part("What it does not promise")?;
    let text = format!("{beginning}\n## {}\n## {end}", part(section)?);
    // Notes for those who work on the README itself.
    let lines = text.lines().filter(|line| !line.starts_with("<!--"));
    Ok(lines.map(|line| format!("{line}\n")).collect())
}

/// The code blocks of `language` in a section of the README, of which there has to be one.
fn examples<'a>(readme: &'a str, section: &str, language: &str) -> Result<Vec<&'a str>, String> {
    let section = readme
        .split("\n## ")
        .find(|text| text.lines().next() == Some(section))
        .ok_or_else(|| format!("README.md: there is no section {section}"))?;
    let fence = format!("\n```{language}\n");
    let blocks: Option<Vec<&str>> = section
        .split(fence.as_str())
        .skip(1)
        .map(|block| Some(block.split_once("```")?.0))
        .collect();
    let blocks = blocks.ok_or_else(|| "README.md: a block has no end".to_owned())?;
    if blocks.is_empty() {
        return Err(format!("README.md: expected a block of {language}"));
    }
    Ok(blocks)
}

fn ending(place: &Path, end: &str) -> Result<PathBuf, String> {
    let found = names(place)?.into_iter().find(|name| name.ends_with(end));
    found
        .map(|name| place.join(name))
        .ok_or_else(|| format!("{}: no {end} was made", place.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_says_what_concerns_its_language() {
        let readme = "# It\nDoes.\n\n## From A\n<!-- note -->\na\n\n## From B\nb\n\n## What it does not promise\nc\n";
        assert_eq!(
            description(readme, "From B"),
            Ok("# It\nDoes.\n\n## From B\nb\n\n## What it does not promise\nc\n".to_owned())
        );
        assert_eq!(
            description(readme, "From A").map(|text| text.contains("note")),
            Ok(false)
        );
        assert!(description(readme, "From C").is_err());
        assert!(description("# It", "It").is_err());
    }

    #[test]
    fn all_examples_of_a_section_are_found() {
        let readme = "x\n```js\na\n```\n\n## Here\n\n```js\nb\nc\n```\nend";
        assert_eq!(examples(readme, "Here", "js"), Ok(vec!["b\nc\n"]));
        assert!(examples(readme, "There", "js").is_err());
        assert!(examples(readme, "Here", "python").is_err());
        let two = format!("{readme}\n```js\nd\n```");
        assert_eq!(examples(&two, "Here", "js"), Ok(vec!["b\nc\n", "d\n"]));
        assert!(examples(&format!("{readme}\n```js\nd"), "Here", "js").is_err());
    }
}
