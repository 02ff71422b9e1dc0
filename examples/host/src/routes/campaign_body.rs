//! How clients write a campaign, and the short form of an audience.

use chrono::{DateTime, Utc};
use crm_core::audience::Audience;
use crm_core::campaign::dates::{DateRule, LeapDay, Repeat};
use crm_core::campaign::recurrence::Rule;
use crm_core::campaign::{Campaign, CampaignFields, Drafting, Schedule, WhenUnavailable};
use crm_core::generation::Tone;
use crm_core::id::TemplateId;
use crm_core::message::Occasion;
use crm_core::zone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::contacts::set;
use crate::error::Problem;
use crate::extract::{Given, given};
use crate::names::{
    DateRepeatName, DraftingName, LeapDayName, OccasionName, ToneName, WhenUnavailableName,
};
use crate::views::{SendingTimesView, Times, VariantsView, schedule_of};

/// What a campaign is to do. A field that is left out of a change stays as it is; `null` clears it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CampaignBody {
    /// 1 to 200 characters; a new campaign needs it.
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Given<String>,
    /// A new campaign needs it.
    #[schema(value_type = Option<OccasionName>)]
    occasion_type: Option<Occasion>,
    /// `{"segment": "VIP"}`, `{"segments": [..], "language": "ru", "tags": [..]}`, an expression of `and`, `or`,
    /// `not`, ... (`GET /api/audiences/schema` describes it), or a text such as `segment = VIP and not has email`;
    /// everybody unless set.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Value>, example = json!({"segment": "VIP"}))]
    segment_filter: Given<Value>,
    /// `immediate`, `scheduled`, `recurring` or `date`; `immediate` unless set.
    schedule_type: Option<Kind>,
    /// Needed by `scheduled`, and by a recurrence rule of RFC 5545: the moment it starts at.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    scheduled_at: Given<DateTime<Utc>>,
    /// Needed by `recurring`: a five-field cron expression, or a rule of RFC 5545 such as `FREQ=MONTHLY;BYDAY=-1FR`, which
    /// comes due at the time of day of `scheduled_at`.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "0 9 * * 1")]
    recurrence_rule: Given<String>,
    /// Whether `scheduled_at` is each recipient's own wall time.
    local_time: Option<bool>,
    /// Local hour of `date` schedules; 9 unless set.
    #[schema(minimum = 0, maximum = 23)]
    hour: Option<u32>,
    /// Of `date` schedules: `birthday`, or a custom field that holds days; `birthday` unless set.
    #[schema(min_length = 1, max_length = 100)]
    date_field: Option<String>,
    /// Of `date` schedules: how often the date comes; `yearly` unless set.
    #[schema(value_type = Option<DateRepeatName>)]
    date_repeat: Option<Repeat>,
    /// Of `date` schedules: days from the date to the message, negative before it; 0 unless set.
    #[schema(minimum = -366, maximum = 366)]
    offset_days: Option<i32>,
    /// Of `date` schedules: when somebody born on 29 February is written to in other years; `feb_28` unless set.
    #[schema(value_type = Option<LeapDayName>)]
    leap_day: Option<LeapDay>,
    /// Of `date` schedules: how many days before it leaves a message is drafted; 1 unless set.
    #[schema(minimum = 0, maximum = 60)]
    ahead_days: Option<u32>,
    /// Channel name; `email` unless set.
    channel: Option<String>,
    /// Channels for those whom `channel` does not reach, best first. Each person is written to once, on the first
    /// of all of them that may be used, their own preferred ones before the others.
    #[schema(max_items = 20)]
    fallback_channels: Option<Vec<String>>,
    /// When its messages may leave by the recipients' clocks; always unless set.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<SendingTimesView>)]
    sending_times: Given<SendingTimesView>,
    /// Minutes over which its messages are spread, each person at a moment of their own; 0 unless set.
    #[schema(maximum = 10080)]
    spread_minutes: Option<u32>,
    /// Texts that are tried against each other.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<VariantsView>)]
    variants: Given<VariantsView>,
    /// IANA zone of recipients who have none; `Asia/Tashkent` unless set.
    time_zone: Option<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    template_id: Given<Uuid>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<ToneName>)]
    tone: Given<Tone>,
    /// What the messages are about.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 500)]
    custom_context: Given<String>,
    /// `fallback` (a template or a greeting stands in) or `wait`; `fallback` unless set.
    #[schema(value_type = Option<WhenUnavailableName>)]
    when_unavailable: Option<WhenUnavailable>,
    /// `now`, or `batch` (in jobs of the provider, within a day, for about half the price); `now` unless set.
    #[schema(value_type = Option<DraftingName>)]
    drafting: Option<Drafting>,
    /// Only for a change: the version it was made for; any other is refused.
    pub(super) version: Option<u64>,
}

/// When a campaign writes.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScheduleType)]
enum Kind {
    Immediate,
    Scheduled,
    Recurring,
    Date,
}

impl Kind {
    const ALL: [(&'static str, Self); 4] = [
        ("immediate", Self::Immediate),
        ("scheduled", Self::Scheduled),
        ("recurring", Self::Recurring),
        ("date", Self::Date),
    ];
}

impl CampaignBody {
    /// A new campaign.
    pub(super) fn create(self) -> Result<CampaignFields, Problem> {
        if self.version.is_some() {
            return Err(Problem::invalid("version", "a new campaign has none"));
        }
        let missing = |field: &str| Problem::invalid(field, "missing field");
        let mut fields = CampaignFields {
            name: self.name.clone().ok_or_else(|| missing("name"))?,
            ..CampaignFields::new(
                "",
                self.occasion_type.ok_or_else(|| missing("occasion_type"))?,
            )
        };
        self.put_into(&mut fields)?;
        Ok(fields)
    }

    /// The settings of a campaign after this change.
    pub(super) fn change(self, campaign: &Campaign) -> Result<CampaignFields, Problem> {
        let mut fields = campaign.fields.clone();
        self.put_into(&mut fields)?;
        Ok(fields)
    }

    fn put_into(self, fields: &mut CampaignFields) -> Result<(), Problem> {
        set(&mut fields.name, self.name);
        set(&mut fields.description, self.description);
        set(&mut fields.occasion_type, self.occasion_type);
        if let Some(filter) = self.segment_filter {
            fields.audience = audience(filter)?;
        }
        set(&mut fields.channel, self.channel);
        set(&mut fields.fallback_channels, self.fallback_channels);
        set(&mut fields.time_zone, self.time_zone);
        set(&mut fields.spread_minutes, self.spread_minutes);
        if let Some(times) = self.sending_times {
            let times = times.map(SendingTimesView::read).transpose()?;
            fields.sending_times = times.unwrap_or_default();
        }
        if let Some(variants) = self.variants {
            fields.variants = variants.map(VariantsView::read);
        }
        let template = self.template_id.map(|id| id.map(TemplateId));
        set(&mut fields.template_id, template);
        let tone = self
            .tone
            .map(|tone| tone.map(|tone| tone.as_str().to_owned()));
        set(&mut fields.tone, tone);
        set(&mut fields.custom_context, self.custom_context);
        set(&mut fields.when_unavailable, self.when_unavailable);
        set(&mut fields.drafting, self.drafting);

        let mut times = schedule_of(&fields.schedule);
        set(&mut times.at, self.scheduled_at);
        set(&mut times.rule, self.recurrence_rule);
        set(&mut times.local_time, self.local_time);
        let mut rule = times.date.take().unwrap_or_else(|| DateRule::birthday(9));
        set(&mut rule.hour, self.hour);
        set(&mut rule.field, self.date_field);
        set(&mut rule.repeat, self.date_repeat);
        set(&mut rule.offset_days, self.offset_days);
        set(&mut rule.leap_day, self.leap_day);
        set(&mut rule.ahead_days, self.ahead_days);
        times.date = Some(rule);
        let before = Kind::ALL.into_iter().find(|(name, _)| *name == times.kind);
        let kind = self.schedule_type.or(before.map(|(_, kind)| kind));
        fields.schedule = schedule(kind.unwrap_or(Kind::Immediate), times, &fields.time_zone)?;
        Ok(())
    }
}

/// A cron expression, or a rule with its start.
fn recurring(times: Times, time_zone: &str) -> Result<Schedule, Problem> {
    let missing = || Problem::invalid("recurrence_rule", "give a cron expression or a rule");
    let rule = times.rule.ok_or_else(missing)?;
    let time_zone = time_zone.to_owned();
    // Every rule has a part such as FREQ=DAILY, no cron expression has one.
    if !rule.contains('=') {
        return Ok(Schedule::Recurring {
            cron: rule,
            time_zone,
        });
    }
    let starts = || Problem::invalid("scheduled_at", "say when the rule starts");
    let at = times.at.ok_or_else(starts)?;
    Ok(Schedule::Rule {
        rule: Rule::parse(&rule)?,
        starts: zone::local(at, zone::parse(&time_zone)?),
        time_zone,
    })
}

/// Settings that the kind of schedule does not use are left out.
fn schedule(kind: Kind, times: Times, time_zone: &str) -> Result<Schedule, Problem> {
    Ok(match kind {
        Kind::Immediate => Schedule::Immediate,
        Kind::Scheduled => Schedule::Scheduled {
            at: times
                .at
                .ok_or_else(|| Problem::invalid("scheduled_at", "say when it is to run"))?,
            local_time: times.local_time,
        },
        Kind::Recurring => recurring(times, time_zone)?,
        Kind::Date => Schedule::Date(times.date.unwrap_or_else(|| DateRule::birthday(9))),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Short {
    segment: Option<String>,
    segments: Option<Vec<String>>,
    language: Option<String>,
    tag: Option<String>,
    tags: Option<Vec<String>>,
}

fn audience(filter: Option<Value>) -> Result<Audience, Problem> {
    audience_in("segment_filter", filter)
}

/// The audience in this field: a text, the full expression, or the short form in which all parts hold.
pub(super) fn audience_in(field: &str, filter: Option<Value>) -> Result<Audience, Problem> {
    let Some(value) = filter.filter(|value| !value.is_null()) else {
        return Ok(Audience::everybody());
    };
    if let Value::String(text) = &value {
        return Audience::from_text(text).map_err(|error| {
            let told = error.fields().first().map(|field| field.message.as_str());
            Problem::invalid(field, told.unwrap_or("it cannot be read"))
        });
    }
    if let Ok(audience) = serde_json::from_value::<Audience>(value.clone()) {
        return Ok(audience);
    }
    let short: Short = serde_json::from_value(value).map_err(|_| {
        Problem::invalid(
            field,
            "use segment, segments, language, tag and tags, an expression of and, or, not, or a text",
        )
    })?;
    let mut all: Vec<Audience> = short.segment.map(Audience::Segment).into_iter().collect();
    if let Some(segments) = short.segments.filter(|segments| !segments.is_empty()) {
        all.push(Audience::Or(
            segments.into_iter().map(Audience::Segment).collect(),
        ));
    }
    all.extend(short.language.map(Audience::Language));
    all.extend(short.tag.map(Audience::Tag));
    let tags = short.tags.unwrap_or_default();
    all.extend(tags.into_iter().map(Audience::Tag));
    Ok(Audience::And(all))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::views::audience_of;

    #[test]
    fn reads_both_forms_and_shows_the_short_one() {
        assert_eq!(audience(Some(json!({}))).unwrap(), Audience::everybody());
        assert_eq!(
            audience(Some(json!({"segment": "VIP"}))).unwrap(),
            Audience::Segment("VIP".into())
        );
        let short = json!({"segments": ["VIP", "partner"], "language": "ru"});
        let expected = Audience::And(vec![
            Audience::Or(vec![
                Audience::Segment("VIP".into()),
                Audience::Segment("partner".into()),
            ]),
            Audience::Language("ru".into()),
        ]);
        assert_eq!(audience(Some(short)).unwrap(), expected);
        let text = json!("segment in (VIP, partner) and language = ru");
        assert_eq!(audience(Some(text)).unwrap(), expected);
        assert!(audience(Some(json!("VIP"))).is_err());
        assert!(audience(Some(json!({"colour": "red"}))).is_err());
        assert!(audience(Some(json!([1]))).is_err());
        for filter in [
            json!({}),
            json!({"segment": "VIP"}),
            json!({"segments": ["VIP", "partner"], "language": "ru", "tags": ["a", "b"]}),
            json!({"not": {"tag": "gold"}}),
            json!({"and": [{"segment": "a"}, {"segment": "b"}]}),
        ] {
            let read = audience(Some(filter.clone())).unwrap();
            assert_eq!(audience_of(&read), filter);
        }
    }
}
