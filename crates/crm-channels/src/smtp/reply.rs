//! Replies of a server (RFC 5321 section 4.2) and what it offers in its EHLO reply.

use super::classify::Enhanced;

/// Longest line read, in octets. RFC 5321 allows 512; servers exceed it.
pub(super) const LINE: usize = 4096;
/// Most lines of one reply.
pub(super) const LINES: usize = 128;

/// A complete reply.
pub(super) struct Reply {
    /// Three digits.
    pub(super) code: u16,
    /// The lines without their codes.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// All text, for the classification only.
    pub(super) fn text(&self) -> String {
        self.lines.join(" ")
    }

    /// The enhanced code, if the last line begins with one.
    pub(super) fn enhanced(&self) -> Option<Enhanced> {
        self.lines.last().and_then(|line| Enhanced::parse(line))
    }
}

/// Reads one line: its code, whether it is the last one, its text. `None` when it is not SMTP.
pub(super) fn parse_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    if !(200..=599).contains(&code) {
        return None;
    }
    let (last, text) = match rest.split_first() {
        None => (true, rest),
        Some((b' ', text)) => (true, text),
        Some((b'-', text)) => (false, text),
        Some(_) => return None,
    };
    Some((code, last, String::from_utf8_lossy(text).into_owned()))
}

/// What the server offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Offers {
    /// STARTTLS (RFC 3207).
    pub(super) starttls: bool,
    /// AUTH PLAIN (RFC 4616).
    pub(super) plain: bool,
    /// AUTH LOGIN.
    pub(super) login: bool,
    /// DSN (RFC 3461).
    pub(super) dsn: bool,
    /// PIPELINING (RFC 2920).
    pub(super) pipelining: bool,
    /// SIZE (RFC 1870): `Some(0)` without a limit, else octets.
    pub(super) size: Option<u64>,
}

impl Offers {
    /// Reads the EHLO reply; the first line is the server's name.
    pub(super) fn read(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            let upper = line.to_ascii_uppercase();
            let mut words = upper.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("DSN") => offers.dsn = true,
                Some("PIPELINING") => offers.pipelining = true,
                Some("SIZE") => {
                    offers.size = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or(0));
                }
                Some("AUTH") => {
                    for word in words {
                        offers.plain |= word == "PLAIN";
                        offers.login |= word == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        assert_eq!(
            parse_line(b"250 ok\r\n"),
            Some((250, true, "ok".to_owned()))
        );
        assert_eq!(parse_line(b"250-a\n"), Some((250, false, "a".to_owned())));
        assert_eq!(parse_line(b"354\r\n"), Some((354, true, String::new())));
        for bad in [
            &b"25 ok\r\n"[..],
            b"+50 ok\r\n",
            b"999 x\r\n",
            b"250 ok",
            b"2500\r\n",
            b"\r\n",
        ] {
            assert_eq!(parse_line(bad), None);
        }
    }

    #[test]
    fn offers_are_read() {
        let lines = [
            "host AUTH",
            "SIZE 1000",
            "auth=PLAIN login",
            "STARTTLS",
            "DSN",
            "8BITMIME",
            "pipelining",
        ];
        let offers = Offers::read(&Reply {
            code: 250,
            lines: lines.map(str::to_owned).to_vec(),
        });
        assert!(offers.starttls && offers.plain && offers.login && offers.dsn);
        assert!(offers.pipelining);
        assert_eq!(offers.size, Some(1000));
    }
}
