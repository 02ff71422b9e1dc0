//! A real SMTP server that counts: aiosmtpd with a ledger of every message it accepted.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct Server {
    process: Child,
    pub port: u16,
    ledger: PathBuf,
    answers: Cell<usize>,
}

impl Server {
    pub fn start(ledger: &Path) -> Self {
        let python = std::env::var_os("CRM_PYTHON")
            .expect("CRM_PYTHON must name a Python with aiosmtpd: run cargo xtask test");
        let mut process = Command::new(python)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/common/counting_server.py"
            ))
            .arg(ledger)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("CRM_PYTHON cannot be started: run cargo xtask test");
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let port = line
            .trim()
            .parse()
            .expect("aiosmtpd is missing or did not start: run cargo xtask test");
        Self {
            process,
            port,
            ledger: ledger.to_owned(),
            answers: Cell::new(usize::MAX),
        }
    }

    /// Lets it answer what it has taken and so many more; later ones it takes and holds its answers back.
    pub fn answers(&self, more: usize) {
        self.answers.set(self.taken() + more);
        // Renamed, so that it is never read half written.
        let file = self.ledger.with_extension("answers");
        let half = self.ledger.with_extension("half");
        std::fs::write(&half, self.answers.get().to_string()).unwrap();
        std::fs::rename(half, file).unwrap();
    }

    /// Whoever is behind the answers that are held back.
    pub fn held(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.ledger).unwrap();
        let held = text.lines().skip(self.answers.get());
        held.map(|line| line.split(' ').nth(1).unwrap().to_owned())
            .collect()
    }

    /// How many messages it has taken so far.
    pub fn taken(&self) -> usize {
        let ledger = std::fs::read(&self.ledger).unwrap();
        ledger.iter().filter(|byte| **byte == b'\n').count()
    }

    /// Recipient and hash of the body by message id. Each message at most once.
    pub fn ledger(&self) -> BTreeMap<String, [String; 2]> {
        let mut taken = BTreeMap::new();
        for line in std::fs::read_to_string(&self.ledger).unwrap().lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let arrived = [fields[1], fields[2]].map(str::to_owned);
            let before = taken.insert(fields[0].to_owned(), arrived);
            assert_eq!(before, None, "delivered twice: {line}");
        }
        taken
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
