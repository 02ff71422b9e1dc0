//! Copying a server's data, stopped or running.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::server::shown;

/// Folders whose files belong to one running server alone (PostgreSQL documentation, 26.3.3). The changes
/// come last: they have to hold what happened while the rest was copied.
const EMPTY: [&str; 8] = [
    "pg_wal",
    "pg_replslot",
    "pg_dynshmem",
    "pg_notify",
    "pg_serial",
    "pg_snapshots",
    "pg_stat_tmp",
    "pg_subtrans",
];

/// Files that say what the other server does now.
const OWN: [&str; 5] = [
    "postmaster.pid",
    "postmaster.opts",
    "standby.signal",
    "recovery.signal",
    "backup_label",
];

/// Copies everything but the log of changes.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    for (name, is_folder) in names(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        if EMPTY.iter().any(|empty| name == *empty) {
            folder(&to)?;
        } else if is_folder {
            folder(&to)?;
            tree(&from, &to)?;
        } else if !OWN.iter().any(|own| name == *own) {
            file(&from, &to)?;
        }
    }
    Ok(())
}

/// Copies the log of changes.
pub(crate) fn copy_changes(from: &Path, to: &Path) -> Result<(), String> {
    tree(&from.join("pg_wal"), &to.join("pg_wal"))
}

/// Does something with all that lies in `folder`.
pub(crate) fn each(folder: &Path, run: &dyn Fn(&Path) -> Result<(), String>) -> Result<(), String> {
    for (name, is_folder) in names(folder)? {
        let path = folder.join(name);
        run(&path)?;
        if is_folder {
            each(&path, run)?;
        }
    }
    Ok(())
}

fn tree(from: &Path, to: &Path) -> Result<(), String> {
    for (name, is_folder) in names(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        if is_folder {
            folder(&to)?;
            tree(&from, &to)?;
        } else {
            file(&from, &to)?;
        }
    }
    Ok(())
}

/// What lies in a folder, and whether it is a folder too.
fn names(folder: &Path) -> Result<Vec<(std::ffi::OsString, bool)>, String> {
    let read = || -> std::io::Result<_> {
        fs::read_dir(folder)?
            .map(|entry| {
                let entry = entry?;
                Ok((entry.file_name(), entry.file_type()?.is_dir()))
            })
            .collect()
    };
    read().map_err(|error| shown(folder, &error))
}

fn folder(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    made.map_err(|error| shown(path, &error))
}

/// A running server removes and renames files; whatever it did is in the log of changes.
fn file(from: &Path, to: &Path) -> Result<(), String> {
    match fs::copy(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        copied => copied.map(drop).map_err(|error| shown(from, &error)),
    }
}
