//! Write transactions: how one begins, when it is done again, what is told afterwards.

use std::sync::Arc;

use crm_core::change::{Change, ChangeSet};
use crm_core::message::Status;
use crm_core::{Error, ErrorKind, Result};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgTransaction, Postgres, Transaction};
use tokio::sync::MutexGuard;

use crate::Inner;
use crate::apply::{Applier, Ends, Failing, Keys};
use crate::connection::forget_idle;
use crate::counters::{self, Deltas};
use crate::fault::{Outcome, is_panic, of_commit};

/// How often a transaction that met another one is done again.
const AGAIN: u32 = 5;

/// What was written, in a transaction that is still to end.
pub(crate) struct Written<'i> {
    /// One for each change set.
    pub(crate) results: Vec<Result<()>>,
    /// Keys of the workspaces written to.
    pub(crate) keys: Keys,
    /// To be held until the transaction has ended.
    pub(crate) turn: Option<MutexGuard<'i, ()>>,
}

impl Inner {
    /// Begins a transaction with our limits, which `sql` sets.
    ///
    /// Waiting too long for a row, a statement without end and a program that fell silent amid a
    /// transaction all end in an error instead of holding up everybody.
    pub(crate) async fn begin(&self, sql: &Arc<str>) -> Outcome<Transaction<'static, Postgres>> {
        let begin = || self.pool.begin_with(AssertSqlSafe(Arc::clone(sql)));
        match begin().await {
            // The pool's connection was dead, or died asleep; nothing was done on it.
            Err(error) if is_lost(&error) => {
                forget_idle(&self.pool);
                Ok(begin().await?)
            }
            begun => Ok(begun?),
        }
    }

    /// Applies change sets in one transaction.
    pub(crate) async fn commit(&self, sets: &[ChangeSet]) -> Outcome<Vec<Result<()>>> {
        let mut failing = Failing::EndsAll;
        let mut again = 0;
        loop {
            match self.try_commit(sets, failing).await {
                Err(fault) if fault.is_collision() && again < AGAIN => again += 1,
                // With a savepoint under each run, a set that fails leaves the others standing.
                Err(fault) if fault.is_of_a_set() && failing == Failing::EndsAll => {
                    failing = Failing::EndsOne;
                }
                result => return result,
            }
        }
    }

    async fn try_commit(&self, sets: &[ChangeSet], failing: Failing) -> Outcome<Vec<Result<()>>> {
        let mut transaction = self.begin(&self.begin_write).await?;
        let Written {
            results,
            keys,
            turn,
        } = self.write(&mut transaction, sets, failing, true).await?;
        transaction.commit().await.map_err(of_commit)?;
        drop(turn);
        self.remember(keys);
        if results
            .iter()
            .zip(sets)
            .any(|(result, set)| result.is_ok() && wakes(set))
        {
            self.notices.tell();
        }
        Ok(results)
    }

    /// Applies change sets in a transaction that somebody else ends, counters included. `seals` when that
    /// is soon.
    pub(crate) async fn write<'i>(
        &'i self,
        connection: &mut PgConnection,
        sets: &[ChangeSet],
        failing: Failing,
        seals: bool,
    ) -> Outcome<Written<'i>> {
        let mut applier = Applier {
            connection,
            inner: self,
            keys: Keys::new(),
            deltas: Deltas::new(),
            failing,
            seals,
            ends: Ends::new(),
            turn: None,
        };
        let results = applier.apply(sets).await?;
        applier.keep_ends().await?;
        let Applier {
            connection,
            keys,
            deltas,
            turn,
            ..
        } = applier;
        counters::add(connection, &self.names, &deltas).await?;
        Ok(Written {
            results,
            keys,
            turn,
        })
    }

    /// All sets or none of them, in the host's transaction.
    pub(crate) async fn commit_in(
        &self,
        transaction: &mut PgTransaction<'_>,
        sets: &[ChangeSet],
    ) -> Outcome<()> {
        let isolation: String = sqlx::query_scalar("SHOW transaction_isolation")
            .fetch_one(&mut **transaction)
            .await?;
        if isolation != "read committed" {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the transaction reads the past (it is repeatable read or serializable), so last \
                 checks would miss what others wrote; begin it as read committed",
            )
            .into());
        }
        // A transaction in a transaction is a savepoint: refused sets leave the host's one usable. The type
        // says that there is one; over a bare connection this would begin, and commit, one of its own.
        let mut nested = transaction.begin().await?;
        let Written { results, .. } = self
            .write(&mut nested, sets, Failing::EndsAll, false)
            .await?;
        results.into_iter().collect::<Result<()>>()?;
        if sets.iter().any(wakes) {
            // Heard by everybody when the host commits, by nobody when it goes back.
            self.notices.tell_in(&mut nested).await?;
        }
        nested.commit().await?;
        Ok(())
    }
}

/// Whether the connection is gone rather than the statement wrong.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::BeginFailed | sqlx::Error::Protocol(_) => true,
        error if is_panic(error) => true,
        // Operator intervention and connection exceptions.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("08")),
        _ => false,
    }
}

/// Whether workers should look at once.
pub(crate) fn wakes(set: &ChangeSet) -> bool {
    set.changes().iter().any(|change| match change {
        Change::InsertMessage(row) | Change::UpdateMessage { message: row, .. } => {
            row.status == Status::Approved
        }
        Change::InsertCampaign(_) | Change::UpdateCampaign(_) | Change::InsertIntake(_) => true,
        _ => false,
    })
}
