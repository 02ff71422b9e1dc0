//! A `message/feedback-report` part (RFC 5965): a person told the mail program that our message is unwanted.

use crm_core::port::callback::News;

use super::super::mailbox::is_address;
use super::super::return_path::ReturnPath;
use super::fields::Fields;
use super::{envelope, returned, words};

/// Who complained. Nothing for reports of other kinds, and nothing when no message of ours is named: anybody
/// could write such a mail.
pub(super) fn read(
    report: &Fields,
    message: &Fields,
    return_path: Option<&ReturnPath>,
) -> Option<News> {
    let kind = report.get("feedback-type")?.to_ascii_lowercase();
    // What machines report, and the opposite of a complaint. A type that is not known is one
    // (RFC 5965 section 3.5).
    if ["auth-failure", "dmarc", "not-spam", "virus"].contains(&kind.as_str()) {
        return None;
    }
    let sender = report.get("original-mail-from").unwrap_or_default();
    let known = return_path
        .is_some_and(|path| words(sender).any(|word| path.attempt(word).is_some()))
        || envelope(report.get("original-envelope-id")).is_some()
        || returned(message).is_some();
    // As we wrote it, else as the provider has it. Some black it out.
    let address = only(message, "to").or_else(|| only(report, "original-rcpt-to"))?;
    known.then(|| News::OptOut {
        address,
        reason: "complaint".to_owned(),
    })
}

/// The address in the fields of this name, if it is one alone: our messages have one recipient.
fn only(fields: &Fields, name: &str) -> Option<String> {
    let mut addresses: Vec<String> = fields
        .all(name)
        .flat_map(words)
        .filter(|word| is_address(word))
        .map(str::to_lowercase)
        .collect();
    addresses.sort();
    addresses.dedup();
    match addresses.as_slice() {
        [address] => Some(address.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str =
        "X-Crm-Attempt: 01900000-0000-7000-8000-0000000000aa\r\nTo: Ann <Ann@example.org>\r\n";

    fn who(report: &str, message: &str) -> Option<String> {
        let path = ReturnPath::parse("bounce@salon.example");
        let (report, message) = (
            Fields::parse(report.as_bytes()),
            Fields::parse(message.as_bytes()),
        );
        match read(&report, &message, path.as_ref())? {
            News::OptOut { address, reason } => {
                assert_eq!(reason, "complaint");
                Some(address)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_person_is_the_one_we_wrote_to() {
        let ann = Some("ann@example.org".to_owned());
        for kind in [
            "abuse",
            "ABUSE",
            "fraud",
            "opt-out",
            "other",
            "something-new",
        ] {
            let report = format!("Feedback-Type: {kind}\r\nOriginal-Rcpt-To: x@y.example\r\n");
            assert_eq!(who(&report, OURS), ann, "{kind}");
        }
        let redacted = OURS.replace("Ann@example.org", "redacted");
        let report = "Feedback-Type: abuse\r\nOriginal-Rcpt-To: <ann@example.org>\r\n";
        assert_eq!(who(report, &redacted), ann);
        assert_eq!(who("Feedback-Type: abuse\r\n", &redacted), None);
        let two = format!("{report}Original-Rcpt-To: bob@example.org\r\n");
        assert_eq!(who(&two, &redacted), None);
    }

    #[test]
    fn other_reports_are_no_complaints() {
        for kind in ["not-spam", "auth-failure", "dmarc", "Virus"] {
            assert_eq!(
                who(&format!("Feedback-Type: {kind}\r\n"), OURS),
                None,
                "{kind}"
            );
        }
        assert_eq!(who("Version: 1\r\n", OURS), None);
    }

    #[test]
    fn a_message_that_is_not_ours_says_nothing() {
        let report = "Feedback-Type: abuse\r\nOriginal-Rcpt-To: ann@example.org\r\n";
        let foreign = "To: ann@example.org\r\nMessage-ID: <1@other.example>\r\n";
        assert_eq!(who(report, foreign), None);
        let token = "019000000000700080000000000000aa";
        for known in [
            format!("Original-Mail-From: <bounce+{token}@salon.example>\r\n"),
            format!("Original-Envelope-Id: {token}\r\n"),
        ] {
            assert!(
                who(&format!("{report}{known}"), foreign).is_some(),
                "{known}"
            );
        }
        let id = "Message-ID: <01900000-0000-7000-8000-000000000001@salon.example>\r\n";
        assert!(who(report, id).is_some());
    }
}
