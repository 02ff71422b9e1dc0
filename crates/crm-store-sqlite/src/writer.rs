//! The one writer: a thread that gathers waiting jobs into one transaction and answers after its commit.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crm_core::message::history::{AuditEvent, Checkpoint};
use crm_core::{Error, ErrorKind, Result, Workspace};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::fault::{Fault, Outcome};
use crate::place::{Marker, Place, State};
use crate::query::workspace_for_write;
use crate::{counters, events};

/// How many jobs wait at most; more wait in their callers.
const QUEUE: usize = 1_024;
/// How many jobs share one transaction at most.
const BATCH: usize = 256;

/// How many transactions keep their sets apart after one had to be done again.
const CAREFUL: u32 = 16;

/// Something to write and somebody who waits for the answer.
trait Job: Send {
    /// Does the work, or nothing when the transaction is lost already. What it did last counts.
    fn run(&mut self, batch: Option<&mut Batch<'_>>);
    /// Answers, told how the transaction ended.
    fn answer(self: Box<Self>, lost: Option<&Error>);
}

/// How the sets of one transaction are kept from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Not at all: SQLite copies no page. When a set fails, the transaction is done again, apart.
    Together,
    /// By savepoints: a failed set leaves the others standing.
    Apart,
}

/// A transaction in progress.
pub(crate) struct Batch<'c> {
    pub(crate) connection: &'c Connection,
    mode: Mode,
    /// A set failed in a transaction without savepoints.
    again: Option<Error>,
    counters: BTreeMap<(i64, String), i64>,
    /// The end of each workspace's chain, as far as this transaction has sealed it.
    heads: BTreeMap<i64, Checkpoint>,
    keys: BTreeMap<Workspace, i64>,
    pub(crate) marker: &'c Marker,
    /// Whether attempts begin in this transaction.
    pub(crate) begins: bool,
    /// What the end of a hold made of the place.
    pub(crate) placed: Option<State>,
    /// How many rows the connection had changed before.
    changed: u64,
    lost: Option<Error>,
}

impl<'c> Batch<'c> {
    /// Writes within a transaction that somebody else began: the first failure undoes all.
    pub(crate) fn within(connection: &'c Connection, marker: &'c Marker) -> Self {
        Self::new(connection, marker, Mode::Together)
    }

    fn new(connection: &'c Connection, marker: &'c Marker, mode: Mode) -> Self {
        Self {
            connection,
            marker,
            begins: false,
            placed: None,
            changed: connection.total_changes(),
            mode,
            again: None,
            counters: BTreeMap::new(),
            heads: BTreeMap::new(),
            keys: BTreeMap::new(),
            lost: None,
        }
    }
}

impl Batch<'_> {
    /// Runs `work` wholly or not at all.
    pub(crate) fn savepoint<T>(&mut self, work: impl FnOnce(&mut Self) -> Outcome<T>) -> Result<T> {
        self.check()?;
        if self.mode == Mode::Together {
            if let Some(error) = &self.again {
                return Err(error.clone());
            }
            return work(self).map_err(|fault| {
                let error = Error::from(fault);
                self.again = Some(error.clone());
                error
            });
        }
        self.command("SAVEPOINT crm_set")?;
        let heads = self.heads.clone();
        let placed = self.placed.clone();
        match work(self) {
            Ok(value) => {
                self.command("RELEASE crm_set")?;
                Ok(value)
            }
            Err(fault) => {
                let error = Error::from(fault);
                self.heads = heads;
                self.placed = placed;
                self.keys.clear();
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

    /// Whether everything is done again anyway.
    pub(crate) const fn is_void(&self) -> bool {
        self.again.is_some() || self.lost.is_some()
    }

    /// The workspace's key; makes one if there is none.
    pub(crate) fn key(&mut self, workspace: &Workspace) -> Outcome<i64> {
        if let Some(key) = self.keys.get(workspace) {
            return Ok(*key);
        }
        let key = workspace_for_write(self.connection, workspace.as_str())?;
        self.keys.insert(workspace.clone(), key);
        Ok(key)
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

    /// Writes what was gathered: counters and ends of chains. Once, behind all sets.
    pub(crate) fn settle(&mut self) -> Outcome<()> {
        let deltas = std::mem::take(&mut self.counters);
        counters::add(self.connection, &deltas)?;
        std::mem::take(&mut self.heads)
            .iter()
            .try_for_each(|(key, head)| events::keep(self.connection, *key, *head))
    }

    /// Refuses to begin anything on hold. Looked at once in a transaction.
    pub(crate) fn not_on_hold(&mut self) -> Outcome<()> {
        if !self.begins {
            self.marker.check(self.connection)?;
            self.begins = true;
        }
        Ok(())
    }

    /// Lets the place's number grow, if anything was written and it is time.
    fn place(&mut self, place: &mut Place) -> Outcome<Option<State>> {
        if self.placed.is_some() {
            return Ok(self.placed.take());
        }
        if self.connection.total_changes() == self.changed {
            return Ok(None);
        }
        place.grow(self.connection, self.begins)
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
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection, place: Place) -> Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("crm-sqlite-writer".to_owned())
            .spawn(move || run(&connection, place, jobs))
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

    /// Runs `work` in a transaction and answers once it is committed. A transaction in which something
    /// failed is undone and `work` runs again.
    pub(crate) async fn submit<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Batch<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, receiver) = job(work);
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(job).await.map_err(|_| stopped())?;
        receiver.await.map_err(|_| stopped())?
    }
}

/// Work and where its answer goes.
struct Waiting<T, W> {
    work: W,
    outcome: Result<T>,
    sender: oneshot::Sender<Result<T>>,
}

impl<T: Send, W: FnMut(&mut Batch<'_>) -> Result<T> + Send> Job for Waiting<T, W> {
    fn run(&mut self, batch: Option<&mut Batch<'_>>) {
        self.outcome = batch.map_or_else(|| Err(stopped()), &mut self.work);
    }

    fn answer(self: Box<Self>, lost: Option<&Error>) {
        // A caller that went away needs no answer.
        let _ = self
            .sender
            .send(lost.map_or(self.outcome, |error| Err(error.clone())));
    }
}

/// A job and where its answer will arrive.
fn job<T: Send + 'static>(
    work: impl FnMut(&mut Batch<'_>) -> Result<T> + Send + 'static,
) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>) {
    let (sender, receiver) = oneshot::channel();
    let outcome = Err(stopped());
    let job = Waiting {
        work,
        outcome,
        sender,
    };
    (Box::new(job), receiver)
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

/// A commit that failed in its last steps.
fn unfinished(what: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("{what}; nothing is known about this write, check the disk and load again"),
    )
}

fn run(connection: &Connection, mut place: Place, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    let mut careful = 0_u32;
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        let mode = if careful > 0 {
            Mode::Apart
        } else {
            Mode::Together
        };
        careful = match commit(connection, &mut place, batch, mode) {
            Ended::Again => CAREFUL,
            Ended::Once => careful.saturating_sub(1),
        };
    }
}

/// How often a transaction had to be done.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Once,
    Again,
}

/// One transaction for all jobs. No caller hears of success before the commit returned.
fn commit(
    connection: &Connection,
    place: &mut Place,
    jobs: Vec<Box<dyn Job>>,
    mode: Mode,
) -> Ended {
    let mut jobs: Vec<Option<Box<dyn Job>>> = jobs.into_iter().map(Some).collect();
    let mut ended = Ended::Once;
    let marker = place.marker.clone();
    let mut batch = Batch::new(connection, &marker, mode);
    attempt(&mut batch, place, &mut jobs);
    if batch.again.is_some() {
        ended = Ended::Again;
        batch = Batch::new(connection, &marker, Mode::Apart);
        attempt(&mut batch, place, &mut jobs);
    }
    for job in jobs.into_iter().flatten() {
        job.answer(batch.lost.as_ref());
    }
    ended
}

/// Runs the jobs in a transaction and commits it; undoes it when it is void. A job that panics is gone:
/// its caller learns nothing.
fn attempt(batch: &mut Batch<'_>, place: &mut Place, jobs: &mut [Option<Box<dyn Job>>]) {
    let connection = batch.connection;
    let _ = batch.command("BEGIN IMMEDIATE");
    let began = batch.lost.is_none();
    for slot in jobs {
        let Some(job) = slot else { continue };
        let usable = batch.check().is_ok().then_some(&mut *batch);
        if catch_unwind(AssertUnwindSafe(|| job.run(usable))).is_err() {
            batch.lost.get_or_insert_with(stopped);
            *slot = None;
        }
        if batch.again.is_some() && batch.lost.is_none() {
            break;
        }
    }
    let _ = batch.check();
    if batch.lost.is_some() {
        // It is over; nothing is done again.
        batch.again = None;
    }
    let mut placed = None;
    if !batch.is_void() {
        match batch.settle().and_then(|()| batch.place(place)) {
            Ok(state) => placed = state,
            Err(fault) => batch.lost = Some(fault.into()),
        }
    }
    if !batch.is_void() && batch.command("COMMIT").is_err() {
        // Undone here; but what reached the log before its flush failed is committed if this process dies now.
        batch.lost = Some(unfinished("the database could not finish a commit"));
    }
    // What began is told to nobody, so nothing leaves, before the marker knows.
    if !batch.is_void()
        && let Some(state) = placed
        && place.mark(&state).is_err()
    {
        batch.lost = Some(unfinished(
            "the marker file beside the database could not be written after a commit",
        ));
    }
    if began && batch.is_void() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
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

    fn place(folder: &tempfile::TempDir) -> Place {
        Place::new(Marker::at(folder.path().join("crm.db.place")))
    }

    fn rows(connection: &Connection) -> i64 {
        let count = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
        count.unwrap()
    }

    fn running(sql: &'static str) -> (Box<dyn Job>, oneshot::Receiver<Result<()>>) {
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
        let ended = commit(
            &connection,
            &mut place(&folder),
            vec![first, second, third],
            Mode::Together,
        );
        assert_eq!(ended, Ended::Again);
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
        commit(
            &connection,
            &mut place(&folder),
            vec![first, second],
            Mode::Together,
        );
        for answer in [one, two] {
            let error = answer.blocking_recv().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
        }
        assert_eq!(rows(&connection), 0);
        let (third, three) = running(GOOD);
        commit(
            &connection,
            &mut place(&folder),
            vec![third],
            Mode::Together,
        );
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
        commit(
            &connection,
            &mut place(&folder),
            vec![first, second, third],
            Mode::Together,
        );
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
        commit(
            &connection,
            &mut place(&folder),
            vec![first, second],
            Mode::Together,
        );
        assert!(one.blocking_recv().unwrap().is_err());
        assert!(two.blocking_recv().is_err());
        assert_eq!(rows(&connection), 0);
        let (third, three) = running(GOOD);
        commit(
            &connection,
            &mut place(&folder),
            vec![third],
            Mode::Together,
        );
        assert!(three.blocking_recv().unwrap().is_ok());
    }
}
