//! Campaigns and their plans.

use chrono::{DateTime, Utc};
use crm_core::audience::Audience;
use crm_core::campaign::dates::DateRule;
use crm_core::campaign::{
    Campaign, CampaignAction, CampaignStatus, Drafting, PlanRow, Schedule, WhenUnavailable,
};
use crm_core::contact::Contact;
use crm_core::engine::CampaignStats;
use crm_core::message::{Message, Occasion};
use crm_core::money::dollars;
use crm_core::zone;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::sending::{SendingTimesView, VariantsView};
use crate::names::{
    CampaignActionName, CampaignStatusName, DateRepeatName, DraftingName, LeapDayName,
    OccasionName, WhenUnavailableName,
};

/// Why nothing of a campaign is drafted for now.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignWaiting)]
pub(crate) struct WaitingView {
    /// A code, for example `http_529` or `over_budget`.
    reason: String,
    since: DateTime<Utc>,
}

/// Messages to an audience.
#[derive(Serialize, ToSchema)]
#[schema(as = Campaign)]
pub(crate) struct CampaignView {
    id: Uuid,
    name: String,
    description: Option<String>,
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    /// The short form where it can say it, else the full audience expression.
    #[schema(value_type = Object)]
    segment_filter: Value,
    /// The audience as text, as people write it; `segment_filter` takes it, too.
    #[schema(example = "segment = VIP and not has email")]
    audience: String,
    /// `immediate`, `scheduled`, `recurring` or `date`.
    schedule_type: &'static str,
    scheduled_at: Option<DateTime<Utc>>,
    recurrence_rule: Option<String>,
    /// Whether `scheduled_at` is each recipient's own wall time.
    local_time: bool,
    /// Local hour of `date` schedules.
    hour: Option<u32>,
    /// Of `date` schedules: `birthday`, or a custom field that holds days.
    date_field: Option<String>,
    /// Of `date` schedules: how often the date comes.
    #[schema(value_type = Option<DateRepeatName>)]
    date_repeat: Option<&'static str>,
    /// Of `date` schedules: days from the date to the message, negative before it.
    offset_days: Option<i32>,
    /// Of `date` schedules: what stands in for 29 February.
    #[schema(value_type = Option<LeapDayName>)]
    leap_day: Option<&'static str>,
    /// Of `date` schedules: how many days before it leaves a message is drafted.
    ahead_days: Option<u32>,
    channel: String,
    /// Channels for those whom `channel` does not reach, best first.
    fallback_channels: Vec<String>,
    time_zone: String,
    sending_times: SendingTimesView,
    /// Minutes over which its messages are spread.
    spread_minutes: u32,
    /// The texts that are tried against each other; null without.
    variants: Option<VariantsView>,
    template_id: Option<Uuid>,
    tone: Option<String>,
    custom_context: Option<String>,
    #[schema(value_type = WhenUnavailableName)]
    when_unavailable: WhenUnavailable,
    #[schema(value_type = DraftingName)]
    drafting: Drafting,
    /// Why nothing of it is drafted for now; null when it does not wait.
    waiting: Option<WaitingView>,
    #[schema(value_type = CampaignStatusName)]
    status: CampaignStatus,
    /// Plans and drafts, never sends.
    test_mode: bool,
    next_run_at: Option<DateTime<Utc>>,
    /// What the caller may do with it now.
    #[schema(value_type = Vec<CampaignActionName>)]
    allowed_actions: Vec<&'static str>,
    stats: Stats,
    version: u64,
    created_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A campaign's figures.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignStats)]
struct Stats {
    /// Messages drafted.
    generated_count: i64,
    /// Sent or delivered.
    sent_count: i64,
    failed_count: i64,
    /// Rejected, cancelled or expired.
    ended_count: i64,
}

/// The parts of a schedule as clients name them.
pub(crate) struct Times {
    pub(crate) kind: &'static str,
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) rule: Option<String>,
    pub(crate) local_time: bool,
    pub(crate) date: Option<DateRule>,
}

pub(crate) fn schedule_of(schedule: &Schedule) -> Times {
    let times = Times {
        kind: "immediate",
        at: None,
        rule: None,
        local_time: false,
        date: None,
    };
    match schedule {
        Schedule::Immediate => times,
        Schedule::Scheduled { at, local_time } => Times {
            kind: "scheduled",
            at: Some(*at),
            local_time: *local_time,
            ..times
        },
        Schedule::Recurring { cron, .. } => Times {
            kind: "recurring",
            rule: Some(cron.clone()),
            ..times
        },
        Schedule::Rule {
            rule,
            starts,
            time_zone,
        } => Times {
            kind: "recurring",
            at: zone::parse(time_zone)
                .ok()
                .map(|zone| zone::instant(*starts, zone)),
            rule: Some(rule.as_str().to_owned()),
            ..times
        },
        Schedule::Date(rule) => Times {
            kind: "date",
            date: Some(rule.clone()),
            ..times
        },
    }
}

/// The audience in the short form where that says the same, else the expression.
pub(crate) fn audience_of(audience: &Audience) -> Value {
    short(audience).unwrap_or_else(|| json!(audience))
}

fn short(audience: &Audience) -> Option<Value> {
    let parts = match audience {
        Audience::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut map = Map::new();
    let mut tags = Vec::new();
    for part in parts {
        let (key, value) = match part {
            Audience::Segment(name) => ("segment", json!(name)),
            Audience::Language(name) => ("language", json!(name)),
            Audience::Tag(name) => {
                tags.push(json!(name));
                continue;
            }
            Audience::Or(any) => {
                let names: Option<Vec<&str>> = any
                    .iter()
                    .map(|one| match one {
                        Audience::Segment(name) => Some(name.as_str()),
                        _ => None,
                    })
                    .collect();
                ("segments", json!(names.filter(|names| !names.is_empty())?))
            }
            _ => return None,
        };
        if map.insert(key.to_owned(), value).is_some() {
            return None;
        }
    }
    if !tags.is_empty() {
        map.insert("tags".to_owned(), Value::Array(tags));
    }
    Some(Value::Object(map))
}

impl CampaignView {
    /// As a caller sees it who may change campaigns, or may not.
    pub(crate) fn of(campaign: &Campaign, stats: CampaignStats, may_write: bool) -> Self {
        let fields = campaign.fields.clone();
        let times = schedule_of(&fields.schedule);
        let date = times.date.as_ref();
        Self {
            id: campaign.id.0,
            name: fields.name,
            description: fields.description,
            occasion_type: fields.occasion_type,
            segment_filter: audience_of(&fields.audience),
            audience: fields.audience.to_text(),
            schedule_type: times.kind,
            scheduled_at: times.at,
            recurrence_rule: times.rule,
            local_time: times.local_time,
            hour: date.map(|rule| rule.hour),
            date_field: date.map(|rule| rule.field.clone()),
            date_repeat: date.map(|rule| rule.repeat.as_str()),
            offset_days: date.map(|rule| rule.offset_days),
            leap_day: date.map(|rule| rule.leap_day.as_str()),
            ahead_days: date.map(|rule| rule.ahead_days),
            channel: fields.channel,
            fallback_channels: fields.fallback_channels,
            time_zone: fields.time_zone,
            sending_times: SendingTimesView::of(&fields.sending_times),
            spread_minutes: fields.spread_minutes,
            variants: fields.variants.as_ref().map(VariantsView::of),
            template_id: fields.template_id.map(|id| id.0),
            tone: fields.tone,
            custom_context: fields.custom_context,
            when_unavailable: fields.when_unavailable,
            drafting: fields.drafting,
            waiting: campaign.waiting.as_ref().map(|waiting| WaitingView {
                reason: waiting.reason.clone(),
                since: waiting.since,
            }),
            status: campaign.status,
            test_mode: campaign.test_mode,
            next_run_at: campaign.next_run_at,
            allowed_actions: CampaignAction::ALL
                .into_iter()
                .filter(|action| may_write && action.from().contains(&campaign.status))
                // What was drafted stays: it can be called off alone.
                .filter(|action| *action != CampaignAction::Delete || stats.generated_count == 0)
                .map(CampaignAction::as_str)
                .collect(),
            stats: Stats {
                generated_count: stats.generated_count,
                sent_count: stats.sent_count,
                failed_count: stats.failed_count,
                ended_count: stats.ended_count,
            },
            version: campaign.version,
            created_by: campaign.created_by.clone(),
            created_at: campaign.created_at,
            updated_at: campaign.updated_at,
        }
    }
}

/// Who gets what when, or why not.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanLine {
    pub(crate) contact_id: Uuid,
    /// Null once the contact was erased.
    pub(crate) contact_name: Option<String>,
    /// The run, for example `2026-11-24`.
    occurrence: String,
    /// When it is to leave; null when excluded.
    send_at: Option<DateTime<Utc>>,
    /// The same instant as the recipient's clock shows it.
    #[schema(example = "2026-11-24T09:00:00")]
    pub(crate) local_time: Option<String>,
    pub(crate) time_zone: String,
    pub(crate) channel: String,
    /// Which of the campaign's variants; `A` where there is one text only, null when excluded.
    pub(crate) variant: Option<String>,
    /// What drafting costs, as an exact decimal number of US dollars: what it did cost once drafted,
    /// 0.00 for a template or without a model; null when excluded or not known before the draft.
    pub(crate) estimated_cost: Option<String>,
    excluded: bool,
    /// Why this contact gets nothing.
    pub(crate) reason: Option<String>,
    /// The message, once drafted.
    pub(crate) message_id: Option<Uuid>,
    /// The batch it is, or was, drafted in (`GET /api/campaigns/{id}/batches`).
    batch_id: Option<Uuid>,
}

impl PlanLine {
    /// A line with its message, once there is one; `free` when drafting it calls no model.
    pub(crate) fn of(
        row: &PlanRow,
        contact: Option<&Contact>,
        message: Option<&Message>,
        free: bool,
    ) -> Self {
        let excluded = row.excluded.is_some();
        let cost = match message {
            Some(message) => Some(message.metadata.cost_picodollars),
            None => (free && !excluded).then_some(0),
        };
        Self {
            contact_id: row.contact_id.0,
            contact_name: contact.map(|contact| contact.name.clone()),
            occurrence: row.occurrence.clone(),
            send_at: row.send_at,
            local_time: row.local_time.clone(),
            time_zone: row.time_zone.clone(),
            channel: row.channel.clone(),
            variant: (!excluded).then(|| row.variant.clone().unwrap_or_else(|| "A".to_owned())),
            estimated_cost: cost.map(|cost| dollars(cost.into())),
            excluded,
            reason: row.excluded.clone(),
            message_id: row.message_id.map(|id| id.0),
            batch_id: row.batch_id.map(|id| id.0),
        }
    }
}
