//! One login for all deliveries that run at once.
//!
//! The token is good for weeks, and a login while others log in would make a crowd at the door. So whoever
//! finds no good token logs in while the others wait, and they share what came of it, a failure too.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use crm_core::port::channel::{Outcome, RetryScope};
use reqwest::multipart::Form;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::config::EskizConfig;
use crate::http::{Answer, Failure, Http, ask, now};

/// A token is renewed so long before its end, for requests under way and for clocks that differ.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
const A_WHILE: Duration = Duration::from_secs(30);

/// A token and the login it came from.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: SecretString,
    round: u64,
    ends: Option<DateTime<Utc>>,
}

impl Token {
    /// Without an end it is good until Eskiz says otherwise. One that was at its end when it came would
    /// mean a login for each message, and a clock that is wrong rather than a token that is.
    fn new(value: &str, round: u64, now: DateTime<Utc>) -> Self {
        Self {
            value: value.to_owned().into(),
            round,
            ends: end(value).filter(|ends| *ends > now + MARGIN),
        }
    }

    fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.ends.is_none_or(|ends| ends > now + MARGIN)
    }
}

/// The `exp` of a JWT (RFC 7519 section 4.1.4). The signature is Eskiz's to check.
fn end(token: &str) -> Option<DateTime<Utc>> {
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    DateTime::from_timestamp(claims.get("exp")?.as_i64()?, 0)
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// What the last login ended with, if not with a token.
    failure: Option<Outcome>,
}

/// The login of one channel.
#[derive(Default)]
pub(super) struct Login {
    /// How many logins have ended.
    rounds: AtomicU64,
    state: Mutex<State>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl Login {
    /// A token, another than `refused`. What fails here has sent no message: `RetryAfter` or `Stop`.
    pub(super) async fn token(
        &self,
        http: &Http,
        config: &EskizConfig,
        refused: Option<&Token>,
    ) -> Result<Token, Outcome> {
        let work = self.share(http, config, refused);
        timeout(config.http.timeout, work)
            .await
            .unwrap_or_else(|_| Err(later("login_timeout", None)))
    }

    async fn share(
        &self,
        http: &Http,
        config: &EskizConfig,
        refused: Option<&Token>,
    ) -> Result<Token, Outcome> {
        let before = self.rounds.load(Ordering::SeqCst);
        let mut state = self.state.lock().await;
        let known = state.token.as_ref().filter(|token| {
            token.is_good(now()) && refused.is_none_or(|refused| refused.round != token.round)
        });
        if let Some(token) = known {
            return Ok(token.clone());
        }
        if self.rounds.load(Ordering::SeqCst) != before
            && let Some(failure) = &state.failure
        {
            return Err(failure.clone());
        }
        let answer = ask(login(http, config)).await;
        let round = self.rounds.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        match answer
            .map_err(no_answer)
            .and_then(|answer| understood(&answer))
        {
            Ok(value) => {
                let token = Token::new(&value, round, now());
                *state = State {
                    token: Some(token.clone()),
                    failure: None,
                };
                Ok(token)
            }
            Err(failure) => {
                *state = State {
                    token: None,
                    failure: Some(failure.clone()),
                };
                Err(failure)
            }
        }
    }
}

fn login(http: &Http, config: &EskizConfig) -> reqwest::RequestBuilder {
    let form = Form::new()
        .text("email", config.email.clone())
        .text("password", config.password.expose_secret().to_owned());
    http.post("/api/auth/login").multipart(form)
}

fn later(reason: &str, asked: Option<Duration>) -> Outcome {
    Outcome::RetryAfter {
        scope: RetryScope::Channel,
        at_least: asked.unwrap_or_default().max(A_WHILE),
        reason: reason.to_owned(),
    }
}

/// A login that may have been taken changes nothing: the message has not left.
fn no_answer(failure: Failure) -> Outcome {
    match failure {
        Failure::Lost(why) => later(&format!("login_{why}"), None),
        Failure::NotBuilt => Outcome::Stop {
            reason: "login_not_sendable".to_owned(),
        },
        other => other.outcome(),
    }
}

/// The token of an answer, or what its lack means.
fn understood(answer: &Answer) -> Result<String, Outcome> {
    let reason = format!("login_{}", answer.status);
    match answer.status {
        200..=299 => answer
            .json()
            .as_ref()
            .and_then(|body| body.get("data")?.get("token")?.as_str())
            // It goes into a header.
            .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))
            .map(str::to_owned)
            .ok_or_else(|| later("login_not_understood", None)),
        408 | 429 | 500.. => Err(later(&reason, answer.retry_after)),
        _ => Err(Outcome::Stop { reason }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_end_of_a_token_is_read() {
        let day = DateTime::from_timestamp(1_800_000_000, 0);
        assert_eq!(end(&jwt(r#"{"iat":1797408000,"exp":1800000000}"#)), day);
        for without in ["", "a", "a.b", "a.!.c", "header.payload.signature"] {
            assert_eq!(end(without), None, "{without}");
        }
        for claims in [
            "{}",
            "[]",
            r#"{"exp":"soon"}"#,
            r#"{"exp":1e300}"#,
            r#"{"exp":99999999999999999}"#,
        ] {
            assert_eq!(end(&jwt(claims)), None, "{claims}");
        }
    }

    #[test]
    fn a_token_is_good_until_shortly_before_its_end() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let token = Token::new(&jwt(r#"{"exp":1800000000}"#), 1, at(-3600));
        assert!(token.is_good(at(-301)));
        assert!(!token.is_good(at(-300)));
        assert!(!token.is_good(at(1)));
        for endless in [jwt("{}"), jwt(r#"{"exp":1800000000}"#)] {
            let token = Token::new(&endless, 1, at(1000));
            assert!(token.is_good(at(1000)) && token.is_good(at(99_999_999)));
        }
    }

    #[tokio::test]
    async fn a_token_at_its_end_is_not_used() {
        let mut config = EskizConfig::new("a@example.test", "p".to_owned().into());
        // Nobody listens there.
        config.http.base = Some("http://127.0.0.1:1".to_owned());
        let http = Http::new("https://eskiz.example.test", &config.http).unwrap();
        let login = Login::default();
        let far = Some(now() + TimeDelta::hours(1));
        for (ends, used) in [(None, true), (far, true), (Some(now()), false)] {
            login.state.lock().await.token = Some(Token {
                value: "t".to_owned().into(),
                round: 1,
                ends,
            });
            let token = login.token(&http, &config, None).await;
            assert_eq!(token.is_ok(), used, "{ends:?}");
        }
    }

    #[test]
    fn a_failed_login_never_puts_a_message_in_doubt() {
        let answer = |status, body: &str| Answer {
            status,
            retry_after: Some(Duration::from_secs(90)),
            body: body.as_bytes().to_vec(),
        };
        let body =
            r#"{"message":"token_generated","data":{"token":"a.b.c"},"token_type":"bearer"}"#;
        assert_eq!(understood(&answer(200, body)), Ok("a.b.c".to_owned()));
        for body in [
            "",
            "{}",
            r#"{"data":{"token":""}}"#,
            r#"{"data":{"token":"a\nb"}}"#,
        ] {
            let outcome = understood(&answer(200, body)).unwrap_err();
            assert_eq!(outcome, later("login_not_understood", None), "{body}");
        }
        for status in [408, 429, 500, 502, 503] {
            let outcome = understood(&answer(status, "")).unwrap_err();
            let asked = Some(Duration::from_secs(90));
            assert_eq!(outcome, later(&format!("login_{status}"), asked));
        }
        for status in [302, 400, 401, 403, 404, 422] {
            let outcome = understood(&answer(status, body)).unwrap_err();
            assert!(
                matches!(outcome, Outcome::Stop { .. }),
                "{status} {outcome:?}"
            );
        }
        for failure in [
            Failure::NotConnected,
            Failure::NotTrusted,
            Failure::NotBuilt,
            Failure::Lost("timeout"),
        ] {
            let outcome = no_answer(failure);
            assert!(matches!(
                outcome,
                Outcome::Stop { .. } | Outcome::RetryAfter { .. }
            ));
        }
    }
}
