//! How clients write a campaign, and the short form of an audience.

use chrono::{DateTime, Utc};
use crm_core::audience::Audience;
use crm_core::campaign::{Campaign, CampaignFields, Schedule};
use crm_core::id::TemplateId;
use crm_core::message::Occasion;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Problem;
use crate::extract::typed;
use crate::views;

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignBody {
    name: String,
    description: Option<String>,
    #[schema(value_type = String)]
    occasion_type: Occasion,
    /// `{"segment": "VIP"}`, `{"segments": [..], "language": "ru", "tags": [..]}` or an expression of
    /// `and`, `or`, `not`, ...
    #[serde(default)]
    segment_filter: Option<Value>,
    /// `immediate`, `scheduled`, `recurring` or `birthday`.
    #[serde(default = "immediate")]
    schedule_type: String,
    scheduled_at: Option<DateTime<Utc>>,
    /// Five-field cron expression.
    recurrence_rule: Option<String>,
    /// Whether `scheduled_at` is each recipient's own wall time.
    #[serde(default)]
    local_time: bool,
    /// Hour of `birthday` schedules; 9 unless set.
    hour: Option<u32>,
    channel: Option<String>,
    time_zone: Option<String>,
    template_id: Option<Uuid>,
    tone: Option<String>,
    custom_context: Option<String>,
}

fn immediate() -> String {
    "immediate".to_owned()
}

impl CampaignBody {
    /// The body that would make this campaign.
    pub(super) fn of(campaign: &Campaign) -> Value {
        let fields = &campaign.fields;
        let (kind, at, rule) = views::schedule(&fields.schedule);
        let hour = match fields.schedule {
            Schedule::Birthday { hour } => Some(hour),
            _ => None,
        };
        json!({
            "name": fields.name,
            "description": fields.description,
            "occasion_type": fields.occasion_type,
            "segment_filter": fields.audience,
            "schedule_type": kind,
            "scheduled_at": at,
            "recurrence_rule": rule,
            "local_time": matches!(fields.schedule, Schedule::Scheduled { local_time: true, .. }),
            "hour": hour,
            "channel": fields.channel,
            "time_zone": fields.time_zone,
            "template_id": fields.template_id,
            "tone": fields.tone,
            "custom_context": fields.custom_context,
        })
    }

    pub(super) fn fields(self) -> Result<CampaignFields, Problem> {
        let time_zone = self.time_zone.unwrap_or_else(|| "Asia/Tashkent".to_owned());
        let schedule = match self.schedule_type.as_str() {
            "immediate" => Schedule::Immediate,
            "scheduled" => Schedule::Scheduled {
                at: self
                    .scheduled_at
                    .ok_or_else(|| Problem::invalid("scheduled_at", "say when it is to run"))?,
                local_time: self.local_time,
            },
            "recurring" => Schedule::Recurring {
                cron: self
                    .recurrence_rule
                    .ok_or_else(|| Problem::invalid("recurrence_rule", "give a cron expression"))?,
                time_zone: time_zone.clone(),
            },
            "birthday" => Schedule::Birthday {
                hour: self.hour.unwrap_or(9),
            },
            _ => {
                return Err(Problem::invalid(
                    "schedule_type",
                    "use immediate, scheduled, recurring or birthday",
                ));
            }
        };
        Ok(CampaignFields {
            name: self.name,
            description: self.description,
            occasion_type: self.occasion_type,
            audience: audience(self.segment_filter)?,
            schedule,
            channel: self.channel.unwrap_or_else(|| "email".to_owned()),
            time_zone,
            template_id: self.template_id.map(TemplateId),
            tone: self.tone,
            custom_context: self.custom_context,
        })
    }
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

/// The audience behind a filter: the full expression, or the short form in which all parts hold.
pub(super) fn audience(filter: Option<Value>) -> Result<Audience, Problem> {
    let Some(value) = filter.filter(|value| !value.is_null()) else {
        return Ok(Audience::everybody());
    };
    if let Ok(audience) = serde_json::from_value::<Audience>(value.clone()) {
        return Ok(audience);
    }
    let short: Short = typed(value).map_err(|_| {
        Problem::invalid(
            "segment_filter",
            "use segment, segments, language, tag and tags, or an expression of and, or, not",
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
    all.extend(
        short
            .tags
            .unwrap_or_default()
            .into_iter()
            .map(Audience::Tag),
    );
    Ok(Audience::And(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
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
        assert!(audience(Some(json!({"colour": "red"}))).is_err());
        assert!(audience(Some(json!([1]))).is_err());
    }
}
