//! What Twilio posts: receipts and what people write back.

use crm_core::port::callback::{About, Callback, Fate, News, Receipt};
use crm_core::{Error, ErrorKind, Result};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::classify::{fate, is_sid};
use super::config::{Kind, TwilioConfig, is_number};
use crate::{signature, words};

/// The names of the query that Twilio and this channel add to the address.
const BODY_DIGEST: &str = "bodySHA256";
const ATTEMPT: &str = "attempt";

/// The news in a callback, once its signature is proven.
pub(super) fn read(config: &TwilioConfig, callback: &Callback) -> Result<Vec<News>> {
    let fields = proven(config, callback)?;
    let field = |name: &str| {
        let mut fields = fields.iter();
        fields
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    // An inbound message has a state of its own, so what tells it from a receipt is this field.
    if let Some(status) = field("MessageStatus") {
        let attempt = query(&callback.url)
            .find(|(name, _)| name == ATTEMPT)
            .and_then(|(_, value)| value.parse().ok())
            .map(|id| About::Attempt(crm_core::id::AttemptId(id)));
        let provider_id = field("MessageSid").filter(|sid| is_sid(sid));
        let about = attempt.or_else(|| Some(About::ProviderId(provider_id?.to_owned())));
        let code = field("ErrorCode");
        let (Some(about), Some(fate)) = (about, fate(status, code)) else {
            return Ok(Vec::new());
        };
        let stopped = code == Some("21610") && matches!(fate, Fate::Failed { .. });
        // The time in `RawDlrDoneDate` has no zone, so it is no time.
        let mut news = vec![News::Receipt(Receipt {
            about,
            fate,
            at: None,
        })];
        if let Some(address) = field("To")
            .and_then(|to| own(config.kind, to))
            .filter(|_| stopped)
        {
            let reason = "reply".to_owned();
            news.push(News::OptOut { address, reason });
        }
        return Ok(news);
    }
    // Of a number that other things than people use there is nothing to tell.
    let Some(address) = field("From").and_then(|from| own(config.kind, from)) else {
        return Ok(Vec::new());
    };
    // Set where Twilio itself manages who wants messages.
    let managed = field("OptOutType").map(str::to_ascii_uppercase);
    let text = field("Body").unwrap_or_default();
    let wrote = |address| News::Inbound { address, at: None };
    Ok(match managed.as_deref() {
        Some("STOP") => vec![opt_out(address)],
        Some("START") => came_back(config.kind, address),
        _ if words::is_stop(text) => vec![opt_out(address)],
        _ if words::is_start(text) => came_back(config.kind, address),
        _ if field("MessageSid").is_some() => vec![wrote(address)],
        _ => Vec::new(),
    })
}

/// Where there are windows, whoever comes back has written, too, and may be answered.
fn came_back(kind: Kind, address: String) -> Vec<News> {
    let wrote = (kind == Kind::WhatsApp).then(|| News::Inbound {
        address: address.clone(),
        at: None,
    });
    [News::OptIn { address }].into_iter().chain(wrote).collect()
}

fn opt_out(address: String) -> News {
    News::OptOut {
        address,
        reason: "reply".to_owned(),
    }
}

/// The number as contacts hold it, if it is one of this channel's kind.
fn own(kind: Kind, number: &str) -> Option<String> {
    let number = number.strip_prefix(kind.prefix())?;
    is_number(number).then(|| number.to_owned())
}

/// The fields of a callback that Twilio signed.
fn proven(config: &TwilioConfig, callback: &Callback) -> Result<Vec<(String, String)>> {
    let given = callback.header("x-twilio-signature").unwrap_or_default();
    let digest = query(&callback.url).find(|(name, _)| name == BODY_DIGEST);
    let fields = match &digest {
        Some(_) => Vec::new(),
        None => form_urlencoded::parse(&callback.body)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
    };
    let key = config.auth_token.expose_secret().as_bytes();
    let wanted = sign(key, &callback.url, &fields);
    let body = digest.as_ref().is_none_or(|(_, digest)| {
        let found = signature::hex(&Sha256::digest(&callback.body));
        signature::same(found.as_bytes(), digest.to_ascii_lowercase().as_bytes())
    });
    if !(signature::same(wanted.as_bytes(), given.as_bytes()) & body) {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "the callback does not carry Twilio's signature",
        ));
    }
    match digest {
        Some(_) => from_json(&callback.body),
        None => Ok(fields),
    }
}

/// Twilio's signature: the address, then each field by name, without anything between.
fn sign(key: &[u8], url: &str, fields: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort();
    // A field that came twice with one value is signed once.
    sorted.dedup();
    let mut parts = vec![url.as_bytes()];
    for (name, value) in sorted {
        parts.extend([name.as_bytes(), value.as_bytes()]);
    }
    signature::base64(&signature::sha1(key, &parts))
}

fn from_json(body: &[u8]) -> Result<Vec<(String, String)>> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| Error::new(ErrorKind::Invalid, "the callback's body is no JSON"))?;
    let fields = body.as_object().into_iter().flatten();
    Ok(fields
        .filter_map(|(name, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some((name.clone(), value))
        })
        .collect())
}

/// The decoded query of an address.
fn query(url: &str) -> impl Iterator<Item = (String, String)> {
    let (_, query) = url.split_once('?').unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Twilio's own library makes of the same input.
    #[test]
    fn signatures_are_those_of_the_library() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = [
            field("To", "+998901234567"),
            field("MessageSid", "SM00000000000000000000000000000001"),
            field("ErrorCode", ""),
            field("MessageStatus", "delivered"),
            field("From", "+14155552345"),
            field("AccountSid", "AC00000000000000000000000000000001"),
        ];
        let url = "https://crm.example.test/hooks/twilio?tenant=7";
        assert_eq!(sign(b"12345", url, &fields), "jDNhBVOTP6/6ibicR2sRrzgVynY=");
        let url = "https://crm.example.test/hooks/twilio?bodySHA256=\
                   015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
        assert_eq!(sign(b"12345", url, &[]), "U3ySUiEvnwFc5bG8IZpBFi89cVA=");
    }
}
