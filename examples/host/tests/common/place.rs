//! Where a host under test keeps everything: SQLite files in a folder, or, with
//! `CRM_TEST_DATABASE=postgres`, a database of its own on the test server.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::scratch::Scratch;

/// Signs access tokens where no file beside the database can.
const SECRET: &str = "one secret for all hosts of the test";

/// A folder, and a database in it or beside it; gone at the end.
pub struct Place {
    directory: TempDir,
    pub postgres: Option<Scratch>,
}

/// Which of a host's tables.
#[derive(Clone, Copy, Debug)]
pub enum Tables {
    Engine,
    Host,
}

/// Waits for `what`, outside of any runtime.
pub fn wait<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(what)
}

impl Place {
    pub fn new() -> Self {
        let postgres = match std::env::var("CRM_TEST_DATABASE").as_deref() {
            Ok("postgres") => Some(wait(Scratch::new())),
            Ok("sqlite") | Err(_) => None,
            Ok(other) => panic!("CRM_TEST_DATABASE is sqlite or postgres, not {other}"),
        };
        Self {
            directory: tempfile::tempdir().unwrap(),
            postgres,
        }
    }

    /// An SQLite place whatever the variable says: for what only files can tell.
    pub fn sqlite() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            postgres: None,
        }
    }

    /// As [`Place::sqlite`], on the disk of this folder.
    pub fn sqlite_in(folder: &Path) -> Self {
        Self {
            directory: tempfile::tempdir_in(folder).unwrap(),
            postgres: None,
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A host over it that prints where it listens.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crm-host"));
        command.args(["--listen", "127.0.0.1:0", "--database"]);
        match &self.postgres {
            None => command.arg(format!("sqlite:{}", self.path().join("crm.db").display())),
            Some(database) => command
                .arg(&database.url)
                .arg("--outbox")
                .arg(self.path().join("outbox"))
                .env("CRM_SECRET", SECRET),
        };
        command.env_remove("ANTHROPIC_API_KEY");
        command
    }

    /// What a settings file says of it: all that a host needs but its channels.
    pub fn settings(&self) -> String {
        let database = match &self.postgres {
            None => format!("sqlite:{}", self.path().join("crm.db").display()),
            Some(database) => database.url.clone(),
        };
        let outbox = self.path().join("outbox");
        format!(
            "listen = '127.0.0.1:0'\ndatabase = '{database}'\noutbox = '{}'\nsecret = '{SECRET}'\n",
            outbox.display()
        )
    }

    /// What signs the tokens of its hosts.
    pub fn secret(&self) -> String {
        match self.postgres {
            Some(_) => SECRET.to_owned(),
            None => {
                let secret = std::fs::read_to_string(self.path().join("crm.db.secret"));
                secret.unwrap().trim().to_owned()
            }
        }
    }

    pub fn file(&self, tables: Tables) -> rusqlite::Connection {
        let name = match tables {
            Tables::Engine => "crm.db",
            Tables::Host => "crm.db.accounts",
        };
        rusqlite::Connection::open(self.path().join(name)).unwrap()
    }

    /// Does something behind the host's back; how many rows it changed, or why not. `{}` stands for
    /// what a table's name begins with.
    pub fn change(&self, tables: Tables, sql: &str) -> Result<u64, String> {
        let Some(database) = &self.postgres else {
            let done = self.file(tables).execute(&sql.replace("{}", ""), []);
            return done
                .map(|rows| rows.try_into().unwrap())
                .map_err(|error| error.to_string());
        };
        let sql = sql.replace("{}", &format!("{}.", tables.schema()));
        wait(database.execute(&sql)).map_err(|error| error.to_string())
    }

    /// Rows by table of both. Failed sign-ins are meant to leave a line, and no attempt is for ever.
    pub fn rows(&self) -> BTreeMap<String, i64> {
        let mut rows = BTreeMap::new();
        for tables in [Tables::Engine, Tables::Host] {
            for table in self.tables(tables) {
                if ["sign_ins", "attempts"].contains(&table.as_str()) {
                    continue;
                }
                let count = self.count(tables, &table);
                rows.insert(format!("{} {table}", tables.schema()), count);
            }
        }
        assert!(rows.len() > 10, "{rows:?}");
        rows
    }

    /// Makes the server allow reading alone, or writing too, and breaks all connections to it.
    pub fn allow_writing(&self, allowed: bool) {
        let database = self.postgres.as_ref().unwrap();
        wait(database.allow_writing(allowed));
    }

    /// Lets events be changed, as the owner of the database can.
    pub fn unlock_events(&self) {
        if self.postgres.is_some() {
            let off = "ALTER TABLE {}events DISABLE TRIGGER USER";
            self.change(Tables::Engine, off).unwrap();
            return;
        }
        let engine = self.file(Tables::Engine);
        let triggers: Vec<String> = engine
            .prepare(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'",
            )
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for trigger in triggers {
            let off = format!("DROP TRIGGER {trigger}");
            engine.execute_batch(&off).unwrap();
        }
    }

    /// Everything that was written by its hosts, by name: files, and the rows of a database.
    pub fn bytes(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        for file in std::fs::read_dir(self.path()).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() {
                all.push((file.display().to_string(), std::fs::read(&file).unwrap()));
            }
        }
        if let Some(database) = &self.postgres {
            for tables in [Tables::Engine, Tables::Host] {
                for table in self.tables(tables) {
                    let name = format!("{}.{table}", tables.schema());
                    let sql = format!("SELECT t::text, 0::bigint FROM {name} t");
                    for (row, _) in wait(database.counts(&sql)) {
                        all.push((name.clone(), shown_bytes(&row)));
                        all.push((name.clone(), row.into_bytes()));
                    }
                }
            }
        }
        all
    }

    pub fn tables(&self, tables: Tables) -> Vec<String> {
        if let Some(database) = &self.postgres {
            let sql = format!(
                "SELECT tablename::text, 0::bigint FROM pg_tables WHERE schemaname = '{}'",
                tables.schema()
            );
            let found = wait(database.counts(&sql)).into_iter();
            return found.map(|(name, _)| name).collect();
        }
        let file = self.file(tables);
        let mut query = file
            // The index of the search keeps nothing of its own that could be counted.
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
            .unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn count(&self, tables: Tables, table: &str) -> i64 {
        if let Some(database) = &self.postgres {
            let sql = format!("SELECT '', count(*) FROM {}.{table}", tables.schema());
            return wait(database.counts(&sql)).pop().unwrap().1;
        }
        let sql = format!("SELECT count(*) FROM \"{table}\"");
        let found = self.file(tables).query_row(&sql, [], |row| row.get(0));
        found.unwrap()
    }
}

/// What a host leaves that was killed.
impl Place {
    /// How many messages are in each state, without opening the database itself.
    pub fn messages(&self) -> BTreeMap<String, usize> {
        let count = |rows: i64| rows.try_into().unwrap();
        if let Some(database) = &self.postgres {
            let sql = "SELECT status::text, count(*) FROM crm.messages GROUP BY status";
            let rows = wait(database.counts(sql)).into_iter();
            return rows.map(|(status, rows)| (status, count(rows))).collect();
        }
        // From a copy: the next host is the first to open the real files.
        let copy = tempfile::tempdir().unwrap();
        for name in ["crm.db", "crm.db-wal"] {
            let from = self.path().join(name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(name)).unwrap();
            }
        }
        let database = rusqlite::Connection::open(copy.path().join("crm.db")).unwrap();
        let mut query = database
            .prepare("SELECT status, count(*) FROM messages GROUP BY status")
            .unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, count(row.get(1)?))));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// On SQLite the next host knows that the one before is dead. On PostgreSQL it may be alive on another
    /// machine, and its leases have to end: time is made to pass for what the dead one held.
    pub fn is_dead_for_good(&self) {
        let Some(database) = &self.postgres else {
            return;
        };
        // A commit that was on its way is done or not when the server has noticed.
        let connected = "SELECT '', count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        let begun = Instant::now();
        while wait(database.counts(connected)).pop().unwrap().1 > 0 {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "the dead are still connected"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        let ended = "UPDATE {}messages SET lease_until = clock_timestamp() - interval '1 second' \
             WHERE lease_until IS NOT NULL";
        self.change(Tables::Engine, ended).unwrap();
    }
}

/// What a row's columns of bytes hold, of which its text shows the digits.
fn shown_bytes(row: &str) -> Vec<u8> {
    let digits = |text: &str| {
        let pairs = text.as_bytes().chunks_exact(2);
        let bytes =
            pairs.map_while(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        bytes.collect::<Vec<u8>>()
    };
    row.split("\\x").skip(1).flat_map(digits).collect()
}

impl Tables {
    /// Where they are on PostgreSQL.
    pub fn schema(self) -> &'static str {
        match self {
            Self::Engine => "crm",
            Self::Host => "crm_host",
        }
    }
}
