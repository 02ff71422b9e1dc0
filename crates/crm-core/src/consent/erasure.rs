//! How the addresses of an erased person are kept from being written to, though nobody keeps them.
//!
//! A suppression of such an address is a salted hash of it. It holds on every channel, for the same phone number
//! is reached by several and a person who comes back by an import must be reached by none. For the same reason
//! the kind of the address is no part of the hash: a store that is asked about a channel and an address cannot
//! know it, and a channel that is set up anew may use another kind. Two people whose addresses of different
//! kinds are the same text (a chat id and an id of the host) are taken for one; then too little is sent.
//!
//! The salt is the workspace's own. It is made with its first erasure from the salts of the core's
//! [`Ids`](crate::port::ids::Ids), so that all stores make it in one way and none needs randomness of its own. It
//! lives in the store alone, which is why the hash is made there: nothing that a store answers holds it.

use chrono::{DateTime, Utc};

use crate::actor::Workspace;
use crate::id::ContactId;
use crate::message::digest::Encoder;

/// The channel of suppressions of erased people: all of them.
pub const EVERY_CHANNEL: &str = "*";

/// The reason of suppressions of erased people.
pub const ERASED: &str = "erased";

/// What makes the suppressions of an erased person's addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct ErasedAddresses {
    /// Tenant.
    pub workspace: Workspace,
    /// Whose addresses: those of the contact as it is stored, and the recipients of all messages to it.
    pub contact_id: ContactId,
    /// The workspace's salt from now on, if it has none yet.
    pub salt: [u8; 16],
    /// Who erases.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Hides the salt.
impl std::fmt::Debug for ErasedAddresses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ErasedAddresses({})", self.contact_id)
    }
}

/// The form in which addresses are compared once they are erased: without spaces around it, and in lower case
/// where case says nothing (e-mail, public names of Telegram).
#[must_use]
pub fn plain(address: &str) -> String {
    let address = address.trim();
    if address.contains('@') {
        address.to_lowercase()
    } else {
        address.to_owned()
    }
}

/// What an erased address is known by: 64 lower-case hexadecimal digits, the same for every
/// [`plain`] form of it.
#[must_use]
pub fn mark(salt: &[u8], address: &str) -> String {
    Encoder::new("crm/erased/v1")
        .bytes(salt)
        .text(&plain(address))
        .finish()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 16] = [7; 16];

    #[test]
    fn one_address_has_one_mark_however_it_is_written() {
        let anna = mark(&SALT, "anna@example.org");
        assert_eq!(anna, mark(&SALT, " Anna@EXAMPLE.org "));
        assert_eq!(mark(&SALT, "@Anna_Uz"), mark(&SALT, "@anna_uz"));
        assert_eq!(mark(&SALT, "Анна@почта.рф"), mark(&SALT, "анна@ПОЧТА.рф"));
        assert_eq!(anna.len(), 64);
        assert!(anna.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn another_address_or_salt_has_another_mark() {
        let texts = [
            "anna@example.org",
            "ann@example.org",
            "+998901234567",
            "C-17",
            "c-17",
            "",
        ];
        let mut marks: Vec<String> = texts.iter().map(|text| mark(&SALT, text)).collect();
        marks.push(mark(&[8; 16], "anna@example.org"));
        // Where the salt ends is a part of what is hashed.
        marks.push(mark(b"aa", "bc"));
        marks.push(mark(b"aab", "c"));
        let all = marks.len();
        marks.sort();
        marks.dedup();
        assert_eq!(marks.len(), all);
    }

    #[test]
    fn the_mark_is_the_same_for_ever() {
        // Made by an independent implementation; rows of earlier versions have to be found.
        assert_eq!(
            mark(&SALT, "anna@example.org"),
            "0847be4766799649187a38ef42e59cc0f4e5bde250a4280a07b04d1231c5af7c"
        );
    }

    #[test]
    fn the_salt_is_not_shown() {
        let row = ErasedAddresses {
            workspace: Workspace::default(),
            contact_id: ContactId(uuid::Uuid::nil()),
            salt: [199; 16],
            created_by: "root".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
        };
        assert!(!format!("{row:?}").contains("199"));
    }
}
