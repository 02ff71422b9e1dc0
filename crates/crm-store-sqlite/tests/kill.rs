//! The dispatcher is killed with SIGKILL over and over while it delivers to a real SMTP server: no
//! message is lost, none arrives twice, and whatever nobody can know is listed as uncertain.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crm_channels::smtp::{Mailbox, Tls};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::contact::Contact;
use crm_core::engine::{BulkAction, Engine, NewDraft, Session};
use crm_core::message::history::replay;
use crm_core::message::{Format, Message, Occasion, Status};
use crm_core::port::store::{ContactQuery, MessageQuery, PageRequest};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use tokio::time::sleep;

const MESSAGES: usize = 5_000;
const KILLS: usize = 60;
const BATCH: usize = 50;
/// Deliveries under way at once: all that a kill may leave in doubt.
const CONNECTIONS: usize = 4;
const REPLAYED: usize = 300;
/// Tells the re-executed test that it is the dispatcher: the server's port, a comma, the database.
const CHILD: &str = "CRM_KILL_CHILD";
/// Repeats a run's kill times as far as the machine allows.
const SEED: &str = "CRM_KILL_SEED";
/// Whatever should happen soon has happened by then.
const PATIENCE: Duration = Duration::from_secs(120);

fn engine(database: &Path, port: u16) -> Engine {
    let store = SqliteStore::open(database, SqliteOptions::default()).unwrap();
    let from = Mailbox::parse("news@salon.example").unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
    config.port = port;
    config.max_connections = CONNECTIONS;
    let smtp = Arc::new(Smtp::new(config).unwrap());
    Engine::builder(
        Arc::new(store),
        Arc::new(SystemClock),
        Arc::new(RandomIds::default()),
    )
    .channel("email", smtp)
    .build()
}

fn manager(engine: &Engine) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "manager", Role::Manager))
}

/// The dispatcher, in a process of its own. Does nothing in an ordinary run of the tests.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(task) = std::env::var(CHILD) else {
        return;
    };
    let (port, database) = task.split_once(',').unwrap();
    let options = WorkerOptions {
        batch: BATCH.try_into().unwrap(),
        ..WorkerOptions::default()
    };
    let worker = Worker::new(engine(Path::new(database), port.parse().unwrap()), options);
    let (_never, stop) = tokio::sync::watch::channel(false);
    worker.run(stop).await.unwrap();
}

/// A process that never outlives its owner.
struct Process(Child);

impl Process {
    fn dispatcher(database: &Path, port: u16) -> Self {
        let database = database.to_str().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, format!("{port},{database}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn assert_alive(&mut self) {
        if let Some(status) = self.0.try_wait().unwrap() {
            panic!("the dispatcher ended by itself: {status}");
        }
    }

    /// SIGKILL: the process cannot catch it. Afterwards it is gone.
    fn kill(mut self) {
        self.assert_alive();
        self.0.kill().unwrap();
        let status = self.0.wait().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::process::ExitStatusExt as _;
            assert_eq!(status.signal(), Some(9), "{status}");
        }
        assert!(!status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Server {
    _process: Process,
    port: u16,
    ledger: PathBuf,
}

impl Server {
    fn start(ledger: PathBuf) -> Self {
        let python = std::env::var_os("CRM_PYTHON")
            .expect("CRM_PYTHON must name a Python with aiosmtpd: run cargo xtask test");
        let mut child = Command::new(python)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/counting_server.py"
            ))
            .arg(&ledger)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("CRM_PYTHON cannot be started: run cargo xtask test");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let process = Process(child);
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line
            .trim()
            .parse()
            .expect("aiosmtpd is missing or did not start: run cargo xtask test");
        Self {
            _process: process,
            port,
            ledger,
        }
    }

    /// How many messages it has taken so far.
    fn taken(&self) -> usize {
        let ledger = std::fs::read(&self.ledger).unwrap();
        ledger.iter().filter(|byte| **byte == b'\n').count()
    }
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

fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

async fn contacts(session: &Session) -> Vec<Contact> {
    let mut file = String::from("name,email\n");
    for number in 0..MESSAGES {
        writeln!(file, "Дилноза {number},c{number}@example.org").unwrap();
    }
    let report = session.contacts().import_csv(file.as_bytes()).await;
    assert_eq!(report.unwrap().created, MESSAGES as u64);
    let mut all = Vec::new();
    let mut query = ContactQuery::default();
    query.page.limit = 1_000;
    loop {
        let page = session.contacts().list(query.clone()).await.unwrap();
        all.extend(page.items);
        let Some(next) = page.next else { return all };
        query.page.after = Some(next);
    }
}

/// One approved message for each of many contacts: what must arrive, as the ledger shows it.
async fn approved(session: &Session) -> BTreeMap<String, [String; 2]> {
    for part in contacts(session).await.chunks(200) {
        let mut creating = JoinSet::new();
        for contact in part {
            let session = session.clone();
            let draft = NewDraft {
                contact_id: contact.id,
                occasion_type: Occasion::Custom,
                content: format!("Здравствуйте, {}!\n\nЖдём вас в салоне.\n", contact.id),
                subject: Some("Приглашение".to_owned()),
                channel: Some("email".to_owned()),
                format: Format::Text,
                scheduled_for: None,
                expires_at: None,
            };
            creating.spawn(async move { session.messages().create(draft).await.unwrap() });
        }
        creating.join_all().await;
    }
    let query = MessageQuery {
        statuses: vec![Status::Draft],
        ..MessageQuery::default()
    };
    let approvals = session.approvals();
    let preview = approvals.preview(BulkAction::Approve, query.clone()).await;
    let preview = preview.unwrap();
    assert_eq!(preview.count, MESSAGES as u64);
    let manifest = Some(preview.manifest);
    let result = approvals
        .bulk(BulkAction::Approve, query, manifest, None)
        .await
        .unwrap();
    assert_eq!(result.applied, MESSAGES as u64, "{result:?}");
    let all = list(session, &[Status::Approved]).await;
    assert_eq!(all.len(), MESSAGES);
    all.into_iter()
        .map(|message| {
            let body = hash(&message.revision.content);
            (message.id.to_string(), [message.recipient, body])
        })
        .collect()
}

async fn list(session: &Session, statuses: &[Status]) -> Vec<Message> {
    let mut all = Vec::new();
    let mut query = MessageQuery {
        statuses: statuses.to_vec(),
        ..MessageQuery::default()
    };
    query.page.limit = 1_000;
    loop {
        let page = session.messages().list(query.clone()).await.unwrap();
        all.extend(page.items);
        let Some(next) = page.next else { return all };
        query.page.after = Some(next);
    }
}

async fn count(session: &Session, statuses: &[Status]) -> usize {
    let query = MessageQuery {
        statuses: statuses.to_vec(),
        page: PageRequest {
            limit: 1,
            count: true,
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    };
    let page = session.messages().list(query).await.unwrap();
    page.total.unwrap().try_into().unwrap()
}

/// What the last crash left: never more than one batch under way. Returns what is still to be sent.
async fn look(database: &Path, port: u16) -> usize {
    let session = manager(&engine(database, port));
    let claimed = count(&session, &[Status::Claimed]).await;
    let sending = count(&session, &[Status::Sending]).await;
    assert!(
        claimed + sending <= BATCH && sending <= CONNECTIONS,
        "{claimed} claimed, {sending} sending"
    );
    count(&session, &[Status::Approved, Status::Claimed]).await
}

async fn kill_over_and_over(database: &Path, server: &Server, dice: &mut Dice) {
    let mut left = MESSAGES;
    for kill in 0..KILLS {
        // Spread over what is left; a crash leaves about half a batch uncertain.
        let share = (left / (KILLS - kill + 3)).saturating_sub(BATCH / 2).max(1);
        let before = server.taken();
        let began = Instant::now();
        let mut dispatcher = Process::dispatcher(database, server.port);
        if kill % 4 == 0 {
            // While it opens the database, takes back what the one before held, or claims.
            sleep(dice.millis(250)).await;
        } else {
            let wanted = before + 1 + dice.upto(2 * share);
            while server.taken() < wanted {
                dispatcher.assert_alive();
                assert!(began.elapsed() < PATIENCE, "kill {kill}: nothing arrives");
                sleep(Duration::from_millis(2)).await;
            }
            sleep(dice.millis(15)).await;
        }
        dispatcher.kill();
        // Every other time the next dispatcher is the first to open what the crash left.
        if kill % 2 == 1 {
            left = look(database, server.port).await;
            assert!(left > 0, "nothing was left to do after kill {kill}");
        }
    }
}

/// One last dispatcher, until nothing is under way and all is sealed.
async fn finish(database: &Path, server: &Server) {
    let dispatcher = Process::dispatcher(database, server.port);
    let began = Instant::now();
    let session = manager(&engine(database, server.port));
    let open = [Status::Approved, Status::Claimed, Status::Sending];
    while count(&session, &open).await > 0 {
        assert!(began.elapsed() < PATIENCE, "messages are stuck");
        sleep(Duration::from_millis(200)).await;
    }
    let mut sealed = session.audit().checkpoint().await.unwrap();
    loop {
        sleep(Duration::from_secs(1)).await;
        let now = session.audit().checkpoint().await.unwrap();
        if now == sealed {
            break;
        }
        sealed = now;
    }
    dispatcher.kill();
}

/// The ledger: recipient and body hash by message. Each message at most once.
fn ledger(server: &Server) -> BTreeMap<String, [String; 2]> {
    let mut taken = BTreeMap::new();
    let text = std::fs::read_to_string(&server.ledger).unwrap();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!(fields.len(), 3, "{line}");
        let before = taken.insert(
            fields[0].to_owned(),
            [fields[1], fields[2]].map(str::to_owned),
        );
        assert_eq!(before, None, "delivered twice: {line}");
    }
    taken
}

/// The status that the history alone leads to.
async fn replayed(session: &Session, message: &Message) -> Status {
    let history = session.messages().history(message.id).await.unwrap();
    let state = replay(history.iter().map(|stored| &stored.event)).unwrap();
    state.unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_kills_lose_nothing_and_repeat_nothing() {
    let seed = std::env::var(SEED).map_or_else(
        |_| SystemTime::now().duration_since(UNIX_EPOCH).unwrap(),
        |seed| Duration::from_secs(seed.parse().unwrap()),
    );
    let seed = seed.as_secs();
    println!("{SEED}={seed}");
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm.db");
    let server = Server::start(folder.path().join("ledger"));
    let began = Instant::now();
    let wanted = approved(&manager(&engine(&database, server.port))).await;
    let prepared = began.elapsed();

    kill_over_and_over(&database, &server, &mut Dice(seed)).await;
    let killed = began.elapsed();
    finish(&database, &server).await;
    let finished = began.elapsed();

    let engine = engine(&database, server.port);
    let session = manager(&engine);
    let taken = ledger(&server);
    let messages = list(&session, &[]).await;
    let (mut sent, mut uncertain, mut arrived) = (0, BTreeSet::new(), 0);
    assert_eq!(messages.len(), MESSAGES);
    for message in &messages {
        let id = message.id.to_string();
        match message.status {
            Status::Sent => {
                sent += 1;
                assert!(taken.contains_key(&id), "{id} is sent but never arrived");
            }
            Status::Uncertain => {
                arrived += usize::from(taken.contains_key(&id));
                uncertain.insert(message.id);
            }
            other => panic!("{id} is {}", other.as_str()),
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
    assert!(uncertain.len() <= KILLS * CONNECTIONS);
    let listed = list(&session, &[Status::Uncertain]).await;
    let listed: BTreeSet<_> = listed.into_iter().map(|message| message.id).collect();
    assert_eq!(listed, uncertain);

    let unsealed = engine.store().seal(&Workspace::default(), 1_000).await;
    assert_eq!(unsealed.unwrap(), 0, "the worker seals all it did");
    let chain = session.audit().verify(None).await.unwrap();
    assert!(chain.valid, "{chain:?}");
    assert_eq!(session.analytics().recount().await.unwrap(), []);
    let sample = messages.iter().step_by(MESSAGES / REPLAYED);
    let mut count = 0;
    for message in sample {
        count += 1;
        assert_eq!(replayed(&session, message).await, message.status);
    }
    let check = rusqlite::Connection::open(&database).unwrap();
    let sound: String = check
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");

    println!(
        "{KILLS} kills, {MESSAGES} messages: {sent} sent, {} uncertain ({arrived} of them arrived), \
         {} deliveries, 0 twice; {} events sealed, {count} histories replayed; prepared in \
         {prepared:.1?}, killed until {killed:.1?}, quiet at {finished:.1?}",
        uncertain.len(),
        taken.len(),
        chain.sealed,
    );
}
