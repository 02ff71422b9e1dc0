-- Tables that every step of a message writes name their workspace and message without a foreign key:
-- the writer takes the key from this table in the same transaction, and looks the message up.
CREATE TABLE workspaces (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Of the marks of erased addresses; made with the first erasure, shown to nobody.
    salt BLOB
) STRICT;

CREATE TABLE contacts (
    -- Where the index of the search knows it; the rowid alone would change with VACUUM.
    place INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL REFERENCES workspaces(key),
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    external_id TEXT,
    name TEXT NOT NULL,
    email TEXT,
    email_key TEXT,
    phone TEXT,
    telegram_chat_id TEXT,
    whatsapp TEXT,
    segment TEXT NOT NULL,
    birthday_year INTEGER,
    -- month * 100 + day
    birthday_day INTEGER,
    company TEXT,
    position TEXT,
    language TEXT NOT NULL,
    time_zone TEXT,
    tags TEXT NOT NULL,
    custom_fields TEXT NOT NULL,
    preferred_channels TEXT NOT NULL,
    consent TEXT NOT NULL,
    last_interaction_date INTEGER,
    erased INTEGER NOT NULL,
    -- The contact that this one is the same person as.
    merged_into BLOB,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    search_key TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX contacts_id ON contacts(workspace, id);
CREATE UNIQUE INDEX contacts_email ON contacts(workspace, email_key) WHERE email_key IS NOT NULL;
CREATE UNIQUE INDEX contacts_external_id ON contacts(workspace, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX contacts_phone ON contacts(workspace, phone, id) WHERE phone IS NOT NULL;
CREATE INDEX contacts_merged ON contacts(workspace, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX contacts_birthday ON contacts(workspace, birthday_day) WHERE birthday_day IS NOT NULL;

-- The marks of each contact, without a text. What is erased leaves the file.
CREATE VIRTUAL TABLE contacts_search USING fts5(marks, content = '', detail = none, columnsize = 0, tokenize = 'ascii');
INSERT INTO contacts_search (contacts_search, rank) VALUES ('secure-delete', 1);

CREATE TABLE templates (
    workspace INTEGER NOT NULL REFERENCES workspaces(key),
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    occasion TEXT NOT NULL,
    segment TEXT,
    channel TEXT,
    language TEXT NOT NULL,
    subject TEXT,
    content TEXT NOT NULL,
    format TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX templates_id ON templates(workspace, id);
CREATE UNIQUE INDEX templates_name ON templates(workspace, name, language);

CREATE TABLE campaigns (
    workspace INTEGER NOT NULL REFERENCES workspaces(key),
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    occasion TEXT NOT NULL,
    fields TEXT NOT NULL,
    status TEXT NOT NULL,
    test_mode INTEGER NOT NULL,
    occurrence TEXT,
    plan_cursor BLOB,
    planned INTEGER NOT NULL,
    waiting TEXT,
    waiting_since INTEGER,
    next_run_at INTEGER,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX campaigns_id ON campaigns(workspace, id);
CREATE INDEX campaigns_status ON campaigns(workspace, status, id);

-- One tree in the order in which plans are read: narrow rows need no index beside them.
CREATE TABLE plan_rows (
    workspace INTEGER NOT NULL,
    campaign BLOB NOT NULL,
    contact BLOB NOT NULL,
    occurrence TEXT NOT NULL,
    channel TEXT NOT NULL,
    send_at INTEGER,
    local_time TEXT,
    time_zone TEXT NOT NULL,
    excluded TEXT,
    message BLOB,
    draft_batch BLOB,
    variant TEXT,
    PRIMARY KEY (workspace, campaign, contact, occurrence)
) STRICT, WITHOUT ROWID;
CREATE INDEX plan_rows_undrafted ON plan_rows(workspace, campaign, contact, occurrence)
    WHERE message IS NULL AND excluded IS NULL AND draft_batch IS NULL;
CREATE INDEX plan_rows_batch ON plan_rows(workspace, draft_batch, contact, occurrence)
    WHERE draft_batch IS NOT NULL AND message IS NULL;

CREATE TABLE messages (
    workspace INTEGER NOT NULL,
    id BLOB NOT NULL,
    contact BLOB NOT NULL,
    -- The contact whose id the digest covers, when that was merged into this one.
    written_for BLOB,
    -- Whether the contact had a message of the occurrence already when this one came to it with another contact.
    doubled INTEGER NOT NULL DEFAULT 0,
    campaign BLOB,
    occurrence TEXT,
    occasion TEXT NOT NULL,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sender TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    digest BLOB NOT NULL,
    generated_by TEXT NOT NULL,
    metadata TEXT NOT NULL,
    findings TEXT NOT NULL,
    risk INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    approved_by TEXT,
    approved_at INTEGER,
    scheduled_for INTEGER,
    expires_at INTEGER,
    not_before INTEGER NOT NULL,
    queued_at INTEGER,
    epoch INTEGER NOT NULL,
    decided_epoch INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    attempts INTEGER NOT NULL,
    failure TEXT,
    provider_id TEXT,
    sent_at INTEGER,
    test_mode INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_id ON messages(workspace, id);
CREATE UNIQUE INDEX messages_occurrence ON messages(workspace, campaign, occurrence, contact)
    WHERE campaign IS NOT NULL AND occurrence IS NOT NULL AND doubled = 0;
CREATE INDEX messages_due ON messages(workspace, not_before, id) WHERE status = 'approved';
-- Lists by any of status, occasion and author: what is not given is walked through name by name, and
-- the lists, each in order of id, are merged. So two filters that are common apart and rare together
-- are as quick as one, and one index is written instead of three.
CREATE INDEX messages_kind ON messages(workspace, status, occasion, generated_by, id) WHERE deleted = 0;
-- What people have yet to decide about, by how risky it is: a run of ids for each risk, so that the riskiest first
-- is one run after the other. What is decided leaves it and costs nothing more.
CREATE INDEX messages_risk ON messages(workspace, status, risk, id)
    WHERE status IN ('draft', 'pending_approval') AND deleted = 0;
CREATE INDEX messages_contact ON messages(workspace, contact, id);
CREATE INDEX messages_campaign ON messages(workspace, campaign, status, id)
    WHERE campaign IS NOT NULL AND deleted = 0;
CREATE INDEX messages_expires ON messages(workspace, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX messages_queued ON messages(workspace, queued_at)
    WHERE status = 'approved' AND queued_at IS NOT NULL AND deleted = 0 AND test_mode = 0;
CREATE INDEX messages_provider ON messages(workspace, provider_id) WHERE provider_id IS NOT NULL;

-- Texts live here only, so a change of status never rewrites one.
CREATE TABLE revisions (
    workspace INTEGER NOT NULL,
    message BLOB NOT NULL,
    number INTEGER NOT NULL,
    subject TEXT,
    content TEXT NOT NULL,
    format TEXT NOT NULL,
    salt BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX revisions_key ON revisions(workspace, message, number);

-- Rows of these two are never deleted (the triggers refuse), so the next `seq` is always the highest.
CREATE TABLE approvals (
    seq INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    message BLOB NOT NULL,
    revision INTEGER NOT NULL,
    digest BLOB NOT NULL,
    approver TEXT NOT NULL,
    role TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    override_reason TEXT
) STRICT;
CREATE INDEX approvals_message ON approvals(workspace, message, seq);
CREATE TRIGGER approvals_keep BEFORE DELETE ON approvals
BEGIN SELECT RAISE(ABORT, 'approvals are kept'); END;
-- But for the words of whoever decided, which an erasure empties.
CREATE TRIGGER approvals_fixed BEFORE UPDATE OF seq, workspace, message, revision, digest, approver, role,
    decided_at ON approvals
BEGIN SELECT RAISE(ABORT, 'approvals are kept'); END;
CREATE TRIGGER approvals_words BEFORE UPDATE OF override_reason ON approvals
    WHEN NEW.override_reason IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'approvals are kept'); END;

CREATE TABLE attempts (
    workspace INTEGER NOT NULL,
    message BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    id BLOB NOT NULL,
    number INTEGER NOT NULL,
    repeats INTEGER NOT NULL,
    worker TEXT NOT NULL,
    digest BLOB NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT,
    provider_id TEXT,
    reason TEXT,
    PRIMARY KEY (workspace, message, epoch)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX attempts_id ON attempts(workspace, id);

CREATE TABLE receipts (
    workspace INTEGER NOT NULL,
    channel TEXT NOT NULL,
    about_kind TEXT NOT NULL,
    about TEXT NOT NULL,
    fate TEXT NOT NULL,
    reason TEXT,
    dead INTEGER NOT NULL,
    at INTEGER,
    received_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    message BLOB,
    tries INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, channel, about_kind, about, fate)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_due ON receipts(workspace, state, due_at);
CREATE INDEX receipts_message ON receipts(workspace, message) WHERE message IS NOT NULL;

CREATE TABLE subscriptions (
    workspace INTEGER NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    due_at INTEGER NOT NULL,
    last_error TEXT,
    disabled_at INTEGER,
    lease_owner TEXT,
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE draft_batches (
    workspace INTEGER NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    campaign BLOB NOT NULL,
    requests INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'submitting', 'running', 'closed')),
    provider_id TEXT,
    attempt INTEGER NOT NULL,
    prompt_version TEXT,
    submitted_at INTEGER,
    due_at INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    last_error TEXT,
    lease_owner TEXT,
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    closed_at INTEGER,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX draft_batches_open ON draft_batches(workspace, due_at, id) WHERE closed_at IS NULL;
CREATE INDEX draft_batches_campaign ON draft_batches(workspace, campaign, id);
CREATE TABLE budgets (
    workspace INTEGER NOT NULL,
    scope TEXT NOT NULL,
    period TEXT NOT NULL,
    version INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (workspace, scope, period)
) STRICT, WITHOUT ROWID;

-- Money is counted in 10^-12 US dollars.
CREATE TABLE ledger (
    workspace INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    day TEXT NOT NULL,
    actor TEXT NOT NULL,
    campaign BLOB,
    model TEXT NOT NULL,
    key TEXT,
    held INTEGER NOT NULL,
    reserved INTEGER,
    state TEXT NOT NULL,
    cost INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cache_write_5m_tokens INTEGER NOT NULL,
    cache_write_1h_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    answered TEXT,
    request_id TEXT,
    failure TEXT,
    expires_at INTEGER NOT NULL,
    closed_at INTEGER,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_campaign ON ledger(workspace, campaign, id) WHERE campaign IS NOT NULL;
CREATE INDEX ledger_actor ON ledger(workspace, actor, id);
CREATE INDEX ledger_day ON ledger(workspace, day, id);
CREATE INDEX ledger_held ON ledger(workspace, expires_at, id) WHERE held;
CREATE UNIQUE INDEX ledger_key ON ledger(workspace, key) WHERE held AND key IS NOT NULL;

-- What budgets are held against: the workspace and each campaign, in all (no day) and on each day.
CREATE TABLE spent (
    workspace INTEGER NOT NULL,
    scope TEXT NOT NULL,
    day TEXT NOT NULL,
    spent INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    PRIMARY KEY (workspace, scope, day)
) STRICT, WITHOUT ROWID;

-- Sums of the ledger.
CREATE TABLE usage (
    workspace INTEGER NOT NULL,
    day TEXT NOT NULL,
    scope TEXT NOT NULL,
    actor TEXT NOT NULL,
    model TEXT NOT NULL,
    calls INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cache_write_5m_tokens INTEGER NOT NULL,
    cache_write_1h_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL,
    PRIMARY KEY (workspace, day, scope, actor, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_scope ON usage(workspace, scope);

-- On the channel '*' stand those of erased people: the address is the hash of one.
CREATE TABLE suppressions (
    workspace INTEGER NOT NULL REFERENCES workspaces(key),
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, channel, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbound (
    workspace INTEGER NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (workspace, address, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_updates (
    workspace INTEGER NOT NULL,
    import BLOB NOT NULL,
    contact BLOB NOT NULL,
    version INTEGER NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (workspace, import, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX import_updates_contact ON import_updates(workspace, contact);

CREATE TABLE voices (
    workspace INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    fields TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE saved_audiences (
    workspace INTEGER NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT,
    audience TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX saved_audiences_id ON saved_audiences(workspace, id);
CREATE UNIQUE INDEX saved_audiences_name ON saved_audiences(workspace, name_key);

CREATE TABLE field_definitions (
    workspace INTEGER NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    fields TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    action TEXT NOT NULL,
    status TEXT,
    version INTEGER NOT NULL,
    revision INTEGER,
    digest BLOB,
    -- Together with its salt it is emptied when the person is erased; the digest, which the chain binds, stays.
    reason TEXT,
    reason_salt BLOB,
    reason_digest BLOB,
    position INTEGER,
    prev_hash BLOB,
    hash BLOB
) STRICT;
CREATE INDEX events_subject ON events(workspace, subject_id, seq);
CREATE INDEX events_unsealed ON events(workspace, seq) WHERE position IS NULL;
CREATE UNIQUE INDEX events_position ON events(workspace, position) WHERE position IS NOT NULL;
CREATE TRIGGER events_keep BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the history is kept'); END;
CREATE TRIGGER events_fixed BEFORE UPDATE OF seq, workspace, id, at, actor, role, subject,
    subject_id, action, status, version, revision, digest, reason_digest ON events
BEGIN SELECT RAISE(ABORT, 'the history is kept'); END;
CREATE TRIGGER events_sealed BEFORE UPDATE OF position, prev_hash, hash ON events
    WHEN OLD.position IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the history is kept'); END;
CREATE TRIGGER events_words BEFORE UPDATE OF reason, reason_salt ON events
    WHEN OLD.reason_digest IS NULL OR NEW.reason IS NOT NULL OR NEW.reason_salt IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the history is kept'); END;

-- Filled by the host, in its own transaction and in its own language: so a row needs no more than a key, a
-- kind and a payload, and names its workspace as the host does. The same key may be inserted again; it is
-- applied once. (The instant is written so that the SQLite of any host knows it.)
CREATE TABLE intake (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace TEXT NOT NULL DEFAULT 'default'
        CHECK (length(workspace) BETWEEN 1 AND 64 AND workspace NOT GLOB '*[^A-Za-z0-9_-]*'),
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    kind TEXT NOT NULL,
    payload TEXT NOT NULL CHECK (json_valid(payload)),
    created_at INTEGER NOT NULL
        DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'applied', 'duplicate', 'rejected')),
    reason TEXT,
    message BLOB,
    contact BLOB,
    settled_at INTEGER
) STRICT;
CREATE INDEX intake_state ON intake(workspace, state, seq);
CREATE INDEX intake_seq ON intake(workspace, seq);
CREATE INDEX intake_key ON intake(workspace, key, seq);
CREATE UNIQUE INDEX intake_applied ON intake(workspace, key) WHERE state = 'applied';

-- One row: how far the database has come. See place.rs.
CREATE TABLE crm_place (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    number INTEGER NOT NULL
) STRICT;
INSERT INTO crm_place (one, id, number) VALUES (1, lower(hex(randomblob(16))), 0);

CREATE TABLE checkpoints (
    workspace INTEGER PRIMARY KEY REFERENCES workspaces(key),
    position INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE counters (
    workspace INTEGER NOT NULL REFERENCES workspaces(key),
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;
