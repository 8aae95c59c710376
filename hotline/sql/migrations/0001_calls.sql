-- Call records (IVR-12), the journal position of each bridge, recordings and night messages.
-- Times are UTC with microseconds, taken from Asterisk, never from the reader's clock.

CREATE TABLE calls (
    node          text NOT NULL,
    call_id       text NOT NULL,              -- Asterisk linkedid
    direction     text NOT NULL DEFAULT 'inbound',
    caller_number text NOT NULL DEFAULT '',
    caller_name   text NOT NULL DEFAULT '',
    dialled       text NOT NULL DEFAULT '',
    started_at    timestamptz NOT NULL,
    answered_at   timestamptz,                -- the system answered
    menu_path     text NOT NULL DEFAULT '',   -- steps through the menu, e.g. 'main:1'
    queue         text,
    queued_at     timestamptz,                -- first joined a queue
    agent         text,
    connected_at  timestamptz,                -- conversation with an agent began
    ended_at      timestamptz,                -- NULL while the call lasts
    hangup_cause  integer,                    -- Q.850
    hung_up_by    text,                       -- caller, agent, system
    disposition   text,                       -- see ami_bridge/dispositions.py; NULL while the call lasts
    source        text NOT NULL,              -- ami, cel (repaired from the channel event log)
    repaired      boolean NOT NULL DEFAULT false,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node, call_id),
    CHECK (ended_at IS NULL OR ended_at >= started_at)
);
CREATE INDEX calls_by_start ON calls (started_at);
CREATE INDEX calls_open ON calls (node) WHERE ended_at IS NULL;

CREATE TABLE bridge_positions (
    node        text PRIMARY KEY,
    segment     bigint NOT NULL,              -- journal segment to replay from at the next start
    cel_file    text NOT NULL DEFAULT '',     -- identity (device:inode) of the channel event log read so far
    cel_offset  bigint NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE recordings (
    recording_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node         text NOT NULL,
    call_id      text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('conversation', 'message')),
    file         text NOT NULL,               -- below var/recordings
    started_at   timestamptz,
    length_ms    integer NOT NULL,
    channels     smallint NOT NULL,           -- 2: caller left, agent right
    sha256       text NOT NULL,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (node, file)
);
CREATE INDEX recordings_by_call ON recordings (node, call_id);

CREATE TABLE messages (
    message_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node          text NOT NULL,
    call_id       text NOT NULL,
    caller_number text NOT NULL,
    left_at       timestamptz NOT NULL,
    reason        text NOT NULL,              -- out_of_hours, no_agents, timed_out, queue_full, fault
    recording_id  bigint NOT NULL REFERENCES recordings (recording_id),
    UNIQUE (node, call_id, recording_id)
);
