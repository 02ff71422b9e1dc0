//! Who is left alone for a while: models that want fewer calls, campaigns that wait for a model, lines that somebody
//! else drafts. Shared by everything that drafts, so that one answer of a provider is heard everywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Worker;
use crate::engine::Waits;
use crate::generation::{Patience, Setback};
use crate::id::{CampaignId, ContactId};

/// How long drafting waits for a model before something else is done, and for one that does not say how long.
const PATIENCE: Patience = Patience {
    longest: Duration::from_secs(60),
    unsaid: Some(Duration::from_secs(2)),
};
/// The longest that a model is left alone, whatever it says.
const LONGEST: Duration = Duration::from_secs(600);
/// How long a model that has stopped is not asked.
const STOPPED: Duration = Duration::from_secs(30);
/// The first pause of a campaign that waits; each one after it is twice as long.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause of a campaign that waits.
const LAST: Duration = Duration::from_secs(300);
/// How long a line is left to whoever drafts it.
const LEFT: Duration = Duration::from_secs(30);

/// A line of a plan: campaign, run, contact.
pub(super) type LineKey = (CampaignId, String, ContactId);

/// A model that is left alone.
#[derive(Debug)]
struct Rest {
    until: Instant,
    code: String,
    /// Whether it is worth waiting for.
    passes: bool,
}

/// Until when who is left alone.
#[derive(Debug, Default)]
pub(super) struct Rests {
    models: BTreeMap<usize, Rest>,
    /// Until when, and how long the last pause was.
    campaigns: BTreeMap<CampaignId, (Instant, Duration)>,
    lines: BTreeMap<LineKey, Instant>,
}

impl Rests {
    /// When the model may be asked again, if it is worth waiting for.
    pub(super) fn worth_waiting(&self, model: usize, now: Instant) -> Option<Instant> {
        let rest = self.models.get(&model)?;
        let left = rest.until.checked_duration_since(now)?;
        (rest.passes && !left.is_zero() && left <= PATIENCE.longest).then_some(rest.until)
    }

    fn rest(&mut self, model: usize, until: Instant, code: &str, passes: bool) {
        let longer = |known: &Rest| known.until >= until;
        if !self.models.get(&model).is_some_and(longer) {
            let code = code.to_owned();
            let rest = Rest {
                until,
                code,
                passes,
            };
            self.models.insert(model, rest);
        }
    }

    /// Until when the campaign waits.
    pub(super) fn campaign(&self, id: CampaignId, now: Instant) -> Option<Instant> {
        let (until, _) = self.campaigns.get(&id)?;
        (*until > now).then_some(*until)
    }

    /// Lets the campaign wait: for as long as the model said, and longer each time.
    pub(super) fn wait(&mut self, id: CampaignId, said: Option<Duration>, now: Instant) {
        let known = self.campaigns.get(&id).copied();
        // What ends while it waits already was begun before.
        if known.is_some_and(|(until, _)| until > now) {
            return;
        }
        let pause = known.map_or(FIRST, |(_, pause)| (pause * 2).min(LAST));
        let wait = said.unwrap_or_default().min(LONGEST).max(pause);
        self.campaigns.insert(id, (now + wait, pause));
    }

    /// Whether the campaign waited and has drafted nothing since.
    pub(super) fn is_trying(&self, id: CampaignId) -> bool {
        self.campaigns.contains_key(&id)
    }

    /// The campaign drafts again, or has ended.
    pub(super) fn go_on(&mut self, id: CampaignId) {
        self.campaigns.remove(&id);
    }

    /// Leaves a line to somebody else.
    pub(super) fn leave(&mut self, line: LineKey, now: Instant) {
        self.lines.insert(line, now + LEFT);
    }

    /// Whether a line is left to somebody else.
    pub(super) fn is_left(&self, line: &LineKey) -> bool {
        self.lines.contains_key(line)
    }

    /// Forgets what is over.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.lines.retain(|_, until| *until > now);
        self.models.retain(|_, rest| rest.until > now);
    }
}

#[async_trait]
impl Waits for Worker {
    fn patience(&self) -> Patience {
        PATIENCE
    }

    async fn ready(&self, model: usize) -> Result<(), (String, Duration)> {
        loop {
            let now = Instant::now();
            let until = {
                let rests = self.rests();
                match rests.models.get(&model).filter(|rest| rest.until > now) {
                    None => return Ok(()),
                    Some(rest) if rests.worth_waiting(model, now).is_none() => {
                        return Err((rest.code.clone(), rest.until - now));
                    }
                    Some(rest) => rest.until,
                }
            };
            tokio::time::sleep_until(until).await;
        }
    }

    fn note(&self, model: usize, setback: Setback, code: &str) {
        let now = Instant::now();
        let mut rests = self.rests();
        match setback {
            Setback::Unavailable { wait, may_retry } => {
                // Without a word about it, one that will not answer this call may answer the next.
                let unsaid = PATIENCE.unsaid.filter(|_| may_retry);
                if let Some(wait) = wait.or(unsaid) {
                    rests.rest(model, now + wait.min(LONGEST), code, true);
                }
            }
            Setback::Stopped => rests.rest(model, now + STOPPED, code, false),
            Setback::Refused | Setback::Unusable => {}
        }
    }

    async fn pause(&self, _model: usize, _wait: Duration) {
        // The model's rest was noted, and `ready` waits for its end.
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_campaign_waits_longer_each_time_and_as_long_as_it_is_told() {
        let id = CampaignId(uuid::Uuid::from_u128(1));
        let mut rests = Rests::default();
        let now = Instant::now();
        rests.wait(id, None, now);
        assert_eq!(rests.campaign(id, now), Some(now + FIRST));
        rests.wait(id, Some(seconds(90)), now);
        assert_eq!(rests.campaign(id, now), Some(now + FIRST), "waits already");
        let now = now + FIRST;
        assert_eq!(rests.campaign(id, now), None);
        rests.wait(id, None, now);
        assert_eq!(rests.campaign(id, now), Some(now + FIRST * 2));
        let now = now + FIRST * 2;
        rests.wait(id, Some(seconds(90)), now);
        assert_eq!(rests.campaign(id, now), Some(now + seconds(90)));
        let mut now = now + seconds(90);
        for _ in 0..20 {
            rests.wait(id, None, now);
            now = rests.campaign(id, now).unwrap();
        }
        rests.wait(id, None, now);
        assert_eq!(rests.campaign(id, now), Some(now + LAST));
        rests.go_on(id);
        rests.wait(id, None, now);
        assert_eq!(rests.campaign(id, now), Some(now + FIRST));
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_rests_as_long_as_the_longest_word() {
        let mut rests = Rests::default();
        let now = Instant::now();
        rests.rest(0, now + seconds(20), "http_429", true);
        rests.rest(0, now + seconds(5), "http_529", true);
        assert_eq!(rests.worth_waiting(0, now), Some(now + seconds(20)));
        assert_eq!(rests.worth_waiting(1, now), None);
        rests.rest(0, now + seconds(61), "http_429", true);
        assert_eq!(rests.worth_waiting(0, now), None, "longer than patience");
        rests.rest(1, now + seconds(5), "bad_key", false);
        assert_eq!(rests.worth_waiting(1, now), None, "does not pass");
    }
}
