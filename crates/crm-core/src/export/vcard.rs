//! vCards, versions 3.0 (RFC 2426) and 4.0 (RFC 6350).
//!
//! What a vCard has no property for stands in ones of our own, whose names begin with `X-`; other programs leave those
//! alone. Cards name their writer, so that an import knows them.

use serde_json::Value;

use super::cells::{custom, instant};
use super::list;
use super::options::{Options, VcardVersion};
use crate::contact::{Birthday, Contact};

/// Who wrote the card.
pub(crate) const WRITER: &str = "-//crm-engine//contacts//EN";
/// Most octets of a line, without what ends it.
const LONGEST_LINE: usize = 75;

/// How cards are written.
#[derive(Debug)]
pub(super) struct Cards {
    version: VcardVersion,
    /// The custom fields that are written; all when `None`.
    custom_fields: Option<Vec<String>>,
}

impl Cards {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            version: options.vcard_version.unwrap_or_default(),
            custom_fields: options.custom_fields.clone(),
        }
    }

    /// Writes the card of a contact; how many custom fields were left out.
    pub(super) fn contact(&self, contact: &Contact, out: &mut Vec<u8>) -> u64 {
        let is_3 = self.version == VcardVersion::V3;
        let either = |version_3: &'static str, version_4: &'static str| {
            if is_3 { version_3 } else { version_4 }
        };
        let mut card = Card { out };
        card.put("BEGIN", "VCARD");
        card.put("VERSION", either("3.0", "4.0"));
        card.put("PRODID", WRITER);
        card.put("UID", &format!("urn:uuid:{}", contact.id));
        card.text("FN", Some(&contact.name));
        // Nobody knows which part of the name is which: the whole of it is what the person is called.
        card.put("N", &format!(";{};;;", escaped(&contact.name)));
        card.text(
            either("EMAIL;TYPE=INTERNET", "EMAIL"),
            contact.email.as_deref(),
        );
        if let Some(phone) = &contact.phone {
            let (name, scheme) = if is_3 {
                ("TEL;TYPE=CELL", "")
            } else {
                ("TEL;VALUE=uri;TYPE=cell", "tel:")
            };
            card.put(name, &format!("{scheme}{phone}"));
        }
        if let Some(day) = contact.birthday {
            let (name, day) = self.birthday(day);
            card.put(name, &day);
        }
        card.text("ORG", contact.company.as_deref());
        card.text("TITLE", contact.position.as_deref());
        card.text(either("X-LANG", "LANG"), Some(&contact.language));
        card.text(either("TZ;VALUE=text", "TZ"), contact.time_zone.as_deref());
        let tags: Vec<String> = contact.tags.iter().map(|tag| escaped(tag)).collect();
        if !tags.is_empty() {
            card.put("CATEGORIES", &tags.join(","));
        }
        card.text("X-TELEGRAM", contact.telegram_chat_id.as_deref());
        card.text("X-WHATSAPP", contact.whatsapp.as_deref());
        card.text("X-CRM-EXTERNAL-ID", contact.external_id.as_deref());
        card.text("X-CRM-SEGMENT", Some(&contact.segment));
        let channels = list::texts(contact.preferred_channels.iter().map(String::as_str));
        card.text("X-CRM-PREFERRED-CHANNELS", Some(&channels));
        card.text("X-CRM-CONSENT", Some(&list::consent(&contact.consent)));
        card.text(
            "X-CRM-LAST-INTERACTION",
            contact.last_interaction_date.map(instant).as_deref(),
        );
        let mut left_out = 0;
        for (name, value) in &contact.custom_fields {
            let wanted = self
                .custom_fields
                .as_ref()
                .is_none_or(|names| names.contains(name));
            if wanted {
                let kind = kind(value);
                card.put(
                    &format!("X-CRM-FIELD;X-NAME={name}{kind}"),
                    &escaped(&custom(value)),
                );
            } else {
                left_out += 1;
            }
        }
        card.put("END", "VCARD");
        left_out
    }

    /// The property of a birthday. Version 3.0 has none without a year; what Apple writes there is understood widely.
    fn birthday(&self, day: Birthday) -> (&'static str, String) {
        let Birthday {
            year,
            month,
            day: of_month,
        } = day;
        match (self.version, year) {
            (VcardVersion::V3, Some(_)) => ("BDAY", day.to_string()),
            (VcardVersion::V3, None) => (
                "BDAY;X-APPLE-OMIT-YEAR=1604",
                format!("1604-{month:02}-{of_month:02}"),
            ),
            (VcardVersion::V4, Some(year)) => ("BDAY", format!("{year:04}{month:02}{of_month:02}")),
            (VcardVersion::V4, None) => ("BDAY", format!("--{month:02}{of_month:02}")),
        }
    }
}

/// The parameter that says what kind of value a custom field has; none for a text.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => ";VALUE=boolean",
        Value::Number(number) if number.is_f64() => ";VALUE=float",
        Value::Number(_) => ";VALUE=integer",
        _ => "",
    }
}

struct Card<'a> {
    out: &'a mut Vec<u8>,
}

impl Card<'_> {
    /// Writes a property whose value is a text, if there is one.
    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.put(name, &escaped(text));
        }
    }

    /// Writes a property, folded: a line ends before it is too long and goes on behind a space.
    fn put(&mut self, name: &str, value: &str) {
        let line = format!("{name}:{value}");
        let mut length = 0;
        for letter in line.chars() {
            if length + letter.len_utf8() > LONGEST_LINE {
                self.out.extend(b"\r\n ");
                length = 1;
            }
            let mut bytes = [0; 4];
            self.out.extend(letter.encode_utf8(&mut bytes).as_bytes());
            length += letter.len_utf8();
        }
        self.out.extend(b"\r\n");
    }
}

/// A text as a value. Line ends of any kind are one kind there.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.replace("\r\n", "\n").chars() {
        match letter {
            '\\' | ',' | ';' => escaped.extend(['\\', letter]),
            '\n' | '\r' => escaped.push_str("\\n"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::normalise::tests::contact;

    fn card(version: VcardVersion, change: impl FnOnce(&mut Contact)) -> String {
        let mut contact = contact("Анна; Петрова, \\");
        change(&mut contact);
        let options = Options {
            vcard_version: Some(version),
            ..Options::default()
        };
        let mut out = Vec::new();
        Cards::new(&options).contact(&contact, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn full(contact: &mut Contact) {
        let fields = &mut contact.fields;
        fields.email = Some("anna@post.example".to_owned());
        fields.phone = Some("+998901234567".to_owned());
        fields.birthday = Birthday::parse("--03-07");
        fields.company = Some("Чинор".to_owned());
        fields.time_zone = Some("Asia/Tashkent".to_owned());
        fields.tags = ["a,b".to_owned(), "VIP".to_owned()].into();
        fields.custom_fields = [
            ("level".to_owned(), Value::from(7)),
            ("note".to_owned(), Value::from("a\r\nb\rc:d")),
        ]
        .into();
    }

    #[test]
    fn each_version_has_its_own_words() {
        let wanted = |version: &str, middle: &str, end: &str| {
            format!(
                "BEGIN:VCARD\r\nVERSION:{version}\r\nPRODID:-//crm-engine//contacts//EN\r\n\
                UID:urn:uuid:00000000-0000-0000-0000-000000000007\r\n\
                FN:Анна\\; Петрова\\, \\\\\r\nN:;Анна\\; Петрова\\, \\\\;;;\r\n{middle}\
                ORG:Чинор\r\n{end}CATEGORIES:VIP,a\\,b\r\nX-CRM-SEGMENT:regular\r\n\
                X-CRM-FIELD;X-NAME=level;VALUE=integer:7\r\nX-CRM-FIELD;X-NAME=note:a\\nb\\nc:d\r\nEND:VCARD\r\n"
            )
        };
        assert_eq!(
            card(VcardVersion::V4, full),
            wanted(
                "4.0",
                "EMAIL:anna@post.example\r\nTEL;VALUE=uri;TYPE=cell:tel:+998901234567\r\nBDAY:--0307\r\n",
                "LANG:ru\r\nTZ:Asia/Tashkent\r\n"
            )
        );
        assert_eq!(
            card(VcardVersion::V3, full),
            wanted(
                "3.0",
                "EMAIL;TYPE=INTERNET:anna@post.example\r\nTEL;TYPE=CELL:+998901234567\r\n\
                BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-07\r\n",
                "X-LANG:ru\r\nTZ;VALUE=text:Asia/Tashkent\r\n"
            )
        );
        let born = |contact: &mut Contact| contact.fields.birthday = Birthday::parse("1985-03-07");
        assert!(card(VcardVersion::V4, born).contains("\r\nBDAY:19850307\r\n"));
        assert!(card(VcardVersion::V3, born).contains("\r\nBDAY:1985-03-07\r\n"));
    }

    #[test]
    fn lines_are_folded_at_75_octets_and_never_within_a_character() {
        for name in [
            "ы".repeat(150),
            "a".repeat(150),
            "🎉".repeat(100),
            "aы🎉".repeat(40),
        ] {
            let card = card(VcardVersion::V4, |contact| {
                contact.fields.name.clone_from(&name)
            });
            let lines: Vec<&str> = card.split("\r\n").collect();
            assert!(lines.iter().all(|line| line.len() <= 75), "{card}");
            let folded = lines.iter().filter(|line| line.starts_with(' ')).count();
            assert!(folded >= 4, "{card}");
            // As full as they may be.
            assert!(lines.iter().any(|line| line.len() >= 72), "{card}");
            assert!(
                card.replace("\r\n ", "")
                    .contains(&format!("\r\nFN:{name}\r\n"))
            );
        }
    }
}
