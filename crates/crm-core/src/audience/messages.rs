//! Conditions on what was planned for a contact and sent to them, and the facts that answer them beside the contact
//! itself.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::condition;
use crate::id::CampaignId;
use crate::message::{Message, Status};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum MessageState {
    /// The provider took it, whether or not it is known to have arrived: `sent` and `delivered`.
    Sent,
    /// A receipt says it arrived.
    Delivered,
    /// It will not arrive.
    Failed,
    /// The provider took it, and whoever got it wrote on its channel, from the address it went to, since. That is heard
    /// by [`Engine::hear`](crate::engine::Engine::hear), from a provider's callbacks or from the host.
    Replied,
}

impl MessageState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Delivered, Self::Failed, Self::Replied];

    /// Its name in JSON and in text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Replied => "replied",
        }
    }

    /// The statuses that a message in this state has.
    #[must_use]
    pub const fn statuses(self) -> &'static [Status] {
        match self {
            Self::Sent | Self::Replied => &[Status::Sent, Status::Delivered],
            Self::Delivered => &[Status::Delivered],
            Self::Failed => &[Status::Failed],
        }
    }
}

impl From<MessageState> for &'static str {
    fn from(state: MessageState) -> Self {
        state.as_str()
    }
}

impl TryFrom<String> for MessageState {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == name)
            .ok_or("a message's state is sent, delivered, failed or replied")
    }
}

/// There is such a message to the contact. Whether it was hidden from lists since does not matter.
///
/// As JSON `{"state": "sent", "campaign": "018f...", "within_days": 30}`; the last two may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageCondition {
    /// What became of it.
    pub state: MessageState,
    /// Of this campaign.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "given_id"
    )]
    pub campaign: Option<CampaignId>,
    /// It was at most this many days before today, 0 to 36,500: sent then; when it failed, last changed then; when it
    /// was replied to, the person last wrote then. Days are those of UTC; today is the workspace's date.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "given_days"
    )]
    pub within_days: Option<u32>,
}

impl MessageCondition {
    /// The first instant that is not too long ago, when there is a bound: midnight in UTC. Everything is recent enough
    /// when the calendar does not go back as far.
    #[must_use]
    pub fn since(&self, today: NaiveDate) -> Option<DateTime<Utc>> {
        let day = today.checked_sub_days(Days::new(u64::from(self.within_days?)))?;
        Some(day.and_time(NaiveTime::MIN).and_utc())
    }

    fn holds(&self, message: &MessageFact, today: NaiveDate) -> bool {
        let at = match self.state {
            MessageState::Sent | MessageState::Delivered => message.sent_at,
            MessageState::Failed => Some(message.updated_at),
            MessageState::Replied => message.replied_at(),
        };
        self.state.statuses().contains(&message.status)
            && (self.campaign.is_none() || self.campaign == message.campaign)
            && (self.state != MessageState::Replied || at.is_some())
            && (self.within_days.is_none()
                || at.is_some_and(|at| self.since(today).is_none_or(|since| at >= since)))
    }
}

/// What an audience has to know of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageFact {
    /// Where it stands.
    pub status: Status,
    /// Its campaign.
    pub campaign: Option<CampaignId>,
    /// When the provider took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// Its last change.
    pub updated_at: DateTime<Utc>,
    /// When its recipient last wrote on its channel, before or after it.
    pub last_inbound: Option<DateTime<Utc>>,
}

impl MessageFact {
    /// What is asked of `message`, whose recipient last wrote on its channel at `last_inbound`.
    #[must_use]
    pub const fn of(message: &Message, last_inbound: Option<DateTime<Utc>>) -> Self {
        Self {
            status: message.status,
            campaign: message.campaign_id,
            sent_at: message.sent_at,
            updated_at: message.updated_at,
            last_inbound,
        }
    }

    /// When the recipient last wrote, if that was not before the message left. Who wrote after it did so at the last
    /// time, too: earlier times need not be known.
    fn replied_at(&self) -> Option<DateTime<Utc>> {
        let sent_at = self.sent_at?;
        self.last_inbound.filter(|at| *at >= sent_at)
    }
}

/// What an audience may ask for beside the contact itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The workspace's date.
    pub today: NaiveDate,
    /// All messages to the contact.
    pub messages: Vec<MessageFact>,
    /// Campaigns whose plan has a line for the contact that is not excluded.
    pub campaigns: Vec<CampaignId>,
}

impl Facts {
    /// Nothing was planned or sent.
    #[must_use]
    pub const fn on(today: NaiveDate) -> Self {
        Self {
            today,
            messages: Vec::new(),
            campaigns: Vec::new(),
        }
    }

    pub(super) fn has(&self, wanted: &MessageCondition) -> bool {
        let mut messages = self.messages.iter();
        messages.any(|message| wanted.holds(message, self.today))
    }
}

/// A condition from an object and nothing else: serde reads lists as structures, too.
pub(super) fn message<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<MessageCondition, D::Error> {
    let map = Map::deserialize(deserializer)?;
    MessageCondition::deserialize(Value::Object(map))
        .map_err(|_| D::Error::custom("message is a state and perhaps a campaign and within_days"))
}

/// What is there is not null.
fn given_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CampaignId>, D::Error> {
    CampaignId::deserialize(deserializer).map(Some)
}

fn given_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    condition::whole(deserializer).map(Some)
}
