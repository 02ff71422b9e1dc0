//! The place the database writes in, and whether it is still the one that was noted.
//!
//! A place has four names: the server's system identifier, its timeline, the database's oid and the oid of
//! a table of ours. A promoted standby and a recovery to a point in time go on on another timeline; a dump
//! that is restored makes new tables; a database made from another as its template has an oid of its own.
//! Any user may read all four. Not seen is a copy of the server's files that was put back without recovery
//! from an archive: it has all four names.

use chrono::{DateTime, Utc};
use crm_core::change::ChangeSet;
use crm_core::hold::{Hold, HoldReason};
use crm_core::port::schema;
use crm_core::{Error, ErrorKind};
use sqlx::PgConnection;

use crate::Inner;
use crate::apply::Failing;
use crate::fault::{Outcome, of_commit};
use crate::migrations;
use crate::query::Names;
use crate::writer::Written;

/// What names a place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    system: String,
    timeline: String,
    database: i64,
    tables: i64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "system {}, timeline {}, database {}, tables {}",
            self.system, self.timeline, self.database, self.tables
        )
    }
}

/// What a look at the place told.
pub(crate) struct Look {
    /// The server's clock, to the microsecond.
    pub(crate) now: DateTime<Utc>,
    pub(crate) hold: Option<Hold>,
}

impl Look {
    /// # Errors
    /// `OnHold`.
    pub(crate) fn check(&self) -> Outcome<()> {
        self.hold
            .as_ref()
            .map_or(Ok(()), |hold| Err(hold.refuse().into()))
    }
}

// The timeline comes from where the log is written now: the control file's is that of the last checkpoint,
// which may be older than a promotion. A standby has none to write in.
const LOOK: &str = "SELECT clock_timestamp(), noted.system, noted.timeline, noted.database, noted.tables, \
     (SELECT system_identifier::text FROM pg_control_system()), \
     CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END, \
     (SELECT oid::bigint FROM pg_database WHERE datname = current_database()), \
     'crm.place'::regclass::oid::bigint, \
     (SELECT coalesce(max(id), 0) FROM crm.migrations) \
     FROM (VALUES (true)) AS here(one) LEFT JOIN crm.place AS noted USING (one)";

type Row = (
    DateTime<Utc>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    String,
    Option<String>,
    i64,
    i64,
    i32,
);

/// Looks where the database is. In a transaction it tells of the server that will commit it: one begun
/// on a standby stays unable to write when that is promoted.
///
/// # Errors
/// `Unavailable` on a standby; `Configuration` when a newer program has migrated the tables since they
/// were opened.
pub(crate) async fn look(connection: &mut PgConnection, names: &Names) -> Outcome<Look> {
    let (now, noted, found, newest) = places(connection, names).await?;
    migrations::refuse_newer(newest, schema::NEWEST)?;
    Ok(Look {
        now,
        hold: compare(noted, found),
    })
}

async fn places(
    connection: &mut PgConnection,
    names: &Names,
) -> Outcome<(DateTime<Utc>, Option<Place>, Place, i32)> {
    let row: Row = sqlx::query_as(names.sql(LOOK))
        .fetch_one(connection)
        .await?;
    let (now, system, timeline, database, tables, here, line, own, table, newest) = row;
    let Some(line) = line else {
        return Err(Error::new(
            ErrorKind::Unavailable,
            "the database only allows reading now; check that the address is the primary's and try again",
        )
        .into());
    };
    let noted = match (system, timeline, database, tables) {
        (Some(system), Some(timeline), Some(database), Some(tables)) => Some(Place {
            system,
            timeline,
            database,
            tables,
        }),
        _ => None,
    };
    let found = Place {
        system: here,
        timeline: line,
        database: own,
        tables: table,
    };
    Ok((now, noted, found, newest))
}

fn compare(noted: Option<Place>, found: Place) -> Option<Hold> {
    let reason = match &noted {
        Some(noted) if *noted == found => return None,
        Some(noted) if noted.system != found.system => HoldReason::Moved,
        Some(noted) if noted.database == found.database && noted.tables == found.tables => {
            HoldReason::FailedOver
        }
        // Our tables always come with the note: here it was left behind.
        _ => HoldReason::Restored,
    };
    Some(Hold {
        reason,
        noted: noted.map_or_else(|| "nothing".to_owned(), |noted| noted.to_string()),
        found: found.to_string(),
    })
}

/// Notes the place the database is in now.
pub(crate) async fn note(connection: &mut PgConnection, names: &Names) -> Outcome<()> {
    let (_, _, found, _) = places(connection, names).await?;
    sqlx::query(names.sql(
        "INSERT INTO crm.place (system, timeline, database, tables) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (one) DO UPDATE SET system = $1, timeline = $2, database = $3, tables = $4",
    ))
    .bind(found.system)
    .bind(found.timeline)
    .bind(found.database)
    .bind(found.tables)
    .execute(connection)
    .await?;
    Ok(())
}

impl Inner {
    /// Notes the place the database is in now and writes `sets`, if it is on the hold `seen`.
    pub(crate) async fn lift_hold(&self, seen: &Hold, sets: &[ChangeSet]) -> Outcome<()> {
        let mut transaction = self.begin(&self.begin_write).await?;
        // One at a time: the second finds no hold.
        sqlx::query(
            self.names
                .sql("LOCK TABLE crm.place IN SHARE ROW EXCLUSIVE MODE"),
        )
        .execute(&mut *transaction)
        .await?;
        let look = look(&mut transaction, &self.names).await?;
        if look.hold.as_ref() != Some(seen) {
            return Err(Hold::another().into());
        }
        let Written {
            results,
            keys,
            turn,
        } = self
            .write(&mut transaction, sets, Failing::EndsAll, true)
            .await?;
        results.into_iter().collect::<crm_core::Result<()>>()?;
        note(&mut transaction, &self.names).await?;
        transaction.commit().await.map_err(of_commit)?;
        drop(turn);
        self.remember(keys);
        // Whoever rests because of the hold goes on at once.
        self.notices.tell();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            system: "7712611493436028728".to_owned(),
            timeline: "00000001".to_owned(),
            database: 5,
            tables: 16_400,
        }
    }

    fn reason(found: Place) -> Option<HoldReason> {
        compare(Some(place()), found).map(|hold| hold.reason)
    }

    #[test]
    fn each_name_of_the_place_counts() {
        assert_eq!(reason(place()), None);
        let mut other = place();
        other.timeline = "00000002".to_owned();
        assert_eq!(reason(other), Some(HoldReason::FailedOver));
        for (database, tables) in [(6, 16_400), (5, 16_401), (6, 16_401)] {
            let other = Place {
                database,
                tables,
                ..place()
            };
            assert_eq!(reason(other), Some(HoldReason::Restored));
        }
        let other = Place {
            system: "1".to_owned(),
            timeline: "00000007".to_owned(),
            ..place()
        };
        assert_eq!(reason(other), Some(HoldReason::Moved));
        let hold = compare(None, place()).unwrap();
        assert_eq!(
            (hold.reason, hold.noted.as_str()),
            (HoldReason::Restored, "nothing")
        );
    }
}
