//! A server on a disk that can be made to fail, and one life on it.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crm_core::Workspace;
use crm_core::port::store::Store as _;
use crm_postgres_testing::{Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore, TimeSource};
use crm_store_testing::storage::Fault;
use crm_store_testing::storage::check::{self, Expected, REPAIRED};
use crm_store_testing::storage::sequence::{self, Persistence, Steps, Strike};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::tracer::{Broken, Target};

/// No figure: what is tried more often never comes.
const TRIES: usize = 6_000;
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Scene {
    server: Server,
    /// Below it lie the data: nobody waits for a disk, and every flush is asked for all the same.
    _root: TempDir,
    lives: AtomicUsize,
}

/// The disk of one life, and what is done on it beside that.
struct Disk {
    broken: Mutex<Option<Broken>>,
    /// Whether the chosen call was reached.
    hit: Mutex<bool>,
    checkpoint: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Scene {
    pub(crate) fn open() -> Self {
        let root = crm_store_testing::quick_folder();
        open_to_all(root.path());
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let server = Server::start(ServerOptions {
            root: Some(root.path().to_owned()),
            // Nobody but our connection writes, unless it is told to.
            settings: vec![
                setting("autovacuum", "off"),
                setting("wal_writer_delay", "10s"),
                setting("bgwriter_lru_maxpages", "0"),
                setting("checkpoint_timeout", "1h"),
            ],
            ..ServerOptions::default()
        });
        Self {
            server: server.unwrap(),
            _root: root,
            lives: AtomicUsize::new(0),
        }
    }

    /// A connection beside the store's.
    async fn beside(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect(&self.server.url("postgres")).await
    }

    /// Waits until the server takes connections, and starts it if it has given up.
    async fn is_back(&self) -> PgConnection {
        for _ in 0..TRIES {
            match self.beside().await {
                Ok(connection) => return connection,
                Err(_) if self.server.pid().is_none() => self.server.start_again().unwrap(),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        panic!("it never came back:\n{}", self.server.log_tail());
    }

    /// The sequence on a disk that fails from the first commit `at` on, or from the beginning. Whether the
    /// chosen call was reached, and what noticed it first.
    pub(crate) async fn live(
        &self,
        target: Target,
        fault: Fault,
        at: Option<&str>,
    ) -> Result<(bool, String), String> {
        let folder = tempfile::tempdir().unwrap();
        let options = PgOptions {
            schema: format!("life_{}", self.lives.fetch_add(1, Ordering::Relaxed)),
            // All is written by one process of the server.
            connections: 1,
            listen: false,
            // No figure while all is well.
            acquire_timeout: Duration::from_secs(60),
            time: TimeSource::Caller,
            ..PgOptions::default()
        };
        let url = self.server.url("postgres");
        let connect = || PgStore::connect(&url, options.clone());
        let store = Arc::new(connect().await.unwrap());
        sequence::prepare(store.clone(), folder.path()).await;
        store.close().await;

        let hit = self.work(&options, folder.path(), target, fault, at).await;

        let mut beside = self.is_back().await;
        let store = connect().await;
        let store = Arc::new(store.map_err(|error| format!("does not open: {error}"))?);
        let expected = Expected {
            hit,
            sticky: fault.sticky,
            stops: target != Target::Checkpoint,
            // The worker lived on.
            doubts: 0,
        };
        let found = check::all(store.clone(), folder.path(), expected).await?;
        store.close().await;
        let drop = format!("DROP SCHEMA {} CASCADE", options.schema);
        run(&mut beside, &drop).await.unwrap();
        beside.close().await.unwrap();
        Ok((hit, found))
    }

    /// A store with the connection on which all happens; on a busy machine it may take several tries.
    async fn hasty(&self, options: PgOptions) -> Arc<PgStore> {
        let url = self.server.url("postgres");
        for _ in 0..TRIES {
            let Ok(store) = PgStore::connect(&url, options.clone()).await else {
                continue;
            };
            if store.checkpoint(&Workspace::default()).await.is_ok() {
                return Arc::new(store);
            }
            store.close().await;
        }
        panic!("no connection was made in time");
    }

    async fn work(
        &self,
        options: &PgOptions,
        folder: &Path,
        target: Target,
        fault: Fault,
        at: Option<&str>,
    ) -> bool {
        let options = PgOptions {
            // Nobody waits long for a server that is gone.
            acquire_timeout: Duration::from_millis(300),
            ..options.clone()
        };
        let store = self.hasty(options).await;
        let mut beside = self.beside().await.unwrap();
        if target == Target::Checkpoint {
            // What was written before is not the next one's.
            run(&mut beside, "CHECKPOINT").await.unwrap();
        }
        let postmaster = self.server.pid().unwrap();
        let one = pid(&mut beside, target).await;
        let disk = Arc::new(Disk {
            broken: Mutex::default(),
            hit: Mutex::new(false),
            checkpoint: Mutex::default(),
        });
        let (breaks, way) = (disk.clone(), folder.to_owned());
        let beside = Mutex::new(Some(beside));
        let strike = move || {
            let broken = Broken::disk(one, postmaster, &fault, &way);
            *lock(&breaks.broken) = Some(broken);
            let beside = lock(&beside).take();
            if let Some(mut beside) = beside.filter(|_| target == Target::Checkpoint) {
                let checkpoint = async move {
                    // Whether it succeeds is the server's affair.
                    let _ = run(&mut beside, "CHECKPOINT").await;
                };
                *lock(&breaks.checkpoint) = Some(tokio::spawn(checkpoint));
            }
        };
        let enough = Arc::new(Notify::new());
        let sticky = fault.sticky;
        let told = enough.clone();
        let persistence = Persistence::new(TRIES, PAUSE, move || {
            if sticky {
                told.notify_one();
            }
        });
        let work = async {
            let persistence = Arc::new(persistence);
            let strike: Option<(&str, Strike)> = match at {
                Some(at) => Some((at, Box::new(strike))),
                None => {
                    strike();
                    None
                }
            };
            sequence::work(store.clone(), folder, persistence, strike).await;
            let checkpoint = lock(&disk.checkpoint).take();
            if let Some(checkpoint) = checkpoint {
                checkpoint.await.unwrap();
            }
        };
        tokio::select! {
            () = work => {}
            () = self.repair(&enough, &disk, folder) => {}
        }
        disk.repair();
        store.close().await;
        *lock(&disk.hit)
    }

    /// Once it is enough, repairs the disk and sees to it that the server runs. Never ends.
    async fn repair(&self, enough: &Notify, disk: &Disk, folder: &Path) {
        enough.notified().await;
        // What is written from now on may succeed.
        Steps::of(folder).add(REPAIRED);
        disk.repair();
        drop(self.is_back().await);
        std::future::pending().await
    }
}

impl Disk {
    fn repair(&self) {
        let broken = lock(&self.broken).take();
        if broken.is_some_and(Broken::repair) {
            *lock(&self.hit) = true;
        }
    }
}

/// The process of the server that is to fail.
async fn pid(beside: &mut PgConnection, target: Target) -> u32 {
    let which = match target {
        Target::Writes | Target::Flushes => "application_name = 'crm'",
        Target::Checkpoint => "backend_type = 'checkpointer'",
    };
    let sql = format!("SELECT pid FROM pg_stat_activity WHERE {which}");
    for _ in 0..TRIES {
        let pids: Vec<i32> = sqlx::query_scalar(AssertSqlSafe(sql.clone()))
            .fetch_all(&mut *beside)
            .await
            .unwrap();
        // That of the connection which opened the store may still be ending.
        if let [pid] = pids[..] {
            return pid.try_into().unwrap();
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("not one process where {which}");
}

async fn run(connection: &mut PgConnection, sql: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .map(drop)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server runs as another user when this one is root.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, all).unwrap();
}
