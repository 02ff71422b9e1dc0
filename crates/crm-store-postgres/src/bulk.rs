//! Statements that write many rows at once: `$1` is the workspace's key, each further value an array with
//! one element for each row.

use std::fmt::Write as _;

use sqlx::SqlStr;

use crate::query::Db;

/// A table as bulk statements see it.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The columns besides `workspace`, each with its type, in the order in which the arrays are bound
    /// from `$2` on. JSON is bound as text, and so are arrays (`{1,2}`).
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

impl Table {
    /// Inserts all rows.
    pub(crate) fn insert(&self, db: &Db<'_>) -> SqlStr {
        db.names.dynamic(&self.insertion())
    }

    /// Inserts the rows that are not there yet.
    pub(crate) fn insert_missing(&self, db: &Db<'_>) -> SqlStr {
        let sql = format!("{} ON CONFLICT DO NOTHING", self.insertion());
        db.names.dynamic(&sql)
    }

    /// Inserts the rows; `otherwise` says what becomes of those that are there.
    pub(crate) fn insert_or(&self, db: &Db<'_>, otherwise: &str) -> SqlStr {
        let sql = format!("{} ON CONFLICT {otherwise}", self.insertion());
        db.names.dynamic(&sql)
    }

    /// Overwrites the rows `t` that fit the new rows `n` by this condition.
    pub(crate) fn update(&self, db: &Db<'_>, condition: &str) -> SqlStr {
        let (table, columns, rows) = (self.name, self.names(), self.rows());
        let values = self.values();
        db.names.dynamic(&format!(
            "UPDATE crm.{table} AS t SET ({columns}) = ROW({values}) FROM {rows} AS n({columns}) \
             WHERE t.workspace = $1 AND {condition}"
        ))
    }

    fn insertion(&self) -> String {
        let (table, columns, rows) = (self.name, self.names(), self.rows());
        let values = self.values();
        format!(
            "INSERT INTO crm.{table} (workspace, {columns}) SELECT $1, {values} FROM {rows} AS n({columns})"
        )
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// What becomes of each column of the new rows.
    fn values(&self) -> String {
        let value = |(name, kind): &(&str, &str)| {
            let cast = if kind.ends_with("[]") { "::" } else { "" };
            let kind = if cast.is_empty() { "" } else { *kind };
            format!("n.{name}{cast}{kind}")
        };
        let values: Vec<String> = self.columns.iter().map(value).collect();
        values.join(", ")
    }

    /// The new rows. The planner looks into arrays that are bound, but not behind a SELECT: without that
    /// it prepares for as many rows as there are, and in a table it has no statistics of yet (a new
    /// database) would read the whole workspace rather than look up each row by its key.
    fn rows(&self) -> String {
        let mut rows = String::from("unnest(");
        for (place, (_, kind)) in (2..).zip(self.columns) {
            let comma = if place == 2 { "" } else { ", " };
            let array = match *kind {
                "jsonb" => "text[]::jsonb[]".to_owned(),
                // An array of arrays would come apart into its elements.
                kind if kind.ends_with("[]") => "text[]".to_owned(),
                kind => format!("{kind}[]"),
            };
            // Writing to a string cannot fail.
            let _ = write!(rows, "{comma}(SELECT ${place}::{array})");
        }
        rows.push(')');
        rows
    }
}

/// For rows that have versions: the stored one is the version before.
pub(crate) const NEXT_VERSION: &str = "t.id = n.id AND t.version = n.version - 1";

/// Whether as many rows were written as given.
pub(crate) fn all<R>(written: u64, rows: &[R]) -> bool {
    usize::try_from(written).is_ok_and(|written| written == rows.len())
}
