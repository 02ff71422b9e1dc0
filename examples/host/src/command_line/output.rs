//! What is said: results on standard output, everything else on standard error, and how it ended in the exit code.

use std::io::Write as _;
use std::process::ExitCode;

use crm_core::{Error, ErrorKind};
use serde::Serialize;

use crate::error::Problem;

/// How it ended when it could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// All of it.
    Well,
    /// Something was refused, rejected or is broken, and the output says what.
    Partly,
    /// A signal came.
    Stopped,
}

impl From<Done> for ExitCode {
    fn from(done: Done) -> Self {
        match done {
            Done::Well => Self::SUCCESS,
            Done::Partly => Self::from(1),
            Done::Stopped => Self::from(130),
        }
    }
}

/// Why it could not be done: one line for a person.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// What was given cannot be used; nothing was done.
    Usage(String),
    /// It went wrong.
    Failed(String),
    /// Nobody reads what is written.
    Unread,
}

impl Failure {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Usage(text) | Self::Failed(text) => Some(text),
            Self::Unread => None,
        }
    }

    /// The fault of something that was given.
    pub(super) fn given(error: &Error) -> Self {
        Self::Usage(told(error))
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Usage(_) => Self::from(2),
            Failure::Failed(_) | Failure::Unread => Self::from(1),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Invalid => Self::Usage(told(&error)),
            _ => Self::Failed(told(&error)),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem.to_string())
    }
}

/// An error with what is wrong with each field.
pub(super) fn told(error: &Error) -> String {
    let faults = error.fields().iter();
    let faults: Vec<String> = faults
        .map(|fault| format!("{}: {}", fault.field, fault.message))
        .collect();
    if faults.is_empty() {
        error.detail().to_owned()
    } else {
        faults.join("; ")
    }
}

/// Says something on standard error, on one line.
pub(super) fn note(text: &str) {
    let text = text.replace(['\n', '\r'], " ");
    let _ = writeln!(std::io::stderr(), "crm: {text}");
}

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// One JSON document on one line.
    pub(super) fn document(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value);
        self.line(&text.map_err(|_| Failure::Failed("the result cannot be written".to_owned()))?)
    }

    /// One line.
    pub(super) fn line(self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// A part of a file.
    pub(super) fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .map_err(|error| unwritten(&error))
    }
}

fn unwritten(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Failure::Unread,
        kind => Failure::Failed(format!("standard output cannot be written: {kind}")),
    }
}

/// The sign that stands for nothing in a table.
pub(super) fn or_dash(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("-")
}

/// A text of somebody else's on one line of a terminal, and not longer than that.
pub(super) fn short(text: &str, most: usize) -> String {
    let mut line: String = text
        .chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .take(most + 1)
        .collect();
    if line.chars().count() > most {
        line = line.chars().take(most.saturating_sub(1)).collect();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_somebody_else_stays_on_its_line() {
        assert_eq!(short("a\u{1b}[2Jb\nc", 20), "a [2Jb c");
        assert_eq!(short("абвгд", 5), "абвгд");
        assert_eq!(short("абвгде", 5), "абвг…");
        assert_eq!(or_dash(Some("")), "-");
    }

    #[test]
    fn what_is_wrong_with_each_field_is_told() {
        let error = Error::fields_invalid(vec![
            crm_core::FieldError {
                field: "a".to_owned(),
                message: "too long".to_owned(),
            },
            crm_core::FieldError {
                field: "b".to_owned(),
                message: "missing".to_owned(),
            },
        ]);
        assert_eq!(
            Failure::from(error),
            Failure::Usage("a: too long; b: missing".to_owned())
        );
        let broken = Error::new(ErrorKind::Unavailable, "the database is busy");
        assert_eq!(
            Failure::from(broken),
            Failure::Failed("the database is busy".to_owned())
        );
    }
}
