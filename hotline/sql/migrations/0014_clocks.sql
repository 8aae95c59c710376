-- Clocks of tickets (TIM-01 to TIM-36), what fires when they run out (SUP-16), the calendar and the profile that they go by
-- (CFG-08), and suspensions of the dispatch cut-off (DSP-07).

CREATE TABLE profile_versions (
    version    integer PRIMARY KEY CHECK (version > 0),
    name       text NOT NULL,
    digest     text NOT NULL,                             -- of the rules: the same rules again are the same version again
    rules      jsonb NOT NULL,
    valid_from timestamptz NOT NULL,
    made_by    text NOT NULL,
    changed    jsonb NOT NULL DEFAULT '{}'                -- {"key": [before, after]}
);
CREATE INDEX profile_versions_by_digest ON profile_versions (digest, version);

CREATE TABLE calendar_versions (
    version   integer PRIMARY KEY CHECK (version > 0),
    digest    text NOT NULL,                              -- of the city's lists and the public table
    days      jsonb NOT NULL,                             -- the city's lists, the public table's version and last year
    seen_at   timestamptz NOT NULL,
    open      bigint NOT NULL DEFAULT 0,                  -- clocks that ran then
    done_to   bigint NOT NULL DEFAULT 0,                  -- the ticket up to which they are recomputed: where a restart goes on
    recomputed bigint NOT NULL DEFAULT 0,
    moved     bigint NOT NULL DEFAULT 0,
    done_at   timestamptz
);

CREATE TABLE ticket_clocks (
    ticket_id       bigint NOT NULL REFERENCES tickets (ticket_id),
    kind            text NOT NULL,                        -- crm/clocks/kinds.py
    round           smallint NOT NULL CHECK (round > 0),  -- a second dispatch, a redo
    unit            text NOT NULL DEFAULT '',             -- who is to be in time
    started_at      timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    paused_at       timestamptz,
    stopped_at      timestamptz,
    stopped_with    text NOT NULL DEFAULT '' CHECK (stopped_with IN ('', 'one', 'all')),   -- all: brought back by an unmerge
    met             boolean,                              -- in time; NULL: runs, or was taken away
    excluded        boolean NOT NULL DEFAULT false,       -- a suspended cut-off (DSP-07): not in KPI-06
    profile_version integer NOT NULL REFERENCES profile_versions (version),
    facts           jsonb NOT NULL,                       -- all else that the due time is computed from
    why             jsonb NOT NULL,                       -- how it came about
    extension       smallint NOT NULL DEFAULT 0,          -- reminders begin anew with each
    next_step       smallint NOT NULL DEFAULT 0,
    next_fire_at    timestamptz,                          -- NULL: paused, stopped, or nothing is left to fire
    PRIMARY KEY (ticket_id, kind, round),
    CHECK (stopped_at IS NULL OR next_fire_at IS NULL),
    CHECK ((stopped_at IS NULL) = (stopped_with = ''))
);
CREATE INDEX ticket_clocks_to_fire ON ticket_clocks (next_fire_at) WHERE next_fire_at IS NOT NULL;
CREATE INDEX ticket_clocks_running ON ticket_clocks (due_at, ticket_id) WHERE stopped_at IS NULL;
CREATE INDEX ticket_clocks_of_unit ON ticket_clocks (unit, due_at) WHERE stopped_at IS NULL AND unit <> '';
CREATE INDEX ticket_clocks_dispatched ON ticket_clocks (started_at) WHERE kind = 'dispatch';

-- Every change of a due time, and why (TIM-36): only added to.
CREATE TABLE clock_log (
    ticket_id bigint NOT NULL,
    at        timestamptz NOT NULL,
    kind      text NOT NULL,
    round     smallint NOT NULL,
    verb      text NOT NULL,                              -- start, stop, pause, …, calendar
    old_due   timestamptz,
    new_due   timestamptz,
    why       jsonb NOT NULL DEFAULT '[]',
    by        text NOT NULL
);
CREATE INDEX clock_log_by_ticket ON clock_log (ticket_id, at);

-- What was fired, each once.
CREATE TABLE escalations (
    ticket_id bigint NOT NULL,                            -- of a clock, which refers to the ticket: written by thousands
    kind      text NOT NULL,
    round     smallint NOT NULL,
    extension smallint NOT NULL,
    step      smallint NOT NULL,
    was_due   timestamptz NOT NULL,                       -- when it should have been fired
    fired_at  timestamptz NOT NULL,
    due_at    timestamptz NOT NULL,                       -- what it was about
    mode      text NOT NULL,
    level     smallint NOT NULL,
    addressee text NOT NULL,
    PRIMARY KEY (ticket_id, kind, round, extension, step)
);
CREATE INDEX escalations_by_time ON escalations (fired_at);

CREATE TABLE cutoff_suspensions (
    suspension_id uuid PRIMARY KEY,
    begins        timestamptz NOT NULL,
    ends          timestamptz NOT NULL CHECK (ends > begins),
    reason        text NOT NULL CHECK (reason <> ''),
    made_by       text NOT NULL,
    made_at       timestamptz NOT NULL,
    tickets       integer NOT NULL DEFAULT 0              -- marked when it was made
);
CREATE INDEX cutoff_suspensions_by_time ON cutoff_suspensions (ends);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON ticket_clocks, calendar_versions FROM hotline;
        REVOKE UPDATE, DELETE ON clock_log, escalations, profile_versions FROM hotline;
        REVOKE DELETE ON cutoff_suspensions FROM hotline;
    END IF;
END
$$;
