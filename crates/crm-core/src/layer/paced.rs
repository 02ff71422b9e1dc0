//! A channel with another rate than its own.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::message::Approved;
use crate::port::callback::{Callback, Doubt, LookUp, News};
use crate::port::channel::{Channel, ChannelCapabilities, Outcome, Rate};
use crate::port::units::Units;

/// The same channel, called no faster than this. The worker keeps to the rate; nothing waits in here.
///
/// ```
/// # use std::sync::Arc;
/// # use crm_core::port::channel::{Channel, ChannelCapabilities, Rate};
/// # use crm_core::testing::RecordingChannel;
/// use crm_core::layer::Paced;
///
/// # let sms = Arc::new(RecordingChannel::default());
/// let rate = Rate { units: 10, per: std::time::Duration::from_secs(1) };
/// let sms = Paced::new(sms, rate)?;
/// assert_eq!(sms.capabilities().rate, Some(rate));
/// # Ok::<(), crm_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Paced {
    channel: Arc<dyn Channel>,
    rate: Rate,
}

impl Paced {
    /// `channel`, at this rate.
    ///
    /// # Errors
    /// `Configuration` for a rate of nothing, or of more than an hour.
    pub fn new(channel: Arc<dyn Channel>, rate: Rate) -> Result<Self> {
        let hour = std::time::Duration::from_secs(3_600);
        if rate.units == 0 || rate.per.is_zero() || rate.per > hour {
            return Err(Error::new(
                ErrorKind::Configuration,
                "a rate is at least 1 unit, in at most an hour",
            ));
        }
        Ok(Self { channel, rate })
    }
}

#[async_trait]
impl Channel for Paced {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            rate: Some(self.rate),
            ..self.channel.capabilities()
        }
    }

    fn accepts_address(&self, address: &str) -> bool {
        self.channel.accepts_address(address)
    }

    fn units(&self, subject: Option<&str>, content: &str) -> Units {
        self.channel.units(subject, content)
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        self.channel.send(approved).await
    }

    async fn read(&self, callback: &Callback) -> Result<Vec<News>> {
        self.channel.read(callback).await
    }

    fn challenge(&self, url: &str) -> Result<String> {
        self.channel.challenge(url)
    }

    async fn look_up(&self, doubt: &Doubt) -> LookUp {
        self.channel.look_up(doubt).await
    }
}
