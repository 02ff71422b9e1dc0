//! Unsubscribe tokens: what stands in a link, so that a person who follows it needs no account.
//!
//! A token serves one purpose, names a contact by id and holds no personal data; it never expires, for a link
//! in an old message must still work. Whoever has it can take away one consent and nothing else. Signed with
//! HMAC-SHA256 (RFC 2104), cut to 128 bits; written in hexadecimal digits, which survive every mail program.
//! Tokens of another purpose ([`opt_in`](super::opt_in)) are signed with the same keys and never taken for these.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use super::Topic;
use crate::actor::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;

/// What is signed before the rest, so that no other signature under the same key is taken for one of these.
const DOMAIN: &[u8] = b"crm unsubscribe v1\0";
/// Bytes of the signature that are kept.
pub(super) const TAG: usize = 16;
/// Shortest key.
const SHORTEST_KEY: usize = 32;

/// What the bearer of a token wants: nothing more about `topic` on `channel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscription {
    /// Tenant.
    pub workspace: Workspace,
    /// Who.
    pub contact_id: ContactId,
    /// Channel name.
    pub channel: String,
    /// About what. Without relationship messages there are no marketing ones either.
    pub topic: Topic,
}

/// The keys tokens are signed and read with. `Debug` shows none of them.
#[derive(Clone)]
pub struct TokenKeys {
    current: Vec<u8>,
    older: Vec<Vec<u8>>,
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKeys({} older)", self.older.len())
    }
}

impl TokenKeys {
    /// Signs with `current` and reads what `older` ones have signed as well, so that a key can be replaced and
    /// old links still work.
    ///
    /// # Errors
    /// `Configuration` for a key of less than 32 bytes.
    pub fn new(current: impl Into<Vec<u8>>, older: Vec<Vec<u8>>) -> Result<Self> {
        let current = current.into();
        let mut all = older.iter().chain(std::iter::once(&current));
        if all.any(|key| key.len() < SHORTEST_KEY) {
            return Err(Error::new(
                ErrorKind::Configuration,
                "a key for unsubscribe tokens needs at least 32 bytes",
            ));
        }
        Ok(Self { current, older })
    }

    /// The token: digits and lower case letters, about a hundred of them.
    #[must_use]
    pub fn sign(&self, wish: &Unsubscription) -> String {
        self.seal(DOMAIN, payload(wish))
    }

    /// What the token stands for.
    ///
    /// # Errors
    /// `Invalid` for anything these keys have not signed for this purpose.
    pub fn read(&self, token: &str) -> Result<Unsubscription> {
        let payload = self.open(DOMAIN, token);
        payload
            .and_then(|payload| parse(&payload))
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "this link is not valid"))
    }

    /// A token of one purpose: what it says, then the signature.
    pub(super) fn seal(&self, domain: &[u8], mut payload: Vec<u8>) -> String {
        let tag = mac(&self.current, domain, &payload).finalize().into_bytes();
        payload.extend(tag.iter().take(TAG));
        payload.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What a token of this purpose says; `None` for anything these keys have not signed for it.
    pub(super) fn open(&self, domain: &[u8], token: &str) -> Option<Vec<u8>> {
        let mut bytes = from_hex(token)?;
        let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        // In constant time for each key.
        let signed = self.signed(domain, payload, tag);
        bytes.truncate(bytes.len() - TAG);
        signed.then_some(bytes)
    }

    /// A mark of `data` under the key that signs.
    pub(super) fn mark(&self, domain: &[u8], data: &[u8]) -> Vec<u8> {
        let mark = mac(&self.current, domain, data).finalize().into_bytes();
        mark.iter().take(TAG).copied().collect()
    }

    /// Whether any of the keys made this mark, or signature, of `data`.
    pub(super) fn signed(&self, domain: &[u8], data: &[u8], mark: &[u8]) -> bool {
        let mut keys = std::iter::once(&self.current).chain(&self.older);
        mark.len() == TAG
            && keys.any(|key| mac(key, domain, data).verify_truncated_left(mark).is_ok())
    }
}

fn mac(key: &[u8], domain: &[u8], payload: &[u8]) -> Hmac<Sha256> {
    // A key of any length is one (RFC 2104 section 2), so the other case does not occur; a key of zeros is
    // none that `new` takes.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
    mac.update(domain);
    mac.update(payload);
    mac
}

/// Topic, contact, then workspace and channel, each after its length.
fn payload(wish: &Unsubscription) -> Vec<u8> {
    let mut bytes = vec![topic_byte(wish.topic)];
    bytes.extend(wish.contact_id.0.as_bytes());
    for name in [wish.workspace.as_str(), wish.channel.as_str()] {
        push_name(&mut bytes, name);
    }
    bytes
}

pub(super) const fn topic_byte(topic: Topic) -> u8 {
    match topic {
        Topic::Relationship => 1,
        Topic::Marketing => 2,
    }
}

pub(super) fn push_name(bytes: &mut Vec<u8>, name: &str) {
    // Names are short; a longer one makes a token that nobody can read, never one that means another.
    bytes.push(u8::try_from(name.len()).unwrap_or(0));
    bytes.extend(name.as_bytes());
}

fn parse(bytes: &[u8]) -> Option<Unsubscription> {
    let (topic, rest) = topic(bytes)?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (workspace, rest) = name(rest)?;
    let (channel, rest) = name(rest)?;
    rest.is_empty().then_some(())?;
    Some(Unsubscription {
        workspace: Workspace::new(workspace).ok()?,
        contact_id: ContactId(Uuid::from_bytes(*id)),
        channel: channel.to_owned(),
        topic,
    })
}

pub(super) fn topic(bytes: &[u8]) -> Option<(Topic, &[u8])> {
    let (topic, rest) = bytes.split_first()?;
    let topic = match topic {
        1 => Topic::Relationship,
        2 => Topic::Marketing,
        _ => return None,
    };
    Some((topic, rest))
}

pub(super) fn name(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(name).ok()?, rest))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    // Longer than any token; nobody gets to make us decode a megabyte.
    if text.len() > 1_200 || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| {
            let [high, low] = pair else { return None };
            u8::try_from(digit(high)? * 16 + digit(low)?).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8) -> TokenKeys {
        TokenKeys::new(vec![byte; 32], Vec::new()).unwrap()
    }

    fn wish() -> Unsubscription {
        Unsubscription {
            workspace: Workspace::new("salon").unwrap(),
            contact_id: ContactId(Uuid::from_u128(7)),
            channel: "email".to_owned(),
            topic: Topic::Marketing,
        }
    }

    #[test]
    fn what_was_signed_is_read() {
        for topic in [Topic::Relationship, Topic::Marketing] {
            let wish = Unsubscription { topic, ..wish() };
            let token = keys(1).sign(&wish);
            assert!(token.len() < 120, "{token}");
            assert!(token.bytes().all(|b| b.is_ascii_hexdigit()));
            assert_eq!(keys(1).read(&token).unwrap(), wish);
            assert_eq!(keys(1).read(&token.to_uppercase()).unwrap(), wish);
        }
    }

    #[test]
    fn nothing_else_is() {
        let token = keys(1).sign(&wish());
        assert!(keys(2).read(&token).is_err());
        // Every single bit counts.
        for at in 0..token.len() {
            for bit in 0..4 {
                let digit = u8::from_str_radix(&token[at..=at], 16).unwrap() ^ (1 << bit);
                let mut forged = token.clone();
                forged.replace_range(at..=at, &format!("{digit:x}"));
                assert!(keys(1).read(&forged).is_err(), "{at} {bit}");
            }
        }
        for end in 0..token.len() {
            assert!(keys(1).read(&token[..end]).is_err());
        }
        for other in [
            format!("{token}00"),
            format!(" {token}"),
            token.replace('0', "о"),
            "0".repeat(5_000),
            "zz".repeat(48),
        ] {
            assert!(keys(1).read(&other).is_err());
        }
    }

    #[test]
    fn a_replaced_key_still_reads() {
        let token = keys(1).sign(&wish());
        let both = TokenKeys::new(vec![2; 32], vec![vec![1; 32]]).unwrap();
        assert_eq!(both.read(&token).unwrap(), wish());
        assert_ne!(both.sign(&wish()), token);
        assert!(keys(1).read(&both.sign(&wish())).is_err());
    }

    #[test]
    fn short_keys_are_refused_and_none_is_shown() {
        assert!(TokenKeys::new(vec![1; 31], Vec::new()).is_err());
        assert!(TokenKeys::new(vec![1; 32], vec![vec![]]).is_err());
        assert_eq!(format!("{:?}", keys(77)), "TokenKeys(0 older)");
    }
}
