//! What the POSTs of the webhook tell, who may say it, and how its address is verified.

use chrono::DateTime;
use crm_channels::{WhatsApp, WhatsAppConfig};
use crm_core::ErrorKind;
use crm_core::id::AttemptId;
use crm_core::port::callback::{About, Callback, Fate, News, Receipt};
use crm_core::port::channel::Channel;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json as value};
use uuid::Uuid;

use super::{ATTEMPT, FREE, NUMBER, SECRET, TOKEN, make};

/// As anybody can make them with the app's secret; the worked example below holds it to the provider's way.
fn signed(body: &str) -> Callback {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digest: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    posted(body, &format!("sha256={digest}"))
}

fn posted(body: &str, signature: &str) -> Callback {
    Callback {
        url: "https://crm.example.test/hooks/whatsapp".to_owned(),
        headers: vec![("X-Hub-Signature-256".to_owned(), signature.to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

const EMPTY: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;
const WORKED: &str = "sha256=d3e4f9da0ce6c71ab3dba55929b8eeeee2455349e534924ead19f98d143e904f";

#[tokio::test]
async fn only_signed_callbacks_are_read() {
    let channel = make("http://127.0.0.1:1");
    assert_eq!(channel.read(&posted(EMPTY, WORKED)).await.unwrap(), []);
    assert_eq!(
        channel
            .read(&posted(EMPTY, &WORKED.to_uppercase().replace("SHA", "sha")))
            .await
            .unwrap(),
        []
    );
    let mut bare = posted(EMPTY, WORKED);
    bare.headers.clear();
    for callback in [
        bare,
        posted(EMPTY, ""),
        posted(EMPTY, "sha256="),
        posted(EMPTY, &WORKED[7..]),
        posted(EMPTY, &WORKED[..70]),
        posted(EMPTY, &format!("{WORKED}0")),
        posted(EMPTY, &WORKED.replace("d3e4", "d3e5")),
        // The same JSON in other bytes is another body.
        posted(&EMPTY.replace(':', ": "), WORKED),
    ] {
        let error = channel.read(&callback).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
    }
    let error = channel.read(&signed("{")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);

    let deaf = WhatsApp::new(WhatsAppConfig::new(NUMBER, TOKEN.into(), FREE)).unwrap();
    assert!(channel.capabilities().receipts && !deaf.capabilities().receipts);
    let error = deaf.read(&posted(EMPTY, WORKED)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

async fn read(body: &Value) -> Vec<News> {
    let channel = make("http://127.0.0.1:1");
    let callback = signed(&body.to_string());
    let news = channel.read(&callback).await.unwrap();
    assert_eq!(channel.read(&callback).await.unwrap(), news, "read twice");
    news
}

fn change(number: &str, what: &str, list: Value) -> Value {
    let mut value = value!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": number}});
    value[what] = list;
    value!({"value": value, "field": "messages"})
}

fn post(changes: Value) -> Value {
    value!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]})
}

fn receipt(about: About, fate: Fate) -> News {
    News::Receipt(Receipt {
        about,
        fate,
        at: DateTime::from_timestamp(1_767_225_600, 0),
    })
}

#[tokio::test]
async fn receipts_are_read() {
    let status = |status: &str, ours: Option<&str>, code: Option<u64>| {
        let mut one = value!({"id": "wamid.A", "status": status, "timestamp": "1767225600",
            "recipient_id": "998901234567"});
        if let Some(ours) = ours {
            one["biz_opaque_callback_data"] = value!(ours);
        }
        if let Some(code) = code {
            one["errors"] =
                value!([{"code": code, "title": "to +998901234567", "message": "long"}]);
        }
        one
    };
    let failed = |reason: &str, dead| Fate::Failed {
        reason: reason.to_owned(),
        dead,
    };
    let ours = || About::Attempt(AttemptId(Uuid::parse_str(ATTEMPT).unwrap()));
    let theirs = || About::ProviderId("wamid.A".to_owned());
    let statuses = value!([
        status("sent", Some(ATTEMPT), None),
        status("delivered", None, None),
        status("read", Some("not ours"), None),
        status("failed", Some(ATTEMPT), Some(131_026)),
        status("failed", Some(ATTEMPT), Some(131_050)),
        status("failed", None, None),
        status("warming", Some(ATTEMPT), None),
    ]);
    assert_eq!(
        read(&post(value!([change(NUMBER, "statuses", statuses)]))).await,
        [
            receipt(ours(), Fate::Accepted),
            receipt(theirs(), Fate::Delivered),
            receipt(theirs(), Fate::Read),
            receipt(ours(), failed("131026", false)),
            receipt(ours(), failed("131050", true)),
            receipt(theirs(), failed("failed", false)),
        ]
    );
}

#[tokio::test]
async fn people_are_heard() {
    let from = |kind: &str, key: &str, content: Value| {
        let mut one = value!({"from": "998901234567", "id": "wamid.B", "timestamp": "1767225600", "type": kind});
        one[key] = content;
        one
    };
    let text = |body: &str| from("text", "text", value!({ "body": body }));
    let button =
        |title: &str| value!({"type": "button_reply", "button_reply": {"id": "1", "title": title}});
    let messages = value!([
        text("salom"),
        text("STOP"),
        text("Старт"),
        text("stop by tomorrow"),
        from("button", "button", value!({"payload": "x", "text": "Stop promotions"})),
        from("interactive", "interactive", button("Бекор қилиш")),
        from("image", "image", value!({"id": "1"})),
        from("system", "system", value!({"body": "changed"})),
        {"from": "group-1", "type": "text", "text": {"body": "STOP"}}
    ]);
    let address = || "+998901234567".to_owned();
    let out = |reason: &str| News::OptOut {
        address: address(),
        reason: reason.to_owned(),
    };
    let back = News::OptIn { address: address() };
    let inbound = News::Inbound {
        address: address(),
        at: DateTime::from_timestamp(1_767_225_600, 0),
    };
    let reply = out("reply");
    assert_eq!(
        read(&post(value!([change(NUMBER, "messages", messages)]))).await,
        [
            &inbound, &reply, &back, &inbound, &inbound, &reply, &reply, &inbound
        ]
        .map(Clone::clone)
    );

    let preference = |category: &str, value: &str| value!({"wa_id": "998901234567", "category": category, "value": value, "timestamp": 1767225600});
    let preferences = value!([
        preference("marketing_messages", "stop"),
        preference("marketing_messages", "resume"),
        preference("something_else", "stop"),
        preference("marketing_messages", "sometimes"),
    ]);
    assert_eq!(
        read(&post(value!([change(
            NUMBER,
            "user_preferences",
            preferences
        )])))
        .await,
        [out("blocked"), back]
    );
}

#[tokio::test]
async fn one_post_holds_many_things_and_some_are_not_ours() {
    let delivered =
        |id: &str| value!([{"id": id, "status": "delivered", "timestamp": "1767225600"}]);
    let ours = |id: &str| change(NUMBER, "statuses", delivered(id));
    let theirs = change("999", "statuses", delivered("other"));
    let body = value!({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [ours("a"), theirs, {"field": "account_update"}, ours("b")]},
        {"id": "2"},
        {"id": "3", "changes": [{"value": {"statuses": delivered("nobody's")}}, ours("c")]},
        7,
    ]});
    let wanted =
        ["a", "b", "c"].map(|id| receipt(About::ProviderId(id.to_owned()), Fate::Delivered));
    assert_eq!(read(&body).await, wanted);
    for body in [
        "{}",
        "[]",
        "null",
        "7",
        r#"{"entry":{}}"#,
        r#"{"entry":[{"changes":[{"value":7}]}]}"#,
    ] {
        assert_eq!(
            read(&serde_json::from_str(body).unwrap()).await,
            [],
            "{body}"
        );
    }
    let odd = value!([{"status": "read"}, {"id": "a"}, {"id": 7, "status": "read"}, 7]);
    assert_eq!(
        read(&post(value!([change(NUMBER, "statuses", odd)]))).await,
        []
    );
}

#[test]
fn a_verification_is_answered_with_its_challenge() {
    let with = |token: Option<&str>| {
        WhatsApp::new(WhatsAppConfig {
            verify_token: token.map(Into::into),
            ..WhatsAppConfig::new(NUMBER, TOKEN.into(), FREE)
        })
    };
    let channel = with(Some("verify me&")).unwrap();
    let ask = |query: &str| channel.challenge(&format!("https://crm.example.test/hooks?{query}"));
    let good = "hub.mode=subscribe&hub.challenge=11%2058&hub.verify_token=verify%20me%26";
    assert_eq!(ask(good).unwrap(), "11 58");
    for bad in [
        "",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=verify",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=verify%20me%26",
        "hub.challenge=1&hub.verify_token=verify%20me%26",
        "hub.mode=subscribe&hub.verify_token=verify%20me%26",
    ] {
        let error = ask(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{bad}");
        assert!(!format!("{error:?}").contains("verify me"));
    }
    assert!(channel.challenge("nonsense").is_err());
    // An empty token would be everybody's.
    assert_eq!(with(Some("")).unwrap_err().kind(), ErrorKind::Configuration);
    let without = with(None)
        .unwrap()
        .challenge("https://x.test/")
        .unwrap_err();
    assert_eq!(without.kind(), ErrorKind::Unsupported);
}
