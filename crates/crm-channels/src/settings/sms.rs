//! `type = "twilio"` and `type = "eskiz"`: text messages, and WhatsApp through Twilio.

use secrecy::SecretString;
use serde::Deserialize;

use super::http::{HttpTable, Seconds};
use super::{Fault, Provider, ProviderTable};
use crate::eskiz::CallbackAddress;
use crate::twilio::{ApiKey, Kind, Sender};
use crate::{EskizConfig, TwilioConfig};

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindName {
    #[default]
    Sms,
    Whatsapp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TwilioTable {
    #[serde(default)]
    kind: KindName,
    account_sid: String,
    auth_token: SecretString,
    api_key_sid: Option<String>,
    api_key_secret: Option<SecretString>,
    from: String,
    status_callback: Option<String>,
    #[serde(default)]
    window: bool,
    validity: Option<Seconds>,
    concurrency: Option<usize>,
    #[serde(default)]
    http: HttpTable,
}

impl ProviderTable for TwilioTable {
    fn provider(self) -> Result<Provider, Fault> {
        let kind = match self.kind {
            KindName::Sms => Kind::Sms,
            KindName::Whatsapp => Kind::WhatsApp,
        };
        let sender = Sender::parse(kind, &self.from).ok_or(Fault::new(
            "from",
            "expected a number such as +14155552345, the id of a messaging service, or, for sms, a \
             registered name or a short code",
        ))?;
        let mut config = TwilioConfig::new(self.account_sid, self.auth_token, sender);
        config.api_key = match (self.api_key_sid, self.api_key_secret) {
            (Some(sid), Some(secret)) => Some(ApiKey { sid, secret }),
            (None, None) => None,
            _ => {
                let problem = "give it and api_key_secret together";
                return Err(Fault::new("api_key_sid", problem));
            }
        };
        config.kind = kind;
        config.status_callback = self.status_callback;
        config.window = self.window;
        config.validity = self.validity.map(|time| time.0);
        config.concurrency = self.concurrency.unwrap_or(config.concurrency);
        config.http = self.http.options();
        Ok(Provider::Twilio(Box::new(config)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EskizTable {
    email: String,
    password: SecretString,
    from: Option<String>,
    callback_url: Option<String>,
    callback_token: Option<SecretString>,
    concurrency: Option<usize>,
    #[serde(default)]
    http: HttpTable,
}

impl ProviderTable for EskizTable {
    fn provider(self) -> Result<Provider, Fault> {
        let mut config = EskizConfig::new(self.email, self.password);
        if let Some(from) = self.from {
            config.from = from;
        }
        config.callback = match (self.callback_url, self.callback_token) {
            (Some(url), Some(token)) => Some(CallbackAddress { url, token }),
            (None, None) => None,
            _ => {
                let problem = "give it and callback_token together";
                return Err(Fault::new("callback_url", problem));
            }
        };
        config.concurrency = self.concurrency.unwrap_or(config.concurrency);
        config.http = self.http.options();
        Ok(Provider::Eskiz(Box::new(config)))
    }
}
