//! Double opt-in: somebody said yes on a form, gets a link at the address they gave, and says yes again there. Only
//! then is it known that the address is theirs.
//!
//! A token names contact, channel and topic, and when it was asked. It is good for one address, of which it holds a
//! keyed mark and nothing that can be read; for a limited time; and only while the person said no to nothing since,
//! for else an old link would undo an unsubscription. It stands in the text of a message, so whoever of the house
//! may read that message could follow it, too: it proves the click, not who clicked.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::token::{TAG, TokenKeys, name, push_name, topic, topic_byte};
use super::{Consent, ConsentStatus, Suppression, Topic};
use crate::actor::Workspace;
use crate::contact::Contact;
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;

/// See [`token`](super::token).
const DOMAIN: &[u8] = b"crm opt-in v1\0";
/// The same for the mark of an address.
const ADDRESS: &[u8] = b"crm opt-in address v1\0";

/// What is asked of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptInWish {
    /// Channel name; the question goes there, too.
    pub channel: String,
    /// About what they may be written to.
    pub topic: Topic,
    /// Where it is documented that the person wants to be asked (a form, a ticket), in at most 200 characters without
    /// personal data. Needed after a no; kept in the history.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// What the bearer of a token agrees to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptIn {
    /// Tenant.
    pub workspace: Workspace,
    /// Who.
    pub contact_id: ContactId,
    /// Channel name.
    pub channel: String,
    /// About what.
    pub topic: Topic,
    /// When it was asked, to the microsecond.
    pub issued_at: DateTime<Utc>,
    /// The mark of the address it was sent to.
    address: Vec<u8>,
}

impl TokenKeys {
    /// The token of a question that goes to `address`: digits and lower case letters, about 150 of them.
    #[must_use]
    pub fn sign_opt_in(
        &self,
        workspace: &Workspace,
        contact: ContactId,
        wish: &OptInWish,
        address: &str,
        at: DateTime<Utc>,
    ) -> String {
        let mut bytes = vec![topic_byte(wish.topic)];
        bytes.extend(contact.0.as_bytes());
        bytes.extend(at.timestamp_micros().to_be_bytes());
        bytes.extend(self.mark(ADDRESS, &located(workspace, &wish.channel, address)));
        push_name(&mut bytes, workspace.as_str());
        push_name(&mut bytes, &wish.channel);
        self.seal(DOMAIN, bytes)
    }

    /// What the token stands for, however old it is.
    ///
    /// # Errors
    /// `Invalid` for anything these keys have not signed for this purpose.
    pub fn read_opt_in(&self, token: &str) -> Result<OptIn> {
        self.open(DOMAIN, token)
            .and_then(|bytes| parse(&bytes))
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "this link is not valid"))
    }

    /// Whether the question went to this address, as the contact's channel has it now.
    #[must_use]
    pub fn went_to(&self, opt_in: &OptIn, address: &str) -> bool {
        let located = located(&opt_in.workspace, &opt_in.channel, address);
        self.signed(ADDRESS, &located, &opt_in.address)
    }
}

fn located(workspace: &Workspace, channel: &str, address: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_name(&mut bytes, workspace.as_str());
    push_name(&mut bytes, channel);
    bytes.extend(address.as_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> Option<OptIn> {
    let (topic, rest) = topic(bytes)?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    let (address, rest) = rest.split_at_checked(TAG)?;
    let (workspace, rest) = name(rest)?;
    let (channel, rest) = name(rest)?;
    rest.is_empty().then_some(())?;
    Some(OptIn {
        workspace: Workspace::new(workspace).ok()?,
        contact_id: ContactId(Uuid::from_bytes(*id)),
        channel: channel.to_owned(),
        topic,
        issued_at: DateTime::from_timestamp_micros(i64::from_be_bytes(*at))?,
        address: address.to_vec(),
    })
}

fn refused(detail: &str) -> Error {
    Error::new(ErrorKind::NotAllowed, detail)
}

/// Whether a person may be asked.
///
/// Who said no to exactly this may be asked again when the house says where they wanted that; who said no to more
/// (everything on the channel, or this on all channels) may not, because a yes to less would not be in force beside it.
///
/// # Errors
/// `NotAllowed` after such a no, and for a suppressed address; `Invalid` without evidence where it is needed, or for
/// evidence that is longer than 200 characters or one line.
pub fn may_ask(contact: &Contact, wish: &OptInWish, suppressed: bool) -> Result<()> {
    let evidence = wish.evidence.as_deref().unwrap_or_default();
    if evidence.chars().count() > 200 || evidence.chars().any(char::is_control) {
        return Err(Error::field(
            "evidence",
            "use one line of at most 200 characters",
        ));
    }
    if suppressed {
        return Err(refused(
            "nothing is sent to this contact's address on the channel",
        ));
    }
    let said_no = |consent: &&Consent| consent.stops(&wish.channel, wish.topic);
    for no in contact.consent.iter().filter(said_no) {
        if no.topic == Topic::Relationship || no.channel != wish.channel {
            return Err(refused(
                "the contact said no to more than this: to everything on the channel, or on all channels",
            ));
        }
        if evidence.trim().is_empty() {
            return Err(Error::field(
                "evidence",
                "the contact said no; say where they asked for it since",
            ));
        }
    }
    Ok(())
}

/// The contact's consent after they said yes by the link; as it is when they had said so by it before.
///
/// `suppression` is that of their address now. One of an address that was `dead` is no obstacle, for somebody reads
/// there; any other one is a no: of the person since they were asked, of a provider who told of a complaint, or of the
/// house.
///
/// # Errors
/// `NotAllowed` when the question is older than `lifetime`, when the person said no since it was asked or says no to
/// more than this, and when their address is suppressed otherwise.
pub fn confirm(
    contact: &Contact,
    opt_in: &OptIn,
    suppression: Option<&Suppression>,
    lifetime: Duration,
    now: DateTime<Utc>,
) -> Result<Vec<Consent>> {
    in_time(opt_in, lifetime, now)?;
    if suppression.is_some_and(|known| !proves_itself_wrong(known)) {
        return Err(refused(
            "nothing is sent to this contact's address on the channel",
        ));
    }
    let exactly =
        |consent: &Consent| consent.channel == opt_in.channel && consent.topic == opt_in.topic;
    let stale = |consent: &Consent| {
        consent.stops(&opt_in.channel, opt_in.topic)
            && (!exactly(consent) || consent.at >= opt_in.issued_at)
    };
    if contact.consent.iter().any(stale) {
        return Err(refused("the contact said no since this link was sent"));
    }
    let asked = text(opt_in.issued_at);
    let asked = format!("double_opt_in; requested {asked}; confirmed ");
    let done = |consent: &Consent| {
        exactly(consent)
            && consent.status == ConsentStatus::OptedIn
            && consent
                .evidence
                .as_deref()
                .is_some_and(|evidence| evidence.starts_with(&asked))
    };
    let mut consent = contact.consent.clone();
    if !consent.iter().any(done) {
        consent.retain(|known| !exactly(known));
        consent.push(Consent {
            channel: opt_in.channel.clone(),
            topic: opt_in.topic,
            status: ConsentStatus::OptedIn,
            evidence: Some(asked + &text(now)),
            at: now,
        });
    }
    Ok(consent)
}

/// Whether a click on what was sent there shows that the suppression is wrong.
pub(crate) fn proves_itself_wrong(known: &Suppression) -> bool {
    known.reason == "dead"
}

/// Whether the link is not too old.
///
/// # Errors
/// `NotAllowed` when it is.
pub fn in_time(opt_in: &OptIn, lifetime: Duration, now: DateTime<Utc>) -> Result<()> {
    if now - opt_in.issued_at < lifetime {
        Ok(())
    } else {
        Err(refused("this link is too old; ask for a new one"))
    }
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests;
