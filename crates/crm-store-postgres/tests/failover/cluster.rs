//! A primary and its standby behind one address.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crm_postgres_testing::{Mode, Server, ServerOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::runtime::Runtime;

use crate::front::Front;
use crate::scene::PATIENCE;

/// What the standby is called.
const STANDBY: &str = "second";

pub(crate) struct Cluster {
    pub(crate) front: Front,
    pub(crate) primary: Server,
    runtime: Runtime,
}

/// `fsync` stays on. What a copy needs of the log of changes is kept.
fn options() -> ServerOptions {
    ServerOptions {
        settings: vec![("wal_keep_size".to_owned(), "512MB".to_owned())],
        ..ServerOptions::default()
    }
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let (front, primary) = (Front::new(), Server::start(options()).unwrap());
        front.lead_to(&primary);
        Self {
            front,
            primary,
            runtime: Runtime::new().unwrap(),
        }
    }

    async fn connect(server: &Server) -> PgConnection {
        let url = server.url("postgres");
        PgConnection::connect(&url).await.unwrap()
    }

    /// Runs statements on one server, whoever the address leads to.
    pub(crate) fn run(&self, server: &Server, sql: &str) {
        self.runtime.block_on(async {
            let mut connection = Self::connect(server).await;
            for statement in sql.split(';') {
                let statement = sqlx::raw_sql(AssertSqlSafe(statement));
                statement.execute(&mut connection).await.unwrap();
            }
        });
    }

    /// The first column of what one server answers, as text.
    pub(crate) fn ask(&self, server: &Server, sql: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let mut connection = Self::connect(server).await;
            let sql = format!("SELECT x::text FROM ({sql}) AS asked(x)");
            let rows = sqlx::query_scalar(AssertSqlSafe(sql));
            rows.fetch_all(&mut connection).await.unwrap()
        })
    }

    /// Waits until one server answers with this one word.
    pub(crate) fn wait_for(&self, server: &Server, sql: &str, word: &str) {
        let begun = Instant::now();
        while self.ask(server, sql) != [word] {
            let log = server.log_tail();
            assert!(begun.elapsed() < PATIENCE, "{sql} is not {word}: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The attempts that one server knows, by id.
    pub(crate) fn attempts(&self, server: &Server) -> BTreeSet<String> {
        let attempts = self.ask(server, "SELECT id FROM crm.attempts");
        attempts.into_iter().collect()
    }

    /// How the attempts ended, and how many so, as rows of a table.
    pub(crate) fn outcomes(&self) -> String {
        let sql = "SELECT '| ' || coalesce(outcome, 'open') || coalesce(': ' || reason, '') \
                || ' | ' || count(*) || ' |' \
            FROM crm.attempts GROUP BY outcome, reason ORDER BY outcome, reason";
        self.ask(&self.primary, sql).join("\n")
    }

    /// Waits until so many workers have asked for messages several times more and were refused: a refused
    /// claim rolls its transaction back, and nothing else does that so often.
    pub(crate) fn refusals(&self, server: &Server, workers: usize) {
        // Each listens, and so does the test's own process.
        let listening = format!(
            "SELECT count(*) > {workers} FROM pg_stat_activity \
             WHERE application_name = 'crm' AND query LIKE 'LISTEN%'"
        );
        self.wait_for(server, &listening, "true");
        let count = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
        let before: usize = self.ask(server, count)[0].parse().unwrap();
        let more = format!("SELECT ({count}) >= {}", before + 3 * workers);
        self.wait_for(server, &more, "true");
    }

    /// A backup of the running primary, taken as `pg_basebackup` takes it; not started. `amid` is done
    /// before it is complete: it holds what that did.
    pub(crate) fn backup(&self, amid: impl FnOnce()) -> Server {
        let mut connection = self.runtime.block_on(async {
            let mut connection = Self::connect(&self.primary).await;
            let start = sqlx::query("SELECT pg_backup_start('backup', true)");
            start.execute(&mut connection).await.unwrap();
            connection
        });
        let end = || {
            amid();
            let label = sqlx::query_scalar("SELECT labelfile FROM pg_backup_stop(false)");
            let label = self.runtime.block_on(label.fetch_one(&mut connection));
            label.map(Some).map_err(|error| error.to_string())
        };
        self.primary.copy(options(), end).unwrap()
    }

    /// A standby that follows the primary. When it is `synchronous`, no commit is answered from now on
    /// before the standby has it on disk.
    pub(crate) fn standby(&self, synchronous: bool) -> Server {
        let standby = self.backup(|| {});
        standby.follow(&self.primary, STANDBY).unwrap();
        standby.start_again().unwrap();
        if synchronous {
            self.run(
                &self.primary,
                &format!(
                    "ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'; SELECT pg_reload_conf()"
                ),
            );
        }
        let state = format!(
            "SELECT state || ' ' || sync_state FROM pg_stat_replication \
             WHERE application_name = '{STANDBY}'"
        );
        let wanted = ["streaming async", "streaming sync"][usize::from(synchronous)];
        self.wait_for(&self.primary, &state, wanted);
        standby
    }

    /// A backup becomes a server of its own, recovered as from an archive: its timeline is a new one.
    pub(crate) fn restore(&self, backup: &Server) {
        backup.recover().unwrap();
        backup.start_again().unwrap();
        self.wait_for(backup, "SELECT pg_is_in_recovery()", "false");
    }

    /// From now on the standby hears nothing of the primary, which does not wait for it.
    pub(crate) fn cut_off(&self, standby: &Server) {
        self.run(
            standby,
            "ALTER SYSTEM SET primary_conninfo = ''; SELECT pg_reload_conf()",
        );
        let receives = "SELECT count(*) FROM pg_stat_wal_receiver";
        self.wait_for(standby, receives, "0");
        let sends = "SELECT count(*) FROM pg_stat_replication";
        self.wait_for(&self.primary, sends, "0");
    }

    /// The primary dies and the standby takes over, under the same address. With `early`, the address
    /// leads there while it only allows reading. Returns the dead one.
    pub(crate) fn fail_over(&mut self, standby: Server, early: bool) -> Server {
        self.primary.stop(Mode::Immediate).unwrap();
        if early {
            self.front.lead_to(&standby);
        }
        standby.promote().unwrap();
        self.replace(standby)
    }

    /// The address leads to another server from now on. Returns the one before.
    pub(crate) fn replace(&mut self, next: Server) -> Server {
        self.front.lead_to(&next);
        std::mem::replace(&mut self.primary, next)
    }
}
