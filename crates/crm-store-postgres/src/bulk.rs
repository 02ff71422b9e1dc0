//! Statements that write many rows at once: `$1` is the workspace's key, each further value an array with
//! one element for each row.

use sqlx::SqlStr;

use crate::query::Db;

/// A table as bulk statements see it.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The columns besides `workspace`; `id` and `version` come first where rows have versions.
    pub(crate) columns: &'static str,
    /// The arrays, from `$2` on, in the order of the columns.
    pub(crate) arrays: &'static str,
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

    /// Overwrites the rows that have the version before.
    pub(crate) fn update(&self, db: &Db<'_>) -> SqlStr {
        // The ids besides the join: without statistics (a new database) the planner would rather read
        // the whole workspace than look up each.
        self.update_where(
            db,
            "t.id = ANY ($2) AND t.id = n.id AND t.version = n.version - 1",
        )
    }

    /// Overwrites the rows `t` that fit the new rows `n`.
    pub(crate) fn update_where(&self, db: &Db<'_>, condition: &str) -> SqlStr {
        let Self {
            name,
            columns,
            arrays,
        } = self;
        db.names.dynamic(&format!(
            "UPDATE crm.{name} AS t SET ({columns}) = ROW(n.*) \
             FROM unnest({arrays}) AS n({columns}) WHERE t.workspace = $1 AND {condition}"
        ))
    }

    fn insertion(&self) -> String {
        let Self {
            name,
            columns,
            arrays,
        } = self;
        format!(
            "INSERT INTO crm.{name} (workspace, {columns}) \
             SELECT $1, n.* FROM unnest({arrays}) AS n({columns})"
        )
    }
}

/// Whether as many rows were written as given.
pub(crate) fn all<R>(written: u64, rows: &[R]) -> bool {
    usize::try_from(written).is_ok_and(|written| written == rows.len())
}
