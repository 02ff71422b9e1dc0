//! The host itself is killed with SIGKILL at random moments while it delivers to a real SMTP server: no
//! message is lost, none arrives twice, and whatever nobody can know is listed as uncertain.
//!
//! The long run: `CRM_KILLS=1000 cargo test -p crm-host --test kill -- --nocapture`; with
//! `CRM_TEST_DATABASE=postgres` on PostgreSQL. `CRM_KILL_SEED` repeats a run's moments as far as the machine
//! allows; it is printed when the test fails.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/engine.rs"]
mod engine;
#[path = "common/smtp.rs"]
mod smtp;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::Host;
use common::place::{Place, Tables};
use crm_core::Workspace;
use crm_core::message::history::replay;
use crm_core::port::store::MessageQuery;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use smtp::Server;

/// Deliveries under way at once: all that one kill may leave in doubt.
const CONNECTIONS: usize = 4;
/// Whatever should happen soon has happened by then.
const PATIENCE: Duration = Duration::from_secs(120);

fn setting(name: &str, standard: usize) -> usize {
    std::env::var(name).map_or(standard, |text| text.parse().unwrap())
}

/// Numbers of a fixed sequence (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn upto(&mut self, highest: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % (highest + 1)
    }

    fn millis(&mut self, highest: usize) -> Duration {
        Duration::from_millis(self.upto(highest).try_into().unwrap())
    }
}

/// The host as a process that is going to be killed. It may not even get as far as listening.
struct Victim(Child);

impl Victim {
    fn start(place: &Place, channel: &str) -> Self {
        let child = place
            .command()
            .args(["--channel", channel])
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn listens(&mut self) {
        let mut line = String::new();
        let mut output = BufReader::new(self.0.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on "), "{line}");
    }

    /// SIGKILL: the process cannot catch it. Afterwards it is gone.
    fn kill(mut self) {
        assert_eq!(self.0.try_wait().unwrap(), None, "the host ended by itself");
        self.0.kill().unwrap();
        assert_eq!(self.0.wait().unwrap().signal(), Some(9));
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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

/// A campaign of so many approved messages, made through the API alone. Returns what has to arrive, as
/// the ledger shows it.
fn approved(messages: usize) -> (Place, BTreeMap<String, [String; 2]>) {
    let host = Host::start(&[]);
    let admin = host.admin();
    let mut file = String::from("name,email\n");
    for number in 0..messages {
        writeln!(file, "Дилноза {number},c{number}@example.org").unwrap();
    }
    let import = host.upload(&admin, file.as_bytes()).expect(202);
    let id = import["import_id"].as_str().unwrap();
    let report = wait(&host, &admin, &format!("/api/contacts/imports/{id}"), |r| {
        r["status"] == "completed"
    });
    assert_eq!(report["created"], messages, "{report}");
    let template = json!({"name": "Приглашение", "occasion_type": "custom", "language": "ru",
        "subject": "Ждём вас", "content": "Здравствуйте, {{name}}! Ждём вас в салоне, oʻrtoq."});
    let template = host.post(&admin, "/api/templates", template).expect(201);
    let campaign = json!({"name": "Весна", "occasion_type": "custom",
        "template_id": template["id"]});
    let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
    let id = campaign["id"].as_str().unwrap();
    host.post(&admin, &format!("/api/campaigns/{id}/execute"), json!({}))
        .expect(202);
    wait(&host, &admin, &format!("/api/campaigns/{id}"), |campaign| {
        campaign["stats"]["generated_count"] == messages
    });
    // Approved while nothing is sent, so that all of it is dispatched by processes that are killed.
    let (status, directory) = host.stop();
    assert!(status.success());
    let host = Host::start_in(directory, &["--no-worker"]);
    let admin = host.sign_in("a@salon.example");
    let filter = json!({"campaign_id": id, "status": "pending_approval"});
    let preview = json!({"action": "approve", "filter": filter});
    let preview = host
        .post(&admin, "/api/messages/bulk/preview", preview)
        .expect(200);
    assert_eq!(preview["count"], messages);
    let bulk = json!({"action": "approve", "filter": filter, "manifest": preview["manifest"]});
    let done = host.post(&admin, "/api/messages/bulk", bulk).expect(200);
    assert_eq!(done["applied"], messages, "{done}");
    let wanted = all(&host, &admin, "&status=approved")
        .iter()
        .map(|message| {
            let text = |field: &str| message[field].as_str().unwrap().to_owned();
            let body = format!("{:x}", Sha256::digest(text("content").as_bytes()));
            (text("id"), [text("recipient"), body])
        })
        .collect::<BTreeMap<_, _>>();
    assert_eq!(wanted.len(), messages);
    (host.stop().1, wanted)
}

/// As `Host::until`, with more patience.
fn wait(host: &Host, token: &str, path: &str, fine: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let value = host.get(token, path).expect(200);
        if fine(&value) {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE * 5, "{path}: {value}");
        sleep(Duration::from_millis(200));
    }
}

/// Kills the host over and over. Returns how many deliveries were under way in all.
fn kill_over_and_over(place: &Place, server: &Server, kills: usize, dice: &mut Dice) -> usize {
    let channel = channel(server);
    let (mut doubt, mut open) = (0, place.messages()["approved"]);
    for kill in 0..kills {
        let share = (open / (kills - kill + 3)).max(1);
        let wanted = server.taken() + 1 + dice.upto(2 * share - 1);
        let began = Instant::now();
        let mut victim = Victim::start(place, &channel);
        if kill % 4 == 0 {
            // While it opens the database, takes back what the one before held, or claims.
            sleep(dice.millis(250));
        } else {
            victim.listens();
            while server.taken() < wanted {
                assert!(began.elapsed() < PATIENCE, "kill {kill}: nothing arrives");
                sleep(Duration::from_millis(2));
            }
            sleep(dice.millis(15));
        }
        victim.kill();
        place.is_dead_for_good();
        let now = place.messages();
        let count = |status: &str| now.get(status).copied().unwrap_or(0);
        // The sweep of a host that shares its database may not have come to what the one before left.
        if place.postgres.is_none() {
            assert!(count("sending") <= CONNECTIONS, "kill {kill}: {now:?}");
        }
        let in_doubt = count("sending") + count("uncertain");
        assert!(
            (doubt..=doubt + CONNECTIONS).contains(&in_doubt),
            "kill {kill}: {now:?}, before {doubt} in doubt"
        );
        doubt = in_doubt;
        open = count("approved") + count("claimed");
        assert!(open > 0, "nothing was left to do after kill {kill}");
    }
    doubt
}

fn channel(server: &Server) -> String {
    format!(
        "email=smtp://127.0.0.1:{}?tls=none&max_connections={CONNECTIONS}&from=news@salon.example",
        server.port
    )
}

/// The history alone leads to each message's row, the counters to a count of all rows.
fn proven_by_its_history(place: &Place) {
    engine::run(place, async |engine, session| {
        assert_eq!(session.analytics().recount().await.unwrap(), []);
        let unsealed = engine.store().seal(&Workspace::default(), 1_000).await;
        assert_eq!(unsealed.unwrap(), 0, "the host seals all it did");
        assert!(session.audit().verify(None).await.unwrap().valid);
        let mut query = MessageQuery::default();
        query.page.limit = 300;
        for message in session.messages().list(query).await.unwrap().items {
            let history = session.messages().history(message.id).await.unwrap();
            let state = replay(history.iter().map(|stored| &stored.event)).unwrap();
            let state = state.unwrap();
            assert_eq!(
                (state.status, state.version),
                (message.status, message.version)
            );
        }
    });
    if place.postgres.is_some() {
        return;
    }
    let sound: String = place
        .file(Tables::Engine)
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn killing_the_host_loses_nothing_and_repeats_nothing() {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = setting("CRM_KILL_SEED", clock.as_secs().try_into().unwrap());
    // Where every commit is answered over a socket, fewer will do: the rest is the same program.
    let postgres = std::env::var("CRM_TEST_DATABASE").is_ok_and(|name| name == "postgres");
    let (few, least) = if postgres { (12, 800) } else { (60, 5_000) };
    let kills = setting("CRM_KILLS", few);
    let messages = setting("CRM_KILL_MESSAGES", least.max(kills * 50));
    // Captured unless the test fails.
    println!("CRM_KILL_SEED={seed} CRM_KILLS={kills} CRM_KILL_MESSAGES={messages}");
    let began = Instant::now();
    let (directory, wanted) = approved(messages);
    let prepared = began.elapsed();
    let server = Server::start(&directory.path().join("ledger"));
    let doubt = kill_over_and_over(
        &directory,
        &server,
        kills,
        &mut Dice(seed.try_into().unwrap()),
    );
    let killed = began.elapsed();

    let host = Host::start_in(directory, &["--channel", &channel(&server)]);
    let admin = host.sign_in("a@salon.example");
    let by_status = "/api/analytics/messages-by-status";
    wait(&host, &admin, by_status, |board| {
        let open = ["approved", "claimed", "sending"];
        let lines = board["data"].as_array().unwrap().iter();
        lines
            .filter(|line| open.contains(&line["status"].as_str().unwrap()))
            .all(|line| line["count"] == 0)
    });
    let finished = began.elapsed();
    let taken = server.ledger();
    let (mut sent, mut arrived, mut uncertain) = (0, 0, BTreeSet::new());
    let found = all(&host, &admin, "");
    assert_eq!(found.len(), messages);
    for message in &found {
        let id = message["id"].as_str().unwrap();
        match message["status"].as_str().unwrap() {
            "sent" => {
                sent += 1;
                assert!(taken.contains_key(id), "{id} is sent but never arrived");
            }
            "uncertain" => {
                arrived += usize::from(taken.contains_key(id));
                uncertain.insert(id);
            }
            other => panic!("{id} is {other}"),
        }
    }
    for (id, arrived) in &taken {
        assert_eq!(
            wanted.get(id),
            Some(arrived),
            "{id} is not what was approved"
        );
    }
    assert_eq!(sent + arrived, taken.len());
    assert_eq!(uncertain.len(), doubt, "what was under way, and only that");
    let listed = all(&host, &admin, "&status=uncertain");
    let listed: BTreeSet<_> = listed.iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(listed, uncertain);
    // Graceful: what is left to seal is sealed.
    let (status, directory) = host.stop();
    assert!(status.success());
    proven_by_its_history(&directory);
    println!(
        "{kills} kills, {messages} messages: {sent} sent, {} uncertain ({arrived} of them arrived), \
         {} deliveries, 0 twice; prepared in {prepared:.1?}, killed until {killed:.1?}, quiet at \
         {finished:.1?}",
        uncertain.len(),
        taken.len(),
    );
}
