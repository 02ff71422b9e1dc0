//! Text messages in Uzbekistan through Eskiz (notify.eskiz.uz).
//!
//! Each message is sent as a batch of one. The plain form takes no id of ours, and Eskiz has no idempotency
//! key: after a lost answer nobody could tell which message in its records is this one. A batch carries
//! `user_sms_id`, for which the attempt's id is taken; it comes back in receipts and stands in the account's
//! list of messages, so a doubt can be settled. A list that does not show it proves nothing.

mod callback;
mod classify;
mod config;
mod login;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use crm_core::contact::AddressKind;
use crm_core::message::{Approved, Format};
use crm_core::port::callback::{Callback, Doubt, Fate, LookUp, News};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::port::units::Units;
use crm_core::{Error, ErrorKind, Result};
use reqwest::RequestBuilder;
use reqwest::multipart::Form;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;

use crate::http::{Answer, Failure, Http, ask};

pub use classify::{classify, fate};
pub use config::{CallbackAddress, EskizConfig};

use callback::Posted;
use login::Login;

const BASE: &str = "https://notify.eskiz.uz";
/// In characters. Eskiz names no limit; ten parts in GSM-7 are 1530.
const LONGEST: usize = 1600;
/// A page of the list of messages: as much as fits an answer, whatever the texts.
const PAGE: usize = 50;
/// How many pages a look-up reads.
const PAGES: usize = 10;

/// The Eskiz channel.
pub struct Eskiz {
    config: EskizConfig,
    http: Http,
    login: Login,
}

impl fmt::Debug for Eskiz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eskiz")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// `POST /api/message/sms/send-batch`.
#[derive(Serialize)]
struct Batch<'a> {
    messages: [Message<'a>; 1],
    from: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<String>,
}

#[derive(Serialize)]
struct Message<'a> {
    user_sms_id: String,
    /// A number in JSON, too.
    to: u64,
    text: &'a str,
}

/// Why there is no answer to a request that needs a token.
enum Trouble {
    /// No token: the request has not left.
    Login(Outcome),
    /// The request failed.
    Request(Failure),
}

impl Trouble {
    fn outcome(self) -> Outcome {
        match self {
            Self::Login(outcome) => outcome,
            Self::Request(failure) => failure.outcome(),
        }
    }
}

impl Eskiz {
    /// A channel for this account. Connects only when the first message is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for settings that cannot work.
    pub fn new(config: EskizConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            http: Http::new(BASE, &config.http)?,
            login: Login::default(),
            config,
        })
    }

    /// Asks with a token; after a 401, which takes nothing, once more with a new one.
    async fn ask(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> std::result::Result<Answer, Trouble> {
        let token = self.login.token(&self.http, &self.config, None);
        let token = token.await.map_err(Trouble::Login)?;
        let with = |token: &login::Token| request().bearer_auth(token.value.expose_secret());
        let answer = ask(with(&token)).await.map_err(Trouble::Request)?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let token = self.login.token(&self.http, &self.config, Some(&token));
        let token = token.await.map_err(Trouble::Login)?;
        ask(with(&token)).await.map_err(Trouble::Request)
    }

    /// The request's body, or why it cannot be made.
    fn batch<'a>(&'a self, approved: &'a Approved) -> std::result::Result<Batch<'a>, &'static str> {
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
        let from = match approved.sender() {
            "" => &self.config.from,
            own if config::is_sender(own) => own,
            _ => return Err("bad_sender"),
        };
        let digits = approved.recipient().trim_start_matches('+');
        let message = Message {
            user_sms_id: approved.attempt_id().to_string(),
            to: digits.parse().map_err(|_| "bad_address")?,
            text: approved.content(),
        };
        Ok(Batch {
            messages: [message],
            from,
            callback_url: self.config.callback_url(),
        })
    }

    /// What Eskiz itself says of a posted state.
    async fn confirm(&self, posted: Posted) -> Result<Option<Posted>> {
        let path = format!("/api/message/sms/status_by_id/{}", posted.request_id);
        match self.ask(|| self.http.get(&path)).await {
            Ok(answer) if answer.status == 200 => {
                Ok(answer.json().and_then(|answer| posted.confirmed(&answer)))
            }
            // It knows no such request.
            Ok(answer) if matches!(answer.status, 400 | 404 | 422) => Ok(None),
            _ => Err(Error::new(
                ErrorKind::Unavailable,
                "Eskiz does not say what became of a message",
            )),
        }
    }

    /// A page of the list of messages around the doubt; the first one is 1.
    async fn page(&self, doubt: &Doubt, page: usize) -> std::result::Result<Value, String> {
        let from = callback::minute(doubt.started_at - TimeDelta::minutes(1));
        let to = callback::minute(doubt.started_at + TimeDelta::minutes(10));
        let request = || {
            let form = Form::new()
                .text("start_date", from.clone())
                .text("to_date", to.clone())
                .text("page_size", PAGE.to_string());
            let path = format!("/api/message/sms/get-user-messages?page={page}");
            self.http.post(&path).multipart(form)
        };
        match self.ask(request).await {
            Ok(answer) if answer.status == 200 => answer
                .json()
                .ok_or_else(|| "answer_not_understood".to_owned()),
            Ok(answer) => Err(answer.reason()),
            Err(trouble) => Err(trouble.outcome().reason().unwrap_or_default().to_owned()),
        }
    }

    /// The id of the request that carried the attempt, from the list of messages.
    async fn find(&self, doubt: &Doubt) -> std::result::Result<String, String> {
        for page in 1..=PAGES {
            let body = self.page(doubt, page).await?;
            let data = body.get("data");
            let list = data.and_then(|data| data.get("result")).or(data);
            let Some(list) = list.and_then(Value::as_array) else {
                return Err("answer_not_understood".to_owned());
            };
            let ours = |message: &&Value| callback::attempt(message) == Some(doubt.attempt_id);
            if let Some(message) = list.iter().find(ours) {
                let id = classify::request_id(message, "request_id");
                return id.ok_or_else(|| "answer_not_understood".to_owned());
            }
            if list.len() < PAGE {
                return Err("not_in_list".to_owned());
            }
        }
        Err("list_too_long".to_owned())
    }
}

#[async_trait]
impl Channel for Eskiz {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            address: AddressKind::Phone,
            subject: false,
            html: false,
            max_length: Some(LONGEST),
            idempotent: false,
            look_up: true,
            receipts: self.config.callback.is_some(),
            concurrency: self.config.concurrency,
            window: None,
            rate: None,
            // Two logins and two requests; the channel's own limits end first.
            timeout: self
                .config
                .http
                .timeout
                .saturating_mul(4)
                .saturating_add(Duration::from_secs(2)),
        }
    }

    fn accepts_address(&self, address: &str) -> bool {
        config::is_number(address)
    }

    fn units(&self, _subject: Option<&str>, content: &str) -> Units {
        crate::sms::units(content)
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let batch = match self.batch(approved) {
            Ok(batch) => batch,
            Err(reason) => {
                return Outcome::Rejected {
                    reason: reason.to_owned(),
                };
            }
        };
        let request = || self.http.post("/api/message/sms/send-batch").json(&batch);
        match self.ask(request).await {
            Ok(answer) => classify(answer.status, answer.retry_after, &answer.body),
            Err(trouble) => trouble.outcome(),
        }
    }

    /// States on the way are taken from the callback; a final one from Eskiz, which is asked.
    async fn read(&self, callback: &Callback) -> Result<Vec<News>> {
        let mut news = Vec::new();
        for posted in callback::read(&self.config, callback)? {
            let posted = match posted.fate {
                Fate::Accepted => Some(posted),
                _ => self.confirm(posted).await?,
            };
            news.extend(posted.map(|posted| News::Receipt(posted.receipt())));
        }
        Ok(news)
    }

    async fn look_up(&self, doubt: &Doubt) -> LookUp {
        match self.find(doubt).await {
            Ok(provider_id) => LookUp::Taken { provider_id },
            Err(reason) => LookUp::Unknown { reason },
        }
    }
}
