-- Who works here (ORG-20 to ORG-36, SEC-13, SEC-17), and an audit log that shows when somebody changed it (SEC-12, LIF-41).

-- An account belongs to one person (SEC-17) and is never deleted: what was done stays with its name. Its roles are those given to
-- it; without any, an agent has the role of the directory. A session has one of them (ORG-44).
CREATE TABLE accounts (
    username      text PRIMARY KEY CHECK (username ~ '^[A-Za-z0-9][A-Za-z0-9_.@-]{0,39}$'),
    name          text NOT NULL DEFAULT '',
    password_hash text NOT NULL,                          -- argon2id, with its parameters and salt
    roles         text[] NOT NULL DEFAULT '{}',
    unit          text NOT NULL DEFAULT '',               -- whose tickets a clerk, leader or editor of a unit sees
    agent         text NOT NULL DEFAULT '' CHECK (agent ~ '^([0-9]{3,5})?$'),
    organisation  text NOT NULL DEFAULT 'government' CHECK (organisation IN ('government', 'operator')),   -- GEN-19
    granted       text[] NOT NULL DEFAULT '{}',           -- what this person of the operator may do all the same
    must_change   boolean NOT NULL DEFAULT false,         -- the password is one that somebody else knows
    valid_until   timestamptz,
    disabled_at   timestamptz,
    failed_logins integer NOT NULL DEFAULT 0,             -- since the last one that was right
    made_at       timestamptz NOT NULL DEFAULT now(),
    made_by       text NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT now(),     -- the password
    last_login_at timestamptz
);
CREATE UNIQUE INDEX accounts_by_agent ON accounts (agent) WHERE agent <> '' AND disabled_at IS NULL;

-- The seals of the audit log: each is the SHA-256 of the seal before it and of its line, so that no line can be changed, taken away
-- or put between others without all seals after it being wrong. Lines are sealed a moment after they are committed, in the order in
-- which they are found: whoever writes a line waits for nobody.
CREATE TABLE audit_seals (
    number   bigint PRIMARY KEY CHECK (number > 0),       -- without holes
    entry_id bigint NOT NULL UNIQUE,
    hash     bytea NOT NULL CHECK (length(hash) = 32)
);

CREATE TABLE audit_unsealed (
    entry_id bigint PRIMARY KEY                           -- lines that have no seal yet
);
INSERT INTO audit_unsealed SELECT entry_id FROM audit_log;
CREATE INDEX audit_log_by_actor ON audit_log (actor, entry_id);
CREATE INDEX audit_log_by_action ON audit_log (action, entry_id);

CREATE FUNCTION audit_to_be_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed SELECT entry_id FROM fresh;
    RETURN NULL;
END
$$;
CREATE TRIGGER to_be_sealed AFTER INSERT ON audit_log REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION audit_to_be_sealed();

-- Not even the owner, unless it says that this is maintenance.
CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('hotline.maintenance', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON accounts FROM hotline;
        REVOKE UPDATE, DELETE ON audit_log, audit_seals FROM hotline;
        REVOKE UPDATE ON audit_unsealed FROM hotline;
    END IF;
END
$$;
