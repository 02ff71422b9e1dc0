//! Campaigns: one occasion for many people, planned before anything is written.

pub mod dates;
pub mod experiment;
pub mod holidays;
pub mod planner;
pub mod quiet_hours;
pub mod recurrence;
pub mod sampling;
pub mod schedule;
pub mod split;

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::actor::Workspace;
use crate::audience::Audience;
use crate::campaign::quiet_hours::SendingTimes;
use crate::campaign::split::{Arm, Variants};
use crate::id::{CampaignId, ContactId, DraftBatchId, MessageId, TemplateId};
use crate::message::Occasion;

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// Being set up.
    Draft,
    /// Waits for its first run.
    Scheduled,
    /// Running.
    Active,
    /// Stopped for now; nothing of it leaves.
    Paused,
    /// Everything of it has ended.
    Completed,
    /// Called off.
    Cancelled,
}

impl CampaignStatus {
    /// All statuses.
    pub const ALL: [Self; 6] = [
        Self::Draft,
        Self::Scheduled,
        Self::Active,
        Self::Paused,
        Self::Completed,
        Self::Cancelled,
    ];

    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What people do with a campaign as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CampaignAction {
    /// Change what it is to do.
    Edit,
    /// Run it: at once, or when its schedule says.
    Execute,
    /// Stop it for now.
    Pause,
    /// Go on with it.
    Resume,
    /// Call it off.
    Cancel,
    /// Remove it; only while nothing was drafted.
    Delete,
}

impl CampaignAction {
    /// All actions.
    pub const ALL: [Self; 6] = [
        Self::Edit,
        Self::Execute,
        Self::Pause,
        Self::Resume,
        Self::Cancel,
        Self::Delete,
    ];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Execute => "execute",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Delete => "delete",
        }
    }

    /// The statuses it is possible in.
    #[must_use]
    pub const fn from(self) -> &'static [CampaignStatus] {
        use CampaignStatus::{Active, Draft, Paused, Scheduled};
        match self {
            Self::Edit | Self::Execute | Self::Delete => &[Draft],
            Self::Pause => &[Active, Scheduled],
            Self::Resume => &[Paused],
            Self::Cancel => &[Draft, Scheduled, Active, Paused],
        }
    }
}

/// What a campaign does while no model writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnavailable {
    /// A template in the contact's language stands in, else a built-in greeting.
    #[default]
    Fallback,
    /// Lines stay undrafted and are tried again later. A text that a model declines or spoils is not waited for:
    /// something stands in for it, as it would be paid for again and again.
    Wait,
}

impl WhenUnavailable {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Wait => "wait",
        }
    }
}

/// Why nothing of a campaign is drafted for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What the models said, as a stable code.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// How a campaign's texts are drafted by a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drafting {
    /// One by one, as soon as they are planned.
    #[default]
    Now,
    /// In jobs of the provider, for about half the price: usually within an hour, at the latest a day later.
    /// Needs [`EngineBuilder::llm_batch`](crate::engine::EngineBuilder::llm_batch); else as `now`.
    Batch,
}

impl Drafting {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Batch => "batch",
        }
    }
}

/// When a campaign writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// As soon as it is executed.
    Immediate,
    /// Once, at an instant.
    Scheduled {
        /// The instant; with `local_time` its wall time in UTC is taken as the recipient's own.
        at: DateTime<Utc>,
        /// Whether each recipient gets it at that wall time in their own zone.
        #[serde(default)]
        local_time: bool,
    },
    /// Again and again, by a five-field cron expression.
    Recurring {
        /// The expression, for example `0 9 * * 1`.
        cron: String,
        /// IANA zone the expression is read in.
        time_zone: String,
    },
    /// Again and again, by a recurrence rule of RFC 5545.
    Rule {
        /// The rule, for example `FREQ=MONTHLY;BYDAY=-1FR`.
        rule: recurrence::Rule,
        /// The wall time it starts at, which is its time of day: nothing is due before.
        starts: NaiveDateTime,
        /// IANA zone of that wall time.
        time_zone: String,
    },
    /// On a date of each contact's own: a birthday, an anniversary, a day before or after one.
    Date(dates::DateRule),
}

impl Schedule {
    /// Whether it runs again and again: it waits for each run, and does not end with one.
    #[must_use]
    pub const fn repeats(&self) -> bool {
        matches!(
            self,
            Self::Recurring { .. } | Self::Rule { .. } | Self::Date(_)
        )
    }
}

/// What a person sets in a campaign.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignFields {
    /// Name, 1 to 200 characters.
    pub name: String,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// Occasion.
    pub occasion_type: Occasion,
    /// Who; read from JSON it may be a [text](crate::audience::text).
    #[serde(deserialize_with = "crate::audience::read")]
    pub audience: Audience,
    /// When.
    pub schedule: Schedule,
    /// Channel name.
    pub channel: String,
    /// Channels for those whom `channel` does not reach, best first; see [`planner::choose`].
    #[serde(default)]
    pub fallback_channels: Vec<String>,
    /// Zone of recipients who have none.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// Template to use instead of the model.
    #[serde(default)]
    pub template_id: Option<TemplateId>,
    /// Tone for the model.
    #[serde(default)]
    pub tone: Option<String>,
    /// What the message is about, for the model; at most 500 characters.
    #[serde(default)]
    pub custom_context: Option<String>,
    /// What it does while no model writes.
    #[serde(default)]
    pub when_unavailable: WhenUnavailable,
    /// How a model drafts it.
    #[serde(default)]
    pub drafting: Drafting,
    /// When its messages may leave by the recipients' clocks: when they are planned, and once more before each leaves.
    #[serde(default)]
    pub sending_times: SendingTimes,
    /// Minutes over which its messages are spread, each person at a moment of their own that stays the same: 0 to
    /// 10,080, which is a week.
    #[serde(default)]
    pub spread_minutes: u32,
    /// The texts that are tried against each other, and how many people get none.
    #[serde(default)]
    pub variants: Option<Variants>,
}

fn default_zone() -> String {
    "Asia/Tashkent".to_owned()
}

impl CampaignFields {
    /// A campaign of this name and occasion to everybody, at once and by e-mail; all else as JSON that leaves it out.
    #[must_use]
    pub fn new(name: &str, occasion_type: Occasion) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            occasion_type,
            audience: Audience::everybody(),
            schedule: Schedule::Immediate,
            channel: "email".to_owned(),
            fallback_channels: Vec::new(),
            time_zone: default_zone(),
            template_id: None,
            tone: None,
            custom_context: None,
            when_unavailable: WhenUnavailable::default(),
            drafting: Drafting::default(),
            sending_times: SendingTimes::default(),
            spread_minutes: 0,
            variants: None,
        }
    }

    /// The variant of that name; none where there are none.
    #[must_use]
    pub fn arm(&self, variant: Option<&str>) -> Option<&Arm> {
        let name = variant?;
        let mut arms = self.variants.as_ref()?.arms.iter();
        arms.find(|arm| arm.name == name)
    }

    /// The template that a variant's texts are made from.
    #[must_use]
    pub fn template_of(&self, variant: Option<&str>) -> Option<TemplateId> {
        let own = self.arm(variant).and_then(|arm| arm.template_id);
        own.or(self.template_id)
    }

    /// All templates that its texts may be made from.
    pub fn templates(&self) -> impl Iterator<Item = TemplateId> {
        let arms = self.variants.iter().flat_map(|variants| &variants.arms);
        self.template_id
            .into_iter()
            .chain(arms.filter_map(|arm| arm.template_id))
    }

    /// Whether a model writes any of its texts.
    #[must_use]
    pub fn asks_model(&self) -> bool {
        let arms = self.variants.iter().flat_map(|variants| &variants.arms);
        let mut arms = arms.map(|arm| arm.template_id).peekable();
        self.template_id.is_none() && (arms.peek().is_none() || arms.any(|own| own.is_none()))
    }

    /// The tone of a variant.
    #[must_use]
    pub fn tone_of(&self, variant: Option<&str>) -> Option<&str> {
        let own = self.arm(variant).and_then(|arm| arm.tone.as_deref());
        own.or(self.tone.as_deref())
    }

    /// What a variant is about.
    #[must_use]
    pub fn context_of(&self, variant: Option<&str>) -> Option<&str> {
        let arm = self.arm(variant);
        let own = arm.and_then(|arm| arm.custom_context.as_deref());
        own.or(self.custom_context.as_deref())
    }

    /// All its channels, in its own order.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        let fallback = self.fallback_channels.iter().map(String::as_str);
        std::iter::once(self.channel.as_str()).chain(fallback)
    }
}

impl fmt::Debug for CampaignFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CampaignFields(..)")
    }
}

/// A stored campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Tenant.
    pub workspace: Workspace,
    /// Id.
    pub id: CampaignId,
    /// Grows by one with every change of settings or status.
    pub version: u64,
    /// What was set.
    #[serde(flatten)]
    pub fields: CampaignFields,
    /// Where it stands.
    pub status: CampaignStatus,
    /// Plans and drafts, never dispatches.
    pub test_mode: bool,
    /// The run in progress, for example `2026-11-24T09:00Z`.
    pub occurrence: Option<String>,
    /// The last contact planned in this run; planning goes on behind it after a crash.
    pub plan_cursor: Option<ContactId>,
    /// Whether the audience of this run is planned to the end.
    pub planned: bool,
    /// Why its lines wait to be drafted, if they do; see [`WhenUnavailable::Wait`].
    #[serde(default)]
    pub waiting: Option<Waiting>,
    /// When the next run begins.
    pub next_run_at: Option<DateTime<Utc>>,
    /// Actor who created it.
    pub created_by: String,
    /// Creation.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// One line of a plan: who, when, how, or why not. Unique per campaign, occurrence and contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRow {
    /// Campaign.
    pub campaign_id: CampaignId,
    /// Run.
    pub occurrence: String,
    /// Contact.
    pub contact_id: ContactId,
    /// Channel name; the campaign's first one when excluded.
    pub channel: String,
    /// When it is to leave; `None` when excluded.
    pub send_at: Option<DateTime<Utc>>,
    /// The same instant as the recipient's clock shows it (`2026-11-24T09:00:00`).
    pub local_time: Option<String>,
    /// The recipient's IANA zone.
    pub time_zone: String,
    /// Why this contact gets nothing: `no_address`, `bad_address`, `no_consent`,
    /// `suppressed`, `erased`, `window_closed`, `quiet_hours`, `no_sending_time`, `holidays_unknown`, `too_late`, `holdout` (see
    /// [`planner`]), `template_value_missing`, `text_not_sendable` (empty, or longer than the channel takes).
    /// With several channels none of them may be written to, and this is the first one's reason.
    pub excluded: Option<String>,
    /// Which of the campaign's [variants](split::Variants) it is; `None` when excluded, and where there are none.
    pub variant: Option<String>,
    /// The message, once drafted.
    pub message_id: Option<MessageId>,
    /// The [batch](crate::draft_batch) that drafts it, or did.
    pub batch_id: Option<DraftBatchId>,
}
