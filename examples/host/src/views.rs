//! What rows look like to clients.

use chrono::SecondsFormat;
use crm_core::Role;
use crm_core::campaign::{Campaign, Schedule};
use crm_core::engine::CampaignStats;
use crm_core::message::history::StoredEvent;
use crm_core::message::lifecycle::{Event, allowed_actions};
use crm_core::message::{Message, Revision};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A row as JSON; the engine's own field names.
pub(crate) fn row(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// US dollars from 10^-12 dollars, exact to the last digit.
pub(crate) fn dollars(picodollars: u64) -> String {
    let (whole, rest) = (
        picodollars / 1_000_000_000_000,
        picodollars % 1_000_000_000_000,
    );
    let text = format!("{whole}.{rest:012}");
    let short = text.trim_end_matches('0');
    let decimals = short.split('.').nth(1).map_or(0, str::len);
    format!("{short}{}", "0".repeat(2_usize.saturating_sub(decimals)))
}

pub(crate) fn message(message: &Message, role: Role) -> Value {
    let about = &message.metadata;
    let mut metadata = row(about);
    metadata.remove("cost_picodollars");
    metadata.insert(
        "total_tokens".into(),
        json!(about.input_tokens + about.output_tokens),
    );
    metadata.insert("cost_usd".into(), json!(dollars(about.cost_picodollars)));
    metadata.insert("occasion_type".into(), json!(message.occasion));
    let actions: Vec<&str> = allowed_actions(message.status, role)
        .into_iter()
        .map(Event::as_str)
        .collect();
    json!({
        "id": message.id,
        "contact_id": message.contact_id,
        "campaign_id": message.campaign_id,
        "occasion_type": message.occasion,
        "channel": message.channel,
        "recipient": message.recipient,
        "subject": message.revision.subject,
        "content": message.revision.content,
        "format": message.revision.format,
        "status": message.status,
        "version": message.version,
        "digest": message.digest,
        "generated_by": message.generated_by,
        "created_by": message.created_by,
        "approved_by": message.approved_by,
        "approved_at": message.approved_at,
        "sent_at": message.sent_at,
        "scheduled_for": message.scheduled_for,
        "expires_at": message.expires_at,
        "metadata": metadata,
        "allowed_actions": actions,
        "attempts": message.attempts,
        "failure": message.failure,
        "findings": [],
        "test_mode": message.test_mode,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
    })
}

/// A message's history, newest first, with the text before and after each change of it.
pub(crate) fn history(events: &[StoredEvent], revisions: &[Revision]) -> Vec<Value> {
    let text = |number: Option<u32>| {
        number
            .and_then(|n| revisions.iter().find(|r| r.number == n))
            .map(|r| r.content.as_str())
    };
    let mut last: Option<u32> = None;
    let mut lines = Vec::with_capacity(events.len());
    for stored in events {
        let event = &stored.event;
        let changed = event.revision.is_some() && event.revision != last;
        lines.push(json!({
            "id": event.id,
            "message_id": event.subject_id,
            "action": event.action,
            "user_id": event.actor,
            "role": event.role,
            "old_content": if changed { text(last) } else { None },
            "new_content": if changed { text(event.revision) } else { None },
            "created_at": event.at,
            "reason": event.reason,
            "status": event.status,
            "version": event.version,
            "digest": event.digest,
            "hash": stored.seal.map(|seal| seal.hash),
            "prev_hash": stored.seal.map(|seal| seal.prev_hash),
        }));
        last = event.revision.or(last);
    }
    lines.reverse();
    lines
}

pub(crate) fn campaign(campaign: &Campaign, stats: CampaignStats) -> Value {
    let mut map = row(campaign);
    let filter = map.remove("audience");
    let (kind, at, rule) = schedule(&campaign.fields.schedule);
    map.insert("segment_filter".into(), filter.unwrap_or_default());
    map.insert("schedule_type".into(), json!(kind));
    map.insert("scheduled_at".into(), json!(at));
    map.insert("recurrence_rule".into(), json!(rule));
    let local = matches!(
        campaign.fields.schedule,
        Schedule::Scheduled {
            local_time: true,
            ..
        }
    );
    map.insert("local_time".into(), json!(local));
    map.insert("stats".into(), json!(stats));
    Value::Object(map)
}

/// Type, instant and rule of a schedule.
pub(crate) fn schedule(schedule: &Schedule) -> (&'static str, Option<String>, Option<String>) {
    match schedule {
        Schedule::Immediate => ("immediate", None, None),
        Schedule::Scheduled { at, .. } => (
            "scheduled",
            Some(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None,
        ),
        Schedule::Recurring { cron, .. } => ("recurring", None, Some(cron.clone())),
        Schedule::Birthday { .. } => ("birthday", None, None),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn dollars_are_exact() {
        for (pico, text) in [
            (0, "0.00"),
            (1, "0.000000000001"),
            (1_230_000_000_000, "1.23"),
            (500_000_000_000, "0.50"),
            (10_000_000_000_000, "10.00"),
            (123_450_000, "0.00012345"),
        ] {
            assert_eq!(super::dollars(pico), text);
        }
    }
}
