-- Call control (IVR-21 to IVR-23, IVR-28, CAL-07, CAL-08): who has which citizen's call in what way, calls to outside, why an agent
-- ended a call, what is to be looked at, and callers who were marked as malicious.
CREATE TABLE control_calls (
    node            text NOT NULL,
    citizen         text NOT NULL,                       -- uniqueid of the citizen's channel
    call_id         text NOT NULL,
    agent           text NOT NULL DEFAULT '',            -- who has the call now, or nobody
    leg             text NOT NULL DEFAULT '',            -- uniqueid of that agent's channel
    place           text NOT NULL CHECK (place IN ('talking', 'held', 'consulting', 'consulted', 'party', 'parked', 'sent', 'queue',
                                                   'over')),
    colleague       text NOT NULL DEFAULT '',            -- who is asked: an agent, a queue or a number
    colleague_leg   text NOT NULL DEFAULT '',
    slot            text NOT NULL DEFAULT '',
    result          text NOT NULL DEFAULT '',            -- how the last consultation, transfer or hand-over went: Dial's word
    emergency       text NOT NULL DEFAULT '' CHECK (emergency IN ('', 'dialling', 'again', 'answered', 'failed')),
    searching_since timestamptz,
    silent_since    timestamptz,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (node, citizen)
);
CREATE INDEX control_calls_by_agent ON control_calls (node, agent, changed_at) WHERE agent <> '';
CREATE UNIQUE INDEX control_calls_slots ON control_calls (node, slot) WHERE place = 'parked';

CREATE TABLE outbound_calls (
    outbound_id uuid PRIMARY KEY,
    node        text NOT NULL,
    agent       text NOT NULL CHECK (agent <> ''),
    number      text NOT NULL CHECK (number ~ '^[0-9]{3,20}$'),
    purpose     text NOT NULL CHECK (purpose IN ('answer', 'complete_data', 'callback', 'other')),   -- SCR-30, SCR-31
    ticket      text NOT NULL DEFAULT '',
    ordered_by  text NOT NULL CHECK (ordered_by <> ''),
    ordered_at  timestamptz NOT NULL,
    call_id     text NOT NULL DEFAULT '',
    dialled_at  timestamptz,
    answered_at timestamptz,
    ended_at    timestamptz,
    result      text NOT NULL DEFAULT '' CHECK (result IN ('', 'answered', 'busy', 'no_answer', 'unreachable', 'agent_not_reached',
                                                           'given_up', 'unknown')),
    CHECK ((ended_at IS NULL) OR (result <> ''))
);
CREATE UNIQUE INDEX outbound_calls_open ON outbound_calls (number) WHERE ended_at IS NULL;   -- nobody is called twice at once
CREATE INDEX outbound_calls_by_ticket ON outbound_calls (ticket, ordered_at) WHERE ticket <> '';
CREATE INDEX outbound_calls_by_call ON outbound_calls (node, call_id);

CREATE TABLE call_dispositions (
    disposition_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node           text NOT NULL,
    call_id        text NOT NULL,
    agent          text NOT NULL,
    disposition    text NOT NULL CHECK (disposition IN ('silent', 'malicious', 'long_occupation')),
    said_by        text NOT NULL CHECK (said_by <> ''),
    said_at        timestamptz NOT NULL
);
CREATE INDEX call_dispositions_by_call ON call_dispositions (node, call_id);

CREATE TABLE quality_flags (
    flag_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node       text NOT NULL,
    call_id    text NOT NULL,
    number     smallint NOT NULL,                        -- of the agent's turn
    agent      text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('agent_hung_up_first')),
    at         timestamptz NOT NULL,
    UNIQUE (node, call_id, number, kind)
);
CREATE INDEX quality_flags_by_agent ON quality_flags (agent, at);

CREATE TABLE malicious_marks (
    mark_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number      text NOT NULL CHECK (number <> ''),
    node        text NOT NULL,
    call_id     text NOT NULL,
    agent       text NOT NULL,
    level       smallint NOT NULL CHECK (level BETWEEN 1 AND 3),
    note        text NOT NULL DEFAULT '',
    marked_by   text NOT NULL CHECK (marked_by <> ''),
    marked_at   timestamptz NOT NULL,
    reported_at timestamptz,                             -- to the shift leader, after the call
    reset_by    text,
    reset_at    timestamptz,
    UNIQUE (node, call_id),
    CHECK ((reset_by IS NULL) = (reset_at IS NULL))
);
CREATE INDEX malicious_marks_by_number ON malicious_marks (number, marked_at);

-- Decisions of the hotline's office alone; none stands by itself, and none is for ever.
CREATE TABLE caller_blocks (
    block_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number    text NOT NULL CHECK (number <> ''),
    from_at   timestamptz NOT NULL,
    until_at  timestamptz NOT NULL CHECK (until_at > from_at),
    reason    text NOT NULL CHECK (reason <> ''),
    set_by    text NOT NULL CHECK (set_by <> ''),
    lifted_at timestamptz,
    lifted_by text,
    CHECK ((lifted_by IS NULL) = (lifted_at IS NULL))
);
CREATE INDEX caller_blocks_by_number ON caller_blocks (number, until_at);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON control_calls, outbound_calls, call_dispositions, quality_flags, malicious_marks, caller_blocks FROM hotline;
    END IF;
END
$$;
