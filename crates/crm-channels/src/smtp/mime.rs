//! The message as it goes over the wire (RFC 5322 and MIME).
//!
//! The body is always base64. Quoted-printable and 8bit both treat a line break as CRLF, so a reader
//! would get the approved text back with other bytes; base64 carries the bytes themselves, whatever
//! their line ends, trailing spaces, dots or line lengths, and no relay on the way has to touch them.
//!
//! A message in plain text may go with an HTML form of the same text (`multipart/alternative`).

use std::time::SystemTime;

use crm_core::consent::token::Unsubscription;
use crm_core::message::{Approved, Format};
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, MultiPart, SinglePart};

use super::classify::Stage;
use super::config::{SmtpConfig, UnsubscribeLinks};
use super::html;
use super::mailbox::Mailbox;
use crate::has_control;

/// A message ready for the wire.
pub(super) struct Wire {
    /// Envelope sender.
    pub(super) from: String,
    /// Envelope recipient.
    pub(super) to: String,
    /// Without angle brackets; the same on every attempt.
    pub(super) message_id: String,
    /// For bounces (RFC 3461 `ENVID`).
    pub(super) envelope_id: String,
    /// Headers and body with CRLF line ends, dots doubled, and the final dot: one write takes them all.
    pub(super) content: Vec<u8>,
}

/// What ends the content, behind the end of its last line.
const DOT: &[u8] = b".\r\n";

impl Wire {
    /// Octets of the content before its final dot.
    pub(super) fn before_dot(&self) -> usize {
        self.content.len().saturating_sub(DOT.len())
    }

    /// The stage of a loss after so many octets: without its dot the content is nothing to the server.
    pub(super) fn lost_at(&self, handed: usize) -> Stage {
        if handed <= self.before_dot() {
            Stage::Data
        } else {
            Stage::Dot
        }
    }
}

/// Builds the message, or says as a code why it must not go.
pub(super) fn build(approved: &Approved, config: &SmtpConfig) -> Result<Wire, &'static str> {
    let subject = approved.subject().unwrap_or_default();
    if [approved.recipient(), approved.sender(), subject]
        .into_iter()
        .any(has_control)
    {
        return Err("header_control");
    }
    let to = Mailbox::new(None, approved.recipient()).ok_or("recipient_invalid")?;
    let from = if approved.sender().is_empty() {
        config.from.clone()
    } else {
        Mailbox::parse(approved.sender()).ok_or("sender_invalid")?
    };
    let message_id = format!("{}@{}", approved.message_id(), from.domain());
    let envelope_id = approved.attempt_id().to_string();

    let mut builder = Message::builder()
        .from(from.to_lettre().ok_or("sender_invalid")?)
        .to(to.to_lettre().ok_or("recipient_invalid")?)
        .date(SystemTime::now())
        .message_id(Some(format!("<{message_id}>")))
        .raw_header(header("X-Crm-Message", approved.message_id().to_string()))
        .raw_header(header("X-Crm-Attempt", envelope_id.clone()));
    if let Some(links) = &config.unsubscribe {
        for (name, value) in unsubscribe(approved, links) {
            builder = builder.raw_header(whole(name, value));
        }
    }
    if !subject.is_empty() {
        builder = builder.raw_header(HeaderValue::dangerous_new_pre_encoded(
            HeaderName::new_from_ascii_str("Subject"),
            subject.to_owned(),
            subject_value(subject)?,
        ));
    }
    let text = approved.content();
    let message = match approved.format() {
        Format::Html => builder.singlepart(part(ContentType::TEXT_HTML, text)?),
        Format::Text => {
            let plain = part(ContentType::TEXT_PLAIN, text)?;
            let html = config.html_alternative.then(|| html::from_text(text));
            match html.flatten() {
                // The last one is the one that readers prefer (RFC 2046 section 5.1.4).
                Some(html) => builder.multipart(
                    MultiPart::alternative()
                        .singlepart(plain)
                        .singlepart(part(ContentType::TEXT_HTML, &html)?),
                ),
                None => builder.singlepart(plain),
            }
        }
    };
    let mut bytes = message.map_err(|_| "message_invalid")?.formatted();
    if let Some(dkim) = &config.dkim {
        let signature = dkim.sign(&bytes, SystemTime::now()).ok_or("dkim_failed")?;
        bytes.splice(..0, signature);
    }
    Ok(Wire {
        from: match &config.return_path {
            Some(path) => path.of(approved.attempt_id()),
            None => from.address().to_owned(),
        },
        to: to.address().to_owned(),
        message_id,
        envelope_id,
        content: stuff(&bytes),
    })
}

/// As bytes, not as a string: lettre would turn LF into CRLF in a string.
fn part(content_type: ContentType, text: &str) -> Result<SinglePart, &'static str> {
    let bytes = text.as_bytes().to_vec();
    let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64)
        .map_err(|_| "body_encoding")?;
    Ok(SinglePart::builder().header(content_type).body(body))
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// As it stands: no encoded words, and no line break amid an address.
fn whole(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(
        HeaderName::new_from_ascii_str(name),
        value.clone(),
        value,
    )
}

/// One address, which a program may post to without asking (RFC 8058 section 3.1).
fn unsubscribe(approved: &Approved, links: &UnsubscribeLinks) -> [(&'static str, String); 2] {
    let token = links.keys.sign(&Unsubscription {
        workspace: approved.workspace().clone(),
        contact_id: approved.contact_id(),
        channel: approved.channel().to_owned(),
        topic: approved.topic(),
    });
    [
        ("List-Unsubscribe", format!("<{}{token}>", links.base)),
        (
            "List-Unsubscribe-Post",
            "List-Unsubscribe=One-Click".to_owned(),
        ),
    ]
}

/// The subject, as it stands where every reader gives it back unchanged, else in encoded words of
/// RFC 2047. Also what only looks like an encoded word is encoded, or a reader would decode it; and runs
/// of spaces, which folding may swallow.
fn subject_value(subject: &str) -> Result<String, &'static str> {
    let plain = subject.is_ascii()
        && subject.len() <= 60
        && !subject.contains("=?")
        && !subject.contains("  ")
        && subject.trim() == subject;
    if plain {
        Ok(subject.to_owned())
    } else {
        encoded_words(subject)
    }
}

/// Base64 words of at most 39 octets of text, cut between characters, one a line: no line exceeds the 76
/// characters of RFC 2047 section 2.
fn encoded_words(text: &str) -> Result<String, &'static str> {
    let mut words = Vec::new();
    let mut chunk = String::new();
    for character in text.chars() {
        if chunk.len() + character.len_utf8() > 39 {
            words.push(encoded_word(&chunk)?);
            chunk.clear();
        }
        chunk.push(character);
    }
    words.push(encoded_word(&chunk)?);
    Ok(words.join("\r\n "))
}

fn encoded_word(chunk: &str) -> Result<String, &'static str> {
    let bytes = chunk.as_bytes().to_vec();
    let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64)
        .map_err(|_| "subject_encoding")?;
    let base64 = String::from_utf8(body.into_vec()).map_err(|_| "subject_encoding")?;
    Ok(format!("=?utf-8?B?{}?=", base64.trim_end()))
}

/// Doubles the dot at the start of a line (RFC 5321 section 4.5.2), ends the last line and sets the final dot.
fn stuff(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len().saturating_add(16));
    for line in message.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(DOT);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_encoded_where_needed() {
        let of = |subject: &str| subject_value(subject).unwrap();
        assert_eq!(of("Plain <x> 100 %"), "Plain <x> 100 %");
        assert_eq!(of("ў"), "=?utf-8?B?0Z4=?=");
        for odd in ["=?utf-8?q?x?=", "a  b", " a", "a ", &"long ".repeat(40)] {
            let encoded = of(odd);
            assert!(encoded.starts_with("=?utf-8?B?"), "{encoded}");
            assert!(encoded.lines().all(|line| line.len() <= 66), "{encoded}");
        }
    }

    #[test]
    fn the_first_octet_of_the_dot_decides() {
        let wire = Wire {
            from: String::new(),
            to: String::new(),
            message_id: String::new(),
            envelope_id: String::new(),
            content: stuff(b"a\r\n"),
        };
        let stages: Vec<&str> = (0..=6)
            .map(|handed| wire.lost_at(handed).as_str())
            .collect();
        assert_eq!(
            stages,
            ["data", "data", "data", "data", "dot", "dot", "dot"]
        );
    }

    #[test]
    fn dots_are_doubled() {
        assert_eq!(stuff(b".a\r\nb\r\n..\r\n"), b"..a\r\nb\r\n...\r\n.\r\n");
        assert_eq!(stuff(b"a"), b"a\r\n.\r\n");
    }
}
