//! Each adapter over HTTP and each behaviour.

use std::time::Duration;

use crm_channels::{HttpOptions, Webhook, WebhookConfig};
use crm_core::contact::ContactFields;
use crm_core::message::{Approved, AttemptOutcome as O};
use crm_core::port::channel::Outcome;

use crate::common::Draft;
use crate::common::emulator::{PATIENT, options};
use crate::common::http::Act;
use crate::common::stages::{Certificate, front};
use crate::provider::{ALL, Faulty, Kind, TELEGRAM, WEBHOOK, WHATSAPP};

/// What a test waits for an answer that does not come in time.
const IMPATIENT: Duration = Duration::from_millis(1500);
const DAY: u64 = 24 * 3600;

/// The message of this number in a test, as its adapter is given it.
pub(crate) fn message(kind: &Kind, number: u64) -> Approved {
    let mut fields = ContactFields::default();
    (kind.address)(number, &mut fields);
    let addresses = [
        fields.phone,
        fields.whatsapp,
        fields.telegram_chat_id,
        fields.external_id,
    ];
    let draft = Draft {
        message: 0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number),
        attempt: 0x0190_0000_0000_7000_8000_0000_0001_0000 + u128::from(number),
        recipient: addresses.into_iter().flatten().next().unwrap(),
        subject: None,
        content: "Салом!".to_owned(),
        ..Draft::default()
    };
    draft.approved()
}

/// What a provider does, how long is waited for it, and what comes of it.
struct Case {
    name: String,
    act: Act,
    patience: Duration,
    /// Not the same for those whose receiver's status says it all.
    outcome: fn(&Kind) -> O,
    /// Least and most seconds of the wait, where it is one.
    wait: (u64, u64),
}

fn is_webhook(kind: &Kind) -> bool {
    kind.name == WEBHOOK.name
}

const DOUBT: fn(&Kind) -> O = |_| O::Unknown;
const LATER: fn(&Kind) -> O = |_| O::RetryAfter;
/// A doubt, unless the status alone means yes.
const SAID: fn(&Kind) -> O = |kind| match is_webhook(kind) {
    true => O::Accepted,
    false => O::Unknown,
};
/// A doubt, unless the receiver removes what comes twice.
const AGAIN: fn(&Kind) -> O = |kind| match is_webhook(kind) {
    true => O::RetryAfter,
    false => O::Unknown,
};
/// Whoever redirects may have taken the message before.
const MOVED: fn(&Kind) -> O = |kind| match is_webhook(kind) {
    true => O::Rejected,
    false => O::Unknown,
};
/// Whoever asks for the same request elsewhere has not taken it.
const ELSEWHERE: fn(&Kind) -> O = |kind| match kind.name {
    name if name == WEBHOOK.name => O::Rejected,
    name if name == TELEGRAM.name || name == WHATSAPP.name => O::Unknown,
    _ => O::Stop,
};

fn case(name: &str, act: Act, outcome: fn(&Kind) -> O) -> Case {
    Case {
        name: name.to_owned(),
        act,
        patience: PATIENT,
        outcome,
        wait: (0, DAY),
    }
}

fn impatient(name: &str, act: Act) -> Case {
    Case {
        patience: IMPATIENT,
        ..case(name, act, DOUBT)
    }
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Act {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| (*name, (*value).to_owned()));
    Act::Answer(status, headers.collect(), body.to_vec())
}

fn cases() -> Vec<Case> {
    let html = b"<html><h1>no</h1></html>";
    let lie = br#"{"ok":"yes","sid":["SM1"],"id":7,"status":{"a":1},"messages":{"0":{"id":1}},
        "result":{"message_id":1e300},"error":{"code":-1},"code":"21211","message":null}"#;
    let late = IMPATIENT + Duration::from_millis(800);
    let mut cases = vec![
        impatient("accepts and hangs", Act::Hang),
        impatient(
            "answers when all is given up",
            Act::Late(late, 200, lie.to_vec()),
        ),
        impatient(
            "one byte a second",
            Act::Drip(Duration::from_secs(1), 200, lie.to_vec()),
        ),
        case("resets behind the body", Act::Reset, DOUBT),
        case("closes behind the body", Act::Close, DOUBT),
        case("half a body", Act::Half(200, b"{\"ok\":".to_vec()), DOUBT),
        case("100 MB", Act::Flood(100 * 1024 * 1024), DOUBT),
        case("a body without end", Act::Endless(200), DOUBT),
        case("a refusal without end", Act::Endless(429), DOUBT),
        case("a head without end", Act::EndlessHead, DOUBT),
        case("no JSON", answer(200, &[], html), SAID),
        case("no text", answer(200, &[], &[0xff; 64]), SAID),
        case("nothing", answer(200, &[], b""), SAID),
        case("other types", answer(200, &[], lie), SAID),
        case("deep", answer(200, &[], &vec![b'['; 200_000]), SAID),
        case("500", answer(500, &[], html), AGAIN),
        case("501", answer(501, &[], html), AGAIN),
        case("502", answer(502, &[], html), DOUBT),
        case("503", answer(503, &[], html), AGAIN),
        case("504", answer(504, &[], html), DOUBT),
        case("599", answer(599, &[], html), AGAIN),
        case("a status of its own", answer(799, &[], html), DOUBT),
    ];
    for status in [301, 302, 303] {
        let act = answer(status, &[("location", "/again")], b"");
        cases.push(case(&format!("a loop of {status}"), act, MOVED));
    }
    for status in [307, 308] {
        let act = answer(status, &[("location", "/again")], b"");
        cases.push(case(&format!("a loop of {status}"), act, ELSEWHERE));
    }
    // Some know better how long their provider wants to rest than this.
    let own = (0, 60);
    for (value, wait) in [
        ("3600", (3_600, 3_600)),
        ("-1", own),
        ("soon", own),
        ("", own),
        ("1e3", own),
        ("1000000000", (DAY, DAY)),
        ("99999999999999999999", own),
        ("Fri, 31 Dec 2100 23:59:59 GMT", (DAY, DAY)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", own),
        ("Sat, 31 Feb 2026 25:61:61 GMT", own),
    ] {
        let act = answer(429, &[("retry-after", value)], html);
        cases.push(Case {
            wait,
            ..case(&format!("429, retry-after {value:?}"), act, LATER)
        });
    }
    cases
}

async fn meets(kind: Kind, case: Case) {
    let what = format!("{}: {}", kind.name, case.name);
    // A client that follows a redirect, or repeats, meets it again.
    let acts = match case.act {
        Act::Answer(300..=399, ..) => vec![case.act.clone(); 5],
        _ => vec![case.act.clone()],
    };
    let left = acts.len() - 1;
    let faulty = Faulty::start(kind, acts, true).await;
    let channel = (kind.make)(options(&faulty.provider.base(), case.patience));
    let outcome = channel.send(&message(&kind, 1)).await;
    assert_eq!(outcome.kind(), (case.outcome)(&kind), "{what}: {outcome:?}");
    assert_eq!(faulty.called(), 1, "{what}: one call is one request");
    if let Outcome::RetryAfter { at_least, .. } = &outcome {
        let (least, most) = case.wait;
        let wait = at_least.as_secs();
        assert!((least..=most).contains(&wait), "{what}: {wait}");
    }
    if let Some(reason) = outcome.reason() {
        assert!(reason.len() < 60, "{what}: a code, not {reason:?}");
    }
    // What comes late, or is left of it, is no answer to the next message.
    for number in 2..2 + u64::try_from(left).unwrap() {
        channel.send(&message(&kind, number)).await;
    }
    let next = channel.send(&message(&kind, 50)).await;
    assert_eq!(next.kind(), O::Accepted, "{what}, and then: {next:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_behaviour_has_its_outcome_with_every_adapter() {
    let mut count = 0;
    for kind in ALL {
        let together: Vec<_> = cases()
            .into_iter()
            .map(|case| tokio::spawn(meets(kind, case)))
            .collect();
        count += together.len();
        for one in together {
            one.await.unwrap();
        }
    }
    assert_eq!(count, ALL.len() * 37);
}

#[tokio::test]
async fn an_expired_certificate_stops_every_adapter() {
    for kind in ALL {
        let faulty = Faulty::start(kind, Vec::new(), false).await;
        let http = HttpOptions {
            connect: PATIENT,
            timeout: PATIENT,
            ..front(Certificate::Expired, faulty.provider.address).await
        };
        let outcome = (kind.make)(http).send(&message(&kind, 1)).await;
        let wanted = Outcome::Stop {
            reason: "certificate_not_trusted".to_owned(),
        };
        assert_eq!(outcome, wanted, "{}", kind.name);
        assert_eq!(faulty.provider.requests().len(), 0, "{}", kind.name);
    }
}

/// A receiver that a tenant names is somewhere on the public internet, however its address is written.
#[test]
fn private_addresses_in_disguise_are_refused() {
    let webhook = |host: &str, allowed: &[&str]| {
        let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
        let url = format!("https://{host}/hook");
        let config = WebhookConfig {
            allowed: allowed.iter().map(|one| (*one).to_owned()).collect(),
            ..WebhookConfig::new(url.into(), vec![secret.into()])
        };
        Webhook::new(config).is_ok()
    };
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "１２７.0.0.1",
        "127.0.0.1.",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::10.0.0.1]",
        "[fe80::1]",
        "[fd00::1]",
        "[2002:7f00:1::]",
        "[ff02::1]",
    ] {
        assert!(!webhook(host, &[]), "{host}");
    }
    assert!(webhook("1.1.1.1", &[]) && webhook("[2606:4700::1111]", &[]));
    // Only what is named is opened, and by the address, not by how it is written.
    assert!(webhook("2130706433", &["127.0.0.1"]) && !webhook("127.0.0.2", &["127.0.0.1"]));
}

/// What a provider says is kept in columns that are indexed, and told in logs: none of it may be long.
#[tokio::test]
async fn an_id_without_end_is_none() {
    let long = "9".repeat(100_000);
    let body = serde_json::json!({
        "sid": format!("SM{long}"),
        "id": long,
        "status": ["waiting"],
        "ok": true,
        "result": {"message_id": long},
        "messages": [{"id": format!("wamid.{long}")}],
    });
    for kind in ALL {
        let act = answer(200, &[], body.to_string().as_bytes());
        let faulty = Faulty::start(kind, vec![act], true).await;
        let channel = (kind.make)(options(&faulty.provider.base(), PATIENT));
        let outcome = channel.send(&message(&kind, 1)).await;
        match &outcome {
            Outcome::Accepted { provider_id } => {
                assert!(
                    is_webhook(&kind) && provider_id.len() < 100,
                    "{}",
                    kind.name
                );
            }
            other => assert_eq!(other.kind(), O::Unknown, "{}", kind.name),
        }
        let shown = format!("{outcome:?}");
        assert!(shown.len() < 200, "{}: {}", kind.name, shown.len());
    }
}
