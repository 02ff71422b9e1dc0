//! Statements: the schema's name, whose rows are meant, lists with bound values only.

use crm_core::port::store::{Page, PageRequest};
use crm_core::{Error, ErrorKind, Workspace};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, PgConnection, Postgres, SqlSafeStr, SqlStr};
use uuid::Uuid;

use crate::fault::Outcome;
use crate::rows::get;

/// The schema our tables are in. Statements are written for `crm`; another name is put in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    schema: String,
}

impl Names {
    /// # Errors
    /// `Configuration` for a name that is not lower case letters, digits and `_`, up to 48 of them.
    pub(crate) fn new(schema: &str) -> crm_core::Result<Self> {
        let first = schema.bytes().next();
        let good = first.is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && schema.len() <= 48
            && !schema.starts_with("pg_")
            && schema
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if good {
            return Ok(Self {
                schema: schema.to_owned(),
            });
        }
        Err(Error::new(
            ErrorKind::Configuration,
            "the schema's name must be lower case letters, digits and _, at most 48, and not begin with \
             a digit or pg_; choose another, for example crm",
        ))
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// A statement of ours, in this schema.
    pub(crate) fn sql(&self, text: &'static str) -> SqlStr {
        if self.schema == "crm" {
            return text.into_sql_str();
        }
        self.dynamic(text)
    }

    /// A statement put together from texts of ours, in this schema.
    pub(crate) fn dynamic(&self, text: &str) -> SqlStr {
        // The name was checked: it needs no quotes, unless it is a word of SQL.
        AssertSqlSafe(text.replace("crm.", &format!("\"{}\".", self.schema))).into_sql_str()
    }
}

/// One connection, and whose rows are meant.
pub(crate) struct Db<'c> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) names: &'c Names,
    pub(crate) workspace: &'c Workspace,
    /// The workspace's key.
    pub(crate) key: i64,
}

impl Db<'_> {
    /// A statement of ours.
    pub(crate) fn sql(&self, text: &'static str) -> SqlStr {
        self.names.sql(text)
    }
}

/// Conditions joined by AND, of one list. The SQL is always ours; what callers give is bound.
pub(crate) struct Filter {
    sql: String,
    values: PgArguments,
    /// A value that could not be bound.
    refused: bool,
}

impl Filter {
    /// Rows of the workspace: `SELECT {columns} FROM {from} WHERE {workspace} = key`.
    pub(crate) fn new(columns: &str, from: &str, workspace: &str, key: i64) -> Self {
        let mut filter = Self::begin("SELECT ");
        filter
            .raw(columns)
            .raw(" FROM ")
            .raw(from)
            .raw(" WHERE ")
            .raw(workspace)
            .raw(" = ")
            .bind(key);
        filter
    }

    /// A statement that begins so.
    pub(crate) fn begin(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            values: PgArguments::default(),
            refused: false,
        }
    }

    pub(crate) fn raw(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    pub(crate) fn and(&mut self, sql: &str) -> &mut Self {
        self.raw(" AND ").raw(sql)
    }

    pub(crate) fn bind<T>(&mut self, value: T) -> &mut Self
    where
        T: for<'q> sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>,
    {
        self.refused |= self.values.add(value).is_err();
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
        self
    }

    /// `AND column operator value`, when there is a value.
    pub(crate) fn given<T>(&mut self, sql: &str, value: Option<T>) -> &mut Self
    where
        T: for<'q> sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>,
    {
        if let Some(value) = value {
            self.and(sql).bind(value);
        }
        self
    }

    /// [`given`](Self::given) for a text that is compared with stored ones.
    pub(crate) fn sought(&mut self, sql: &str, text: Option<&str>) -> &mut Self {
        self.given(sql, text.map(sought))
    }

    /// `AND column = ANY (names)`, when there are any.
    pub(crate) fn one_of(&mut self, column: &str, names: &[&str]) -> &mut Self {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|&name| sought(name)).collect();
            self.and(column).raw(" = ANY (").bind(names).raw(")");
        }
        self
    }

    /// `AND column = ANY (ids)`, when there are any.
    pub(crate) fn ids(&mut self, column: &str, ids: impl IntoIterator<Item = Uuid>) -> &mut Self {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        if !ids.is_empty() {
            self.and(column).raw(" = ANY (").bind(ids).raw(")");
        }
        self
    }

    /// The rows with these ids, as `alias`: each is looked up by its key, whatever the planner guesses of
    /// the table's size.
    pub(crate) fn looked_up(
        &mut self,
        table: &str,
        alias: &str,
        key: i64,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> &mut Self {
        let mut ids: Vec<Uuid> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        self.raw("unnest(")
            .bind(ids)
            .raw("::uuid[]) AS v(id) CROSS JOIN LATERAL (SELECT * FROM ")
            .raw(table)
            .raw(" WHERE workspace = ")
            .bind(key)
            .raw(" AND id = v.id OFFSET 0) AS ")
            .raw(alias)
    }

    /// The rows.
    pub(crate) async fn fetch(self, db: &mut Db<'_>) -> Outcome<Vec<PgRow>> {
        if self.refused {
            return Err(
                Error::new(ErrorKind::Invalid, "a value to search for is too large").into(),
            );
        }
        let statement = db.names.dynamic(&self.sql);
        Ok(sqlx::query_with(statement, self.values)
            .fetch_all(&mut *db.connection)
            .await?)
    }
}

/// One page of a list. `conditions` writes the conditions; it runs again for the count.
pub(crate) struct List<'a> {
    pub(crate) columns: &'a str,
    pub(crate) from: &'a str,
    /// The column of the workspace's key.
    pub(crate) workspace: &'a str,
    /// The column lists are ordered by.
    pub(crate) key: &'a str,
    /// Only rows with these ids, when there are any; the table is one with a name of its own then.
    pub(crate) ids: Vec<Uuid>,
}

impl List<'_> {
    /// `SELECT columns` of the rows, before any condition.
    pub(crate) fn begin(&self, columns: &str, key: i64) -> Filter {
        match self.from.split_once(' ') {
            Some((table, alias)) if !self.ids.is_empty() => {
                let mut filter = Filter::begin("SELECT ");
                filter
                    .raw(columns)
                    .raw(" FROM ")
                    .looked_up(table, alias, key, self.ids.iter().copied())
                    .raw(" WHERE true");
                filter
            }
            _ => Filter::new(columns, self.from, self.workspace, key),
        }
    }

    pub(crate) async fn page<T>(
        &self,
        db: &mut Db<'_>,
        page: &PageRequest,
        conditions: impl Fn(&mut Filter) -> Outcome<()>,
        read: impl Fn(&Workspace, &PgRow) -> Outcome<T>,
        id: impl Fn(&T) -> Uuid,
    ) -> Outcome<Page<T>> {
        let total = if page.count {
            Some(self.count(db, &conditions).await?)
        } else {
            None
        };
        let mut filter = self.begin(self.columns, db.key);
        conditions(&mut filter)?;
        let (order, behind) = if page.oldest_first {
            ("ASC", ">")
        } else {
            ("DESC", "<")
        };
        if let Some(after) = page.after {
            filter
                .and(self.key)
                .raw(" ")
                .raw(behind)
                .raw(" ")
                .bind(after);
        }
        let limit = page.limit.clamp(1, 1_000);
        // One more shows whether there is a next page.
        filter
            .raw(" ORDER BY ")
            .raw(self.key)
            .raw(" ")
            .raw(order)
            .raw(" LIMIT ")
            .bind(i64::from(limit) + 1)
            .raw(" OFFSET ")
            .bind(i64::from(page.skip));
        let rows = filter.fetch(db).await?;
        let items: Outcome<Vec<T>> = rows.iter().map(|row| read(db.workspace, row)).collect();
        let mut items = items?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(id) } else { None };
        Ok(Page { items, total, next })
    }

    /// How many rows match.
    pub(crate) async fn count(
        &self,
        db: &mut Db<'_>,
        conditions: impl Fn(&mut Filter) -> Outcome<()>,
    ) -> Outcome<u64> {
        let mut filter = self.begin("count(*) AS rows", db.key);
        conditions(&mut filter)?;
        let rows = filter.fetch(db).await?;
        let count: i64 = match rows.first() {
            Some(row) => get(row, "rows")?,
            None => 0,
        };
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

/// A text to be compared with stored ones. PostgreSQL stores no NUL and refuses to be asked for one: a
/// text with it is like none of them.
pub(crate) fn sought(text: &str) -> String {
    if text.contains('\0') {
        // Noncharacters (Unicode 23.7), which no text has.
        return "\u{ffff}\u{fffe}".to_owned();
    }
    text.to_owned()
}

/// The workspace's key, if it holds anything.
pub(crate) async fn workspace(
    connection: &mut PgConnection,
    names: &Names,
    name: &str,
) -> Outcome<Option<i64>> {
    Ok(
        sqlx::query_scalar(names.sql("SELECT key FROM crm.workspaces WHERE name = $1"))
            .bind(name)
            .fetch_optional(connection)
            .await?,
    )
}

/// The workspace's key; makes one if there is none.
pub(crate) async fn workspace_for_write(
    connection: &mut PgConnection,
    names: &Names,
    name: &str,
) -> Outcome<i64> {
    if let Some(key) = workspace(connection, names, name).await? {
        return Ok(key);
    }
    // Somebody else may make it at the same moment: the update makes the row visible to us either way.
    Ok(sqlx::query_scalar(names.sql(
        "INSERT INTO crm.workspaces (name) VALUES ($1) \
         ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING key",
    ))
    .bind(name)
    .fetch_one(connection)
    .await?)
}
