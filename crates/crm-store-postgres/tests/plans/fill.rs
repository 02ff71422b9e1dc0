//! Many rows, written by the server itself.

use std::ops::Range;

use crm_core::testing::fixtures::{campaign, message};
use sqlx::{AssertSqlSafe, PgConnection};

pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

/// Keys of the workspaces: a large one, a small one, and one that makes the tables larger for both.
pub(crate) const LARGE: i64 = 101;
pub(crate) const SMALL: i64 = 102;
const OTHER: i64 = 103;

/// Positions in the chain that what was written before has at most.
pub(crate) const SEALED: u64 = 1_000_000;

/// The numbers of a workspace's messages, when `rows` are written.
pub(crate) fn numbers(key: i64, rows: i64) -> Range<u128> {
    let (first, count) = share(key, rows);
    let number = |number: i64| u128::try_from(number).unwrap();
    number(first + 1)..number(first + count + 1)
}

fn share(key: i64, rows: i64) -> (i64, i64) {
    match key {
        SMALL => (2 * rows, 100),
        OTHER => (3 * rows, rows / 8),
        _ => (0, rows - rows / 8),
    }
}

/// Nearly all messages are sent, manual ones of one occasion.
pub(crate) async fn alike(connection: &mut PgConnection) {
    run(
        connection,
        "UPDATE crm.messages SET status = 'sent', occasion = 'holiday', generated_by = 'manual', deleted = false",
    )
    .await;
}

/// The workspaces.
pub(crate) async fn workspaces(connection: &mut PgConnection) {
    run(
        connection,
        "INSERT INTO crm.workspaces (key, name) VALUES (101, 'default'), (102, 'small'), (103, 'other')",
    )
    .await;
}

/// Ids go up with `n`, as those of messages written one after another do.
const ID: &str = "('00000000-0000-7000-8000-' || lpad(to_hex(N), 12, '0'))::uuid";

fn id(number: &str) -> String {
    ID.replace('N', &format!("({number})::bigint"))
}

/// `rows` messages with all that hangs on them, seven of eight in the large workspace.
pub(crate) async fn rows(connection: &mut PgConnection, rows: i64) {
    for key in [SMALL, OTHER, LARGE] {
        let (first, count) = share(key, rows);
        workspace(connection, key, first, count).await;
    }
}

async fn workspace(connection: &mut PgConnection, key: i64, first: i64, count: i64) {
    let series = format!("generate_series({}, {})", first + 1, first + count);
    let people = (count / 5).max(1);
    let metadata = serde_json::to_string(&message(1).metadata).unwrap();
    let fields = serde_json::to_string(&campaign(1).fields).unwrap();
    let person = id(&format!("{first} + 1 + n % {people}"));
    let (own, run_id) = (id("n"), id(&format!("{first} + 1 + n % 20")));
    let hash = "sha256(n::text::bytea)";
    let at = "timestamptz '2026-01-01 00:00Z' + n * interval '1 second'";
    let marks = |text: &str| {
        let marks = crm_core::contact::search::marks(key, text).into_iter();
        let marks: Vec<String> = marks.map(|mark| mark.cast_signed().to_string()).collect();
        format!("{{{}}}", marks.join(","))
    };
    let (usual, rare) = ("\nname\n", "\nname\nrare\n");
    let (usual_marks, rare_marks) = (marks(usual), marks(rare));
    let statements = [
        format!(
            "INSERT INTO crm.contacts SELECT {key}, {own}, 1, 'x' || n, 'Name ' || n, 'a' || n || '@mail.example',
             'a' || n || '@mail.example', '+' || n, NULL, NULL, 'vip', NULL, n % 12 * 100 + 101, NULL, NULL, 'uz',
             NULL, '[]', '{{}}', '[]', '[]', NULL, n % 100 = 0, CASE WHEN n % 200 = 0 THEN {run_id} END, 'olga', {at}, {at},
             CASE WHEN n % 500 = 7 THEN '{rare}' ELSE '{usual}' END,
             CASE WHEN n % 500 = 7 THEN '{rare_marks}'::integer[] ELSE '{usual_marks}'::integer[] END
             FROM generate_series({}, {}) n", first + 1, first + people),
        format!(
            "INSERT INTO crm.campaigns SELECT {key}, {own}, 1, 'holiday', '{fields}', 'draft', false, '2026',
             NULL, true, NULL, NULL, NULL, 'olga', {at}, {at} FROM generate_series({}, {}) n", first + 1, first + 20),
        format!(
            "INSERT INTO crm.templates SELECT {key}, {own}, 1, 'n' || n, 'holiday', NULL, NULL, 'uz', NULL, 'text',
             'text', true, 'olga', {at}, {at} FROM generate_series({}, {}) n", first + 1, first + 50),
        format!(
            "INSERT INTO crm.messages SELECT {key}, {own}, {person}, NULL, false, CASE WHEN n % 2 = 0 THEN {run_id} END, NULL,
             (ARRAY['holiday', 'birthday', 'custom', 'promotion'])[1 + n % 4], 'email', 'a' || n || '@mail.example',
             'crm', CASE WHEN n % 2 = 1 OR n % 20 = 0 THEN 'sent' ELSE
               (ARRAY['draft', 'approved', 'pending_approval', 'failed', 'cancelled', 'expired', 'delivered', 'sent',
                'approved'])[1 + n / 2 % 9] END,
             1, 1, {hash}, CASE WHEN n % 7 = 0 THEN 'AI' ELSE 'manual' END, '{metadata}', '[]', n % 4, 'olga', NULL, NULL, NULL,
             CASE WHEN n % 3 = 0 THEN {at} + interval '1 year' END, {at}, {at}, 1, 0,
             NULL, NULL, 1, NULL, 'p' || n, NULL, false, n % 50 = 0, {at}, {at} FROM {series} n"),
        format!(
            "INSERT INTO crm.revisions SELECT {key}, {own}, 1, 'Subject', 'Some text', 'text',
             decode('00000000000000000000000000000000', 'hex'), 'olga', {at} FROM {series} n"),
        format!(
            "INSERT INTO crm.approvals (workspace, message, revision, digest, approver, role, decided_at)
             SELECT {key}, {own}, 1, {hash}, 'olga', 'manager', {at} FROM {series} n"),
        format!(
            "INSERT INTO crm.attempts SELECT {key}, {own}, 1, {own}, 1, false, 'w', {hash}, {at}, {at}, 'accepted', 'p', NULL
             FROM {series} n WHERE n % 2 = 1"),
        format!(
            "INSERT INTO crm.plan_rows SELECT {key}, {run_id}, {own}, '2026', 'email', NULL, NULL, 'UTC',
             CASE WHEN n % 9 = 0 THEN 'no_consent' END, CASE WHEN n < {first} + {count} * 0.9 THEN {own} END
             FROM {series} n"),
        format!(
            "INSERT INTO crm.suppressions SELECT {key}, 'email', 'a' || n || '@mail.example', 'asked', 'olga', {at}
             FROM generate_series({}, {}) n", first + 1, first + people),
        format!(
            "INSERT INTO crm.receipts SELECT {key}, 'email', 'provider_id', 'p' || n, 'delivered', NULL, false, NULL,
             {at}, CASE WHEN n > {first} + {count} - 30 THEN 'waiting' WHEN n % 5 = 0 THEN 'unmatched' ELSE 'settled' END,
             CASE WHEN n % 5 > 0 THEN {own} END, 1, {at} FROM {series} n"),
        format!(
            "INSERT INTO crm.subscriptions SELECT {key}, 's' || n, 1, n, 0, NULL, {at}, NULL, NULL, NULL, NULL, {at}
             FROM generate_series(1, 20) n"),
        format!(
            "INSERT INTO crm.saved_audiences SELECT {key}, {own}, 1, 'Group ' || n, 'group ' || n, NULL, '{{\"tag\": \"a\"}}',
             'olga', {at}, {at} FROM generate_series(1, 50) n"),
        format!(
            "INSERT INTO crm.field_definitions SELECT {key}, 'f' || n, 1, '{{\"type\": \"number\"}}', 'olga', {at}, {at}
             FROM generate_series(1, 20) n"),
        format!(
            "INSERT INTO crm.budgets SELECT {key}, CASE WHEN n % 20 > 0 THEN {run_id}::text ELSE '' END, p, 1, 1000
             FROM generate_series({}, {}) n CROSS JOIN (VALUES ('total'), ('day')) p(p)", first + 1, first + 20),
        format!(
            "INSERT INTO crm.ledger SELECT {key}, {own}, {at}, (date '2020-01-01' + n % 1000)::date::text,
             'actor' || n % 50, CASE WHEN n % 2 = 0 THEN {run_id} END, 'model' || n % 3,
             CASE WHEN n % 3 = 0 THEN 'line' || n END, n > {first} + {count} - 30, 10,
             CASE WHEN n > {first} + {count} - 30 THEN 'reserved' WHEN n % 7 = 0 THEN 'released' ELSE 'settled' END,
             5, 1, 1, 0, 0, 0, false, NULL, NULL, NULL, {at}, NULL FROM {series} n"),
        format!(
            "INSERT INTO crm.spent SELECT {key}, s, d, 5, 10 FROM
             (SELECT {run_id}::text FROM generate_series({}, {}) n UNION SELECT '') s(s) CROSS JOIN
             (SELECT (date '2020-01-01' + n)::text FROM generate_series(0, 999) n UNION SELECT '') d(d)",
             first + 1, first + 20),
        format!(
            "INSERT INTO crm.usage SELECT {key}, (date '2020-01-01' + n)::text, '', 'olga', 'model', 1, 10, 5, 1, 1,
             0, 0, 0 FROM generate_series(0, 199) n"),
        // The last few are not sealed yet.
        format!(
            "INSERT INTO crm.events (workspace, id, at, actor, role, subject, subject_id, action, version, position,
             prev_hash, hash) SELECT {key}, {own}, {at}, 'olga', 'manager', 'message', {own}, 'created', 1,
             CASE WHEN n <= {first} + {count} - 50 THEN n - {first} + {SEALED} END, {hash}, {hash} FROM {series} n ORDER BY n"),
        format!(
            "INSERT INTO crm.checkpoints VALUES ({key}, {count} - 50 + {SEALED}, sha256(''))
             ON CONFLICT (workspace) DO UPDATE SET position = excluded.position"),
        format!(
            "INSERT INTO crm.intake (workspace, key, kind, payload, state)
             SELECT (SELECT name FROM crm.workspaces WHERE key = {key}), 'k' || n, 'message', '{{}}',
             CASE WHEN n > {first} + {count} - 30 THEN 'waiting' ELSE 'applied' END FROM {series} n"),
        format!(
            "INSERT INTO crm.counters SELECT {key}, 'campaign.' || {own} || '.total', 0, 1
             FROM generate_series({}, {}) n", first + 1, first + people),
    ];
    for sql in statements {
        run(connection, &sql).await;
    }
}
