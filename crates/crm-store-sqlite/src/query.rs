//! Lists: conditions with bound values only, keyset paging, counting.

use crm_core::port::store::{Page, PageRequest};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use uuid::Uuid;

use crate::fault::Outcome;

/// Conditions joined by AND. The SQL is always one of ours; what callers give is bound.
pub(crate) struct Filter {
    sql: String,
    values: Vec<Value>,
}

impl Filter {
    pub(crate) fn new(sql: &'static str, workspace: i64) -> Self {
        Self {
            sql: sql.to_owned(),
            values: vec![Value::Integer(workspace)],
        }
    }

    pub(crate) fn and(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(" AND ");
        self.raw(sql)
    }

    pub(crate) fn raw(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self
    }

    /// `sql` with the value, when there is one.
    pub(crate) fn given<T: Into<Value>>(&mut self, sql: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.and(sql).bind(value);
        }
    }

    /// The ids `column` of the rows of `from` that match, as `end` orders and bounds them.
    pub(crate) fn found(
        &self,
        connection: &Connection,
        column: &str,
        from: &str,
        end: &str,
    ) -> Outcome<Vec<Uuid>> {
        let sql = format!("SELECT {column} FROM {from} WHERE {}{end}", self.sql);
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(self.values.iter()), |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many rows of `from` match.
    pub(crate) fn count(&self, connection: &Connection, from: &str) -> Outcome<u64> {
        let count: i64 = connection
            .prepare_cached(&format!("SELECT count(*) FROM {from} WHERE {}", self.sql))?
            .query_row(params_from_iter(self.values.iter()), |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// `sql` with one JSON array of all names, when there are any.
    pub(crate) fn one_of(&mut self, sql: &'static str, names: &[&str]) {
        if !names.is_empty() {
            self.and(sql)
                .bind(serde_json::Value::from(names).to_string());
        }
    }

    /// `sql` with one JSON array of all ids in hexadecimal, when there are any.
    pub(crate) fn ids(&mut self, sql: &'static str, ids: impl IntoIterator<Item = Uuid>) {
        let list: Vec<String> = ids.into_iter().map(|id| id.simple().to_string()).collect();
        if !list.is_empty() {
            self.and(sql)
                .bind(serde_json::Value::from(list).to_string());
        }
    }
}

pub(crate) fn blob(id: Uuid) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

/// What is listed, and how.
pub(crate) struct List<'a> {
    pub(crate) columns: &'a str,
    pub(crate) from: &'a str,
    /// The column lists are ordered by.
    pub(crate) key: &'a str,
}

impl List<'_> {
    pub(crate) fn page<T>(
        &self,
        connection: &Connection,
        filter: Filter,
        page: &PageRequest,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
        id: impl Fn(&T) -> Uuid,
    ) -> Outcome<Page<T>> {
        let Self { columns, from, key } = self;
        let total = if page.count {
            Some(filter.count(connection, from)?)
        } else {
            None
        };
        let Filter { sql, mut values } = filter;
        let (order, behind) = if page.oldest_first {
            ("ASC", ">")
        } else {
            ("DESC", "<")
        };
        let mut text = format!("SELECT {columns} FROM {from} WHERE {sql}");
        if let Some(after) = page.after {
            text.push_str(&format!(" AND {key} {behind} ?"));
            values.push(blob(after));
        }
        text.push_str(&format!(" ORDER BY {key} {order} LIMIT ? OFFSET ?"));
        let limit = page.limit.clamp(1, 1_000);
        // One more shows whether there is a next page.
        values.push(Value::Integer(i64::from(limit) + 1));
        values.push(Value::Integer(i64::from(page.skip)));
        let mut statement = connection.prepare_cached(&text)?;
        let mut items = statement
            .query_map(params_from_iter(values.iter()), |row| read(row))?
            .collect::<rusqlite::Result<Vec<T>>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(id) } else { None };
        Ok(Page { items, total, next })
    }
}

/// The workspace's key, if it holds anything.
pub(crate) fn workspace(connection: &Connection, name: &str) -> Outcome<Option<i64>> {
    use rusqlite::OptionalExtension;
    Ok(connection
        .prepare_cached("SELECT key FROM workspaces WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

/// The workspace's key; makes one if there is none.
pub(crate) fn workspace_for_write(connection: &Connection, name: &str) -> Outcome<i64> {
    if let Some(key) = workspace(connection, name)? {
        return Ok(key);
    }
    connection.execute("INSERT INTO workspaces (name) VALUES (?1)", [name])?;
    Ok(connection.last_insert_rowid())
}
