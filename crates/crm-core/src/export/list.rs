//! Lists in one cell: tags, preferred channels and consent.
//!
//! A list is its values with `;` between them, as people write one. Where a value could not be told apart by that, the
//! whole list is written as JSON. So nothing is lost, and hardly anybody ever sees the JSON.

use chrono::DateTime;
use serde_json::Value;

use super::cells::instant;
use crate::consent::{Consent, ConsentStatus, Topic};

/// Texts in one cell.
pub(crate) fn texts<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.collect();
    let plain = all.join(";");
    if !plain.starts_with('[') && all.iter().all(|text| is_plain(text)) {
        return plain;
    }
    // Of texts alone: this cannot fail.
    serde_json::to_string(&all).unwrap_or(plain)
}

/// Whether any reader of lists takes it for one text: some also split at commas, and leave out what begins with a star.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.contains([';', ',', '\n', '\r'])
        && !text.contains(":::")
        && !text.starts_with("* ")
}

/// The texts of a cell that is a list written as JSON; nothing for any other cell.
pub(crate) fn json_texts(cell: &str) -> Option<Vec<String>> {
    cell.starts_with('[')
        .then(|| serde_json::from_str(cell).ok())
        .flatten()
}

/// The texts of a cell.
pub(crate) fn read_texts(cell: &str) -> Vec<String> {
    json_texts(cell).unwrap_or_else(|| {
        let parts = cell.split(';').map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    })
}

/// A JSON array as a cell: of texts as [`texts`] writes them, of anything else as JSON.
pub(crate) fn array(all: &[Value]) -> String {
    let strings: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
    match strings {
        Some(strings) => texts(strings.into_iter()),
        None if all
            .iter()
            .any(|value| value.is_object() || value.is_array()) =>
        {
            Value::Array(all.to_vec()).to_string()
        }
        None => {
            let text = |value: &Value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            all.iter().map(text).collect::<Vec<_>>().join(";")
        }
    }
}

const fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::Relationship => "relationship",
        Topic::Marketing => "marketing",
    }
}

const fn status(status: ConsentStatus) -> &'static str {
    match status {
        ConsentStatus::OptedIn => "opted_in",
        ConsentStatus::OptedOut => "opted_out",
    }
}

/// Consent in one cell: `email marketing opted_out 2026-01-31T09:00:00Z form 12` for each decision, `;` between them. The
/// evidence comes last and may be missing.
pub(crate) fn consent(all: &[Consent]) -> String {
    let plain: Option<Vec<String>> = all.iter().map(decision).collect();
    match plain.map(|all| all.join(";")) {
        Some(plain) if !plain.starts_with('[') => plain,
        // Plain data: this cannot fail.
        _ => serde_json::to_string(all).unwrap_or_default(),
    }
}

fn decision(consent: &Consent) -> Option<String> {
    let Consent {
        channel, evidence, ..
    } = consent;
    let is_word = !channel.is_empty() && !channel.contains(|c: char| c == ';' || c.is_whitespace());
    let is_plain = |evidence: &String| {
        !evidence.is_empty() && evidence.trim() == evidence && !evidence.contains([';', '\n', '\r'])
    };
    if !is_word || !evidence.iter().all(is_plain) {
        return None;
    }
    let (topic, status, at) = (
        topic(consent.topic),
        status(consent.status),
        instant(consent.at),
    );
    let words = format!("{channel} {topic} {status} {at}");
    Some(match evidence {
        Some(evidence) => format!("{words} {evidence}"),
        None => words,
    })
}

/// The decisions of a cell.
///
/// # Errors
/// When some of it says nothing: a no must not be lost by a slip of the pen.
pub(crate) fn read_consent(cell: &str) -> Result<Vec<Consent>, &'static str> {
    const WRONG: &str = "write each decision as channel, topic, status and instant, for example \
        email marketing opted_out 2026-01-31T09:00:00Z, with ; between several";
    if cell.starts_with('[') {
        return serde_json::from_str(cell).map_err(|_| WRONG);
    }
    let parts = cell
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts.map(|part| read_decision(part).ok_or(WRONG)).collect()
}

fn read_decision(text: &str) -> Option<Consent> {
    let mut words = text.splitn(5, ' ');
    let channel = words.next()?.to_owned();
    let topic_word = words.next()?;
    let status_word = words.next()?;
    let at = DateTime::parse_from_rfc3339(words.next()?).ok()?.to_utc();
    Some(Consent {
        channel,
        topic: [Topic::Relationship, Topic::Marketing]
            .into_iter()
            .find(|one| topic(*one) == topic_word)?,
        status: [ConsentStatus::OptedIn, ConsentStatus::OptedOut]
            .into_iter()
            .find(|one| status(*one) == status_word)?,
        evidence: words.next().map(str::to_owned),
        at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_plain_where_they_can_be() {
        for (list, cell) in [
            (&["VIP", "gold club"][..], "VIP;gold club"),
            (&[], ""),
            (&["a, b", "c"], r#"["a, b","c"]"#),
            (&["a;b"], r#"["a;b"]"#),
            (&["[x"], r#"["[x"]"#),
            (&["* x"], r#"["* x"]"#),
            (&[" x"], r#"[" x"]"#),
        ] {
            assert_eq!(texts(list.iter().copied()), cell);
            assert_eq!(read_texts(cell), list);
        }
        assert_eq!(read_texts(" a ; b;"), ["a", "b"]);
        assert_eq!(read_texts("[not json"), ["[not json"]);
    }

    #[test]
    fn consent_is_read_as_it_was_written() {
        let at = DateTime::from_timestamp(1_700_000_000, 5_000).unwrap();
        let consent_of = |channel: &str, evidence: Option<&str>| Consent {
            channel: channel.to_owned(),
            topic: Topic::Marketing,
            status: ConsentStatus::OptedOut,
            evidence: evidence.map(str::to_owned),
            at,
        };
        let plain = [
            consent_of("email", Some("form 12, page 3")),
            consent_of("*", None),
        ];
        let cell = consent(&plain);
        assert_eq!(
            cell,
            "email marketing opted_out 2023-11-14T22:13:20.000005Z form 12, page 3;\
            * marketing opted_out 2023-11-14T22:13:20.000005Z"
        );
        assert_eq!(read_consent(&cell).unwrap(), plain);
        for (channel, evidence) in [
            ("my channel", None),
            ("a;b", None),
            ("[x", None),
            ("sms", Some("a; b")),
            ("sms", Some("")),
            ("sms", Some(" a")),
        ] {
            let odd = [consent_of("sms", None), consent_of(channel, evidence)];
            let odd = if channel == "[x" { &odd[1..] } else { &odd };
            let cell = consent(odd);
            assert!(cell.starts_with("[{"), "{cell}");
            assert_eq!(read_consent(&cell).unwrap(), odd);
        }
        assert_eq!(consent(&[]), "");
        assert!(read_consent("").unwrap().is_empty());
        for wrong in [
            "email",
            "email marketing opted-out 2026-01-31T09:00:00Z",
            "email ads opted_out 2026-01-31T09:00:00Z",
            "email marketing opted_out yesterday",
            "[{}]",
        ] {
            assert!(read_consent(wrong).is_err(), "{wrong}");
        }
    }
}
