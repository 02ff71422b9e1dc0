//! What codes mean, in words for a person who has never seen them.

use chrono::NaiveDateTime;
use crm_core::campaign::{Campaign, CampaignStatus, Schedule};
use crm_core::engine::CostBasis;
use crm_core::message::Status;
use crm_core::zone;

/// Why a contact gets nothing. A code that is not known stands for itself.
pub(super) fn reason(code: &str) -> String {
    let words = match code {
        "no_address" => "no address for this channel",
        "bad_address" => "the address is not one that this channel can use",
        "no_consent" => "no consent for this channel",
        "suppressed" => "the address is suppressed",
        "erased" => "the person was erased",
        "window_closed" => "did not write lately, and this channel only answers",
        "quiet_hours" => "would come outside the sending times",
        "no_sending_time" => "the sending times leave no moment within a year",
        "holidays_unknown" => "the holidays of that time are not known",
        "too_late" => "the day would be over",
        "holdout" => "held back, to compare with",
        "template_value_missing" => "the template needs a value that this contact lacks",
        "text_not_sendable" => "the text is empty, or too long for the channel",
        other => return other.replace('_', " "),
    };
    words.to_owned()
}

/// Where a line of a plan stands: that of its message, once there is one.
pub(super) const fn state(message: Option<Status>) -> &'static str {
    match message {
        None => "not written yet",
        Some(Status::Draft) => "draft",
        Some(Status::PendingApproval) => "waits for approval",
        Some(Status::Approved) => "approved",
        Some(Status::Claimed | Status::Sending) => "being sent",
        Some(Status::Sent) => "sent",
        Some(Status::Delivered) => "delivered",
        Some(Status::Failed) => "failed",
        Some(Status::Uncertain) => "uncertain: nobody knows whether it was sent",
        Some(Status::Rejected) => "rejected",
        Some(Status::Cancelled) => "called off",
        Some(Status::Expired) => "expired",
    }
}

/// What an estimate of costs rests on.
pub(super) const fn basis(basis: CostBasis) -> &'static str {
    match basis {
        CostBasis::Campaign => "by its own drafts so far",
        CostBasis::Workspace => "by the drafts of the last thirty days",
        CostBasis::Bound => "by the most that a draft can cost",
        CostBasis::NoModel => "no model is asked",
        CostBasis::Unknown => "what a draft costs is not known",
    }
}

/// A wall time, such as `Tue 24 Nov 2026 09:00`.
pub(super) fn wall(time: NaiveDateTime) -> String {
    time.format("%a %-d %b %Y %H:%M").to_string()
}

/// The same of a line of a plan (`2026-11-24T09:00:00`).
pub(super) fn local(time: &str) -> String {
    time.parse().map_or_else(|_| time.to_owned(), wall)
}

/// What happens next, where the plan does not say it: nothing is planned yet, or it runs again.
pub(super) fn next(campaign: &Campaign, planned: bool) -> Option<String> {
    let fields = &campaign.fields;
    let stands = match campaign.status {
        CampaignStatus::Draft => "it is a draft, and runs once it is executed",
        CampaignStatus::Paused => "it is paused, and goes on once it is resumed",
        CampaignStatus::Cancelled => "it was called off",
        CampaignStatus::Completed => "it has ended",
        CampaignStatus::Scheduled | CampaignStatus::Active => "a worker plans it",
    };
    let runs = matches!(
        campaign.status,
        CampaignStatus::Scheduled | CampaignStatus::Active
    );
    let at = campaign.next_run_at.filter(|_| runs);
    let at = at.map(|at| match zone::parse(&fields.time_zone) {
        Ok(zone) => format!("{} {}", wall(zone::local(at, zone)), fields.time_zone),
        Err(_) => format!("{} UTC", wall(at.naive_utc())),
    });
    let next = match (&fields.schedule, at) {
        (Schedule::Date(rule), Some(at)) => format!(
            "it looks every hour whose {} comes, next at {at}",
            super::table::fit(&rule.field, 100)
        ),
        (_, Some(at)) => format!("the next run is at {at}"),
        (_, None) if planned => return None,
        (_, None) => stands.to_owned(),
    };
    Some(match planned {
        true => next,
        false => format!("not planned yet: {next}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words() {
        for code in [
            "no_address",
            "bad_address",
            "no_consent",
            "suppressed",
            "erased",
            "window_closed",
            "quiet_hours",
            "no_sending_time",
            "holidays_unknown",
            "too_late",
            "holdout",
            "template_value_missing",
            "text_not_sendable",
        ] {
            let words = reason(code);
            assert!(
                words.contains(' ') && words != code.replace('_', " "),
                "{words}"
            );
        }
        assert_eq!(reason("some_new_code"), "some new code");
        let mut states: Vec<&str> = Status::ALL.map(|status| state(Some(status))).to_vec();
        states.sort_unstable();
        states.dedup();
        // Two of them are the same to a person.
        assert_eq!(states.len(), Status::ALL.len() - 1);
    }

    #[test]
    fn times_are_read_by_people() {
        assert_eq!(local("2026-11-24T09:00:00"), "Tue 24 Nov 2026 09:00");
        assert_eq!(local("2027-01-02T23:59:59"), "Sat 2 Jan 2027 23:59");
        assert_eq!(local("soon"), "soon");
    }
}
