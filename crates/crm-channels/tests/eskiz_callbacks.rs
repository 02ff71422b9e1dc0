//! What is posted in the name of Eskiz is believed when the address holds the secret and Eskiz confirms it.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use chrono::{DateTime, Utc};
use common::eskiz::{ATTEMPT, CALLBACK, REQUEST, TOKEN, config, token};
use common::http::{Act, Provider, json};
use common::stages::options;
use crm_channels::eskiz::CallbackAddress;
use crm_channels::{Eskiz, EskizConfig};
use crm_core::port::callback::{About, Callback, Fate, News, Receipt};
use crm_core::port::channel::Channel as _;
use crm_core::{ErrorKind, Result};
use serde_json::{Value, json as value};

/// A channel that asks for callbacks, at a provider that logs it in and then does this.
async fn channel(acts: Vec<Act>) -> (Provider, Eskiz) {
    let login = std::iter::once(token(TOKEN));
    let provider = Provider::start(login.chain(acts).collect()).await;
    let eskiz = Eskiz::new(EskizConfig {
        callback: Some(CallbackAddress {
            url: "https://crm.example.test/hooks/e?tenant=7".to_owned(),
            token: CALLBACK.to_owned().into(),
        }),
        ..config(options(provider.base()))
    })
    .unwrap();
    (provider, eskiz)
}

fn callback(body: &Value) -> Callback {
    Callback {
        url: format!("https://crm.example.test/hooks/e?tenant=7&token={CALLBACK}"),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    }
}

fn posted(status: &str) -> Value {
    value!({
        "request_id": REQUEST, "message_id": "4385062", "user_sms_id": ATTEMPT, "country": "UZ",
        "phone_number": "998901234567", "sms_count": "1", "status": status,
        "status_date": "2021-04-02 00:39:36",
    })
}

/// What `status_by_id` says.
fn says(change: impl FnOnce(&mut Value)) -> Act {
    let mut data = value!({"id": 61_359_094, "user_sms_id": ATTEMPT, "request_id": REQUEST, "status": "DELIVERED"});
    change(&mut data);
    json(
        200,
        &value!({"status": "success", "data": data, "id": null}).to_string(),
    )
}

async fn read(acts: Vec<Act>, body: &Value) -> (Provider, Result<Vec<News>>) {
    let (provider, eskiz) = channel(acts).await;
    let news = eskiz.read(&callback(body)).await;
    (provider, news)
}

fn attempt() -> About {
    About::Attempt(ATTEMPT.parse::<uuid::Uuid>().unwrap().into())
}

fn receipt(about: About, fate: Fate) -> Vec<News> {
    let at: DateTime<Utc> = "2021-04-01T19:39:36Z".parse().unwrap();
    let at = Some(at);
    vec![News::Receipt(Receipt { about, fate, at })]
}

fn failed(reason: &str) -> Fate {
    Fate::Failed {
        reason: reason.to_owned(),
        dead: false,
    }
}

#[tokio::test]
async fn a_state_on_the_way_is_taken_as_it_is() {
    for status in ["NEW", "STORED", "ACCEPTED", "ENROUTE"] {
        let (provider, news) = read(vec![], &posted(status)).await;
        assert_eq!(
            news.unwrap(),
            receipt(attempt(), Fate::Accepted),
            "{status}"
        );
        assert_eq!(provider.requests().len(), 0);
    }
}

#[tokio::test]
async fn a_final_state_is_asked_for() {
    for (status, fate) in [
        ("DELIVRD", Fate::Delivered),
        ("DELIVERED", Fate::Delivered),
        ("PARTDELIVERED", Fate::Delivered),
        ("EXPIRED", failed("expired")),
        ("UNDELIV", failed("undeliv")),
        ("UNDELIVERABLE", failed("undeliverable")),
        ("REJECTED", failed("rejected")),
        ("DELETED", failed("deleted")),
    ] {
        let same = says(|data| data["status"] = status.into());
        let (provider, news) = read(vec![same], &posted(status)).await;
        assert_eq!(news.unwrap(), receipt(attempt(), fate), "{status}");
        let request = &provider.requests()[1];
        assert_eq!(request.method, "GET");
        assert_eq!(
            request.target,
            format!("/api/message/sms/status_by_id/{REQUEST}")
        );
        assert_eq!(
            request.header("authorization"),
            Some("Bearer a-very-secret-token")
        );
    }
}

#[tokio::test]
async fn eskiz_has_the_last_word() {
    // A forged failure is no failure.
    let (_, news) = read(vec![says(|_| ())], &posted("REJECTED")).await;
    assert_eq!(news.unwrap(), receipt(attempt(), Fate::Delivered));
    let (_, news) = read(
        vec![says(|data| data["status"] = "UNKNOWN".into())],
        &posted("REJECTED"),
    )
    .await;
    assert_eq!(news.unwrap(), []);
    // A request that Eskiz does not know, or knows as another one.
    let other = "01900000-0000-7000-8000-0000000000ab";
    for act in [
        json(404, r#"{"status":"error"}"#),
        json(400, r#"{"status":"error"}"#),
        json(200, r#"{"status":"error","message":"not found"}"#),
        json(200, "nonsense"),
        says(|data| data["request_id"] = "another".into()),
        says(|data| data["user_sms_id"] = other.into()),
    ] {
        let (_, news) = read(vec![act], &posted("DELIVRD")).await;
        assert_eq!(news.unwrap(), []);
    }
    // An attempt that is in the callback alone was not Eskiz's to name.
    let (_, news) = read(
        vec![says(|data| data["user_sms_id"] = Value::Null)],
        &posted("DELIVRD"),
    )
    .await;
    assert_eq!(
        news.unwrap(),
        receipt(About::ProviderId(REQUEST.to_owned()), Fate::Delivered)
    );
    // While nobody answers, nothing is known: the callback comes again.
    for act in [
        Act::Close,
        json(503, "{}"),
        json(500, "{}"),
        json(429, "{}"),
    ] {
        let (_, news) = read(vec![act], &posted("DELIVRD")).await;
        assert_eq!(news.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn without_the_secret_nothing_is_read() {
    let (provider, eskiz) = channel(vec![]).await;
    for url in [
        "https://crm.example.test/hooks/e".to_owned(),
        "https://crm.example.test/hooks/e?token".to_owned(),
        "https://crm.example.test/hooks/e?token=".to_owned(),
        format!("https://crm.example.test/hooks/e?token={CALLBACK}0"),
        format!("https://crm.example.test/hooks/e?token={}", &CALLBACK[1..]),
        format!(
            "https://crm.example.test/hooks/e?token={}",
            CALLBACK.to_uppercase()
        ),
        format!("https://crm.example.test/hooks/e?other={CALLBACK}"),
        format!("https://crm.example.test/hooks/e?token=x&token={CALLBACK}"),
        format!("https://crm.example.test/hooks/token={CALLBACK}"),
    ] {
        let callback = Callback {
            url,
            ..callback(&posted("NEW"))
        };
        let error = eskiz.read(&callback).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(!format!("{error:?} {error}").contains(CALLBACK));
    }
    assert_eq!(provider.requests().len(), 0);
    let silent = Eskiz::new(config(options(provider.base()))).unwrap();
    let error = silent.read(&callback(&posted("NEW"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn what_is_not_understood_is_left_out() {
    let (provider, eskiz) = channel(vec![]).await;
    let mut odd = posted("NEW");
    odd["request_id"] = "../../user/templates".into();
    let mut without = posted("NEW");
    without["request_id"] = Value::Null;
    let unknown = [
        posted("UNKNOWN"),
        posted("something new"),
        value!({}),
        value!([]),
        value!(7),
        odd,
        without,
    ];
    for body in &unknown {
        assert_eq!(eskiz.read(&callback(body)).await.unwrap(), [], "{body}");
    }
    let mut nonsense = callback(&value!({}));
    nonsense.body = b"nonsense".to_vec();
    let error = eskiz.read(&nonsense).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    // Beside them the rest is read, and the same each time.
    let mut many = unknown.to_vec();
    many.push(posted("NEW"));
    let mut nameless = posted("NEW");
    nameless["user_sms_id"] = "vash_ID_zdes".into();
    nameless["status_date"] = "soon".into();
    many.push(nameless);
    let mut expected = receipt(attempt(), Fate::Accepted);
    let (about, fate) = (About::ProviderId(REQUEST.to_owned()), Fate::Accepted);
    expected.push(News::Receipt(Receipt {
        about,
        fate,
        at: None,
    }));
    for _ in 0..2 {
        let news = eskiz.read(&callback(&many.clone().into())).await;
        assert_eq!(news.unwrap(), expected);
    }
    assert_eq!(provider.requests().len(), 0);
}
