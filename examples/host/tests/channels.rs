//! One settings file, three channels, the plug pulled twice: campaigns go out by mail, Telegram and text
//! message, the host is killed amid them with SIGKILL and started again, and at the end every message is
//! accounted for. What each provider had taken and not answered is uncertain, and nothing else is.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/provider.rs"]
mod provider;
#[path = "common/smtp.rs"]
mod smtp;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::Host;
use common::place::Place;
use provider::{Provider, Taken};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use smtp::Server;

const PEOPLE: usize = 60;
/// Deliveries under way at once by mail, Telegram (its own figure) and text message.
const AT_ONCE: [usize; 3] = [4, 8, 5];
/// How many each provider answers before the plug is pulled for the first and the second time.
const ANSWERED: [usize; 2] = [12, 8];
const CHANNELS: [&str; 3] = ["email", "telegram", "sms"];
/// Whom Telegram and Twilio refuse for good.
const BLOCKED: usize = 7;
/// Who has no chat.
const WITHOUT_CHAT: usize = 11;

/// Seconds that the host waits for answers that are held back: longer than any machine is slow.
const PATIENCE: u64 = 600;

const TWILIO: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json";
const BOT: &str = "/bot123456:a-secret-key/sendMessage";

fn phone(number: usize) -> String {
    format!("+9989012345{number:02}")
}

fn chat(number: usize) -> String {
    (7_000 + number).to_string()
}

/// What the Bot API answers.
fn telegram(path: &str, body: &[u8], before: usize) -> Taken {
    assert_eq!(path, BOT);
    let body: Value = serde_json::from_slice(body).unwrap();
    let to = match &body["chat_id"] {
        Value::String(chat) => chat.clone(),
        chat => chat.to_string(),
    };
    let blocked = to == chat(BLOCKED);
    let answer = if blocked {
        json!({"ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
    } else {
        json!({"ok": true, "result": {"message_id": before + 1, "chat": {"id": 1, "type": "private"}}})
    };
    Taken {
        to,
        text: body["text"].as_str().unwrap().to_owned(),
        taken: !blocked,
        status: if blocked { 403 } else { 200 },
        answer: answer.to_string(),
    }
}

/// What Twilio answers. A list shows nothing: it is not bound to, and then proves nothing.
fn twilio(path: &str, body: &[u8], before: usize) -> Taken {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let (to, text) = (form.get("To").cloned(), form.get("Body").cloned());
    let refused = |status, answer: Value| Taken {
        to: String::new(),
        text: String::new(),
        taken: false,
        status,
        answer: answer.to_string(),
    };
    let (Some(to), Some(text)) = (to, text) else {
        return refused(200, json!({"messages": []}));
    };
    assert_eq!(path, TWILIO);
    if to == phone(BLOCKED) {
        return refused(
            400,
            json!({"code": 21614, "status": 400, "message": "not a mobile"}),
        );
    }
    Taken {
        to,
        text,
        taken: true,
        status: 201,
        answer: json!({"sid": format!("SM{before:032x}"), "status": "queued"}).to_string(),
    }
}

/// The emulators, and the one file that leads to them.
struct Providers {
    mail: Server,
    telegram: Provider,
    twilio: Provider,
    file: PathBuf,
}

impl Providers {
    fn start(place: &Place) -> Self {
        let mail = Server::start(&place.path().join("ledger"));
        let file = place.path().join("host.toml");
        let found = Self {
            mail,
            telegram: Provider::start(telegram),
            twilio: Provider::start(twilio),
            file,
        };
        std::fs::write(place.path().join("token"), "123456:a-secret-key\n").unwrap();
        let settings = format!(
            "{}
[channels.email]
type = 'smtp'
host = '127.0.0.1'
port = {}
tls = 'none'
from = 'Salon <news@salon.example>'
max_connections = {}
data_timeout = {PATIENCE}

[channels.telegram]
type = 'telegram'
token_file = 'token'
http = {{ base = '{}', timeout = {PATIENCE} }}

[channels.sms]
[[channels.sms.providers]]
type = 'twilio'
account_sid = 'AC00000000000000000000000000000001'
auth_token = 'a-very-secret-token'
from = '+14155552345'
concurrency = {}
http = {{ base = '{}', timeout = {PATIENCE} }}
",
            place.settings(),
            found.mail.port,
            AT_ONCE[0],
            found.telegram.base,
            AT_ONCE[2],
            found.twilio.base,
        );
        std::fs::write(&found.file, settings).unwrap();
        found
    }

    /// So many more are answered by each; what comes later is taken and not answered.
    fn answer(&self, more: usize) {
        self.mail.answers(more);
        self.telegram.answers(more);
        self.twilio.answers(more);
    }

    /// Channel and recipient of what was taken and not answered.
    fn held(&self) -> BTreeSet<(String, String)> {
        let held = [self.mail.held(), self.telegram.held(), self.twilio.held()];
        let pairs = CHANNELS.into_iter().zip(held);
        pairs
            .flat_map(|(channel, held)| held.into_iter().map(|to| (channel.to_owned(), to)))
            .collect()
    }

    /// Hash of the text by channel and recipient, each once.
    fn ledger(&self) -> BTreeMap<(String, String), String> {
        let mut all = BTreeMap::new();
        for [to, hash] in self.mail.ledger().into_values() {
            let before = all.insert(("email".to_owned(), to), hash);
            assert_eq!(before, None, "a person was written to twice");
        }
        for (channel, provider) in [("telegram", &self.telegram), ("sms", &self.twilio)] {
            for (to, text) in provider.ledger() {
                all.insert((channel.to_owned(), to), hash(&text));
            }
        }
        all
    }
}

fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// As `Host::until`, with more patience.
fn wait(what: &str, mut fine: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !fine() {
        assert!(begun.elapsed() < Duration::from_secs(120), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All messages the filter finds, page by page.
fn all(host: &Host, token: &str, filter: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/messages?limit=100{filter}{cursor}");
        let mut page = host.get(token, &path).expect(200);
        items.append(page["items"].as_array_mut().unwrap());
        let Some(next) = page["next_cursor"].as_str() else {
            return items;
        };
        cursor = format!("&cursor={next}");
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}

/// Channel and recipient of each message.
fn whom(messages: &[Value]) -> BTreeSet<(String, String)> {
    let found: BTreeSet<_> = messages
        .iter()
        .map(|message| (text(message, "channel"), text(message, "recipient")))
        .collect();
    assert_eq!(found.len(), messages.len());
    found
}

/// People, and a campaign to all of them on each channel, drafted. Their ids by channel.
fn campaigns(host: &Host, admin: &str) -> BTreeMap<&'static str, String> {
    for number in 0..PEOPLE {
        let mut person = json!({"name": format!("Дилноза {number}"), "phone": phone(number),
            "email": format!("c{number}@example.org"), "telegram_chat_id": chat(number)});
        if number == WITHOUT_CHAT {
            person["telegram_chat_id"] = Value::Null;
        }
        host.post(admin, "/api/contacts", person).expect(201);
    }
    let mut found = BTreeMap::new();
    for channel in CHANNELS {
        let mut template = json!({"name": channel, "occasion_type": "custom", "language": "ru",
            "channel": channel, "content": format!("{{{{name}}}}, ждём вас! ({channel})")});
        if channel == "email" {
            template["subject"] = json!("Ждём вас");
        }
        let template = host.post(admin, "/api/templates", template).expect(201);
        let campaign = json!({"name": channel, "occasion_type": "custom", "channel": channel,
            "template_id": template["id"]});
        let campaign = host.post(admin, "/api/campaigns", campaign).expect(201);
        let id = text(&campaign, "id");
        host.post(admin, &format!("/api/campaigns/{id}/execute"), json!({}))
            .expect(202);
        found.insert(channel, id);
    }
    for (channel, id) in &found {
        let drafted = PEOPLE - usize::from(*channel == "telegram");
        host.until(admin, &format!("/api/campaigns/{id}"), |campaign| {
            campaign["stats"]["generated_count"] == drafted
        });
    }
    found
}

fn approve_all(host: &Host, admin: &str) {
    let mut decision = json!({"action": "approve", "filter": {"status": "pending_approval"}});
    let preview = host
        .post(admin, "/api/messages/bulk/preview", decision.clone())
        .expect(200);
    decision["manifest"] = preview["manifest"].clone();
    let done = host.post(admin, "/api/messages/bulk", decision).expect(200);
    assert_eq!(done["applied"], PEOPLE * 3 - 1, "{done}");
}

/// How many messages are in this state.
fn count(host: &Host, admin: &str, status: &str) -> usize {
    let path = format!("/api/messages?limit=1&status={status}");
    let total = host.get(admin, &path).expect(200)["total"].as_u64();
    total.unwrap().try_into().unwrap()
}

/// Waits until nobody answers on any channel and everything that was answered is recorded, and pulls the plug.
/// Returns whom the providers had been asked to write to and had not answered.
fn pull_the_plug(
    host: Host,
    admin: &str,
    providers: &Providers,
) -> (Place, BTreeSet<(String, String)>) {
    let most: usize = AT_ONCE.iter().sum();
    wait("all channels are full", || {
        // Fails when somebody is written to twice.
        providers.ledger();
        providers.held().len() == most && count(&host, admin, "sending") == most
    });
    let held = providers.held();
    assert_eq!(whom(&all(&host, admin, "&status=sending")), held);
    let place = host.kill();
    place.is_dead_for_good();
    (place, held)
}

/// The report of each campaign: what its figures, its plan and its messages say.
fn report(host: &Host, admin: &str, campaigns: &BTreeMap<&str, String>) {
    let performance = host
        .get(admin, "/api/analytics/campaign-performance")
        .expect(200);
    for (channel, id) in campaigns {
        let messages = all(host, admin, &format!("&campaign_id={id}"));
        let of = |status: &str| {
            let found = messages
                .iter()
                .filter(|message| message["status"] == status);
            found.count()
        };
        let (sent, failed, uncertain) = (of("sent"), of("failed"), of("uncertain"));
        assert_eq!(sent + failed + uncertain, messages.len(), "{channel}");
        let campaign = host.get(admin, &format!("/api/campaigns/{id}")).expect(200);
        let board = performance["data"].as_array().unwrap().iter();
        let line = board
            .clone()
            .find(|line| line["id"] == id.as_str())
            .unwrap();
        for stats in [&campaign["stats"], line] {
            assert_eq!(stats["generated_count"], messages.len(), "{channel}");
            assert_eq!(stats["sent_count"], sent, "{channel}");
            assert_eq!(stats["failed_count"], failed, "{channel}");
        }
        assert_eq!(campaign["stats"]["ended_count"], 0);
        assert_eq!(failed, usize::from(*channel != "email"), "{channel}");
        let plan = host
            .get(admin, &format!("/api/campaigns/{id}/plan?limit=100"))
            .expect(200);
        assert_eq!(plan["total"], PEOPLE);
        let lines = plan["items"].as_array().unwrap();
        let (out, planned): (Vec<_>, Vec<_>) =
            lines.iter().partition(|line| line["excluded"] == true);
        assert_eq!(planned.len(), messages.len());
        assert!(out.iter().all(|line| line["reason"] == "no_address"));
    }
}

#[test]
fn every_message_is_accounted_for_after_the_plug_was_pulled() {
    let place = Place::new();
    let providers = Providers::start(&place);
    let mut host = Host::start_by(place, &providers.file);
    let admin = host.admin();
    let campaigns = campaigns(&host, &admin);
    let wanted: BTreeMap<(String, String), String> = all(&host, &admin, "")
        .iter()
        .map(|message| {
            let to = (text(message, "channel"), text(message, "recipient"));
            (to, hash(&text(message, "content")))
        })
        .collect();
    assert_eq!(wanted.len(), PEOPLE * 3 - 1);
    providers.answer(ANSWERED[0]);
    approve_all(&host, &admin);

    let mut doubt = BTreeSet::new();
    for more in [ANSWERED[1], wanted.len()] {
        let (place, held) = pull_the_plug(host, &admin, &providers);
        doubt.extend(held);
        providers.answer(more);
        host = Host::start_by(place, &providers.file);
    }
    assert_eq!(doubt.len(), 2 * AT_ONCE.iter().sum::<usize>());
    wait("all is quiet", || {
        let open = ["approved", "claimed", "sending"];
        open.iter().all(|status| count(&host, &admin, status) == 0)
    });

    // Each message is in one state, and the ledgers have each once, as it was approved.
    let messages = all(&host, &admin, "");
    assert_eq!(messages.len(), wanted.len());
    let of = |status: &str| {
        let found = messages
            .iter()
            .filter(|message| message["status"] == status);
        whom(&found.cloned().collect::<Vec<_>>())
    };
    let (sent, failed, uncertain) = (of("sent"), of("failed"), of("uncertain"));
    assert_eq!(sent.len() + failed.len() + uncertain.len(), messages.len());
    let refused = [("sms", phone(BLOCKED)), ("telegram", chat(BLOCKED))];
    let refused = refused.map(|(channel, to)| (channel.to_owned(), to));
    assert_eq!(failed, BTreeSet::from(refused));
    assert_eq!(uncertain, doubt, "what was under way, and only that");
    assert_eq!(whom(&all(&host, &admin, "&status=uncertain")), doubt);
    let ledger = providers.ledger();
    let delivered: BTreeSet<_> = ledger.keys().cloned().collect();
    assert_eq!(delivered, &sent | &uncertain);
    for (to, arrived) in &ledger {
        assert_eq!(wanted.get(to), Some(arrived), "{to:?}");
    }
    report(&host, &admin, &campaigns);

    // A person who has asked the providers settles what is in doubt; then all of it is done.
    for message in messages.iter().filter(|m| m["status"] == "uncertain") {
        let path = format!("/api/messages/{}/resolve", text(message, "id"));
        host.post(&admin, &path, json!({"outcome": "sent"}))
            .expect(200);
    }
    for id in campaigns.values() {
        host.until(&admin, &format!("/api/campaigns/{id}"), |campaign| {
            campaign["status"] == "completed"
        });
    }
    report(&host, &admin, &campaigns);
    assert_eq!(providers.ledger().len(), sent.len() + uncertain.len());
    let proof = |proof: &Value| proof["valid"] == true;
    host.until(&admin, "/api/audit/verify", proof);
}

/// A message to a phone, approved.
fn to_phone(host: &Host, admin: &str, number: usize) -> String {
    let person = json!({"name": format!("Дилноза {number}"), "phone": phone(number)});
    let person = host.post(admin, "/api/contacts", person).expect(201);
    let message = json!({"contact_id": person["id"], "occasion_type": "custom", "channel": "sms",
        "content": format!("Дилноза {number}, ждём вас!")});
    let message = host.post(admin, "/api/messages", message).expect(201);
    let path = format!("/api/messages/{}", text(&message, "id"));
    let message = host
        .post(admin, &format!("{path}/submit"), json!({}))
        .expect(200);
    let seen = json!({"version": message["version"], "digest": message["digest"]});
    host.post(admin, &format!("{path}/approve"), seen)
        .expect(200);
    path
}

#[test]
fn the_next_provider_takes_over_from_one_that_cannot_be_reached() {
    let place = Place::new();
    let second = Provider::start(twilio);
    second.answers(1);
    let file = place.path().join("host.toml");
    // Nobody listens where the first one should be.
    let settings = format!(
        "{}
[[channels.sms.providers]]
type = 'eskiz'
email = 'crm@salon.example'
password = 'a-very-secret-password'
http.base = 'http://127.0.0.1:1'

[[channels.sms.providers]]
type = 'twilio'
account_sid = 'AC00000000000000000000000000000001'
auth_token = 'a-very-secret-token'
from = '+14155552345'
http.base = '{}'
",
        place.settings(),
        second.base,
    );
    std::fs::write(&file, settings).unwrap();
    let host = Host::start_by(place, &file);
    let admin = host.admin();
    let first = to_phone(&host, &admin, 1);
    // It is put back, unsent, for the next one, and the first one rests.
    let put_back = host.until(&admin, &first, |message| {
        message["status"] == "approved" && message["attempts"] == 1
    });
    assert_eq!(second.ledger().len(), 0);
    let next = to_phone(&host, &admin, 2);
    host.until(&admin, &next, |message| message["status"] == "sent");
    assert_eq!(second.ledger().keys().collect::<Vec<_>>(), [&phone(2)]);
    assert_eq!(put_back["failure"], "eskiz:not_connected");
}
