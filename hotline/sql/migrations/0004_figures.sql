-- What the figures are made of: a row per request for an agent and per agent's turn, gaps, exclusions, roll-ups; and what the desks
-- read and ask for: agents' states, the bridges' state, commands, alarms, sessions.
-- A node's bridge is the only writer of its calls, requests, turns and agents. Each of its commits has the next version, and a row
-- carries the version of the commit that last changed it, so a reader asks for node = … AND version > … .

ALTER TABLE bridge_positions
    ADD COLUMN queue_log_file   text NOT NULL DEFAULT '',     -- the queue log used so far, as the channel event log
    ADD COLUMN queue_log_offset bigint NOT NULL DEFAULT 0,
    ADD COLUMN version          bigint NOT NULL DEFAULT 0;    -- of the newest commit; its row is locked by whoever commits
ALTER TABLE calls ADD COLUMN version bigint NOT NULL DEFAULT 0;
CREATE INDEX calls_by_version ON calls (node, version);

CREATE DOMAIN exclusion_reason AS text CHECK (VALUE IN ('sudden_event', 'system_fault', 'overload'));

-- ami_bridge/lines.py, Request.
CREATE TABLE requests (
    node         text NOT NULL,
    call_id      text NOT NULL,
    number       smallint NOT NULL CHECK (number >= 1),
    kind         text NOT NULL CHECK (kind IN ('caller', 'transfer')),
    caller       text NOT NULL,
    queue        text NOT NULL,
    first_queue  text NOT NULL,
    skill        text NOT NULL,
    requested_at timestamptz NOT NULL,
    ended_at     timestamptz,                                     -- NULL while waiting
    outcome      text NOT NULL CHECK (outcome IN ('answered', 'short_abandoned', 'abandoned', 'timed_out', 'no_agents', 'queue_full',
                                                  'key_exit', 'callback', 'system_fault', 'waiting')),
    wait_us      bigint NOT NULL CHECK (wait_us >= 0),            -- 0 while waiting
    agent        text,
    hops         smallint NOT NULL DEFAULT 0 CHECK (hops >= 0),
    repaired     boolean NOT NULL DEFAULT false,
    source       text NOT NULL,
    precision_us bigint NOT NULL DEFAULT 1 CHECK (precision_us >= 1),
    excluded     exclusion_reason,                                -- of the exclusion in force, NULL: none
    void         boolean NOT NULL DEFAULT false,                  -- taken back by later evidence: counted nowhere
    version      bigint NOT NULL,
    PRIMARY KEY (requested_at, node, call_id, number),
    CHECK ((outcome = 'waiting') = (ended_at IS NULL)),
    CHECK (outcome <> 'waiting' OR wait_us = 0)
) PARTITION BY RANGE (requested_at);
CREATE INDEX requests_by_call ON requests (node, call_id);
CREATE INDEX requests_by_version ON requests (node, version);
CREATE TABLE requests_default PARTITION OF requests DEFAULT;

-- ami_bridge/lines.py, Turn.
CREATE TABLE agent_turns (
    node         text NOT NULL,
    call_id      text NOT NULL,
    number       smallint NOT NULL CHECK (number >= 1),
    agent        text NOT NULL,
    queue        text NOT NULL,
    rang_at      timestamptz NOT NULL,
    result       text NOT NULL CHECK (result IN ('ringing', 'answered', 'ring_no_answer', 'other_answered', 'caller_left')),
    connected_at timestamptz,
    ended_at     timestamptz,
    ring_us      bigint NOT NULL DEFAULT 0 CHECK (ring_us >= 0),
    talk_us      bigint NOT NULL DEFAULT 0 CHECK (talk_us >= 0),  -- without hold_us
    hold_us      bigint NOT NULL DEFAULT 0 CHECK (hold_us >= 0),
    wrapup_us    bigint NOT NULL DEFAULT 0 CHECK (wrapup_us >= 0),
    ended_by     text NOT NULL DEFAULT '' CHECK (ended_by IN ('', 'caller', 'agent', 'transfer')),
    repaired     boolean NOT NULL DEFAULT false,
    void         boolean NOT NULL DEFAULT false,
    version      bigint NOT NULL,
    PRIMARY KEY (rang_at, node, call_id, number)
) PARTITION BY RANGE (rang_at);
CREATE INDEX agent_turns_by_call ON agent_turns (node, call_id);
CREATE INDEX agent_turns_by_version ON agent_turns (node, version);
CREATE INDEX agent_turns_by_agent ON agent_turns (agent, rang_at);
CREATE TABLE agent_turns_default PARTITION OF agent_turns DEFAULT;

-- Partitions for the months (of Shanghai) from one time to another; rows that are in the default partition move over. What is
-- outside of 2000 to 2099, a clock gone wrong, stays in the default. The application may not make tables: this may, for it.
CREATE FUNCTION ensure_months(since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month  timestamp;
    begins timestamptz;
    ends   timestamptz;
    parent text;
    key    text;
    name   text;
BEGIN
    FOR month IN
        SELECT generate_series(date_trunc('month', greatest(since AT TIME ZONE 'Asia/Shanghai', timestamp '2000-01-01')),
                               least(until AT TIME ZONE 'Asia/Shanghai', timestamp '2099-12-31'), interval '1 month')
    LOOP
        begins := month AT TIME ZONE 'Asia/Shanghai';
        ends := (month + interval '1 month') AT TIME ZONE 'Asia/Shanghai';
        FOR parent, key IN VALUES ('requests', 'requested_at'), ('agent_turns', 'rang_at') LOOP
            name := parent || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            PERFORM pg_advisory_xact_lock(hashtext('ensure_months'));
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, parent);
            EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                           parent || '_default', key, begins, key, ends, name);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, begins, ends);
        END LOOP;
    END LOOP;
END
$$;

-- Times in which a node's events were not heard (metrics, section 6).
CREATE TABLE gaps (
    gap_id  uuid PRIMARY KEY,
    node    text NOT NULL,
    from_at timestamptz,                                          -- NULL: nothing is known from before
    to_at   timestamptz,                                          -- NULL while open
    cause   text NOT NULL
);
CREATE INDEX gaps_by_time ON gaps (node, to_at);

-- Time ranges that the net figures leave out (metrics, section 3; KPI-40). In force: confirmed and not withdrawn.
CREATE TABLE exclusions (
    exclusion_id uuid PRIMARY KEY,
    from_at      timestamptz NOT NULL,
    to_at        timestamptz,                                     -- NULL: still open
    queue        text,                                            -- NULL: every queue
    node         text,                                            -- NULL: every node
    reason       exclusion_reason NOT NULL,
    person       text NOT NULL CHECK (person <> ''),
    note         text NOT NULL DEFAULT '',
    set_at       timestamptz NOT NULL DEFAULT now(),
    confirmed_by text,
    confirmed_at timestamptz,
    withdrawn_by text,
    withdrawn_at timestamptz,
    CHECK (to_at > from_at),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    CHECK ((withdrawn_by IS NULL) = (withdrawn_at IS NULL)),
    CHECK ((reason = 'overload') = (person = 'system')),
    CHECK (confirmed_by <> '' AND (confirmed_by = 'system') = (reason = 'overload')),
    CHECK (reason = 'overload' OR confirmed_by <> person)         -- the office confirms what the shift leader set
);
CREATE INDEX exclusions_by_time ON exclusions (from_at);
-- Of a request that started then in that queue of that node: the earliest set exclusion in force that covers it gives the reason.
CREATE FUNCTION exclusion_of(started_at timestamptz, its_queue text, its_node text) RETURNS exclusion_reason LANGUAGE sql STABLE AS $$
    SELECT reason FROM exclusions
    WHERE confirmed_at IS NOT NULL AND withdrawn_at IS NULL AND from_at <= started_at AND (to_at IS NULL OR started_at < to_at)
      AND (queue IS NULL OR queue = its_queue) AND (node IS NULL OR node = its_node)
    ORDER BY set_at, exclusion_id LIMIT 1
$$;

-- Tallies (ami_bridge/figures/tally.py) of the requests that started in a quarter-hour, a day, a month, a year of Shanghai.
CREATE TABLE rollups (
    level    smallint NOT NULL CHECK (level BETWEEN 1 AND 4),
    start    timestamptz NOT NULL,
    node     text NOT NULL,
    queue    text NOT NULL,
    skill    text NOT NULL,
    kind     text NOT NULL,
    excluded text NOT NULL DEFAULT '',                            -- '': not excluded
    tally    bytea NOT NULL,
    PRIMARY KEY (level, start, node, queue, skill, kind, excluded)
);
CREATE TABLE call_rollups (
    level       smallint NOT NULL CHECK (level BETWEEN 1 AND 4),
    start       timestamptz NOT NULL,
    node        text NOT NULL,
    calls       bigint NOT NULL,
    answered    bigint NOT NULL,
    ivr_hangups bigint NOT NULL,
    PRIMARY KEY (level, start, node),
    CHECK (answered BETWEEN 0 AND calls AND ivr_hangups BETWEEN 0 AND calls)
);

-- Quarter-hours whose facts have changed since they were rolled up, marked in the transaction that changes them with its version;
-- a mark goes only when the roll-up has seen that version. A query answers what is marked from the facts.
CREATE TABLE dirty_quarters (
    quarter timestamptz NOT NULL CHECK (quarter = date_bin('15 minutes', quarter, 'epoch')),
    node    text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (quarter, node)
);
INSERT INTO dirty_quarters SELECT DISTINCT date_bin('15 minutes', started_at, 'epoch'), node, 0 FROM calls;

CREATE TABLE agent_states (
    node         text NOT NULL,
    agent        text NOT NULL,
    state        text NOT NULL CHECK (state IN ('offline', 'ready', 'paused', 'ringing', 'talking', 'holding', 'wrap_up')),
    since        timestamptz NOT NULL,
    paused       boolean NOT NULL DEFAULT false,
    pause_reason text NOT NULL DEFAULT '',
    call_id      text,
    queues       text[] NOT NULL DEFAULT '{}',
    at           timestamptz NOT NULL,
    version      bigint NOT NULL,
    PRIMARY KEY (node, agent)
);

-- What each bridge says of itself every second.
CREATE TABLE bridge_status (
    node                    text PRIMARY KEY,
    at                      timestamptz NOT NULL,
    connected               boolean NOT NULL,
    connected_since         timestamptz,
    event_lag_ms            bigint,
    journal_segment         bigint NOT NULL,
    journal_bytes           bigint NOT NULL,
    journal_failing_since   timestamptz,
    backlog                 bigint NOT NULL,                      -- calls that wait to be stored
    calls_open              bigint NOT NULL,
    events                  bigint NOT NULL,
    unwanted                bigint NOT NULL,
    undecodable             bigint NOT NULL,
    oversized               bigint NOT NULL,
    conservation_violations bigint NOT NULL,
    gaps_open               bigint NOT NULL,
    rss_bytes               bigint NOT NULL,
    refused                 bigint NOT NULL DEFAULT 0,            -- records that the database refused, since the bridge began
    version                 bigint NOT NULL                       -- of the node when this was written
);

-- Commands to Asterisk: each is sent at most once; unknown: sent, and nobody knows what became of it.
CREATE TABLE commands (
    command_id uuid PRIMARY KEY,
    node       text NOT NULL,
    action     text NOT NULL CHECK (action <> ''),
    parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
    asked_by   text NOT NULL CHECK (asked_by <> ''),
    reason     text NOT NULL DEFAULT '',
    asked_at   timestamptz NOT NULL DEFAULT now(),
    deadline   timestamptz NOT NULL,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'done', 'refused', 'unknown', 'expired')),
    answer     jsonb,
    sent_at    timestamptz,
    settled_at timestamptz,
    CHECK ((state IN ('waiting', 'sent')) = (settled_at IS NULL)),
    CHECK (sent_at IS NOT NULL OR state IN ('waiting', 'refused', 'expired'))
);
CREATE INDEX commands_open ON commands (node, asked_at) WHERE settled_at IS NULL;
CREATE INDEX commands_by_time ON commands (asked_at);

CREATE TABLE alarms (
    alarm_id    uuid PRIMARY KEY,
    kind        text NOT NULL CHECK (kind <> ''),
    subject     text NOT NULL,
    raised_at   timestamptz NOT NULL,
    cleared_at  timestamptz CHECK (cleared_at >= raised_at),
    value       double precision,
    limit_value double precision,
    detail      jsonb NOT NULL DEFAULT '{}',
    seen_by     text,
    seen_at     timestamptz,
    CHECK ((seen_by IS NULL) = (seen_at IS NULL))
);
CREATE UNIQUE INDEX alarms_open ON alarms (kind, subject) WHERE cleared_at IS NULL;
CREATE INDEX alarms_by_time ON alarms (raised_at);

CREATE TABLE web_sessions (
    token_hash bytea PRIMARY KEY,
    username   text NOT NULL,
    role       text NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL CHECK (expires_at > made_at)
);
CREATE INDEX web_sessions_by_expiry ON web_sessions (expires_at);

-- What happened stays: the application takes rows back (void, withdrawn), and deletes none of these.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON requests, agent_turns, gaps, exclusions, commands, alarms FROM hotline;
    END IF;
END
$$;
