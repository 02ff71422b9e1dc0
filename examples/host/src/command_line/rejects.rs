//! The rows that could not be taken: all of them in the file that was asked for, and with the report.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use crm_core::engine::RejectedRow;
use crm_core::import::Detected;
use crm_core::import::encoding::Encoding;

use super::output::Failure;
use crate::records::NewRejects;
use crate::routes::import::{head_of, rejects_of};

/// How many reasons are shown.
const SHOWN: usize = 10;

/// Takes rejected rows.
pub(super) struct Rejects {
    encoding: Encoding,
    file: Option<(String, File)>,
    /// What is not kept with the report yet.
    pub(super) new: NewRejects,
    /// The first lines and reasons.
    pub(super) shown: Vec<(u64, String)>,
}

impl Rejects {
    /// Begins the file, if one is wanted. It is readable by its owner alone.
    pub(super) fn begin(found: &Detected, path: Option<&Path>) -> Result<Self, Failure> {
        let encoding = Encoding::named(&found.encoding)?;
        let head = head_of(found);
        let mut new = Self {
            encoding,
            file: path.map(opened).transpose()?,
            new: NewRejects::First(head.clone()),
            shown: Vec::new(),
        };
        new.write(encoding.mark())?;
        new.write(&encoding.encode(&head).0)?;
        Ok(new)
    }

    pub(super) fn add(&mut self, found: &Detected, rows: &[RejectedRow]) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            if self.shown.len() < SHOWN {
                self.shown.push((row.line, row.reason.clone()));
            }
            let line = rejects_of(found, std::slice::from_ref(row));
            self.new.add(&line);
            // The cells came out of the encoding and the reason is in ASCII.
            let (bytes, _) = self.encoding.encode(&line);
            self.write(&bytes)?;
        }
        Ok(())
    }

    /// Has what was written reach the disk.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        match &mut self.file {
            Some((name, file)) => file.sync_all().map_err(|error| unwritten(name, &error)),
            None => Ok(()),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.file {
            Some((name, file)) => file
                .write_all(bytes)
                .map_err(|error| unwritten(name, &error)),
            None => Ok(()),
        }
    }
}

fn opened(path: &Path) -> Result<(String, File), Failure> {
    let name = path.display().to_string();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => Ok((name, file)),
        Err(error) => Err(Failure::Usage(format!(
            "--rejects {name}: it cannot be written: {}",
            error.kind()
        ))),
    }
}

fn unwritten(name: &str, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{name} cannot be written: {}", error.kind()))
}
