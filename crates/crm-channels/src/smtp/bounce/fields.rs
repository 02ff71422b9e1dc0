//! The fields of a header, of a mail's as of a report's: names and values, unfolded.

use mail_parser::{Message, MessageParser};

/// Names in lower case, values on one line with single spaces. What is no UTF-8 is replaced.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields up to the first empty line.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let header = MessageParser::default().parse_headers(bytes);
        header.map_or_else(Self::default, |message| Self::of(&message))
    }

    /// The fields of a mail.
    pub(super) fn of(message: &Message<'_>) -> Self {
        let headers = message.parts.iter().take(1).flat_map(|part| &part.headers);
        let field = |header: &mail_parser::Header<'_>| {
            let from = usize::try_from(header.offset_start).ok()?;
            let to = usize::try_from(header.offset_end).ok()?;
            let value = String::from_utf8_lossy(message.raw_message.get(from..to)?);
            let words: Vec<&str> = value.split_whitespace().collect();
            Some((header.name().to_ascii_lowercase(), words.join(" ")))
        };
        Self(headers.filter_map(field).collect())
    }

    /// The first field of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let found = fields.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All fields of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.0.iter().filter(move |(known, _)| known == name);
        fields.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded() {
        let fields = Fields::parse(
            b"Status: 5.1.1\r\nDIAGNOSTIC-Code: smtp;\r\n\t550  no\nA:\nA: \xff\nB: 1",
        );
        assert_eq!(fields.get("status"), Some("5.1.1"));
        assert_eq!(fields.get("diagnostic-code"), Some("smtp; 550 no"));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["", "\u{fffd}"]);
        assert_eq!(fields.get("b"), Some("1"));
        assert_eq!(fields.get("c"), None);
        for empty in [&b""[..], b"\n", b"no colon", b": x"] {
            assert_eq!(Fields::parse(empty).get(""), None);
        }
    }
}
