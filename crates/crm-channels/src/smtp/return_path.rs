//! Where bounces go: an address of one's own for every attempt (VERP), so that the bounce of a server that
//! tells nothing else still says which attempt it is about. And xtext, in which SMTP writes such things.

use std::fmt;

use crm_core::id::AttemptId;
use uuid::Uuid;

use super::mailbox::is_address;

/// Octets of a token and the `+` before it.
const TOKEN: usize = 33;
/// Longest local part (RFC 5321 section 4.5.3.1.1).
const LOCAL: usize = 64;

/// An address that bounces are sent to: of `bounce@salon.example`, `bounce+TOKEN@salon.example` is given as
/// the envelope sender, the token being the attempt's id in hexadecimal digits. Its mailbox has to take mail
/// for every token. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReturnPath {
    local: String,
    domain: String,
}

impl ReturnPath {
    /// Reads the address without a token; `None` for one that is refused (see [`is_address`]) and for one
    /// with more than 31 octets before the `@`, which leave no room for a token.
    #[must_use]
    pub fn parse(address: &str) -> Option<Self> {
        let (local, domain) = address.split_once('@').filter(|_| is_address(address))?;
        (local.len() <= LOCAL - TOKEN).then(|| Self {
            local: local.to_owned(),
            domain: domain.to_owned(),
        })
    }

    /// The envelope sender of an attempt.
    #[must_use]
    pub fn of(&self, attempt: AttemptId) -> String {
        format!("{}+{}@{}", self.local, attempt.0.simple(), self.domain)
    }

    /// The attempt whose envelope sender this is. Servers change the case of letters, so it does not count.
    #[must_use]
    pub fn attempt(&self, address: &str) -> Option<AttemptId> {
        let (local, domain) = address.rsplit_once('@')?;
        let (name, token) = local.rsplit_once('+')?;
        if !name.eq_ignore_ascii_case(&self.local) || !domain.eq_ignore_ascii_case(&self.domain) {
            return None;
        }
        // Only the form that `of` writes.
        let id = Uuid::try_parse(token).ok().filter(|_| token.len() == 32)?;
        Some(AttemptId(id))
    }
}

impl fmt::Debug for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReturnPath(..)")
    }
}

/// The text as xtext (RFC 3461 section 4).
pub(super) fn to_xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b'!'..=b'~') && byte != b'+' && byte != b'=' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("+{byte:02X}"));
        }
    }
    out
}

/// What the xtext stands for; `None` when it is none.
pub(super) fn from_xtext(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'+' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            out.push(u8::try_from(value).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_attempt() {
        let attempt = AttemptId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00aa));
        let path = ReturnPath::parse("bounce@salon.example").unwrap();
        let address = path.of(attempt);
        assert_eq!(
            address,
            "bounce+019000000000700080000000000000aa@salon.example"
        );
        assert!(is_address(&address));
        assert_eq!(path.attempt(&address), Some(attempt));
        assert_eq!(path.attempt(&address.to_ascii_uppercase()), Some(attempt));
        for other in [
            "bounce@salon.example",
            "bounce+@salon.example",
            "bounce+1@salon.example",
            "bounce+01900000-0000-7000-8000-0000000000aa@salon.example",
            "other+019000000000700080000000000000aa@salon.example",
            "bounce+019000000000700080000000000000aa@other.example",
            "bounce+019000000000700080000000000000az@salon.example",
            "bounce+019000000000700080000000000000aa",
            "",
        ] {
            assert_eq!(path.attempt(other), None, "{other}");
        }
        assert_eq!(format!("{path:?}"), "ReturnPath(..)");
    }

    #[test]
    fn there_is_room_for_the_token() {
        let of = |letters: usize| ReturnPath::parse(&format!("{}@a.example", "b".repeat(letters)));
        let longest = of(31).unwrap();
        assert!(is_address(&longest.of(AttemptId(Uuid::nil()))));
        assert_eq!(of(32), None);
        for bad in ["", "bounce", "@a.example", "a b@a.example", "a@b@c"] {
            assert_eq!(ReturnPath::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn xtext_comes_back() {
        assert_eq!(to_xtext("a+b=c@x.example"), "a+2Bb+3Dc@x.example");
        assert_eq!(to_xtext("ў"), "+D1+9E");
        for text in ["", "plain", "a+b=c@x", "ў \t\r\n~!"] {
            assert_eq!(from_xtext(&to_xtext(text)).as_deref(), Some(text));
        }
        for bad in ["+", "+2", "+zz", "a+b@x", "+FF"] {
            assert_eq!(from_xtext(bad), None, "{bad}");
        }
    }
}
