//! What Eskiz posts: states of deliveries. Nobody signs them, so they are believed in two steps: the address
//! they come to holds a secret, and what is final is asked for again.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use crm_core::id::AttemptId;
use crm_core::port::callback::{About, Callback, Fate, Receipt};
use crm_core::{Error, ErrorKind, Result};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::classify::{fate, request_id};
use super::config::EskizConfig;
use crate::signature;

/// Tashkent has had no summer time since 1992.
const TASHKENT: i32 = 5 * 3600;

/// One state as it was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Posted {
    pub(super) request_id: String,
    pub(super) attempt: Option<AttemptId>,
    pub(super) fate: Fate,
    pub(super) at: Option<DateTime<Utc>>,
}

impl Posted {
    pub(super) fn receipt(self) -> Receipt {
        Receipt {
            about: match self.attempt {
                Some(attempt) => About::Attempt(attempt),
                None => About::ProviderId(self.request_id),
            },
            fate: self.fate,
            at: self.at,
        }
    }

    /// What Eskiz itself says of this request, in place of what was posted. `None` when it says nothing, or
    /// speaks of another one: then the posted state was not Eskiz's.
    pub(super) fn confirmed(self, answer: &Value) -> Option<Self> {
        let data = answer.get("data")?;
        if request_id(data, "request_id")? != self.request_id {
            return None;
        }
        let attempt = attempt(data);
        if self.attempt.is_some() && attempt.is_some() && self.attempt != attempt {
            return None;
        }
        Some(Self {
            fate: fate(data.get("status")?.as_str()?)?,
            attempt,
            ..self
        })
    }
}

/// The states in a callback, once the secret in its address is the right one.
pub(super) fn read(config: &EskizConfig, callback: &Callback) -> Result<Vec<Posted>> {
    let Some(address) = &config.callback else {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "this Eskiz channel asks for no callbacks",
        ));
    };
    let (_, query) = callback.url.split_once('?').unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let given = pairs
        .find(|(name, _)| *name == "token")
        .map(|(_, token)| token);
    let wanted = address.token.expose_secret().as_bytes();
    if !signature::same(given.unwrap_or_default().as_bytes(), wanted) {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "the callback does not carry the token of its address",
        ));
    }
    let body: Value = serde_json::from_slice(&callback.body)
        .map_err(|_| Error::new(ErrorKind::Invalid, "the callback's body is no JSON"))?;
    let states = match &body {
        Value::Array(states) => states.iter().collect(),
        state => vec![state],
    };
    Ok(states.into_iter().filter_map(posted).collect())
}

fn posted(state: &Value) -> Option<Posted> {
    Some(Posted {
        request_id: request_id(state, "request_id")?,
        attempt: attempt(state),
        fate: fate(state.get("status")?.as_str()?)?,
        at: state
            .get("status_date")
            .and_then(Value::as_str)
            .and_then(time),
    })
}

/// The attempt that a state or a message of Eskiz's lists is about.
pub(super) fn attempt(value: &Value) -> Option<AttemptId> {
    value
        .get("user_sms_id")?
        .as_str()?
        .parse()
        .ok()
        .map(AttemptId)
}

/// `2021-04-02 00:39:36`, by the clocks of Tashkent.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    let zone = FixedOffset::east_opt(TASHKENT)?;
    Some(local.and_local_timezone(zone).single()?.to_utc())
}

/// A time as Eskiz reads it, to the minute.
pub(super) fn minute(time: DateTime<Utc>) -> String {
    let zone = FixedOffset::east_opt(TASHKENT);
    let local = zone.map_or_else(
        || time.naive_utc(),
        |zone| time.with_timezone(&zone).naive_local(),
    );
    local.format("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_those_of_tashkent() {
        let time = time("2021-04-02 00:39:36").unwrap();
        assert_eq!(time.to_rfc3339(), "2021-04-01T19:39:36+00:00");
        assert_eq!(minute(time), "2021-04-02 00:39");
        for wrong in [
            "",
            "2021-04-02",
            "2021-04-02T00:39:36Z",
            "2021-13-02 00:39:36",
        ] {
            assert_eq!(super::time(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn hostile_callbacks_do_no_harm(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            text in any::<String>(),
            status in prop_oneof!["[A-Z]{0,9}", Just("DELIVRD".to_owned())],
        ) {
            let mut config = EskizConfig::new("a@example.test", "p".to_owned().into());
            config.callback = Some(crate::eskiz::CallbackAddress {
                url: "https://crm.example.test/".to_owned(),
                token: "01234567890123456789".to_owned().into(),
            });
            let posted = serde_json::json!({
                "request_id": text, "user_sms_id": text, "status": status, "status_date": text,
            });
            let mut callback = Callback {
                url: "https://crm.example.test/?token=01234567890123456789".to_owned(),
                body,
                ..Callback::default()
            };
            prop_assert!(read(&config, &callback).is_err_and(|error| error.kind() == ErrorKind::Invalid)
                || serde_json::from_slice::<Value>(&callback.body).is_ok());
            callback.body = posted.to_string().into_bytes();
            // The id stands in a path later.
            for posted in read(&config, &callback).unwrap() {
                prop_assert!(posted.request_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            }
            callback.url = text.replace("01234567890123456789", "");
            prop_assert!(read(&config, &callback).is_err_and(|error| error.kind() == ErrorKind::Forbidden));
        }
    }
}
