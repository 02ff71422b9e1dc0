//! The outbox: every delivered message becomes one file that a person can read.
//!
//! The file holds a few headers (RFC 5322 form, values in plain UTF-8), an empty line and the body byte
//! for byte as approved. It is written under a hidden temporary name, flushed to disk and only then
//! renamed, so a file with the final name is always complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind as Io, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crm_core::contact::AddressKind;
use crm_core::message::{Approved, Format};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome, RetryScope};
use crm_core::port::units::Units;
use crm_core::{Error, ErrorKind, Result};

use crate::has_control;

/// How long the engine should wait before it tries a full or failing disk again.
const PAUSE: Duration = Duration::from_secs(60);

/// Keeps the temporary names of one process apart.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A channel that writes files named `<message id>-<attempt number>.eml` into one directory.
///
/// Delivering the same attempt twice leaves one file and answers `Accepted` both times. On Unix the
/// files are readable by their owner only, because they hold personal data.
#[derive(Debug, Clone)]
pub struct Outbox {
    directory: PathBuf,
    capabilities: ChannelCapabilities,
}

impl Outbox {
    /// An outbox for e-mail in `directory`, which is created if it is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the directory cannot be created or is not a directory.
    pub fn new(directory: impl Into<PathBuf>) -> Result<Self> {
        let directory = directory.into();
        fs::create_dir_all(&directory)
            .and_then(|()| fs::read_dir(&directory).map(drop))
            .map_err(|error| {
                Error::new(
                    ErrorKind::Configuration,
                    format!(
                        "the outbox directory cannot be used ({}); check its path and permissions",
                        error.kind()
                    ),
                )
            })?;
        Ok(Self {
            directory,
            capabilities: ChannelCapabilities {
                html: true,
                // Another attempt is another file.
                idempotent: false,
                look_up: false,
                receipts: false,
                ..ChannelCapabilities::default()
            },
        })
    }

    /// The same outbox with other capabilities, to stand in for any channel.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: ChannelCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The same outbox for another kind of address. Only e-mail keeps subject and HTML.
    #[must_use]
    pub fn with_address(mut self, address: AddressKind) -> Self {
        let email = address == AddressKind::Email;
        self.capabilities.address = address;
        self.capabilities.subject = email;
        self.capabilities.html = email;
        self
    }

    /// The directory the files go to.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

#[async_trait]
impl Channel for Outbox {
    fn capabilities(&self) -> ChannelCapabilities {
        self.capabilities.clone()
    }

    /// Standing in for text messages it counts as they would.
    fn units(&self, _subject: Option<&str>, content: &str) -> Units {
        match self.capabilities.address {
            AddressKind::Phone => crate::sms::units(content),
            _ => Units::MESSAGE,
        }
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        if approved.recipient().is_empty() {
            return Outcome::Rejected {
                reason: "recipient_empty".to_owned(),
            };
        }
        let Some(text) = render(approved) else {
            return Outcome::Rejected {
                reason: "header_control".to_owned(),
            };
        };
        let job = Job {
            name: format!("{}-{}.eml", approved.message_id(), approved.attempt()),
            attempt: approved.attempt_id().to_string(),
            directory: self.directory.clone(),
            text,
        };
        match tokio::task::spawn_blocking(move || job.run()).await {
            Ok(outcome) => outcome,
            // The writing thread panicked or was stopped: the file may be there.
            Err(_) => unknown("outbox_interrupted"),
        }
    }
}

/// The file's content, or `None` when a header value holds a control character.
fn render(approved: &Approved) -> Option<String> {
    let subtype = match approved.format() {
        Format::Text => "plain",
        Format::Html => "html",
    };
    let message = approved.message_id().to_string();
    let headers = [
        ("From", approved.sender()),
        ("To", approved.recipient()),
        ("Subject", approved.subject().unwrap_or_default()),
        ("Message-ID", &format!("<{message}@outbox.invalid>")),
        ("X-Crm-Message", &message),
        ("X-Crm-Attempt", &approved.attempt_id().to_string()),
        ("X-Crm-Channel", approved.channel()),
        ("MIME-Version", "1.0"),
        ("Content-Type", &format!("text/{subtype}; charset=utf-8")),
        ("Content-Transfer-Encoding", "8bit"),
    ];
    let mut text = String::with_capacity(approved.content().len().saturating_add(512));
    for (name, value) in headers {
        if has_control(value) {
            return None;
        }
        if !value.is_empty() {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push('\n');
        }
    }
    text.push('\n');
    text.push_str(approved.content());
    Some(text)
}

/// One file to be written, on a blocking thread.
struct Job {
    directory: PathBuf,
    name: String,
    attempt: String,
    text: String,
}

impl Job {
    fn run(&self) -> Outcome {
        let path = self.directory.join(&self.name);
        match self.written_before(&path) {
            Ok(Some(true)) => return self.settle(),
            Ok(Some(false)) => {
                return Outcome::Rejected {
                    reason: "outbox_attempt_conflict".to_owned(),
                };
            }
            Ok(None) => {}
            Err(error) => return not_written(&error),
        }
        let temporary = self.directory.join(format!(
            ".{}.{}.{}.tmp",
            self.attempt,
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        ));
        let moved = write_durably(&temporary, self.text.as_bytes())
            .and_then(|()| fs::rename(&temporary, &path));
        if let Err(error) = moved {
            // A leftover temporary file is harmless; the first error is the one that counts.
            let _ = fs::remove_file(&temporary);
            return not_written(&error);
        }
        self.settle()
    }

    /// Whether the file is there: `Some(true)` for this attempt's, `Some(false)` for another's.
    fn written_before(&self, path: &Path) -> io::Result<Option<bool>> {
        let found = match fs::read(path) {
            Ok(found) => found,
            Err(error) if error.kind() == Io::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mark = format!("X-Crm-Attempt: {}", self.attempt);
        Ok(Some(
            found
                .split(|&byte| byte == b'\n')
                .take_while(|line| !line.is_empty())
                .any(|line| line == mark.as_bytes()),
        ))
    }

    /// Makes the new name durable. From here on the file may be seen, so a failure is unknown.
    fn settle(&self) -> Outcome {
        match sync_directory(&self.directory) {
            Ok(()) => Outcome::Accepted {
                provider_id: self.name.clone(),
            },
            Err(_) => unknown("outbox_sync"),
        }
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Elsewhere a directory cannot be opened for flushing; the rename itself is journalled.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A failure before the rename: nothing was delivered.
fn not_written(error: &io::Error) -> Outcome {
    let stop = |reason: &str| Outcome::Stop {
        reason: reason.to_owned(),
    };
    match error.kind() {
        Io::PermissionDenied => stop("outbox_permission_denied"),
        Io::NotFound => stop("outbox_directory_missing"),
        Io::NotADirectory => stop("outbox_not_a_directory"),
        Io::ReadOnlyFilesystem => stop("outbox_read_only"),
        Io::StorageFull | Io::QuotaExceeded => later("outbox_disk_full"),
        _ => later("outbox_io"),
    }
}

fn later(reason: &str) -> Outcome {
    Outcome::RetryAfter {
        scope: RetryScope::Channel,
        at_least: PAUSE,
        reason: reason.to_owned(),
    }
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown {
        reason: reason.to_owned(),
    }
}
