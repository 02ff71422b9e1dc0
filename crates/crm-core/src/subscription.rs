//! Subscriptions: how far each subscriber has been told of the history, and what becomes of one that fails.
//!
//! A subscription is a place in the workspace's chain of sealed events. The worker tells its
//! [`Subscriber`](crate::port::subscriber::Subscriber) of what stands behind that place and then moves it, so
//! whatever dies in between leaves the place where it was, and the events are told again. Who tells holds a
//! lease, and every write needs the version that it read: one that lost its lease moves nothing.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Workspace;
use crate::error::{Error, Result};
use crate::id;

/// How long after each failure in a row the next call waits, in seconds. The last one stays.
const WAITS: [i64; 7] = [5, 30, 120, 600, 1_800, 7_200, 18_000];
/// How long a subscriber may fail before it is called no more.
pub const PATIENCE: Duration = Duration::days(3);
/// Longest wait that a subscriber may ask for.
const LONGEST_WAIT: Duration = Duration::hours(24);
/// Longest code of an error that is kept, in characters.
const LONGEST_ERROR: usize = 200;

/// Where a new subscription begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At the end of the chain: what is sealed from now on.
    #[default]
    Now,
    /// At its beginning: everything that ever happened.
    Beginning,
}

/// How a subscription fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// Its subscriber takes what it is told.
    Active,
    /// Its subscriber failed last time, and is called again later.
    Failing,
    /// Its subscriber is not called until somebody enables it.
    Disabled,
}

impl SubscriptionState {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Failing => "failing",
            Self::Disabled => "disabled",
        }
    }
}

/// A subscription as stored. Workspace and name are its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Tenant.
    pub workspace: Workspace,
    /// The name its subscriber is set up under.
    pub name: String,
    /// Grows by one with each change.
    pub version: u64,
    /// Place in the chain of the last event that was taken; 0 for none.
    pub position: u64,
    /// Failed calls since the last one that was taken.
    pub failures: u32,
    /// When the first of them failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// Not called before.
    pub due_at: DateTime<Utc>,
    /// Code of the last failure, until a call is taken.
    pub last_error: Option<String>,
    /// Since when it is not called at all.
    pub disabled_at: Option<DateTime<Utc>>,
    /// The worker that calls it now.
    pub lease_owner: Option<String>,
    /// When others may call it, whatever that worker does.
    pub lease_until: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Whether it can name a subscription: 1 to 64 lower-case letters, digits, `-` or `_`.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) for any other name.
pub fn check_name(name: &str) -> Result<()> {
    let fine = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if fine {
        Ok(())
    } else {
        let text = "use 1 to 64 lower-case letters, digits, '-' or '_'";
        Err(Error::field("name", text))
    }
}

/// The id under which the history speaks of the subscription.
#[must_use]
pub fn subject_id(workspace: &Workspace, name: &str) -> Uuid {
    id::derived("crm/subscription/v1", &[workspace.as_str(), name])
}

impl Subscription {
    /// A new one behind `position`.
    #[must_use]
    pub const fn new(
        workspace: Workspace,
        name: String,
        position: u64,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            workspace,
            name,
            version: 1,
            position,
            failures: 0,
            failing_since: None,
            due_at: now,
            last_error: None,
            disabled_at: None,
            lease_owner: None,
            lease_until: None,
            created_at: now,
        }
    }

    /// How it fares.
    #[must_use]
    pub const fn state(&self) -> SubscriptionState {
        if self.disabled_at.is_some() {
            SubscriptionState::Disabled
        } else if self.failures > 0 {
            SubscriptionState::Failing
        } else {
            SubscriptionState::Active
        }
    }

    /// Whether its subscriber may be called now by somebody who holds no lease yet.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let free = self.lease_until.is_none_or(|until| until <= now);
        free && self.disabled_at.is_none() && self.due_at <= now
    }

    /// Whether `owner` still holds the lease that it took until `until`.
    #[must_use]
    pub fn is_held(&self, owner: &str, until: Option<DateTime<Utc>>) -> bool {
        until.is_some() && self.lease_owner.as_deref() == Some(owner) && self.lease_until == until
    }

    /// The same, held by `owner` until `until`.
    #[must_use]
    pub fn held(&self, owner: &str, until: DateTime<Utc>) -> Self {
        Self {
            lease_owner: Some(owner.to_owned()),
            lease_until: Some(until),
            ..self.clone()
        }
    }

    /// The same, held by nobody.
    #[must_use]
    pub fn released(&self) -> Self {
        Self {
            lease_owner: None,
            lease_until: None,
            ..self.clone()
        }
    }

    /// The same after everything up to `position` was taken. The lease stays.
    #[must_use]
    pub fn told(&self, position: u64, now: DateTime<Utc>) -> Self {
        Self {
            failures: 0,
            failing_since: None,
            last_error: None,
            due_at: now,
            ..self.passed(position)
        }
    }

    /// The same where nothing up to `position` is of interest to the subscriber.
    #[must_use]
    pub fn passed(&self, position: u64) -> Self {
        Self {
            position: self.position.max(position),
            ..self.clone()
        }
    }

    /// The same after a call failed for this reason: it waits, for as long as the subscriber asked or as the
    /// number of failures says, and a little by chance, so that many do not come back at one moment. After
    /// three days of failures it is called no more. Held by nobody.
    #[must_use]
    pub fn failed(
        &self,
        reason: &str,
        asked: Option<std::time::Duration>,
        chance: u8,
        now: DateTime<Utc>,
    ) -> Self {
        let since = self.failing_since.unwrap_or(now);
        let failures = self.failures.saturating_add(1);
        if now - since >= PATIENCE {
            let reason = format!("gave_up:{reason}");
            return self.closed(&reason, now);
        }
        let asked = asked.map(|wait| Duration::from_std(wait).unwrap_or(LONGEST_WAIT));
        let wait = match asked {
            Some(wait) => wait.clamp(Duration::seconds(1), LONGEST_WAIT),
            None => Duration::seconds(scheduled(failures)),
        };
        // Whole milliseconds: stores keep no finer instants.
        let more = Duration::milliseconds(wait.num_milliseconds() * i64::from(chance) / 1_275);
        Self {
            failures,
            failing_since: Some(since),
            last_error: Some(code(reason)),
            due_at: now + wait + more,
            ..self.released()
        }
    }

    /// The same, not to be called again for this reason. Held by nobody.
    #[must_use]
    pub fn closed(&self, reason: &str, now: DateTime<Utc>) -> Self {
        Self {
            failures: self.failures.saturating_add(1),
            failing_since: self.failing_since.or(Some(now)),
            last_error: Some(code(reason)),
            disabled_at: Some(now),
            ..self.released()
        }
    }

    /// The same, to be called again at once. A lease stays: whoever holds it goes on.
    #[must_use]
    pub fn enabled(&self, now: DateTime<Utc>) -> Self {
        Self {
            failures: 0,
            failing_since: None,
            last_error: None,
            disabled_at: None,
            due_at: now,
            ..self.clone()
        }
    }

    /// The same, one version later: how it is written.
    #[must_use]
    pub(crate) const fn next(mut self) -> Self {
        self.version = self.version.saturating_add(1);
        self
    }
}

/// How long to wait after so many failures, in seconds.
fn scheduled(failures: u32) -> i64 {
    let at = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let last = WAITS.last().copied().unwrap_or_default();
    WAITS.get(at).copied().unwrap_or(last)
}

/// A reason as it is kept: on one line, and short.
fn code(reason: &str) -> String {
    let text = reason.chars().filter(|c| !c.is_control());
    text.take(LONGEST_ERROR).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(now: DateTime<Utc>) -> Subscription {
        Subscription::new(Workspace::default(), "crm".to_owned(), 7, now)
    }

    #[test]
    fn waits_grow_and_end_after_three_days() {
        let start = DateTime::UNIX_EPOCH;
        let mut row = new(start);
        let (mut now, mut waits) = (start, Vec::new());
        loop {
            row = row.failed("http_500", None, 0, now).next();
            assert_eq!(
                (row.version, row.position),
                (u64::from(row.failures) + 1, 7)
            );
            if row.state() == SubscriptionState::Disabled {
                break;
            }
            assert!(!row.is_due(now) && row.is_due(row.due_at));
            waits.push((row.due_at - now).num_seconds());
            now = row.due_at;
        }
        assert_eq!(waits[..7], WAITS);
        assert!(waits[7..].iter().all(|wait| *wait == 18_000));
        let hours = (now - start).num_hours();
        assert!((72..=77).contains(&hours), "{hours} hours");
        let told = row.last_error.clone().unwrap_or_default();
        assert_eq!(told, "gave_up:http_500");
        assert!(!row.is_due(now + Duration::days(900)));
        let again = row.enabled(now);
        assert!(again.is_due(now) && again.position == 7 && again.failing_since.is_none());
    }

    #[test]
    fn chance_adds_a_fifth_at_most_and_advice_is_obeyed() {
        let now = DateTime::UNIX_EPOCH;
        let wait = |asked: Option<u64>, chance| {
            let asked = asked.map(std::time::Duration::from_secs);
            let failed = new(now).failed("no", asked, chance, now);
            (failed.due_at - now).num_milliseconds()
        };
        assert_eq!([wait(None, 0), wait(None, 255)], [5_000, 6_000]);
        assert_eq!([wait(Some(60), 0), wait(Some(60), 255)], [60_000, 72_000]);
        assert_eq!(wait(Some(0), 0), 1_000);
        assert_eq!(wait(Some(u64::MAX), 0), 86_400_000);
    }

    #[test]
    fn a_call_that_is_taken_forgets_failures_and_never_goes_back() {
        let now = DateTime::UNIX_EPOCH;
        let row = new(now).held("w", now + Duration::minutes(1));
        let failed = row.failed("a\nb", None, 0, now);
        assert_eq!((failed.lease_owner.as_deref(), failed.failures), (None, 1));
        assert_eq!(failed.last_error.as_deref(), Some("ab"));
        let told = failed.told(9, now);
        assert_eq!(
            (told.position, told.failures, told.last_error.clone()),
            (9, 0, None)
        );
        assert_eq!(told.told(3, now).position, 9);
    }

    #[test]
    fn a_lease_keeps_others_away_until_it_ends() {
        let now = DateTime::UNIX_EPOCH;
        let until = now + Duration::minutes(1);
        let row = new(now).held("w", until);
        assert!(!row.is_due(now) && row.is_due(until));
        assert!(row.is_held("w", Some(until)) && !row.is_held("v", Some(until)));
        assert!(!row.is_held("w", Some(now)) && !new(now).is_held("w", None));
        // Enabling it does not let a second one in.
        assert!(!row.enabled(now).is_due(now));
    }

    #[test]
    fn names_are_checked() {
        for good in ["crm", "a", "crm-2_b", &"x".repeat(64)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "Crm", "a b", "ü", "a.b", &"x".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
