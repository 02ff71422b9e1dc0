//! Runs `crm` in a place.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::place::{Place, wait};

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Ran {
    pub fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    /// It ended so.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.text(), self.err);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.out)
            .unwrap_or_else(|_| panic!("{}\n{}", self.text(), self.err))
    }

    /// JSON lines.
    pub fn lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// What `--database` says of a place.
pub fn address(place: &Place) -> String {
    match &place.postgres {
        None => format!("sqlite:{}", place.path().join("crm.db").display()),
        Some(database) => database.url.clone(),
    }
}

/// The program, told by the environment alone where it works.
pub fn command(place: &Place, args: &[&str]) -> Command {
    let mut command = bare(place, args);
    command.env("CRM_DATABASE", address(place));
    command
}

/// The program in the folder of a place, with nothing said.
pub fn bare(place: &Place, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm"));
    command
        .args(args)
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CRM_") || name.starts_with("ANTHROPIC_") {
            command.env_remove(name);
        }
    }
    command.env("USER", "tester");
    command
}

pub fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: output.stdout,
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn crm(place: &Place, args: &[&str]) -> Ran {
    ran(command(place, args))
}

/// With this on standard input.
pub fn fed(place: &Place, args: &[&str], input: &[u8]) -> Ran {
    let mut child = command(place, args).stdin(Stdio::piped()).spawn().unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: output.stdout,
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A file in the place's folder.
pub fn file(place: &Place, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = place.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

pub fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// All contacts, oldest first, without what only this database knows of them.
pub fn contacts(place: &Place) -> Vec<Value> {
    let lines = crm(place, &["export", "--format", "jsonl"])
        .expect(0)
        .lines();
    lines
        .into_iter()
        .map(|mut contact| {
            let fields = contact.as_object_mut().unwrap();
            for own in ["id", "version", "created_by", "created_at", "updated_at"] {
                assert!(fields.remove(own).is_some(), "{own}");
            }
            contact
        })
        .collect()
}

/// How many contacts there are, looked up behind the program's back.
pub fn count(place: &Place) -> i64 {
    match &place.postgres {
        None => {
            let file = place.file(crate::common::place::Tables::Engine);
            file.query_row("SELECT count(*) FROM contacts", [], |row| row.get(0))
                .unwrap()
        }
        Some(database) => {
            let sql = "SELECT '', count(*) FROM crm.contacts";
            wait(database.counts(sql)).pop().unwrap().1
        }
    }
}

/// The names of an object's fields.
pub fn names(value: &Value) -> Vec<String> {
    let fields: BTreeMap<_, _> = value.as_object().unwrap().iter().collect();
    fields.into_keys().cloned().collect()
}
