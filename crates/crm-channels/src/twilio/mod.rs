//! Text messages and WhatsApp through Twilio (API 2010-04-01), or a gateway that speaks like it.
//!
//! Twilio knows no idempotency key, so a request without a complete answer is in doubt. Two things settle
//! it: the receipt, whose address carries the attempt's id, and the list of messages, in which one with the
//! same text to the same number at that time is ours. A list that does not show it proves nothing.

mod callback;
mod classify;
mod config;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use crm_core::Result;
use crm_core::contact::AddressKind;
use crm_core::message::{Approved, Format};
use crm_core::port::callback::{Callback, Doubt, LookUp, News};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::port::units::Units;
use reqwest::RequestBuilder;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::http::{Http, ask};

pub use classify::{classify, fate};
pub use config::{ApiKey, Kind, Sender, TwilioConfig};

const BASE: &str = "https://api.twilio.com";
/// In characters; Twilio refuses longer bodies.
const LONGEST: usize = 1600;
/// How much of the list a look-up reads: as much as fits an answer, whatever the texts.
const PAGE: &str = "20";
/// How long after a person's last message WhatsApp takes free text to them (Meta's customer service window).
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// The Twilio channel.
pub struct Twilio {
    config: TwilioConfig,
    http: Http,
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Twilio {
    /// A channel for this account. Connects only when the first message is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration) for settings that cannot work.
    pub fn new(config: TwilioConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            http: Http::new(BASE, &config.http)?,
            config,
        })
    }

    fn path(&self) -> String {
        format!(
            "/2010-04-01/Accounts/{}/Messages.json",
            self.config.account_sid
        )
    }

    fn with_credentials(&self, request: RequestBuilder) -> RequestBuilder {
        let (user, password) = match &self.config.api_key {
            Some(key) => (&key.sid, &key.secret),
            None => (&self.config.account_sid, &self.config.auth_token),
        };
        request.basic_auth(user, Some(password.expose_secret()))
    }

    fn number(&self, number: &str) -> String {
        format!("{}{number}", self.config.kind.prefix())
    }

    /// The fields of the request, or why it cannot be made.
    fn form(
        &self,
        approved: &Approved,
    ) -> std::result::Result<Vec<(&'static str, String)>, &'static str> {
        if approved.format() != Format::Text {
            return Err("html_not_supported");
        }
        if !config::is_number(approved.recipient()) {
            return Err("bad_address");
        }
        if approved.content().is_empty() {
            return Err("text_empty");
        }
        if approved.content().chars().count() > LONGEST {
            return Err("text_too_long");
        }
        let own = Sender::parse(self.config.kind, approved.sender());
        let sender = match approved.sender() {
            "" => &self.config.sender,
            _ => own.as_ref().ok_or("bad_sender")?,
        };
        let mut form = vec![
            ("To", self.number(approved.recipient())),
            match sender {
                Sender::From(from) => ("From", self.number(from)),
                Sender::Service(sid) => ("MessagingServiceSid", sid.clone()),
            },
            ("Body", approved.content().to_owned()),
        ];
        if self.config.kind == Kind::Sms {
            // A messaging service may replace characters, and what is sent is what was approved.
            form.push(("SmartEncoded", "false".to_owned()));
        }
        let attempt = approved.attempt_id().to_string();
        if let Some(url) = self.config.callback_for(&attempt) {
            form.push(("StatusCallback", url));
        }
        if let Some(time) = self.config.validity {
            form.push(("ValidityPeriod", time.as_secs().to_string()));
        }
        Ok(form)
    }
}

/// When a message that an attempt of this start made may have been taken: not before, but for a clock that
/// goes a little slow, and not long after.
fn fits(created: DateTime<Utc>, started: DateTime<Utc>) -> bool {
    let after = created.signed_duration_since(started);
    (TimeDelta::seconds(-5)..=TimeDelta::minutes(10)).contains(&after)
}

/// The one message of a list that the attempt made.
fn find(list: &Value, to: &str, doubt: &Doubt) -> LookUp {
    let unknown = |reason: &str| LookUp::Unknown {
        reason: reason.to_owned(),
    };
    let Some(messages) = list.get("messages").and_then(Value::as_array) else {
        return unknown("answer_not_understood");
    };
    let mut found = messages.iter().filter_map(|message| {
        let text = |name: &str| message.get(name).and_then(Value::as_str);
        let time = text("date_created").or_else(|| text("date_sent"))?;
        let time = DateTime::parse_from_rfc2822(time).ok()?.to_utc();
        let ours = text("to") == Some(to)
            && text("body") == Some(&doubt.content)
            && text("direction") != Some("inbound")
            && fits(time, doubt.started_at);
        classify::sid(message).filter(|_| ours)
    });
    match (found.next(), found.next()) {
        (Some(provider_id), None) => LookUp::Taken { provider_id },
        (None, _) => unknown("not_in_list"),
        // Two attempts with one text: the list does not tell which of them is this one.
        (Some(_), Some(_)) => unknown("several_in_list"),
    }
}

#[async_trait]
impl Channel for Twilio {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            address: match self.config.kind {
                Kind::Sms => AddressKind::Phone,
                Kind::WhatsApp => AddressKind::Whatsapp,
            },
            subject: false,
            html: false,
            max_length: Some(LONGEST),
            idempotent: false,
            look_up: true,
            receipts: true,
            window: self.config.window.then_some(WINDOW),
            concurrency: self.config.concurrency,
            rate: None,
            // The channel's own limit ends first.
            timeout: self
                .config
                .http
                .timeout
                .saturating_add(Duration::from_secs(2)),
        }
    }

    fn accepts_address(&self, address: &str) -> bool {
        config::is_number(address)
    }

    fn units(&self, _subject: Option<&str>, content: &str) -> Units {
        match self.config.kind {
            Kind::Sms => crate::sms::units(content),
            Kind::WhatsApp => Units::MESSAGE,
        }
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let form = match self.form(approved) {
            Ok(form) => form,
            Err(reason) => {
                return Outcome::Rejected {
                    reason: reason.to_owned(),
                };
            }
        };
        let request = self.http.post(&self.path()).form(&form);
        match ask(self.with_credentials(request)).await {
            Ok(answer) => classify(answer.status, answer.retry_after, &answer.body),
            Err(failure) => failure.outcome(),
        }
    }

    async fn read(&self, callback: &Callback) -> Result<Vec<News>> {
        callback::read(&self.config, callback)
    }

    async fn look_up(&self, doubt: &Doubt) -> LookUp {
        let to = self.number(&doubt.recipient);
        // By days of Greenwich, which a slow clock may not have reached.
        let day = (doubt.started_at - TimeDelta::minutes(1)).format("%Y-%m-%d");
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("To", &to)
            .append_pair("DateSent>", &day.to_string())
            .append_pair("PageSize", PAGE)
            .finish();
        let request = self.http.get(&format!("{}?{query}", self.path()));
        let reason = match ask(self.with_credentials(request)).await {
            Ok(answer) if answer.status == 200 => {
                return find(&answer.json().unwrap_or_default(), &to, doubt);
            }
            Ok(answer) => answer.reason(),
            Err(failure) => failure.outcome().reason().unwrap_or_default().to_owned(),
        };
        LookUp::Unknown { reason }
    }
}
