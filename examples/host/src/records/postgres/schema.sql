CREATE TABLE crm_host.users (
    id text PRIMARY KEY, email text NOT NULL UNIQUE, full_name text NOT NULL,
    password_hash text NOT NULL, role text NOT NULL, workspace text NOT NULL,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);

CREATE TABLE crm_host.families (
    id text PRIMARY KEY, user_id text NOT NULL REFERENCES crm_host.users (id),
    revoked boolean NOT NULL DEFAULT false, expires_at timestamptz NOT NULL);
CREATE INDEX families_user ON crm_host.families (user_id);
CREATE INDEX families_expires ON crm_host.families (expires_at);

CREATE TABLE crm_host.refresh_tokens (
    hash bytea PRIMARY KEY,
    family text NOT NULL REFERENCES crm_host.families (id) ON DELETE CASCADE,
    used boolean NOT NULL DEFAULT false, expires_at timestamptz NOT NULL);
CREATE INDEX refresh_tokens_family ON crm_host.refresh_tokens (family);

-- Positions come from the row below and not from a sequence: whoever writes a line holds it until the
-- commit, so that no reader sees a line before one with a smaller position.
CREATE TABLE crm_host.sign_ins (
    position bigint PRIMARY KEY, at timestamptz NOT NULL, action text NOT NULL,
    user_id text, session text);
CREATE TABLE crm_host.sign_ins_newest (
    id integer PRIMARY KEY CHECK (id = 1), position bigint NOT NULL);
INSERT INTO crm_host.sign_ins_newest VALUES (1, 0);

CREATE FUNCTION crm_host.keep_sign_ins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record of sign-ins is never changed';
END $$;
CREATE TRIGGER sign_ins_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON crm_host.sign_ins
    FOR EACH STATEMENT EXECUTE FUNCTION crm_host.keep_sign_ins();

-- Keys are hashes: what somebody typed into the wrong field is not kept. Losing the counts in a crash of
-- the server is as harmless as a restart of the host.
CREATE UNLOGGED TABLE crm_host.attempts (
    key bytea PRIMARY KEY, failures integer NOT NULL, until timestamptz NOT NULL);
CREATE INDEX attempts_until ON crm_host.attempts (until);

-- Numbers of running hosts; a host holds the advisory lock of its number while it lives.
CREATE SEQUENCE crm_host.hosts AS integer CYCLE;

CREATE TABLE crm_host.idempotency (
    user_id text NOT NULL, key text NOT NULL, hash bytea NOT NULL, host integer NOT NULL,
    status integer, content_type text, body bytea, at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key));
CREATE INDEX idempotency_at ON crm_host.idempotency (at);

CREATE TABLE crm_host.imports (
    id uuid PRIMARY KEY, workspace text NOT NULL, report jsonb NOT NULL, host integer NOT NULL);
-- The files of rejected rows, in the pieces in which they came.
CREATE TABLE crm_host.import_rejects (
    import uuid NOT NULL REFERENCES crm_host.imports, piece bigint NOT NULL, rows text NOT NULL,
    PRIMARY KEY (import, piece));

CREATE TABLE crm_host.probe (id integer PRIMARY KEY CHECK (id = 1), at timestamptz NOT NULL);
