//! Telegram and WhatsApp.

use crm_channels::whatsapp::{Compose, Template};
use crm_channels::{Telegram, TelegramConfig, WhatsApp, WhatsAppConfig};
use crm_core::message::Format;
use crm_core::port::channel::{Channel, Outcome};

use crate::common::Draft;
use crate::common::emulator::{PATIENT, options};
use crate::common::http::{Provider, json};
use crate::validator::{are_refused, are_valid, put, without};
use crate::{draft, texts};

async fn accepted(channel: &dyn Channel, draft: &Draft) {
    let outcome = channel.send(&draft.approved()).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}

async fn telegram_provider() -> Provider {
    Provider::answering(|_| json(200, r#"{"ok":true,"result":{"message_id":42}}"#)).await
}

fn telegram(provider: &Provider, previews: bool, silent: bool) -> Telegram {
    Telegram::new(TelegramConfig {
        link_previews: previews,
        silent,
        http: options(&provider.base(), PATIENT),
        ..TelegramConfig::new("123456:AAbb-Secret_Key".into())
    })
    .unwrap()
}

fn chat(to: &str, content: &str) -> Draft {
    Draft {
        recipient: to.to_owned(),
        ..draft(content)
    }
}

#[tokio::test]
async fn requests_to_telegram_are_what_it_specifies() {
    let provider = telegram_provider().await;
    let mut count = 0;
    for (previews, silent) in [(true, false), (false, false), (true, true), (false, true)] {
        let channel = telegram(&provider, previews, silent);
        for to in ["5", "-1001234567890", "9007199254740993", "@salon_nur"] {
            accepted(&channel, &chat(to, "Salom")).await;
            count += 1;
        }
        for text in texts(4096) {
            accepted(&channel, &chat("5", &text)).await;
            count += 1;
        }
        let html = Draft {
            format: Format::Html,
            sender: "123456".to_owned(),
            ..chat("5", &format!("<b>{}</b>", "&amp;".repeat(4096)))
        };
        accepted(&channel, &html).await;
        count += 1;
    }
    are_valid("telegram", &provider.requests(), &[("sendMessage", count)]);
}

#[tokio::test]
async fn a_wrong_request_to_telegram_would_be_noticed() {
    let provider = telegram_provider().await;
    let html = Draft {
        format: Format::Html,
        ..chat("5", "Salom")
    };
    accepted(&telegram(&provider, false, true), &html).await;
    are_refused(
        "telegram",
        &provider.requests()[0],
        &[
            ("a field of another name", |r| {
                put(r, "disable_notification", "silent")
            }),
            ("no chat", |r| put(r, "chat_id", "chat")),
            ("no text", |r| put(r, "\"text\":\"Salom\"", "\"text\":\"\"")),
            ("a text where a yes or no belongs", |r| {
                put(
                    r,
                    "\"disable_notification\":true",
                    "\"disable_notification\":\"true\"",
                )
            }),
            ("an unknown markup", |r| put(r, "HTML", "html")),
            ("a setting of another shape", |r| {
                put(r, "{\"is_disabled\":true}", "true")
            }),
            ("a setting of another name", |r| {
                put(r, "is_disabled", "disabled")
            }),
            ("another method", |r| r.method = "GET".to_owned()),
            ("no token", |r| r.target = "/bot/sendMessage".to_owned()),
            ("another path", |r| {
                r.target = r.target.replace("sendMessage", "send")
            }),
            ("no kind of body", |r| without(r, "content-type")),
        ],
    );
}

async fn whatsapp_provider() -> Provider {
    Provider::answering(|_| json(200, r#"{"messages":[{"id":"wamid.HBgM"}]}"#)).await
}

fn whatsapp(provider: &Provider, compose: Compose, version: &str) -> WhatsApp {
    WhatsApp::new(WhatsAppConfig {
        http: options(&provider.base(), PATIENT),
        version: version.to_owned(),
        ..WhatsAppConfig::new("106540352242922", "EAAG-access_token.1".into(), compose)
    })
    .unwrap()
}

fn template(body: &str) -> Compose {
    Compose::Template(Template {
        name: "holiday_2".to_owned(),
        language: "en_US".to_owned(),
        body: body.to_owned(),
    })
}

#[tokio::test]
async fn requests_to_whatsapp_are_what_it_specifies() {
    let provider = whatsapp_provider().await;
    let mut count = 0;
    for preview_links in [true, false] {
        let channel = whatsapp(&provider, Compose::FreeText { preview_links }, "v23.0");
        for text in texts(4096) {
            accepted(&channel, &draft(&text)).await;
            count += 1;
        }
    }
    let own = Draft {
        sender: "106540352242922".to_owned(),
        ..draft("Salom, oʻrtoq! Yangi yil bilan.")
    };
    for (body, version) in [
        ("Salom, {{1}}! Yangi yil bilan.", "v23.0"),
        ("{{1}}", "v24.1"),
        ("Salom, oʻrtoq! Yangi yil bilan.", "v23.0"),
    ] {
        accepted(&whatsapp(&provider, template(body), version), &own).await;
        count += 1;
    }
    let long = draft(&"я".repeat(1024));
    accepted(&whatsapp(&provider, template("{{1}}"), "v23.0"), &long).await;
    are_valid(
        "whatsapp",
        &provider.requests(),
        &[("sendMessage", count + 1)],
    );
}

#[tokio::test]
async fn a_wrong_request_to_whatsapp_would_be_noticed() {
    let provider = whatsapp_provider().await;
    let free = Compose::FreeText {
        preview_links: true,
    };
    accepted(&whatsapp(&provider, free, "v23.0"), &draft("Salom")).await;
    accepted(
        &whatsapp(&provider, template("{{1}}"), "v23.0"),
        &draft("Salom"),
    )
    .await;
    let requests = provider.requests();
    are_refused(
        "whatsapp",
        &requests[0],
        &[
            ("another product", |r| {
                put(r, "\"whatsapp\"", "\"messenger\"")
            }),
            ("no recipient", |r| put(r, "\"to\"", "\"recipient\"")),
            ("a number that is none", |r| {
                put(r, "\"998901234567\"", "998901234567")
            }),
            ("a kind that is not there", |r| {
                put(r, "\"type\":\"text\"", "\"type\":\"image\"")
            }),
            ("no text", |r| put(r, "\"body\":\"Salom\",", "")),
            ("a field of another name", |r| {
                put(r, "preview_url", "preview")
            }),
            ("a text where a yes or no belongs", |r| {
                put(r, "\"preview_url\":true", "\"preview_url\":\"true\"")
            }),
            ("another name of our id", |r| {
                put(r, "biz_opaque_callback_data", "callback_data")
            }),
            ("another recipient's kind", |r| {
                put(r, "individual", "person")
            }),
            ("another method", |r| r.method = "GET".to_owned()),
            ("another version", |r| {
                r.target = r.target.replace("v23.0", "23")
            }),
            ("no token", |r| without(r, "authorization")),
            ("no name of ours", |r| without(r, "user-agent")),
            ("no kind of body", |r| without(r, "content-type")),
        ],
    );
    are_refused(
        "whatsapp",
        &requests[1],
        &[
            ("no name", |r| put(r, "\"holiday_2\"", "null")),
            ("no language", |r| put(r, "language", "lang")),
            ("another policy", |r| put(r, "deterministic", "fallback")),
            ("parameters of another shape", |r| {
                put(r, "[{\"text\":\"Salom\",\"type\":\"text\"}]", "[\"Salom\"]")
            }),
            ("a parameter without its kind", |r| {
                put(r, ",\"type\":\"text\"}]", "}]")
            }),
            ("components of another kind", |r| {
                put(r, "\"type\":\"body\"", "\"type\":\"text\"")
            }),
            ("components of another name", |r| {
                put(r, "components", "component")
            }),
        ],
    );
}
