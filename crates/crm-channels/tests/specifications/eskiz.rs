//! Eskiz: login, batches, the state of one message and the list.

use crm_channels::eskiz::CallbackAddress;
use crm_channels::{Eskiz, EskizConfig};
use crm_core::port::callback::Callback;
use crm_core::port::channel::{Channel as _, Outcome};
use serde_json::{Value, json as value};

use crate::common::Draft;
use crate::common::emulator::{PATIENT, options};
use crate::common::eskiz::{CALLBACK, REQUEST, TOKEN, config, taken, token};
use crate::common::http::{Provider, Request, json};
use crate::validator::{are_refused, are_valid, put, without};
use crate::{ATTEMPT, doubt, draft, texts};

/// Logs in, refuses the first batch's token, takes all other batches and lists full pages.
async fn provider() -> Provider {
    let mut refused = false;
    Provider::emulate(Box::new(move |request| {
        let path = request.target.split('?').next().unwrap();
        match path.rsplit('/').next().unwrap() {
            "login" => token(TOKEN),
            "send-batch" if !refused => {
                refused = true;
                json(401, "{}")
            }
            "send-batch" => taken(),
            "get-user-messages" => {
                let other = value!({"user_sms_id": "7", "request_id": REQUEST});
                let list = value!({"data": {"result": vec![other; 50]}});
                json(200, &list.to_string())
            }
            _ => {
                let data =
                    value!({"request_id": REQUEST, "user_sms_id": ATTEMPT, "status": "DELIVERED"});
                json(200, &value!({ "data": data }).to_string())
            }
        }
    }))
    .await
}

fn eskiz(provider: &Provider, change: fn(&mut EskizConfig)) -> Eskiz {
    let mut config = config(options(&provider.base(), PATIENT));
    change(&mut config);
    Eskiz::new(config).unwrap()
}

fn with_callbacks(config: &mut EskizConfig) {
    config.callback = Some(CallbackAddress {
        url: "https://crm.example.test/hooks/e?tenant=7".to_owned(),
        token: CALLBACK.to_owned().into(),
    });
}

async fn accepted(channel: &Eskiz, draft: &Draft) {
    let outcome = channel.send(&draft.approved()).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}

/// A final state is posted, so the channel asks.
async fn posted(channel: &Eskiz) {
    let body: Value = value!({
        "request_id": REQUEST, "user_sms_id": ATTEMPT, "status": "DELIVERED", "status_date": "2021-04-02 00:39:36",
    });
    let callback = Callback {
        url: format!("https://crm.example.test/hooks/e?tenant=7&token={CALLBACK}"),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    };
    assert_eq!(channel.read(&callback).await.unwrap().len(), 1);
}

#[tokio::test]
async fn requests_to_eskiz_are_what_it_specifies() {
    let provider = provider().await;
    let plain = eskiz(&provider, |_| ());
    for text in texts(1600) {
        accepted(&plain, &draft(&text)).await;
    }
    let set = eskiz(&provider, |config| {
        "Salon".clone_into(&mut config.from);
        with_callbacks(config);
    });
    accepted(&set, &draft("Salom")).await;
    let own = Draft {
        sender: "Сартарош 7".to_owned(),
        ..draft("Salom")
    };
    accepted(&set, &own).await;
    posted(&set).await;
    set.look_up(&doubt()).await;
    // One batch was refused and repeated with a new token.
    are_valid(
        "eskiz",
        &provider.requests(),
        &[
            ("login", 3),
            ("sendSmsBatch", texts(1600).len() + 3),
            ("getSmsStatusById", 1),
            ("getUserMessages", 10),
        ],
    );
}

#[tokio::test]
async fn a_wrong_request_to_eskiz_would_be_noticed() {
    let provider = provider().await;
    let channel = eskiz(&provider, with_callbacks);
    accepted(&channel, &draft("Salom")).await;
    posted(&channel).await;
    channel.look_up(&doubt()).await;
    let requests = provider.requests();
    let find = |name: &str| -> &Request {
        let mut requests = requests.iter();
        requests.find(|one| one.target.contains(name)).unwrap()
    };
    are_refused(
        "eskiz",
        find("login"),
        &[
            ("a field of another name", |r| {
                put(r, "\"email\"", "\"login\"")
            }),
            ("no password", |r| put(r, "\"password\"", "\"email\"")),
            ("another method", |r| r.method = "PATCH".to_owned()),
            ("another path", |r| r.target.push('s')),
            ("another kind of body", |r| {
                without(r, "content-type");
                r.headers
                    .push(("content-type".to_owned(), "application/json".to_owned()));
            }),
        ],
    );
    are_refused(
        "eskiz",
        find("send-batch"),
        &[
            ("a number as text", |r| {
                put(r, "998901234567", "\"998901234567\"")
            }),
            ("a field of another name", |r| {
                put(r, "callback_url", "callbackUrl")
            }),
            ("no text", |r| put(r, ",\"text\":\"Salom\"", "")),
            ("no id of ours", |r| put(r, "user_sms_id", "sms_id")),
            ("no sender", |r| put(r, "\"from\":\"4546\",", "")),
            ("no message", |r| {
                r.body = br#"{"messages":[],"from":"4546"}"#.to_vec()
            }),
            ("no JSON", |r| r.body = b"messages=1".to_vec()),
            ("no token", |r| without(r, "authorization")),
        ],
    );
    are_refused(
        "eskiz",
        find("get-user-messages"),
        &[
            ("another form of a date", |r| {
                put(r, "2026-03-21 04:59", "2026-03-21T04:59")
            }),
            ("a page that is too long", |r| {
                put(r, "\r\n50\r\n", "\r\n500\r\n")
            }),
            ("no such page", |r| {
                r.target = r.target.replace("page=1", "page=0")
            }),
            ("no token", |r| without(r, "authorization")),
        ],
    );
    are_refused(
        "eskiz",
        find("status_by_id"),
        &[
            ("another method", |r| r.method = "POST".to_owned()),
            ("no token", |r| without(r, "authorization")),
        ],
    );
}
