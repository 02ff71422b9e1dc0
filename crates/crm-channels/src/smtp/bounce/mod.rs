//! What comes back: bounces and delays (RFC 3464 in RFC 6522), complaints (RFC 5965).
//!
//! A host takes them from a mailbox, for instance a [`Maildir`](super::maildir::Maildir), and hands the whole
//! mail to [`read`]. Which attempt it is about is told, in this order, by the token in the address it was sent
//! to ([`ReturnPath`]), by the envelope id, and by the headers of the message that it returns; never by
//! an address.
//!
//! Such mail bears no signature. It is believed because it names an attempt, which only those who handled that
//! message know: its recipient and the servers on the way, who can say false things about it and nothing
//! about any other, with one exception. A complaint has to name an address, and what it names is believed.

mod complaint;
mod fields;
mod status;

use std::panic::catch_unwind;

use chrono::{DateTime, Utc};
use crm_core::id::AttemptId;
use crm_core::port::callback::{About, News, Receipt};
use crm_core::{Error, ErrorKind, Result};
use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};
use uuid::Uuid;

use super::return_path::{ReturnPath, from_xtext};
use fields::Fields;

/// Octets of a mail that are looked at. What a bounce has to say stands before the message that it returns.
pub const LARGEST: usize = 1024 * 1024;
/// Most parts of a mail, those of the messages inside it with them.
const PARTS: usize = 100;

/// Reads one mail as it was received, headers and all: what became of an attempt, or who complained. Mail that
/// is neither, such as a note that somebody is out of office, gives nothing. The same mail always gives the same.
///
/// `return_path` is the one of the channel's settings
/// ([`SmtpConfig::return_path`](super::SmtpConfig::return_path)).
///
/// A delay says that the relay has the message, which settles a doubt, and no more than that.
///
/// # Errors
/// `Invalid` for what is no mail and for a mail of more than a hundred parts.
///
/// # Example
/// ```
/// use crm_channels::smtp::bounce;
///
/// let mail = b"From: ann@example.org\r\nSubject: Out of office\r\n\r\nBack on Monday.\r\n";
/// assert!(bounce::read(mail, None)?.is_empty());
/// # Ok::<(), crm_core::Error>(())
/// ```
pub fn read(raw: &[u8], return_path: Option<&ReturnPath>) -> Result<Vec<News>> {
    let raw = raw.get(..LARGEST).unwrap_or(raw);
    if !is_flat(raw) {
        return Err(invalid("this mail has too many parts"));
    }
    // Some mails break an assertion of the parser in a build with assertions; such a mail cannot be read.
    catch_unwind(|| parse(raw, return_path))
        .ok()
        .flatten()
        .ok_or_else(|| invalid("this mail cannot be read"))
}

/// The same where a channel's providers have addresses of their own: by whichever knows the mail.
///
/// # Errors
/// As [`read`].
pub fn read_any(raw: &[u8], return_paths: &[ReturnPath]) -> Result<Vec<News>> {
    for path in return_paths {
        let news = read(raw, Some(path))?;
        if !news.is_empty() {
            return Ok(news);
        }
    }
    read(raw, None)
}

/// `None` when the bytes are no mail.
fn parse(raw: &[u8], return_path: Option<&ReturnPath>) -> Option<Vec<News>> {
    let mail = MessageParser::default().parse(raw)?;
    if mail.parts.first()?.headers.is_empty() {
        return None;
    }
    let report = Report::of(&mail);
    let at = date(&mail);
    let mut news = Vec::new();
    if let Some(status) = report.status {
        let status = status::read(status);
        let about = sent_to(&mail, return_path)
            .or_else(|| envelope(status.envelope_id.as_deref()))
            .map(About::Attempt)
            .or_else(|| returned(&report.returned));
        if let (Some(about), Some(fate)) = (about, status.fate) {
            news.push(News::Receipt(Receipt { about, fate, at }));
        }
    }
    if let Some(fields) = report.complaint {
        news.extend(complaint::read(&fields, &report.returned, return_path));
    }
    Some(news)
}

/// The parts of a report that tell something.
#[derive(Default)]
struct Report<'a> {
    status: Option<&'a [u8]>,
    complaint: Option<Fields>,
    /// The headers of our message.
    returned: Fields,
}

impl<'a> Report<'a> {
    /// The first part of each kind. The parts of a message inside count for nothing: who forwards a bounce
    /// does not bounce.
    fn of(mail: &'a Message<'_>) -> Self {
        let mut report = Self::default();
        let mut found = false;
        for part in &mail.parts {
            let is = |kind: &str, which: &str| part.is_content_type(kind, which);
            if is("message", "delivery-status") || is("message", "global-delivery-status") {
                report.status.get_or_insert(part.contents());
            } else if is("message", "feedback-report") {
                report
                    .complaint
                    .get_or_insert_with(|| Fields::parse(part.contents()));
            } else if found {
            } else if is("text", "rfc822-headers") || is("message", "global-headers") {
                report.returned = Fields::parse(part.contents());
                found = true;
            } else if let PartType::Message(message) = &part.body {
                report.returned = Fields::of(message);
                found = true;
            }
        }
        report
    }
}

/// The attempt by the token in the address that the mail was sent to. The server that took it notes the
/// address, and most servers that bounce repeat it.
fn sent_to(mail: &Message<'_>, return_path: Option<&ReturnPath>) -> Option<AttemptId> {
    let path = return_path?;
    let fields = Fields::of(mail);
    ["delivered-to", "x-original-to", "envelope-to", "to"]
        .into_iter()
        .flat_map(|name| fields.all(name))
        .flat_map(words)
        .find_map(|word| path.attempt(word))
}

/// What stands between the signs around addresses.
fn words(value: &str) -> impl Iterator<Item = &str> {
    value
        .split([' ', ',', ';', '<', '>', '"', '(', ')'])
        .filter(|word| !word.is_empty())
}

/// The attempt by the envelope id, which is its id.
fn envelope(id: Option<&str>) -> Option<AttemptId> {
    attempt(&from_xtext(id?)?)
}

fn attempt(id: &str) -> Option<AttemptId> {
    Uuid::try_parse(id).ok().map(AttemptId)
}

/// The delivery by the headers of our message. Its `Message-ID` is the same for all attempts, so it comes last;
/// it stands in for the provider's id where the relay gave none.
fn returned(fields: &Fields) -> Option<About> {
    if let Some(attempt) = fields.get("x-crm-attempt").and_then(attempt) {
        return Some(About::Attempt(attempt));
    }
    let id = fields.get("message-id")?;
    let id = id.strip_prefix('<')?.strip_suffix('>')?;
    let (message, _) = id.split_once('@')?;
    Uuid::try_parse(message).ok()?;
    Some(About::ProviderId(id.to_owned()))
}

/// When the mail was written.
fn date(mail: &Message<'_>) -> Option<DateTime<Utc>> {
    let date = mail.date().filter(|date| date.is_valid())?;
    DateTime::from_timestamp(date.to_timestamp(), 0)
}

/// Whether a reader that goes into messages inside messages comes to an end soon. Each level needs a header
/// that says so; the parser overlooks spaces in its name.
fn is_flat(raw: &[u8]) -> bool {
    let name = b"content-type:";
    let (mut matched, mut parts) = (0, 0);
    for byte in raw.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        let byte = byte.to_ascii_lowercase();
        matched = match name.get(matched) {
            Some(wanted) if *wanted == byte => matched + 1,
            // No letter of the name but its first begins it again, except for the `c` itself.
            _ => usize::from(byte == b'c'),
        };
        if matched == name.len() {
            parts += 1;
            matched = 0;
        }
    }
    parts <= PARTS
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::Invalid, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_however_they_are_written() {
        let of = |line: &str, times: usize| is_flat(line.repeat(times).as_bytes());
        for line in [
            "Content-Type: a\r\n",
            "content-type:a\n",
            "CONTENT - TYPE :a\n",
            "ccontent-type:",
        ] {
            assert!(of(line, PARTS), "{line}");
            assert!(!of(line, PARTS + 1), "{line}");
        }
        assert!(of("content-typ: a\r\n", 1000));
    }
}
