//! A provider that says how deliveries went, and people who leave and come back.

use crm_core::id::AttemptId;
use crm_core::port::callback::{About, Fate, News, Receipt};

use super::{World, address};

impl World {
    /// A receipt about an attempt of a message, or about one that never was. What was not taken did not arrive:
    /// of that it says so.
    pub(super) async fn hear(
        &self,
        message: usize,
        attempt: usize,
        fate: &Fate,
        by_provider: bool,
    ) -> String {
        let Some(message) = self.messages.get(message % self.messages.len().max(1)) else {
            return String::new();
        };
        let trail = self.trails(std::iter::once(message.id)).await;
        let attempts = trail.into_iter().flat_map(|trail| trail.attempts);
        let attempts: Vec<_> = attempts.collect();
        let known = attempts.get(attempt % (attempts.len() + 1));
        let delivered = self.channel.delivered();
        let mut ledger = delivered.iter().chain(&self.taken);
        let taken = known.is_some_and(|known| ledger.any(|it| it.attempt_id() == known.id));
        let fate = match fate {
            Fate::Failed { .. } => fate.clone(),
            other if taken => other.clone(),
            _ => Fate::Failed {
                reason: "never_came".to_owned(),
                dead: false,
            },
        };
        let about = match known {
            Some(known) => match (&known.provider_id, by_provider) {
                (Some(id), true) => About::ProviderId(id.clone()),
                _ => About::Attempt(known.id),
            },
            None if by_provider => About::ProviderId("of another program".to_owned()),
            None => About::Attempt(AttemptId(message.id.0)),
        };
        let at = None;
        self.tell(News::Receipt(Receipt { about, fate, at })).await
    }

    /// STOP or START.
    pub(super) async fn opt(&self, number: u8, out: bool) -> String {
        let address = address(number);
        let reason = "reply".to_owned();
        self.tell(if out {
            News::OptOut { address, reason }
        } else {
            News::OptIn { address }
        })
        .await
    }

    async fn tell(&self, news: News) -> String {
        let heard = self.engine.hear(&self.workspace, "email", vec![news]);
        format!("{:?}", heard.await)
    }
}
