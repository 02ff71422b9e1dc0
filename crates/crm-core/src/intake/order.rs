//! What a row may ask for. Strict: unknown fields are refused, and all faults are said together.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::check_key;
use super::reader::{Reader, instant, line, text};
use crate::consent::Topic;
use crate::contact::ContactFields;
use crate::contact::normalise::language;
use crate::error::{Error, Result};
use crate::message::decide::Text;
use crate::message::{Format, GeneratedBy, Occasion, Provenance};

const LINE: &str = "use 1 to 200 characters on one line";
const WORD: &str = "use 1 to 64 characters on one line";
const INSTANT: &str = "use an instant with its offset, for example 2026-11-25T09:00:00+05:00";
const YES_OR_NO: &str = "use true or false";

/// What a row asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Save this text for this contact and ask for a decision.
    Submit,
    /// This is known about this contact.
    Contact,
    /// Call off what an earlier row submitted.
    Cancel,
    /// This contact said no.
    Consent,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Submit, Self::Contact, Self::Cancel, Self::Consent];

    /// The name used in the column `kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Contact => "contact",
            Self::Cancel => "cancel",
            Self::Consent => "consent",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A row's payload, read.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// `submit`.
    Submit(Box<Submission>),
    /// `contact`: `external_id` and any of the fields of a contact, as in
    /// [`ContactFields`]. A field that is left out stays as it is (or as usual in a new contact),
    /// `null` clears it; `consent` of a known contact only goes down.
    Contact {
        /// The host's id of the contact.
        external_id: String,
        /// The given fields, `external_id` among them.
        fields: Map<String, Value>,
    },
    /// `cancel`: `key`, and a `reason` if there is one.
    Cancel {
        /// Key of the row that submitted the message.
        key: String,
        /// Why, up to 500 characters.
        reason: Option<String>,
    },
    /// `consent`.
    Consent(Withdrawal),
}

/// Payload of `submit`: `external_id`, `occasion_type` and `content`; optionally `subject`, `format`
/// (`text`, `html`), `channel` (else the one the contact prefers), `scheduled_for`, `expires_at`,
/// `language`, `metadata` (`model`, `tone`, `request_id`, `generated_at`) and `draft`.
#[derive(Clone, PartialEq)]
pub struct Submission {
    /// The host's id of the recipient.
    pub external_id: String,
    /// Why it is written.
    pub occasion: Occasion,
    /// Channel name; `None` for the one the contact prefers.
    pub channel: Option<String>,
    /// The text.
    pub text: Text,
    /// When it is to leave.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// After this it no longer leaves.
    pub expires_at: Option<DateTime<Utc>>,
    /// A model, if the metadata names one.
    pub generated_by: GeneratedBy,
    /// Where the text came from. Never tokens or costs: they are ours to count.
    pub metadata: Provenance,
    /// Whether it stays a draft; otherwise a decision is asked for.
    pub draft: bool,
}

impl std::fmt::Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Submission(..)")
    }
}

/// Payload of `consent`: `external_id`, `channel` (`*` for all), `topic` (`marketing`, or
/// `relationship` for everything on the channel); optionally `evidence` and `at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The host's id of the contact.
    pub external_id: String,
    /// Channel name, or `*`.
    pub channel: String,
    /// About what.
    pub topic: Topic,
    /// Where it is documented.
    pub evidence: Option<String>,
    /// When it was said; `None` for when the row was inserted.
    pub at: Option<DateTime<Utc>>,
}

impl Order {
    /// Reads a row.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), naming every field that is wrong and never a value.
    pub fn parse(kind: &str, payload: &Value) -> Result<Self> {
        let Some(kind) = Kind::parse(kind) else {
            return Err(Error::field(
                "kind",
                "use submit, contact, cancel or consent",
            ));
        };
        let reader = Reader::new(payload)?;
        match kind {
            Kind::Submit => submission(reader).map(|read| Self::Submit(Box::new(read))),
            Kind::Contact => contact(reader),
            Kind::Cancel => cancel(reader),
            Kind::Consent => withdrawal(reader).map(Self::Consent),
        }
    }

    /// The host's id of the contact it is about, when it names one.
    #[must_use]
    pub fn external_id(&self) -> Option<&str> {
        match self {
            Self::Submit(submission) => Some(&submission.external_id),
            Self::Contact { external_id, .. } => Some(external_id),
            Self::Consent(withdrawal) => Some(&withdrawal.external_id),
            Self::Cancel { .. } => None,
        }
    }
}

fn external_id(reader: &mut Reader) -> Option<String> {
    reader.required("external_id", LINE, line(200))
}

fn submission(mut reader: Reader) -> Result<Submission> {
    let external_id = external_id(&mut reader);
    let occasion = reader.required(
        "occasion_type",
        "use birthday, new_year, holiday, promotion or custom",
        |value| Occasion::parse(value.as_str()?),
    );
    let content = reader.required("content", "use a text", text);
    let subject = reader.optional("subject", "use a text", text);
    let format = reader.optional("format", "use text or html", |value| {
        let name = value.as_str()?;
        [Format::Text, Format::Html]
            .into_iter()
            .find(|format| format.as_str() == name)
    });
    let channel = reader.optional("channel", WORD, line(64));
    let scheduled_for = reader.optional("scheduled_for", INSTANT, instant);
    let expires_at = reader.optional("expires_at", INSTANT, instant);
    let language = reader.optional(
        "language",
        "use a language tag, for example ru, en, uz or uz-Cyrl",
        |value| language(value.as_str()?),
    );
    let metadata = reader
        .object("metadata", "metadata.", |inner| Provenance {
            model: inner.optional("model", LINE, line(200)),
            tone: inner.optional("tone", LINE, line(200)),
            request_id: inner.optional("request_id", LINE, line(200)),
            generated_at: inner.optional("generated_at", INSTANT, instant),
            ..Provenance::default()
        })
        .unwrap_or_default();
    let draft = reader.optional("draft", YES_OR_NO, Value::as_bool);
    let read = match (external_id, occasion, content) {
        (Some(external_id), Some(occasion), Some(content)) => Some(Submission {
            external_id,
            occasion,
            channel,
            text: Text {
                subject,
                content,
                format: format.unwrap_or_default(),
            },
            scheduled_for,
            expires_at,
            generated_by: if metadata.model.is_some() {
                GeneratedBy::Ai
            } else {
                GeneratedBy::Manual
            },
            metadata: Provenance {
                language,
                ..metadata
            },
            draft: draft.unwrap_or(false),
        }),
        _ => None,
    };
    reader.finish(read)
}

fn contact(mut reader: Reader) -> Result<Order> {
    let external_id = external_id(&mut reader);
    let mut fields = Map::new();
    for (name, value) in reader.take_rest() {
        if !is_field(&name) {
            reader.unknown(&name);
            continue;
        }
        // One field at a time: what is said about all of them together would quote the value.
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        if value.is_null() || serde_json::from_value::<ContactFields>(alone.into()).is_ok() {
            fields.insert(name, value);
        } else {
            reader.problem(&name, "has not the form of this field");
        }
    }
    let read = external_id.map(|external_id| {
        let given = Value::String(external_id.clone());
        fields.insert("external_id".to_owned(), given);
        Order::Contact {
            external_id,
            fields,
        }
    });
    reader.finish(read)
}

/// Whether a contact has a field of this name.
fn is_field(name: &str) -> bool {
    serde_json::to_value(ContactFields::default()).is_ok_and(|fields| fields.get(name).is_some())
}

fn cancel(mut reader: Reader) -> Result<Order> {
    let key = reader.required("key", LINE, |value| {
        let key = value.as_str()?;
        check_key("key", key).ok()?;
        Some(key.to_owned())
    });
    let reason = reader.optional("reason", "use 1 to 500 characters on one line", line(500));
    reader.finish(key.map(|key| Order::Cancel { key, reason }))
}

fn withdrawal(mut reader: Reader) -> Result<Withdrawal> {
    let external_id = external_id(&mut reader);
    let channel = reader.required("channel", WORD, line(64));
    let topic = reader.required("topic", "use relationship or marketing", |value| {
        serde_json::from_value(value.clone()).ok()
    });
    let evidence = reader.optional("evidence", LINE, line(200));
    let at = reader.optional("at", INSTANT, instant);
    let read = match (external_id, channel, topic) {
        (Some(external_id), Some(channel), Some(topic)) => Some(Withdrawal {
            external_id,
            channel,
            topic,
            evidence,
            at,
        }),
        _ => None,
    };
    reader.finish(read)
}
