//! The one writer: a thread that gathers waiting jobs into one transaction and answers after its commit.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crm_core::message::history::{AuditEvent, Checkpoint};
use crm_core::{Error, ErrorKind, Result, Workspace};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::fault::{Fault, Outcome};
use crate::{counters, events};

/// How many jobs wait at most; more wait in their callers.
const QUEUE: usize = 1_024;
/// How many jobs share one transaction at most.
const BATCH: usize = 256;

/// Told how the transaction ended, answers the caller.
type Answer = Box<dyn FnOnce(Option<&Error>) + Send>;
/// Does its work, or nothing when the transaction is lost already.
type Job = Box<dyn FnOnce(Option<&mut Batch<'_>>) -> Answer + Send>;

/// A transaction in progress.
pub(crate) struct Batch<'c> {
    pub(crate) connection: &'c Connection,
    counters: BTreeMap<(i64, String), i64>,
    /// The end of each workspace's chain, as far as this transaction has sealed it.
    heads: BTreeMap<i64, Checkpoint>,
    lost: Option<Error>,
}

impl Batch<'_> {
    /// Runs `work` wholly or not at all.
    pub(crate) fn savepoint<T>(&mut self, work: impl FnOnce(&mut Self) -> Outcome<T>) -> Result<T> {
        self.check()?;
        self.command("SAVEPOINT crm_set")?;
        let heads = self.heads.clone();
        match work(self) {
            Ok(value) => {
                self.command("RELEASE crm_set")?;
                Ok(value)
            }
            Err(fault) => {
                let error = Error::from(fault);
                self.heads = heads;
                if self.connection.is_autocommit() {
                    self.lost.get_or_insert(error.clone());
                    return Err(error);
                }
                self.command("ROLLBACK TO crm_set")?;
                self.command("RELEASE crm_set")?;
                Err(error)
            }
        }
    }

    /// Whether the transaction still stands. SQLite ends it by itself on some failures (disk full, out
    /// of memory); what follows would then be committed statement by statement.
    fn check(&mut self) -> Result<()> {
        if self.lost.is_none() && self.connection.is_autocommit() {
            self.lost = Some(Error::new(
                ErrorKind::Unavailable,
                "the database undid the transaction; try again",
            ));
        }
        self.lost.clone().map_or(Ok(()), Err)
    }

    /// Appends an event to the history, sealed at once: this thread alone writes, so nobody waits for
    /// the end of the chain.
    pub(crate) fn append(
        &mut self,
        workspace: &Workspace,
        key: i64,
        event: &AuditEvent,
    ) -> Outcome<()> {
        let head = match self.heads.get(&key) {
            Some(head) => *head,
            None => events::sealed(self.connection, workspace, key)?,
        };
        let head = events::append(self.connection, key, event, head)?;
        self.heads.insert(key, head);
        Ok(())
    }

    /// Remembers what to add to counters; written once, before the commit.
    pub(crate) fn count(&mut self, workspace: i64, deltas: &BTreeMap<String, i64>) {
        for (name, delta) in deltas {
            *self.counters.entry((workspace, name.clone())).or_default() += delta;
        }
    }

    /// A transaction command. When it fails, nothing of this transaction can stand.
    fn command(&mut self, sql: &str) -> Result<()> {
        let outcome = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]));
        match outcome {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = Error::from(Fault::from(error));
                self.lost.get_or_insert(error.clone());
                Err(error)
            }
        }
    }
}

/// The way to the writer thread. Dropping it finishes the waiting jobs and closes the connection.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("crm-sqlite-writer".to_owned())
            .spawn(move || run(&connection, jobs))
            .map_err(|_| {
                Error::new(
                    ErrorKind::Unavailable,
                    "no thread could be started for the database; try again",
                )
            })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs `work` in a transaction and answers once it is committed.
    pub(crate) async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Batch<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, receiver) = job(work);
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(job).await.map_err(|_| stopped())?;
        receiver.await.map_err(|_| stopped())?
    }
}

/// A job and where its answer will arrive.
fn job<T: Send + 'static>(
    work: impl FnOnce(&mut Batch<'_>) -> Result<T> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T>>) {
    let (sender, receiver) = oneshot::channel();
    let job: Job = Box::new(move |batch| {
        let outcome = batch.map_or_else(|| Err(stopped()), work);
        Box::new(move |lost| {
            // A caller that went away needs no answer.
            let _ = sender.send(lost.map_or(outcome, |error| Err(error.clone())));
        })
    });
    (job, receiver)
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn stopped() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the database did not answer; nothing is known about this write, load again",
    )
}

fn run(connection: &Connection, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        commit(connection, batch);
    }
}

/// One transaction for all jobs. No caller hears of success before the commit returned.
fn commit(connection: &Connection, jobs: Vec<Job>) {
    let mut batch = Batch {
        connection,
        counters: BTreeMap::new(),
        heads: BTreeMap::new(),
        lost: None,
    };
    let _ = batch.command("BEGIN IMMEDIATE");
    let mut answers = Vec::with_capacity(jobs.len());
    let began = batch.lost.is_none();
    for job in jobs {
        let usable = batch.check().is_ok().then_some(&mut batch);
        match catch_unwind(AssertUnwindSafe(|| job(usable))) {
            Ok(answer) => answers.push(answer),
            Err(_) => {
                batch.lost.get_or_insert_with(stopped);
            }
        }
    }
    let _ = batch.check();
    if batch.lost.is_none() {
        let deltas = std::mem::take(&mut batch.counters);
        let heads = std::mem::take(&mut batch.heads);
        let kept = counters::add(connection, &deltas).and_then(|()| {
            heads
                .iter()
                .try_for_each(|(key, head)| events::keep(connection, *key, *head))
        });
        if let Err(fault) = kept {
            batch.lost = Some(fault.into());
        }
    }
    if batch.lost.is_none() && batch.command("COMMIT").is_err() {
        batch.lost = Some(Error::new(
            ErrorKind::Unavailable,
            "the database could not commit, nothing was written; check the disk and try again",
        ));
    }
    if began && batch.lost.is_some() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    for answer in answers {
        answer(batch.lost.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(folder: &tempfile::TempDir) -> Connection {
        let path = folder.path().join("crm.db");
        let connection = crate::connection::writer(&path, std::time::Duration::ZERO);
        let mut connection = connection.ok().unwrap();
        crate::migrations::run(&mut connection).ok().unwrap();
        let tables = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
            CREATE TABLE t (x INTEGER, y INTEGER REFERENCES parent(id));";
        connection.execute_batch(tables).unwrap();
        connection
    }

    fn rows(connection: &Connection) -> i64 {
        let count = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
        count.unwrap()
    }

    fn running(sql: &'static str) -> (Job, oneshot::Receiver<Result<()>>) {
        job(move |batch| batch.savepoint(|batch| Ok(batch.connection.execute_batch(sql)?)))
    }

    const GOOD: &str = "INSERT INTO t (x) VALUES (1)";

    #[test]
    fn a_failed_job_leaves_the_others_standing() {
        let folder = tempfile::tempdir().unwrap();
        let connection = database(&folder);
        let (first, one) = running(GOOD);
        let (second, two) = running("INSERT INTO t (x) VALUES (2); INSERT INTO t VALUES (3, 9)");
        let (third, three) = running(GOOD);
        commit(&connection, vec![first, second, third]);
        assert!(one.blocking_recv().unwrap().is_ok());
        assert!(two.blocking_recv().unwrap().is_err());
        assert!(three.blocking_recv().unwrap().is_ok());
        assert_eq!(rows(&connection), 2);
    }

    #[test]
    fn a_failed_commit_fails_every_job() {
        let folder = tempfile::tempdir().unwrap();
        let connection = database(&folder);
        let (first, one) = running(GOOD);
        // Its foreign key is looked at by the commit only.
        let (second, two) = running("PRAGMA defer_foreign_keys = ON; INSERT INTO t VALUES (2, 9)");
        commit(&connection, vec![first, second]);
        for answer in [one, two] {
            let error = answer.blocking_recv().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
        }
        assert_eq!(rows(&connection), 0);
        let (third, three) = running(GOOD);
        commit(&connection, vec![third]);
        assert!(three.blocking_recv().unwrap().is_ok());
        assert_eq!(rows(&connection), 1);
    }

    #[test]
    fn nothing_is_written_after_the_transaction_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let connection = database(&folder);
        let (first, one) = running(GOOD);
        let (second, two) = running("ROLLBACK");
        let (third, three) = running(GOOD);
        commit(&connection, vec![first, second, third]);
        for answer in [one, two, three] {
            assert!(answer.blocking_recv().unwrap().is_err());
        }
        assert_eq!(rows(&connection), 0);
    }

    #[test]
    fn a_panic_fails_its_transaction_only() {
        let folder = tempfile::tempdir().unwrap();
        let connection = database(&folder);
        let (first, one) = running(GOOD);
        let (second, two) = job::<()>(|_| panic!("on purpose"));
        commit(&connection, vec![first, second]);
        assert!(one.blocking_recv().unwrap().is_err());
        assert!(two.blocking_recv().is_err());
        assert_eq!(rows(&connection), 0);
        let (third, three) = running(GOOD);
        commit(&connection, vec![third]);
        assert!(three.blocking_recv().unwrap().is_ok());
    }
}
