//! What providers post to the host: believed when it is signed, kept once, shown with the attempt.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/provider.rs"]
mod provider;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::place::Place;
use common::{Host, Reply};
use hmac::{Hmac, Mac as _};
use provider::{Provider, Taken};
use serde_json::{Value, json};
use sha1::Sha1;

const PUBLIC: &str = "https://crm.salon.example/crm";
const TOKEN: &str = "a-very-secret-token";
const PHONE: &str = "+998901234567";

/// What Twilio answers; the ledger holds the whole form.
fn twilio(_path: &str, body: &[u8], before: usize) -> Taken {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let Some(to) = form.get("To") else {
        return Taken {
            to: String::new(),
            text: String::new(),
            taken: false,
            status: 200,
            answer: json!({"messages": []}).to_string(),
        };
    };
    Taken {
        to: format!("{to} {before}"),
        text: String::from_utf8(body.to_vec()).unwrap(),
        taken: true,
        status: 201,
        answer: json!({"sid": format!("SM{before:032x}"), "status": "queued"}).to_string(),
    }
}

fn start(twilio: &Provider) -> Host {
    let place = Place::new();
    let file = place.path().join("host.toml");
    let settings = format!(
        "{}public_url = '{PUBLIC}'
unsubscribe_keys = ['the-key-that-signs-thirty-two-bytes']
[channels.sms]
type = 'twilio'
account_sid = 'AC00000000000000000000000000000001'
auth_token = '{TOKEN}'
from = '+14155552345'
status_callback = '{PUBLIC}/api/receipts/sms'
http.base = '{}'
[channels.whatsapp]
type = 'whatsapp'
phone_number_id = '106540352242922'
access_token = 'token'
app_secret = 'app-secret'
verify_token = 'verify me'
",
        place.settings(),
        twilio.base,
    );
    std::fs::write(&file, settings).unwrap();
    Host::start_by(place, &file)
}

/// Posts as Twilio does, signed over the address it was given (`X-Twilio-Signature`, its own documentation).
fn post(host: &Host, url: &str, fields: &[(&str, &str)], token: &str) -> Reply {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let text: String = sorted
        .iter()
        .flat_map(|(name, value)| [*name, *value])
        .collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("X-Twilio-Signature", signature.as_str()),
    ];
    // The proxy in front of the host takes its own part of the path away.
    let path = url.strip_prefix(PUBLIC).unwrap();
    host.raw("POST", path, &headers, body.as_bytes())
}

struct Sent {
    id: String,
    /// The address that Twilio was told to post to.
    callback: String,
    sid: String,
}

/// Sends a text message and waits until the provider has it.
fn send(host: &Host, token: &str, contact: &str, twilio: &Provider, number: usize) -> Sent {
    let draft = json!({"contact_id": contact, "occasion_type": "custom", "channel": "sms",
        "content": format!("Ваш заказ {number} готов")});
    let message = host.post(token, "/api/messages", draft).expect(201);
    let id = message["id"].as_str().unwrap().to_owned();
    let seen = json!({"version": message["version"], "digest": message["digest"]});
    host.post(token, &format!("/api/messages/{id}/approve"), seen)
        .expect(200);
    wait(host, token, &id, "sent");
    let form = &twilio.ledger()[&format!("{PHONE} {number}")];
    let form: BTreeMap<String, String> = form_urlencoded::parse(form.as_bytes())
        .into_owned()
        .collect();
    Sent {
        id,
        callback: form["StatusCallback"].clone(),
        sid: format!("SM{number:032x}"),
    }
}

fn message(host: &Host, token: &str, id: &str) -> Value {
    host.get(token, &format!("/api/messages/{id}")).expect(200)
}

fn wait(host: &Host, token: &str, id: &str, status: &str) {
    let begun = std::time::Instant::now();
    loop {
        let now = message(host, token, id)["status"].clone();
        if now == status {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "it is {now}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn sign_in(host: &Host) -> (String, String) {
    let token = host.admin();
    let contact = json!({"name": "Анна", "email": "anna@example.org", "phone": PHONE});
    let contact = host.post(&token, "/api/contacts", contact).expect(201);
    (token, contact["id"].as_str().unwrap().to_owned())
}

#[test]
fn receipts_move_messages_and_are_shown_with_the_attempt() {
    let twilio = Provider::start(twilio);
    twilio.answers(100);
    let host = start(&twilio);
    let (token, contact) = sign_in(&host);
    let one = send(&host, &token, &contact, &twilio, 0);
    let said = |sent: &Sent, status: &str| {
        vec![
            (
                "AccountSid",
                "AC00000000000000000000000000000001".to_owned(),
            ),
            ("From", "+14155552345".to_owned()),
            ("MessageSid", sent.sid.clone()),
            ("MessageStatus", status.to_owned()),
            ("To", PHONE.to_owned()),
        ]
    };
    let tell = |sent: &Sent, fields: &[(&str, String)], key: &str| {
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        post(&host, &sent.callback, &fields, key)
    };
    assert!(
        one.callback
            .starts_with(&format!("{PUBLIC}/api/receipts/sms?attempt="))
    );
    // Signed with another token, or for another address: nobody is believed.
    tell(&one, &said(&one, "delivered"), "another-token").expect(403);
    let elsewhere = Sent {
        callback: format!("{PUBLIC}/api/receipts/sms?attempt=7"),
        ..send(&host, &token, &contact, &twilio, 1)
    };
    let forged = host.raw("POST", "/api/receipts/sms", &[], b"MessageStatus=delivered");
    assert_eq!(forged.status, 403);
    assert_eq!(message(&host, &token, &one.id)["status"], "sent");
    // Twice, and in the wrong order.
    for status in ["delivered", "sent", "delivered", "queued"] {
        assert_eq!(tell(&one, &said(&one, status), TOKEN).status, 200);
    }
    assert_eq!(message(&host, &token, &one.id)["status"], "delivered");
    let attempts = host.get(&token, &format!("/api/messages/{}/attempts", one.id));
    let attempts = attempts.expect(200);
    let attempt = &attempts[0];
    assert_eq!(
        (&attempt["number"], &attempt["outcome"]),
        (&json!(1), &json!("accepted"))
    );
    assert!(attempt["provider_id"].as_str().unwrap().ends_with(&one.sid));
    assert!(one.callback.ends_with(attempt["id"].as_str().unwrap()));
    let receipts = attempt["receipts"].as_array().unwrap();
    let mut fates: Vec<_> = receipts
        .iter()
        .map(|r| r["fate"].as_str().unwrap())
        .collect();
    fates.sort_unstable();
    assert_eq!(fates, ["accepted", "delivered"]);
    // A number that is not in use: the message failed, and nothing more goes there.
    let mut dead = said(&elsewhere, "undelivered");
    dead.push(("ErrorCode", "30005".to_owned()));
    let two = Sent {
        callback: twilio_callback(&twilio, 1),
        ..elsewhere
    };
    assert_eq!(tell(&two, &dead, TOKEN).status, 200);
    let failed = message(&host, &token, &two.id);
    assert_eq!(
        (&failed["status"], &failed["failure"]),
        (&json!("failed"), &json!("twilio_30005"))
    );
    let draft = json!({"contact_id": contact, "occasion_type": "custom", "channel": "sms", "content": "Ещё один заказ готов"});
    let third = host.post(&token, "/api/messages", draft).expect(201);
    let id = third["id"].as_str().unwrap();
    let seen = json!({"version": third["version"], "digest": third["digest"]});
    host.post(&token, &format!("/api/messages/{id}/approve"), seen)
        .expect(200);
    wait(&host, &token, id, "cancelled");
    assert_eq!(twilio.ledger().len(), 2);
}

fn twilio_callback(twilio: &Provider, number: usize) -> String {
    let form = &twilio.ledger()[&format!("{PHONE} {number}")];
    let mut form = form_urlencoded::parse(form.as_bytes()).into_owned();
    form.find(|(name, _)| name == "StatusCallback").unwrap().1
}

#[test]
fn an_address_is_verified_and_unknown_channels_are_not_there() {
    let twilio = Provider::start(twilio);
    let host = start(&twilio);
    let ask = |path: &str| host.raw("GET", path, &[], b"");
    let good = "hub.mode=subscribe&hub.challenge=1158&hub.verify_token=verify%20me";
    let answer = ask(&format!("/api/receipts/whatsapp?{good}"));
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, b"1158".as_slice())
    );
    assert!(
        answer
            .head
            .to_lowercase()
            .contains("content-type: text/plain")
    );
    let wrong = good.replace("verify%20me", "guess");
    assert_eq!(ask(&format!("/api/receipts/whatsapp?{wrong}")).status, 403);
    assert_eq!(ask(&format!("/api/receipts/sms?{good}")).status, 404);
    assert_eq!(ask(&format!("/api/receipts/fax?{good}")).status, 404);
    for channel in ["fax", "email", "telegram"] {
        let reply = host.raw("POST", &format!("/api/receipts/{channel}"), &[], b"{}");
        assert_eq!(reply.status, 404, "{channel}");
    }
    // A signed callback of WhatsApp (the worked example of its documentation) with nothing in it.
    let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    let signature = "sha256=d3e4f9da0ce6c71ab3dba55929b8eeeee2455349e534924ead19f98d143e904f";
    let headers = [("X-Hub-Signature-256", signature)];
    let reply = host.raw("POST", "/api/receipts/whatsapp", &headers, body);
    assert_eq!(reply.status, 200);
    let reply = host.raw("POST", "/api/receipts/whatsapp", &headers, b"{}");
    assert_eq!(reply.status, 403);
}
