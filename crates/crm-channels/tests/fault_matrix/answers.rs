//! Each documented answer of each provider.

use std::time::Duration;

use crm_core::message::{AttemptOutcome, Status};
use serde_json::{Value, json as value};

use crate::common::emulator::{PATIENT, options};
use crate::common::http::{Act, json};
use crate::end::{End, walk};
use crate::provider::{
    ALL, ENDPOINT, ESKIZ, Faulty, Kind, TELEGRAM, TWILIO, TWILIO_WHATSAPP, WEBHOOK, WHATSAPP,
};
use crate::world::World;
use End::{Again, Dead, Failed, Sent, Stop, Uncertain, Wait};

type Row = (Vec<Act>, End);

async fn matrix(kind: Kind, rows: Vec<Row>) {
    for (faults, end) in rows {
        let shown: Vec<String> = faults.iter().map(shown).collect();
        let shown = shown.join(", then ");
        let faulty = Faulty::start(kind, faults, end == Uncertain).await;
        let world = World::new(kind, options(&faulty.provider.base(), PATIENT));
        walk(kind, &faulty, &world, end, &shown).await;
    }
}

fn shown(act: &Act) -> String {
    match act {
        Act::Answer(status, _, body) => format!("{status} {}", String::from_utf8_lossy(body)),
        other => format!("{other:?}"),
    }
}

fn body(status: u16, body: &Value) -> Vec<Act> {
    vec![json(status, &body.to_string())]
}

/// An answer of something before the provider.
fn gateway(status: u16, retry_after: Option<u64>) -> Vec<Act> {
    let mut headers = vec![("content-type", "text/html".to_owned())];
    headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
    vec![Act::Answer(status, headers, b"<html>no</html>".to_vec())]
}

fn twilio(status: u16, code: u64) -> Vec<Act> {
    body(
        status,
        &value!({"code": code, "message": "said", "more_info": "x", "status": status}),
    )
}

fn twilio_rows() -> Vec<Row> {
    let mut rows = vec![
        (twilio(401, 20003), Stop),
        (twilio(403, 20003), Stop),
        (twilio(403, 20005), Stop),
        (gateway(401, None), Stop),
        (twilio(429, 20429), Wait(1)),
        (gateway(429, Some(3600)), Wait(3600)),
        (twilio(503, 20503), Wait(30)),
        // Twilio's page on 20500: sent again, it may arrive twice.
        (twilio(500, 20500), Uncertain),
        (gateway(500, None), Uncertain),
        (gateway(502, None), Uncertain),
        (gateway(503, None), Uncertain),
        (gateway(504, None), Uncertain),
    ];
    // Bad number, not mobile, landline; the person sent STOP.
    let dead = [21211, 21217, 21614, 21635, 21610];
    rows.extend(dead.map(|code| (twilio(400, code), Dead)));
    // Country, sender, trial account.
    let stop = [21408, 21606, 21212, 21603, 21659, 21608];
    rows.extend(stop.map(|code| (twilio(400, code), Stop)));
    // Empty, too long, no route; a code nobody knows.
    rows.extend([21602, 21617, 21612, 99999].map(|code| (twilio(400, code), Failed)));
    rows
}

#[tokio::test]
async fn every_answer_of_twilio_ends_as_documented() {
    matrix(TWILIO, twilio_rows()).await;
    matrix(TWILIO_WHATSAPP, twilio_rows()).await;
}

#[tokio::test]
async fn every_answer_of_eskiz_ends_as_documented() {
    let says = |status: u16, message: Value| {
        body(status, &value!({"status": "error", "message": message}))
    };
    let lapsed = || json(401, r#"{"message":"Expired"}"#);
    let mut rows = vec![
        // One new login, and the message goes within the same attempt.
        (vec![lapsed()], Sent),
        (vec![lapsed(), lapsed()], Stop),
        (says(402, "balance".into()), Stop),
        (says(403, "blocked".into()), Stop),
        (says(429, "slower".into()), Wait(30)),
        (gateway(429, Some(90)), Wait(90)),
        (says(503, "later".into()), Wait(30)),
        (says(500, "oh".into()), Uncertain),
        (gateway(502, None), Uncertain),
        (gateway(504, None), Uncertain),
    ];
    for status in [400, 422] {
        rows.extend([
            (says(status, value!({"mobile_phone": ["invalid"]})), Dead),
            (says(status, value!({"messages.0.to": ["invalid"]})), Dead),
            (
                says(status, value!({"messages.0.text": ["no template"]})),
                Failed,
            ),
            (says(status, "Текст не прошёл модерацию".into()), Failed),
            (says(status, value!({"from": ["unknown nickname"]})), Stop),
            (says(status, "Недостаточно средств, баланс 0".into()), Stop),
            (says(status, "account is blocked".into()), Stop),
        ]);
    }
    matrix(ESKIZ, rows).await;
}

#[tokio::test]
async fn every_answer_of_telegram_ends_as_documented() {
    let says = |code: u16, text: &str| {
        body(
            code,
            &value!({"ok": false, "error_code": code, "description": text}),
        )
    };
    let with = |code: u16, parameters: Value| {
        body(
            code,
            &value!({"ok": false, "error_code": code, "description": "x", "parameters": parameters}),
        )
    };
    let mut rows = vec![
        // Its new id is another address than the approved one.
        (
            with(400, value!({"migrate_to_chat_id": -1_001_234_567_890_i64})),
            Failed,
        ),
        (with(429, value!({"retry_after": 7})), Wait(7)),
        (with(429, value!({"retry_after": 3600})), Wait(3600)),
        (says(401, "Unauthorized"), Stop),
        (says(404, "Not Found"), Stop),
        // It concerns the reading of updates alone.
        (
            says(409, "Conflict: terminated by other getUpdates request"),
            Failed,
        ),
        (says(500, "Internal Server Error"), Wait(5)),
        (says(502, "Bad Gateway"), Uncertain),
        (says(504, "Gateway Timeout"), Uncertain),
        (gateway(502, None), Uncertain),
        (gateway(504, None), Uncertain),
    ];
    let gone = [
        "bot was blocked by the user",
        "user is deactivated",
        "bot was kicked from the group chat",
        "bot is not a member of the channel chat",
        "bot can't initiate conversation with a user",
    ];
    rows.extend(gone.map(|text| (says(403, &format!("Forbidden: {text}")), Dead)));
    let unknown = ["chat not found", "PEER_ID_INVALID"];
    rows.extend(unknown.map(|text| (says(400, &format!("Bad Request: {text}")), Dead)));
    let wrong = [
        "can't parse entities: unsupported start tag",
        "message is too long",
        "message text is empty",
        "BUTTON_URL_INVALID",
        "something new",
    ];
    rows.extend(wrong.map(|text| (says(400, &format!("Bad Request: {text}")), Failed)));
    rows.push((says(403, "Forbidden: something new"), Failed));
    matrix(TELEGRAM, rows).await;
}

#[tokio::test]
async fn every_answer_of_whatsapp_ends_as_documented() {
    let error = |status: u16, code: u64| {
        body(
            status,
            &value!({"error": {"code": code, "message": "(#) said"}}),
        )
    };
    let mut rows = vec![
        (error(400, 131_050), Dead),
        // Withheld from this person; too much to this person.
        (error(400, 131_049), Again(24 * 3600)),
        (error(400, 131_056), Again(6)),
        (gateway(429, Some(120)), Wait(120)),
        (error(401, 190), Stop),
        (gateway(401, None), Stop),
        (gateway(403, None), Stop),
        (error(500, 999), Wait(30)),
        (error(503, 999), Wait(30)),
        (gateway(500, None), Uncertain),
        (gateway(502, None), Uncertain),
        (gateway(503, None), Uncertain),
        (gateway(504, None), Uncertain),
    ];
    let all = |end: End, codes: &[u64]| -> Vec<Row> {
        codes.iter().map(|code| (error(400, *code), end)).collect()
    };
    rows.extend(all(Wait(1), &[130_429, 4, 80_007]));
    rows.extend(all(Wait(30), &[1, 2, 131_000, 131_016, 131_057, 133_004]));
    rows.extend(all(
        Stop,
        &[131_048, 131_031, 368, 131_042, 133_010, 131_037],
    ));
    rows.extend(all(Stop, &[0, 10, 190, 200, 299]));
    // What is wrong with the template stops the channel, which has no other.
    rows.extend(all(
        Stop,
        &[
            132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016,
        ],
    ));
    // One answer that also hides limits condemns no number; one country stops no other.
    rows.extend(all(Failed, &[131_026, 131_047, 130_472, 130_497]));
    rows.extend(all(
        Failed,
        &[100, 131_008, 131_009, 131_021, 131_051, 131_052, 131_053],
    ));
    matrix(WHATSAPP, rows).await;
}

#[tokio::test]
async fn every_answer_of_a_webhook_ends_as_documented() {
    let says = |status: u16| gateway(status, None);
    let mut rows = vec![
        (says(200), Sent),
        (says(410), Dead),
        (says(429), Wait(5)),
        (says(503), Wait(5)),
        (gateway(429, Some(120)), Wait(120)),
        (gateway(503, Some(3600)), Wait(3600)),
        (gateway(500, Some(90)), Again(90)),
        (says(502), Uncertain),
        (says(504), Uncertain),
    ];
    rows.extend([301, 302, 307, 308].map(|status| (says(status), Failed)));
    rows.extend([400, 401, 403, 404, 408, 422, 500, 501].map(|status| (says(status), Again(5))));
    // A receiver that takes the message and answers 200 is done.
    let taken = rows.remove(0);
    let faulty = Faulty::start(WEBHOOK, taken.0, true).await;
    let world = World::new(WEBHOOK, options(&faulty.provider.base(), PATIENT));
    walk(WEBHOOK, &faulty, &world, taken.1, "200 with nonsense").await;
    matrix(WEBHOOK, rows).await;
    matrix(ENDPOINT, vec![(says(410), Stop)]).await;
}

/// A provider that never takes anything: the attempts run out where it is the message that is refused, and none
/// is used up where the whole channel has to wait.
#[tokio::test]
async fn refusals_without_end_fail_the_message_and_stops_never_do() {
    // Longer than any wait, and eleven of them are less than what makes a message too late.
    let later = Duration::from_secs(6 * 3600);
    let pair = body(400, &value!({"error": {"code": 131_056, "message": "x"}}));
    for (kind, refusal) in [(WHATSAPP, pair), (WEBHOOK, gateway(422, None))] {
        let refusal = refusal.into_iter().next().unwrap();
        let faulty = Faulty::start(kind, vec![refusal; 100], false).await;
        let world = World::new(kind, options(&faulty.provider.base(), PATIENT));
        let message = world.approved(&world.contact(1).await).await;
        for _ in 0..10 {
            world.work_after(later).await;
        }
        let (name, refused) = (kind.name, Some(AttemptOutcome::RetryAfter));
        assert_eq!(world.now(&message).await.status, Status::Failed, "{name}");
        assert_eq!(world.attempts(&message).await, [refused; 5], "{name}");
        assert_eq!((faulty.called(), faulty.taken()), (5, 0), "{name}");
        assert_eq!(world.suppressed(&message).await, None);
    }
    for kind in ALL {
        let busy = gateway(429, None).remove(0);
        let faulty = Faulty::start(kind, vec![busy; 10], false).await;
        let world = World::new(kind, options(&faulty.provider.base(), PATIENT));
        let message = world.approved(&world.contact(1).await).await;
        let name = kind.name;
        for round in 1..=10 {
            world.work_after(later).await;
            let now = world.now(&message).await;
            assert_eq!((now.status, now.attempts), (Status::Approved, 0), "{name}");
            assert_eq!((faulty.called(), faulty.taken()), (round, 0), "{name}");
        }
        world.work_after(later).await;
        let now = world.now(&message).await;
        assert_eq!((now.status, now.attempts), (Status::Sent, 1), "{name}");
        assert_eq!(world.suppressed(&message).await, None);
    }
    for kind in [TWILIO, ESKIZ, TELEGRAM, WHATSAPP] {
        let closed = gateway(403, None).remove(0);
        let faulty = Faulty::start(kind, vec![closed; 10], false).await;
        let world = World::new(kind, options(&faulty.provider.base(), PATIENT));
        let message = world.approved(&world.contact(1).await).await;
        for round in 1..=10 {
            world.work_after(later).await;
            assert_eq!(faulty.called(), round, "{}", kind.name);
            assert_eq!(
                world.now(&message).await.status,
                Status::Approved,
                "{}",
                kind.name
            );
        }
        world.work_after(later).await;
        assert_eq!(
            world.now(&message).await.status,
            Status::Sent,
            "{}",
            kind.name
        );
        assert_eq!(faulty.taken(), 1, "{}", kind.name);
    }
}
