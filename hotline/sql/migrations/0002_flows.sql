-- What the flows need and leave behind: paths and tags of calls, look-ups that a caller may make, surveys, call-backs, faxes.
-- A list of prompts is text: names joined by commas, in the order in which they are played.

CREATE DOMAIN prompt_list AS text
    CHECK (VALUE ~ '^([a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?(,[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?)*)?$');
CREATE DOMAIN keypad_code AS text CHECK (VALUE ~ '^[0-9]{1,32}$');
CREATE DOMAIN telephone_number AS text CHECK (VALUE ~ '^[0-9]{0,20}$');     -- normalised: no +86, no 0 of an area code; '' withheld

ALTER TABLE calls
    ADD COLUMN flow  text,                                -- NAME@VERSION, the first eight hexadecimal digits
    ADD COLUMN tags  text[] NOT NULL DEFAULT '{}',        -- IVR-19
    ADD COLUMN steps jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(steps) = 'array');   -- [{"at": …, "step": "node:exit"}, …]
CREATE INDEX calls_by_queueing ON calls (queued_at) WHERE queued_at IS NOT NULL;

ALTER TABLE messages
    ADD COLUMN kind text NOT NULL DEFAULT 'message' CHECK (kind IN ('message', 'mailbox', 'complaint', 'survey'));

-- What may be told by telephone about a ticket, and to whom (IVR-06, SEC-06).
CREATE TABLE ticket_answers (
    ticket_no       keypad_code PRIMARY KEY,
    caller_number   telephone_number NOT NULL DEFAULT '',
    query_code_hash text,                                 -- scrypt, see hotline/query_codes.py; NULL: this ticket has no code
    confidential    boolean NOT NULL DEFAULT false,
    state           prompt_list NOT NULL CHECK (state <> ''),
    result          prompt_list NOT NULL DEFAULT '',      -- empty: there is no result yet
    updated_at      timestamptz NOT NULL
);

-- Wrong query codes of the last day are counted by number and by ticket.
CREATE TABLE ticket_query_failures (
    failure_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    failed_at     timestamptz NOT NULL DEFAULT now(),
    caller_number telephone_number NOT NULL,
    ticket_no     keypad_code NOT NULL                    -- as typed: there need not be such a ticket
);
CREATE INDEX ticket_query_failures_by_number ON ticket_query_failures (caller_number, failed_at);
CREATE INDEX ticket_query_failures_by_ticket ON ticket_query_failures (ticket_no, failed_at);

-- The knowledge tree as it is spoken (IVR-05). A row with children is a folder, any other an article.
CREATE TABLE spoken_articles (
    code     keypad_code PRIMARY KEY,
    parent   keypad_code REFERENCES spoken_articles (code) DEFERRABLE INITIALLY DEFERRED,   -- NULL: at the root
    position smallint NOT NULL CHECK (position BETWEEN 1 AND 9),     -- the key in its parent's menu
    title    text NOT NULL CHECK (title <> ''),
    text     text NOT NULL DEFAULT '',
    prompts  prompt_list NOT NULL,
    document text,                                        -- to be faxed (IVR-07), below var/documents
    UNIQUE NULLS NOT DISTINCT (parent, position) DEFERRABLE INITIALLY DEFERRED,
    CHECK (parent <> code)
);

-- Hotlines that a caller can be transferred to (IVR-04). hours: as the [hours] table of the settings, {}: always open.
CREATE TABLE other_hotlines (
    code     keypad_code PRIMARY KEY,
    position smallint NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED CHECK (position BETWEEN 1 AND 9),
    number   keypad_code NOT NULL,
    name     text NOT NULL CHECK (name <> ''),
    prompts  prompt_list NOT NULL CHECK (prompts <> ''),
    hours    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(hours) = 'object')
);

-- Callers who are served in a way of their own, such as elderly (straight to an agent).
CREATE TABLE caller_groups (
    number  telephone_number PRIMARY KEY CHECK (number <> ''),
    "group" text NOT NULL CHECK ("group" ~ '^[a-z][a-z0-9_]{0,31}$')
);

-- Played before queueing while many call for the same reason (IVR-33).
CREATE TABLE announcements (
    announcement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    prompts         prompt_list NOT NULL CHECK (prompts <> ''),
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at >= starts_at),
    reason          text NOT NULL CHECK (reason <> ''),
    person          text NOT NULL CHECK (person <> '')
);
CREATE INDEX announcements_by_end ON announcements (ends_at);

-- Which transaction last changed a part of the directory, so that readers know when to read it again.
CREATE TABLE directory_versions (
    part       text PRIMARY KEY,
    changed_by xid8 NOT NULL
);
CREATE FUNCTION directory_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO directory_versions AS known (part, changed_by) VALUES (TG_TABLE_NAME, pg_current_xact_id())
    ON CONFLICT (part) DO UPDATE SET changed_by = excluded.changed_by WHERE known.changed_by <> excluded.changed_by;
    RETURN NULL;
END
$$;
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON other_hotlines
    FOR EACH STATEMENT EXECUTE FUNCTION directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON caller_groups
    FOR EACH STATEMENT EXECUTE FUNCTION directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON announcements
    FOR EACH STATEMENT EXECUTE FUNCTION directory_changed();

-- Callers who asked to be called back; the oldest waiting_since comes first, so that nobody loses a place in the queue.
CREATE TABLE callback_requests (
    request_id    uuid PRIMARY KEY,
    node          text NOT NULL,
    call_id       text NOT NULL,
    number        text NOT NULL CHECK (number <> ''),
    queue         text NOT NULL,
    asked_at      timestamptz NOT NULL,
    waiting_since timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'calling', 'done', 'given_up'))
);
CREATE INDEX callback_requests_waiting ON callback_requests (queue, waiting_since) WHERE state = 'waiting';

-- Post-call survey (IVR-20): the other party rates the agent's service.
CREATE TABLE survey_ratings (
    rating_id uuid PRIMARY KEY,
    node      text NOT NULL,
    call_id   text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    agent     text NOT NULL DEFAULT '',
    rating    text NOT NULL CHECK (rating IN ('very_satisfied', 'satisfied', 'neutral', 'dissatisfied', 'not_rated')),
    rated_at  timestamptz NOT NULL
);
CREATE INDEX survey_ratings_by_call ON survey_ratings (node, call_id);
CREATE INDEX survey_ratings_by_time ON survey_ratings (rated_at);

-- Documents to be faxed (IVR-07).
CREATE TABLE fax_jobs (
    job_id      uuid PRIMARY KEY,
    node        text NOT NULL,
    call_id     text NOT NULL,
    number      text NOT NULL,                           -- may be empty: a document goes out on the call itself
    document    text NOT NULL CHECK (document <> ''),
    attempts    smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'failed')),
    result      text NOT NULL DEFAULT '',
    asked_at    timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK ((state IN ('sent', 'failed')) = (finished_at IS NOT NULL))
);
CREATE INDEX fax_jobs_open ON fax_jobs (node, asked_at) WHERE finished_at IS NULL;

-- Who looked at or changed what (SEC-12). Rows are only added.
CREATE TABLE audit_log (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,                               -- a person, or 'caller:' and a number
    action   text NOT NULL,
    subject  text NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE INDEX audit_log_by_subject ON audit_log (subject, at);
