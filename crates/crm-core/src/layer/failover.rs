//! Several providers behind one channel: the next one takes over when one refuses everybody.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::breaker::{Breaker, BreakerOptions, Passage};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Approved;
use crate::port::callback::{About, Callback, Doubt, LookUp, News};
use crate::port::channel::{Channel, ChannelCapabilities, Outcome, Rate, RetryScope};
use crate::port::clock::Clock;
use crate::port::units::Units;

/// One of them.
struct Provider {
    name: String,
    channel: Arc<dyn Channel>,
    breaker: Mutex<Breaker>,
}

/// A channel over a list of providers, the preferred one first. Each has a [`Breaker`].
///
/// A delivery goes to the first provider that is not resting, and to no other: when that one says that it
/// takes nothing now, the message goes back to the queue and leaves by the next provider under an attempt of
/// its own. So it never goes to a second provider while the first may have it ([`Outcome::Unknown`]).
///
/// Ids of providers are told apart by their names: `twilio:SM12`. What the channel can do is what all of them
/// can. With more than one it is not [`idempotent`](ChannelCapabilities::idempotent): a second provider knows
/// nothing of the first one's keys.
///
/// # Example
/// ```
/// # #[cfg(all(feature = "worker", feature = "testing"))] {
/// use std::sync::Arc;
/// use crm_core::layer::{BreakerOptions, Failover};
/// use crm_core::system::SystemClock;
/// use crm_core::testing::RecordingChannel;
///
/// let sms = Failover::new(
///     vec![
///         ("eskiz".to_owned(), Arc::new(RecordingChannel::default())),
///         ("twilio".to_owned(), Arc::new(RecordingChannel::default())),
///     ],
///     BreakerOptions::default(),
///     Arc::new(SystemClock),
/// )?;
/// # let _ = sms;
/// # }
/// # Ok::<(), crm_core::Error>(())
/// ```
pub struct Failover {
    providers: Vec<Provider>,
    capabilities: ChannelCapabilities,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.providers.iter().map(|provider| &provider.name);
        f.debug_list().entries(names).finish()
    }
}

impl Failover {
    /// A channel over these providers, each with a name of its own.
    ///
    /// # Errors
    /// `Configuration` without providers, for a name that is empty, holds `:` or comes twice, and for
    /// providers that use different kinds of addresses.
    pub fn new(
        providers: Vec<(String, Arc<dyn Channel>)>,
        options: BreakerOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let wrong = |detail: &str| Err(Error::new(ErrorKind::Configuration, detail));
        for (at, (name, _)) in providers.iter().enumerate() {
            if name.is_empty() || name.contains(':') {
                return wrong("the name of a provider is empty or holds a colon");
            }
            if providers.iter().take(at).any(|(known, _)| known == name) {
                return wrong("two providers of a channel have the same name");
            }
        }
        let mut all = providers.iter().map(|(_, channel)| channel.capabilities());
        let Some(first) = all.next() else {
            return wrong("a channel needs a provider");
        };
        let mut capabilities = first;
        for next in all {
            if next.address != capabilities.address {
                return wrong("providers of one channel use different kinds of addresses");
            }
            capabilities = ChannelCapabilities {
                address: next.address,
                subject: capabilities.subject && next.subject,
                html: capabilities.html && next.html,
                max_length: capabilities
                    .max_length
                    .into_iter()
                    .chain(next.max_length)
                    .min(),
                idempotent: false,
                look_up: capabilities.look_up || next.look_up,
                receipts: capabilities.receipts || next.receipts,
                window: capabilities.window.into_iter().chain(next.window).min(),
                concurrency: capabilities.concurrency.min(next.concurrency),
                rate: slower(capabilities.rate, next.rate),
                timeout: capabilities.timeout.max(next.timeout),
            };
        }
        let providers = providers.into_iter().map(|(name, channel)| Provider {
            name,
            channel,
            breaker: Mutex::new(Breaker::new(options)),
        });
        Ok(Self {
            providers: providers.collect(),
            capabilities,
            clock,
        })
    }

    /// The first provider that takes deliveries now; or how long until one may.
    fn choose(&self) -> std::result::Result<&Provider, std::time::Duration> {
        let now = self.clock.now();
        let mut soonest = None;
        for provider in &self.providers {
            match provider.breaker().pass(now) {
                Passage::Free | Passage::Probe => return Ok(provider),
                Passage::Closed(until) => {
                    let wait = (until - now).to_std().unwrap_or_default();
                    soonest =
                        Some(soonest.map_or(wait, |known: std::time::Duration| known.min(wait)));
                }
            }
        }
        Err(soonest.unwrap_or_default())
    }

    fn is_anyone_free(&self) -> bool {
        let now = self.clock.now();
        self.providers
            .iter()
            .any(|provider| provider.breaker().look(now) == Passage::Free)
    }
}

impl Provider {
    /// A poisoned lock still holds a usable breaker: it is written in one call.
    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, id: &str) -> String {
        format!("{}:{id}", self.name)
    }
}

/// Makes room for the next probe when a delivery is broken off.
struct Passing<'p>(Option<&'p Provider>);

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if let Some(provider) = self.0 {
            provider.breaker().gave_up();
        }
    }
}

/// The one of two limits that is kept by both.
fn slower(one: Option<Rate>, other: Option<Rate>) -> Option<Rate> {
    let spacing = |rate: &Rate| rate.per / rate.units.max(1);
    one.into_iter().chain(other).max_by_key(spacing)
}

#[async_trait]
impl Channel for Failover {
    fn capabilities(&self) -> ChannelCapabilities {
        self.capabilities.clone()
    }

    /// Only what every provider takes: any of them may have to deliver it.
    fn accepts_address(&self, address: &str) -> bool {
        self.providers
            .iter()
            .all(|provider| provider.channel.accepts_address(address))
    }

    /// Those of the preferred provider.
    fn units(&self, subject: Option<&str>, content: &str) -> Units {
        self.providers.first().map_or(Units::MESSAGE, |provider| {
            provider.channel.units(subject, content)
        })
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let provider = match self.choose() {
            Ok(provider) => provider,
            Err(wait) => {
                return Outcome::RetryAfter {
                    scope: RetryScope::Channel,
                    at_least: wait,
                    reason: "no_provider".to_owned(),
                };
            }
        };
        let mut passing = Passing(Some(provider));
        let outcome = provider.channel.send(approved).await;
        passing.0 = None;
        provider.breaker().ended(&outcome, self.clock.now());
        match outcome {
            Outcome::Accepted { provider_id } => Outcome::Accepted {
                provider_id: provider.id(&provider_id),
            },
            // Proven not to be taken: the next provider may have it, under an attempt of its own.
            Outcome::Stop { reason }
            | Outcome::RetryAfter {
                scope: RetryScope::Channel,
                reason,
                ..
            } if self.is_anyone_free() => Outcome::RetryAfter {
                scope: RetryScope::Message,
                at_least: std::time::Duration::ZERO,
                reason: provider.id(&reason),
            },
            other => other,
        }
    }

    /// By the provider whose signature it bears.
    async fn read(&self, callback: &Callback) -> Result<Vec<News>> {
        let mut refused = Error::new(
            ErrorKind::Unsupported,
            "no provider of this channel sends callbacks",
        );
        for provider in &self.providers {
            match provider.channel.read(callback).await {
                Ok(mut news) => {
                    for news in &mut news {
                        if let News::Receipt(receipt) = news
                            && let About::ProviderId(id) = &mut receipt.about
                        {
                            *id = provider.id(id);
                        }
                    }
                    return Ok(news);
                }
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                Err(error) if error.kind() == ErrorKind::Forbidden => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }

    /// The first provider that knows the token answers.
    fn challenge(&self, url: &str) -> Result<String> {
        let mut refused = Error::new(
            ErrorKind::Unsupported,
            "no provider of this channel asks for an answer",
        );
        for provider in &self.providers {
            match provider.channel.challenge(url) {
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                Err(error) => refused = error,
                answer => return answer,
            }
        }
        Err(refused)
    }

    /// Any provider may have taken it, so that all have to deny it.
    async fn look_up(&self, doubt: &Doubt) -> LookUp {
        let mut denied = true;
        for provider in &self.providers {
            match provider.channel.look_up(doubt).await {
                LookUp::Taken { provider_id } => {
                    return LookUp::Taken {
                        provider_id: provider.id(&provider_id),
                    };
                }
                LookUp::NotTaken => {}
                LookUp::Unknown { .. } => denied = false,
            }
        }
        if denied {
            LookUp::NotTaken
        } else {
            LookUp::Unknown {
                reason: "not_found".to_owned(),
            }
        }
    }
}
