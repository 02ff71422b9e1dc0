//! Finding PostgreSQL's own programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest major version that is accepted: what Debian 12 has.
pub const MINIMUM: u32 = 15;

/// What a folder has to hold; packages for clients alone have neither.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// A folder with `initdb`, `pg_ctl` and `postgres`, of version [`MINIMUM`] or newer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    version: String,
}

impl Binaries {
    /// Looks in the folder `CRM_PG_BIN`; without that variable in what `pg_config --bindir` says, in
    /// `/usr/lib/postgresql/*/bin` (newest first), on `PATH` and in `target/tools/postgres/bin`, where
    /// `cargo xtask setup` puts them.
    ///
    /// # Errors
    ///
    /// Nothing there, or too old. A `CRM_PG_BIN` that holds none is an error too: nothing else is taken in
    /// its place.
    pub fn find() -> Result<Self, String> {
        if let Some(told) = std::env::var_os("CRM_PG_BIN").filter(|told| !told.is_empty()) {
            let folder = PathBuf::from(told);
            return Self::at(&folder).ok_or_else(|| {
                format!(
                    "CRM_PG_BIN names {}, which does not hold {} of PostgreSQL {MINIMUM} or newer",
                    folder.display(),
                    PROGRAMS.join(", ")
                )
            });
        }
        let places = configured()
            .into_iter()
            .chain(versioned(Path::new("/usr/lib/postgresql")))
            .chain(on_path())
            .chain([Self::provided()]);
        places.into_iter().find_map(|folder| Self::at(&folder)).ok_or_else(|| {
            format!(
                "PostgreSQL {MINIMUM} or newer was not found: run `cargo xtask setup`, or name the folder \
                 of its initdb in CRM_PG_BIN"
            )
        })
    }

    /// The programs in `folder`; `None` when one is missing, does not run or is too old.
    #[must_use]
    pub fn at(folder: &Path) -> Option<Self> {
        let complete = PROGRAMS
            .iter()
            .all(|program| folder.join(executable(program)).is_file());
        if !complete {
            return None;
        }
        let said = answer(Command::new(folder.join(executable("postgres"))).arg("--version"))?;
        let version = version(&said)?;
        (major(&version)? >= MINIMUM).then(|| Self {
            folder: folder.to_owned(),
            version,
        })
    }

    /// Where `cargo xtask setup` puts what the system does not have: the last place that is looked in.
    #[must_use]
    pub fn provided() -> PathBuf {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
        let workspace = workspace.ancestors().nth(2).unwrap_or(workspace);
        ["target", "tools", "postgres", "bin"]
            .iter()
            .fold(workspace.to_owned(), |path, part| path.join(part))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The version, such as `15.18`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

fn configured() -> Option<PathBuf> {
    answer(Command::new("pg_config").arg("--bindir")).map(PathBuf::from)
}

/// Debian keeps one folder for each major version.
fn versioned(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn on_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect()
}

fn executable(program: &str) -> String {
    format!("{program}{}", std::env::consts::EXE_SUFFIX)
}

/// `15.18` of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version(said: &str) -> Option<String> {
    said.split_whitespace().nth(2).map(str::to_owned)
}

/// `18` of `18.4` and of `18beta1`.
fn major(version: &str) -> Option<u32> {
    let digits = version.find(|c: char| !c.is_ascii_digit());
    version.get(..digits.unwrap_or(version.len()))?.parse().ok()
}

fn answer(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_the_program_says() {
        for (said, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15),
            ("postgres (PostgreSQL) 18.4", 18),
            ("postgres (PostgreSQL) 19beta1", 19),
            ("postgres (PostgreSQL) 9.6.24", 9),
        ] {
            let version = version(said).unwrap();
            assert_eq!(major(&version), Some(expected), "{said}");
        }
        assert_eq!(version("postgres"), None);
        assert_eq!(major("devel"), None);
    }

    #[test]
    fn versioned_folders_come_newest_first_and_by_number() {
        let root = std::env::temp_dir().join(format!("crm-pg-versions-{}", std::process::id()));
        for name in ["9", "15", "100", "common"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        let expected = ["100", "15", "9"].map(|name| root.join(name).join("bin"));
        assert_eq!(versioned(&root), expected);
        std::fs::remove_dir_all(&root).unwrap();
        assert!(versioned(&root).is_empty());
    }

    #[test]
    fn a_folder_without_a_server_is_not_taken() {
        assert_eq!(Binaries::at(Path::new("/no/such/folder")), None);
        assert_eq!(Binaries::at(&std::env::temp_dir()), None);
        assert!(Binaries::provided().ends_with("target/tools/postgres/bin"));
    }

    #[test]
    fn the_servers_of_this_machine_are_found() {
        let found = Binaries::find().unwrap();
        assert!(major(found.version()).unwrap() >= MINIMUM);
        assert!(found.folder().join(executable("initdb")).is_file());
    }
}
