//! The process ends exactly before or exactly after each kind of commit while a campaign is planned,
//! drafted, approved and delivered. The next process takes over: nothing is planned or delivered twice,
//! nothing is lost, and only what had begun is in doubt. The host's own test kills at random moments;
//! this one leaves no window to chance, and shows that a store that answers too early would be caught.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use crm_core::campaign::CampaignFields;
use crm_core::engine::{BulkAction, Engine, Session};
use crm_core::message::history::replay;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::clock::Clock;
use crm_core::port::store::{CampaignQuery, EventQuery, MessageQuery, PageRequest, Store};
use crm_core::port::subscriber::{StateChange, Subscriber, Told};
use crm_core::subscription::Start;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::testing::llm::ScriptedLlm;
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use tempfile::TempDir;

use crate::crash::{CONNECTIONS, CrashingStore, LedgerChannel, Point};

/// Set to `1`: all points, and more people than a page of the plan holds.
const ALL: &str = "CRM_CRASH_ALL";
/// Tells the re-executed test that it is the process to end: the folder.
const FOLDER: &str = "CRM_CRASH_FOLDER";
/// Where it ends; empty for nowhere.
const POINT: &str = "CRM_CRASH_POINT";
/// Whether its store answers before it commits.
const EAGER: &str = "CRM_CRASH_EAGER";

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Few people, and each kind of commit once before and once after it.
    Each,
    /// More people than a page of the plan holds, early and late commits of each kind.
    All,
}

impl Extent {
    const fn people(self) -> usize {
        match self {
            Self::Each => 120,
            Self::All => 620,
        }
    }
}

/// How the processes of one test reach their store.
#[derive(Debug)]
pub struct Job<F, O> {
    /// A new folder, with what [`Job::open`] needs.
    pub folder: F,
    /// The store of a folder.
    pub open: O,
    /// By how much the clock of a process is ahead of the one before: more than a lease where the next
    /// one cannot tell by itself that the last is dead.
    pub ahead: Duration,
    /// How much is tried, unless `CRM_CRASH_ALL` asks for all.
    pub usual: Extent,
}

/// Writes what it is told into a file: one line, the id, for each state change.
#[derive(Debug)]
struct LedgerSubscriber(PathBuf);

#[async_trait]
impl Subscriber for LedgerSubscriber {
    async fn deliver(&self, changes: &[StateChange]) -> Told {
        let mut lines = String::new();
        for change in changes {
            writeln!(lines, "{}", change.id).unwrap();
        }
        let mut ledger = std::fs::OpenOptions::new();
        let ledger = ledger.create(true).append(true).open(&self.0);
        std::io::Write::write_all(&mut ledger.unwrap(), lines.as_bytes()).unwrap();
        Told::Taken
    }
}

/// The system's clock, put forward.
#[derive(Debug)]
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.0
    }
}

impl<F: Fn() -> TempDir, O: AsyncFn(&Path) -> Arc<dyn Store>> Job<F, O> {
    /// The processes that are ended have the same environment.
    fn extent(&self) -> Extent {
        if std::env::var_os(ALL).is_some_and(|all| all == "1") {
            Extent::All
        } else {
            self.usual
        }
    }

    async fn engine(&self, folder: &Path, point: Option<Point>, eager: bool) -> Engine {
        let runs = std::fs::read_to_string(folder.join("runs")).unwrap_or_default();
        let clock = Ahead(self.ahead * i32::try_from(runs.len()).unwrap());
        let store = CrashingStore {
            point,
            eager,
            ..CrashingStore::over((self.open)(folder).await)
        };
        // Only a model drafts in commits of its own; the process after it may draft without one.
        let drafts = store
            .point
            .as_ref()
            .is_some_and(|point| point.what == "draft");
        let ids = Arc::new(RandomIds::default());
        let mut engine = Engine::builder(Arc::new(store), Arc::new(clock), ids)
            .channel("email", Arc::new(LedgerChannel(folder.join("ledger"))))
            .subscriber("crm", Arc::new(LedgerSubscriber(folder.join("told"))));
        if drafts {
            engine = engine.llm(Arc::new(ScriptedLlm::always("С Наврузом!")));
        }
        engine.build()
    }

    /// Does the whole job, or what is left of it.
    async fn work(&self, folder: &Path, point: Option<Point>, eager: bool) {
        let engine = self.engine(folder, point, eager).await;
        let workspace = Workspace::default();
        let begun = engine.subscribe(&workspace, "crm", Start::Beginning);
        begun.await.unwrap();
        let session = manager(&engine);
        let contacts = session.contacts().list(Default::default()).await.unwrap();
        if contacts.items.is_empty() {
            let mut file = String::from("name,email\n");
            let people = self.extent().people();
            for number in 0..people {
                writeln!(file, "Дилноза {number},c{number}@example.org").unwrap();
            }
            let report = session
                .contacts()
                .import_file(file.as_bytes(), &crm_core::import::Options::default())
                .await;
            assert_eq!(report.unwrap().created, people as u64);
        }
        let campaigns = session.campaigns().list(CampaignQuery::default()).await;
        if campaigns.unwrap().items.is_empty() {
            let fields = CampaignFields {
                ..CampaignFields::new("Навруз", Occasion::Holiday)
            };
            let campaign = session.campaigns().create(fields).await.unwrap();
            session
                .campaigns()
                .execute(campaign.id, false)
                .await
                .unwrap();
        }
        let worker = Worker::new(engine.clone(), WorkerOptions::default());
        worker.run_until_idle().await.unwrap();
        let query = MessageQuery {
            statuses: vec![Status::PendingApproval],
            ..MessageQuery::default()
        };
        let (approvals, approve) = (session.approvals(), BulkAction::Approve);
        let preview = approvals.preview(approve, query.clone()).await.unwrap();
        let manifest = Some(preview.manifest);
        let done = approvals.bulk(approve, query, manifest, None).await;
        assert_eq!(done.unwrap().applied, preview.count);
        worker.run_until_idle().await.unwrap();
    }

    /// Works, if this process was started to. Whether it was.
    fn is_child(&self) -> bool {
        let Some(folder) = std::env::var_os(FOLDER) else {
            return false;
        };
        let point = Point::parse(&std::env::var(POINT).unwrap());
        let eager = !std::env::var(EAGER).unwrap().is_empty();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(self.work(Path::new(&folder), point, eager));
        true
    }

    /// What must hold once all is quiet.
    async fn check(&self, folder: &Path) -> Result<Found, String> {
        let mut taken = BTreeMap::new();
        for line in std::fs::read_to_string(folder.join("ledger"))
            .unwrap()
            .lines()
        {
            let (id, digest) = line.split_once(' ').unwrap();
            if taken.insert(id.to_owned(), digest.to_owned()).is_some() {
                return Err(format!("delivered twice: {id}"));
            }
        }
        let engine = self.engine(folder, None, false).await;
        let session = manager(&engine);
        let messages = all(&session).await;
        let people = self.extent().people();
        if messages.len() != people {
            return Err(format!("{} messages for {people} people", messages.len()));
        }
        let mut uncertain = Vec::new();
        for message in &messages {
            let id = message.id.to_string();
            let trail = session.messages().trail(message.id).await.unwrap();
            if let Some(digest) = taken.get(&id) {
                let approved = |digest: &str| {
                    let mut approvals = trail.approvals.iter();
                    approvals.any(|approval| approval.digest.to_string() == digest)
                };
                if !approved(digest) {
                    return Err(format!("not what was approved: {id}"));
                }
            }
            match message.status {
                Status::Sent if taken.contains_key(&id) => {}
                Status::Sent => return Err(format!("lost: {id}")),
                Status::Uncertain => uncertain.push(id.clone()),
                other => return Err(format!("stuck: {id} is {}", other.as_str())),
            }
            let history = session.messages().history(message.id).await.unwrap();
            let state = replay(history.iter().map(|stored| &stored.event)).unwrap();
            let state = state.unwrap();
            if (state.status, state.version) != (message.status, message.version) {
                return Err(format!("the history says otherwise: {id}"));
            }
        }
        assert_eq!(session.analytics().recount().await.unwrap(), []);
        let chain = session.audit().verify(None).await.unwrap();
        assert!(chain.valid, "{chain:?}");
        let unsealed = engine.store().seal(&Workspace::default(), 10).await;
        assert_eq!(unsealed.unwrap(), 0);
        told_everything(&engine, folder).await?;
        Ok(Found { uncertain, taken })
    }

    /// Ends processes at each kind of commit. `me` is the name of the test that calls this and nothing else.
    ///
    /// # Panics
    /// Something was lost or repeated, or is in doubt without need.
    pub fn ended_at_any_commit(&self, me: &str) {
        if self.is_child() {
            return;
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for point in points(self.extent()) {
            let folder = (self.folder)();
            let status = run(me, folder.path(), Some(&point), false);
            assert!(!status.success(), "never reached: {point}");
            assert!(run(me, folder.path(), None, false).success(), "{point}");
            let found = runtime.block_on(self.check(folder.path()));
            let found = found.unwrap_or_else(|error| panic!("{point}: {error}"));
            let doubt = found.uncertain.len();
            let arrived = |id: &&String| found.taken.contains_key(*id);
            let arrived = found.uncertain.iter().filter(arrived).count();
            match (point.what.as_str(), point.before) {
                // Begun: the attempts are there and nothing of them had left.
                ("begin", false) => assert!((1..=CONNECTIONS).contains(&doubt), "{point}: {doubt}"),
                // Delivered and not recorded: exactly the doubt that cannot be helped.
                ("record", true) => {
                    assert!((1..=CONNECTIONS).contains(&doubt), "{point}: {doubt}");
                    assert!(arrived >= 1, "{point}");
                }
                ("begin" | "record", _) => assert!(doubt < CONNECTIONS, "{point}: {doubt}"),
                // The next are claimed while others are under way.
                ("claim", _) => assert!(doubt <= CONNECTIONS, "{point}: {doubt}"),
                // Everything else ends between two deliveries.
                _ => assert_eq!(doubt, 0, "{point}"),
            }
        }
    }

    /// Ends the process that takes over, too. `me` is the name of the test that calls this and nothing else.
    ///
    /// # Panics
    /// Something was lost or repeated.
    pub fn ended_in_a_sweep(&self, me: &str) {
        if self.is_child() {
            return;
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for before in [true, false] {
            let folder = (self.folder)();
            for (what, before, nth) in [("begin", false, 9), ("sweep", before, 1)] {
                let what = what.to_owned();
                let point = Point { what, before, nth };
                let status = run(me, folder.path(), Some(&point), false);
                assert!(!status.success(), "never reached: {point}");
            }
            assert!(run(me, folder.path(), None, false).success());
            let found = runtime.block_on(self.check(folder.path())).unwrap();
            assert!((1..=CONNECTIONS).contains(&found.uncertain.len()));
        }
    }

    /// Shows that a store that answers before it commits is caught. `me` is the name of the test that calls
    /// this and nothing else.
    ///
    /// # Panics
    /// It was not.
    pub fn eager_store_is_caught(&self, me: &str) {
        if self.is_child() {
            return;
        }
        let folder = (self.folder)();
        let point = Point {
            what: "record".to_owned(),
            before: true,
            nth: 5,
        };
        assert!(!run(me, folder.path(), Some(&point), true).success());
        assert!(run(me, folder.path(), None, false).success());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let found = runtime.block_on(self.check(folder.path()));
        let error = found.err().unwrap();
        assert!(error.starts_with("delivered twice"), "{error}");
    }
}

/// Whether the subscriber was told of the whole chain in order, but for what it was told twice.
async fn told_everything(engine: &Engine, folder: &Path) -> Result<(), String> {
    let (mut chain, mut after) = (Vec::new(), 0);
    let workspace = Workspace::default();
    loop {
        let query = EventQuery {
            sealed_after: Some(after),
            limit: 10_000,
            ..EventQuery::default()
        };
        let events = engine.store().events(&workspace, query).await.unwrap();
        let Some(last) = events.last().and_then(|stored| stored.seal) else {
            break;
        };
        after = last.position;
        chain.extend(events.iter().map(|stored| stored.event.id.to_string()));
    }
    let (mut told, mut seen) = (Vec::new(), BTreeSet::new());
    for id in std::fs::read_to_string(folder.join("told"))
        .unwrap()
        .lines()
    {
        if seen.insert(id.to_owned()) {
            told.push(id.to_owned());
        }
    }
    if told == chain {
        return Ok(());
    }
    let same = told.iter().zip(&chain).take_while(|(a, b)| a == b).count();
    Err(format!(
        "told {} of {} events, in order up to the {same}th",
        told.len(),
        chain.len()
    ))
}

fn manager(engine: &Engine) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "manager", Role::Manager))
}

/// A process that does the job until it ends.
fn run(test: &str, folder: &Path, point: Option<&Point>, eager: bool) -> ExitStatus {
    let mut runs = std::fs::OpenOptions::new();
    let mut runs = runs
        .create(true)
        .append(true)
        .open(folder.join("runs"))
        .unwrap();
    std::io::Write::write_all(&mut runs, b".").unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(FOLDER, folder)
        .env(POINT, point.map_or_else(String::new, Point::to_string))
        .env(EAGER, if eager { "1" } else { "" })
        .output()
        .unwrap()
        .status
}

struct Found {
    /// Of these it is not known whether they left.
    uncertain: Vec<String>,
    /// What the channel took, by message id.
    taken: BTreeMap<String, String>,
}

async fn all(session: &Session) -> Vec<Message> {
    let query = MessageQuery {
        page: PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    };
    session.messages().list(query).await.unwrap().items
}

fn points(extent: Extent) -> Vec<Point> {
    let each = [
        ("plan", [1, 1]),
        ("draft", [1, 1]),
        ("approve", [1, 1]),
        ("claim", [2, 2]),
        ("begin", [20, 20]),
        ("record", [20, 20]),
        ("seal", [1, 1]),
        ("tell", [2, 2]),
    ];
    let all = [
        ("plan", [1, 2]),
        ("draft", [1, 5]),
        ("approve", [1, 1]),
        ("claim", [1, 7]),
        ("begin", [1, 60]),
        ("record", [1, 60]),
        ("seal", [1, 3]),
        ("tell", [1, 2]),
    ];
    let mut points = Vec::new();
    for (what, nths) in if extent == Extent::All { all } else { each } {
        for before in [true, false] {
            for nth in BTreeSet::from(nths) {
                points.push(Point {
                    what: what.to_owned(),
                    before,
                    nth,
                });
            }
        }
    }
    points
}
