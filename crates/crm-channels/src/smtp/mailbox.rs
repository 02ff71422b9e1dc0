//! Addresses, read strictly: what does not fit is refused instead of being quoted or repaired.

use std::fmt;

use lettre::message::Mailbox as LettreMailbox;

use crate::has_control;

/// A mailbox: an address and the name shown beside it. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: String,
}

impl Mailbox {
    /// A mailbox from its parts; `None` for an address that is refused (see [`is_address`]) and for a
    /// name with controls or with `=?`, which readers would decode (RFC 2047).
    #[must_use]
    pub fn new(name: Option<&str>, address: &str) -> Option<Self> {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        if !is_address(address) || name.is_some_and(|name| has_control(name) || name.contains("=?"))
        {
            return None;
        }
        Some(Self {
            name: name.map(str::to_owned),
            address: address.to_owned(),
        })
    }

    /// Reads `ann@example.org` or `Ann <ann@example.org>`, the name with or without double quotes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if has_control(text) {
            return None;
        }
        let text = text.trim();
        let Some(inner) = text.strip_suffix('>') else {
            return Self::new(None, text);
        };
        let (name, address) = inner.rsplit_once('<')?;
        let name = name.trim();
        let name = name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
            .unwrap_or(name);
        if name.contains(['"', '<', '>', '\\']) {
            return None;
        }
        Self::new(Some(name), address)
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The part behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address
            .rsplit_once('@')
            .map_or("localhost", |(_, domain)| domain)
    }

    pub(super) fn to_lettre(&self) -> Option<LettreMailbox> {
        Some(LettreMailbox::new(
            self.name.clone(),
            self.address.parse().ok()?,
        ))
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(..)")
    }
}

/// Whether `text` is an address this channel writes to: ASCII, a dot-atom local part of at most 64
/// octets and a domain name of at most 253 (RFC 5321 sections 4.1.2 and 4.5.3.1), not starting with `-`.
/// Quoted local parts, address literals and internationalised local parts (RFC 6531) are refused;
/// internationalised domains go in their ASCII form.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let atom = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b))
    };
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    !text.starts_with('-')
        && local.len() <= 64
        && local.split('.').all(atom)
        && domain.len() <= 253
        && domain.split('.').all(label)
        && text.parse::<lettre::Address>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        for fine in ["ann@example.org", "a.b+c@x-y.example", "o'neil@localhost"] {
            assert!(is_address(fine), "{fine}");
        }
        for bad in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "-oX@example.org",
            "ann@example..org",
            "ann@-example.org",
            ".ann@example.org",
            "a..b@example.org",
            "ann@example.org\r\nRCPT TO:<x@y>",
            "ann@example.org\n",
            "ann\0@example.org",
            "ann@exa mple.org",
            "a@b@c",
            "\"a b\"@example.org",
            "ann@[127.0.0.1]",
            "аня@example.org",
            "ann@example.org>",
            "<ann@example.org>",
        ] {
            assert!(!is_address(bad), "{bad:?}");
        }
    }

    #[test]
    fn mailboxes_have_names() {
        let parsed = Mailbox::parse("\"Салон, Аня\" <ann@example.org>").unwrap();
        assert_eq!(
            (parsed.name(), parsed.address()),
            (Some("Салон, Аня"), "ann@example.org")
        );
        assert_eq!(parsed.domain(), "example.org");
        assert_eq!(Mailbox::parse("ann@example.org").unwrap().name(), None);
        assert_eq!(Mailbox::parse("<ann@example.org>").unwrap().name(), None);
        for bad in [
            "A <b> <c@d>",
            "A\r\nBcc: x@y <c@d>",
            "A <-c@d>",
            "A <c@d",
            "A c@d",
        ] {
            assert_eq!(Mailbox::parse(bad), None, "{bad:?}");
        }
        assert_eq!(format!("{parsed:?}"), "Mailbox(..)");
    }
}
