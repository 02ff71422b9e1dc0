//! What Twilio posts is believed when it is signed, and read the same each time.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use base64::Engine as _;
use crm_channels::twilio::{Kind, Sender};
use crm_channels::{Twilio, TwilioConfig};
use crm_core::ErrorKind;
use crm_core::port::callback::{About, Callback, Fate, News, Receipt};
use crm_core::port::channel::Channel as _;
use hmac::{Hmac, Mac as _};
use proptest::prelude::*;
use sha2::Digest as _;

const URL: &str = "https://crm.example.test/hooks/twilio?tenant=7";
const SID: &str = "SM00000000000000000000000000000001";
const FROM: &str = "+998901234567";

fn twilio(kind: Kind) -> Twilio {
    let sender = Sender::From("+14155552345".to_owned());
    let mut config = TwilioConfig::new(
        "AC00000000000000000000000000000001",
        "12345".to_owned().into(),
        sender,
    );
    config.kind = kind;
    Twilio::new(config).unwrap()
}

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish().into_bytes()
}

/// Signs as Twilio describes it, written anew from its description.
fn sign(url: &str, fields: &[(&str, &str)]) -> String {
    let mut text = url.to_owned();
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    for (name, value) in fields {
        text.push_str(name);
        text.push_str(value);
    }
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(b"12345").unwrap();
    mac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

fn callback(url: &str, signature: &str, body: &[u8]) -> Callback {
    Callback {
        url: url.to_owned(),
        headers: vec![
            ("Content-Type".to_owned(), "x".to_owned()),
            ("x-TWILIO-signature".to_owned(), signature.to_owned()),
        ],
        body: body.to_vec(),
    }
}

fn signed(url: &str, fields: &[(&str, &str)]) -> Callback {
    callback(url, &sign(url, fields), &form(fields))
}

async fn news(kind: Kind, url: &str, fields: &[(&str, &str)]) -> Vec<News> {
    twilio(kind).read(&signed(url, fields)).await.unwrap()
}

fn receipt(about: About, fate: Fate) -> News {
    News::Receipt(Receipt {
        about,
        fate,
        at: None,
    })
}

fn failed(reason: &str, dead: bool) -> Fate {
    Fate::Failed {
        reason: reason.to_owned(),
        dead,
    }
}

const DELIVERED: [(&str, &str); 6] = [
    ("AccountSid", "AC00000000000000000000000000000001"),
    ("ErrorCode", ""),
    ("From", "+14155552345"),
    ("MessageSid", SID),
    ("MessageStatus", "delivered"),
    ("To", "+998901234567"),
];

/// The values that Twilio's own library computes.
#[tokio::test]
async fn the_worked_examples_hold() {
    let twilio = twilio(Kind::Sms);
    let mut fields = DELIVERED;
    fields.reverse();
    let receipts = callback(URL, "jDNhBVOTP6/6ibicR2sRrzgVynY=", &form(&fields));
    let about = About::ProviderId(SID.to_owned());
    let expected = vec![receipt(about, Fate::Delivered)];
    for _ in 0..2 {
        assert_eq!(twilio.read(&receipts).await.unwrap(), expected);
    }
    let url = "https://crm.example.test/hooks/twilio?bodySHA256=\
               015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
    let json = callback(url, "U3ySUiEvnwFc5bG8IZpBFi89cVA=", br#"{"a":1}"#);
    assert_eq!(twilio.read(&json).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_not_signed_is_not_read() {
    let twilio = twilio(Kind::Sms);
    let good = signed(URL, &DELIVERED);
    let mut wrong = Vec::new();
    let mut change = |change: &dyn Fn(&mut Callback)| {
        let mut callback = good.clone();
        change(&mut callback);
        wrong.push(callback);
    };
    change(&|callback| callback.headers.clear());
    change(&|callback| callback.headers[1].1.clear());
    change(&|callback| callback.headers[1].1 = sign(URL, &DELIVERED[..5]));
    change(&|callback| callback.headers[1].1.push(' '));
    change(&|callback| callback.headers[1].1 = callback.headers[1].1.to_lowercase());
    change(&|callback| callback.url = URL.replace("https", "http"));
    change(&|callback| callback.url = URL.replace(".test", ".test:443"));
    change(&|callback| {
        callback
            .url
            .push_str("&attempt=01900000-0000-7000-8000-0000000000aa")
    });
    change(&|callback| callback.url.push_str("&bodySHA256=00"));
    change(&|callback| callback.body.extend(b"&To=%2B998900000000"));
    change(&|callback| callback.body.clear());
    change(&|callback| callback.body = callback.body.to_ascii_uppercase());
    change(&|callback| callback.body = br#"{"MessageStatus":"delivered"}"#.to_vec());
    for callback in wrong {
        let error = twilio.read(&callback).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
    }
    assert_eq!(twilio.read(&good).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_json_body_is_covered_by_its_digest() {
    let twilio = twilio(Kind::Sms);
    let of = |body: &[u8]| {
        let digest: String = sha2::Sha256::digest(body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let url = format!("{URL}&bodySHA256={digest}");
        callback(&url, &sign(&url, &[]), body)
    };
    let body =
        format!(r#"{{"MessageSid":"{SID}","MessageStatus":"undelivered","ErrorCode":30005}}"#);
    let about = About::ProviderId(SID.to_owned());
    assert_eq!(
        twilio.read(&of(body.as_bytes())).await.unwrap(),
        [receipt(about, failed("twilio_30005", true))]
    );
    // The address is signed, and another body is not the one it speaks of.
    let mut other = of(body.as_bytes());
    other.body = body.replace("30005", "30006").into_bytes();
    let error = twilio.read(&other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    // Signed, yet nonsense.
    let error = twilio.read(&of(b"nonsense")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(twilio.read(&of(b"[1]")).await.unwrap(), []);
}

#[tokio::test]
async fn a_receipt_names_the_attempt() {
    let id = "01900000-0000-7000-8000-0000000000aa";
    let attempt = About::Attempt(id.parse::<uuid::Uuid>().unwrap().into());
    let url = format!("{URL}&attempt={id}");
    for (status, code, fate) in [
        ("sent", None, Fate::Accepted),
        ("delivered", None, Fate::Delivered),
        ("read", None, Fate::Read),
        ("undelivered", Some("30003"), failed("twilio_30003", false)),
        ("undelivered", Some("30005"), failed("twilio_30005", true)),
        ("failed", Some("30006"), failed("twilio_30006", true)),
    ] {
        let mut fields = vec![
            ("MessageSid", SID),
            ("MessageStatus", status),
            ("SmsStatus", status),
        ];
        fields.extend(code.map(|code| ("ErrorCode", code)));
        fields.extend([("To", FROM), ("From", "+14155552345"), ("Something", "new")]);
        let found = news(Kind::Sms, &url, &fields).await;
        assert_eq!(found, [receipt(attempt.clone(), fate)], "{status}");
    }
    // Without a usable attempt the message's id tells; without either nothing does.
    let fields = [("MessageSid", SID), ("MessageStatus", "sent")];
    let found = news(Kind::Sms, &format!("{URL}&attempt=7"), &fields).await;
    assert_eq!(
        found,
        [receipt(About::ProviderId(SID.to_owned()), Fate::Accepted)]
    );
    for fields in [
        [("MessageSid", "x y"), ("MessageStatus", "sent")],
        [("MessageSid", SID), ("MessageStatus", "something new")],
    ] {
        assert_eq!(news(Kind::Sms, URL, &fields).await, []);
    }
}

/// Twilio refuses to send to a person who replied STOP, in the receipt, too.
#[tokio::test]
async fn a_receipt_may_tell_of_a_stop() {
    let fields = [
        ("ErrorCode", "21610"),
        ("MessageSid", SID),
        ("MessageStatus", "failed"),
        ("To", "+998901234567"),
    ];
    let about = About::ProviderId(SID.to_owned());
    let stop = News::OptOut {
        address: FROM.to_owned(),
        reason: "reply".to_owned(),
    };
    assert_eq!(
        news(Kind::Sms, URL, &fields).await,
        [receipt(about, failed("twilio_21610", false)), stop]
    );
}

#[tokio::test]
async fn replies_are_told_apart() {
    let stop = || News::OptOut {
        address: FROM.to_owned(),
        reason: "reply".to_owned(),
    };
    let start = || News::OptIn {
        address: FROM.to_owned(),
    };
    let other = || News::Inbound {
        address: FROM.to_owned(),
        at: None,
    };
    let cases = [
        ("STOP", stop()),
        ("stop", stop()),
        (" Stop.\n", stop()),
        ("стоп", stop()),
        ("Стоп!", stop()),
        ("Bekor", stop()),
        ("BEKOR QILISH", stop()),
        ("unsubscribe", stop()),
        ("STOPALL", stop()),
        ("\u{202e}stop\u{202c}", stop()),
        ("отписаться", stop()),
        ("START", start()),
        ("старт", start()),
        ("unstop", start()),
        ("Don't stop", other()),
        ("stop by tomorrow", other()),
        ("yes", other()),
        ("Rahmat!", other()),
        ("", other()),
        ("👍", other()),
    ];
    for (text, expected) in cases {
        let fields = [
            ("MessageSid", SID),
            ("SmsStatus", "received"),
            ("From", FROM),
            ("To", "+14155552345"),
            ("Body", text),
        ];
        assert_eq!(
            news(Kind::Sms, URL, &fields).await,
            std::slice::from_ref(&expected),
            "{text:?}"
        );
        // The same by WhatsApp, where numbers have a prefix.
        let from = format!("whatsapp:{FROM}");
        let fields = [("MessageSid", SID), ("From", from.as_str()), ("Body", text)];
        let back = matches!(expected, News::OptIn { .. });
        let mut all = vec![expected];
        if back {
            // And may be answered for a day.
            all.push(other());
        }
        assert_eq!(news(Kind::WhatsApp, URL, &fields).await, all, "{text:?}");
        // It is no news of the other channel.
        assert_eq!(news(Kind::Sms, URL, &fields).await, []);
    }
    // What Twilio itself understood counts, whatever the words.
    for (managed, expected) in [("STOP", stop()), ("START", start()), ("HELP", other())] {
        let fields = [
            ("MessageSid", SID),
            ("From", FROM),
            ("Body", "x"),
            ("OptOutType", managed),
        ];
        assert_eq!(news(Kind::Sms, URL, &fields).await, [expected]);
    }
    // A short code or a name is nobody's number; and something else is not a message.
    assert_eq!(
        news(Kind::Sms, URL, &[("MessageSid", SID), ("From", "12345")]).await,
        []
    );
    assert_eq!(
        news(Kind::Sms, URL, &[("From", FROM), ("CallSid", "CA1")]).await,
        []
    );
    assert_eq!(news(Kind::Sms, URL, &[]).await, []);
}

proptest! {
    /// Nothing that is posted without the token passes, and nothing that passes the signature ends in a
    /// panic or in an address that is no number.
    #[test]
    fn hostile_callbacks_do_no_harm(
        query in "[ -~]{0,40}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        signature in "[A-Za-z0-9+/]{27}=",
        text in any::<String>(),
        from in prop_oneof![Just(FROM.to_owned()), "(whatsapp:)?\\+?[0-9]{0,18}", any::<String>()],
        status in prop_oneof![Just("failed".to_owned()), "[a-z]{0,9}", any::<String>()],
    ) {
        let url = format!("{URL}&{query}");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = |callback: Callback| runtime.block_on(twilio(Kind::Sms).read(&callback));
        let error = read(callback(&url, &signature, &body)).unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::Forbidden);
        let fields = [("Body", text.as_str()), ("From", &from), ("MessageSid", SID)];
        for news in read(signed(URL, &fields)).unwrap() {
            let (News::OptOut { address, .. } | News::OptIn { address } | News::Inbound { address, .. }) = news
            else {
                return Err(TestCaseError::fail("a receipt"));
            };
            prop_assert_eq!(address, from.clone());
        }
        let fields = [("ErrorCode", text.as_str()), ("MessageSid", SID), ("MessageStatus", &status), ("To", &from)];
        for news in read(signed(URL, &fields)).unwrap() {
            if let News::Receipt(Receipt { fate: Fate::Failed { reason, .. }, .. }) = news {
                prop_assert!(reason.len() <= 20 && !reason.contains(' '));
            }
        }
    }
}
