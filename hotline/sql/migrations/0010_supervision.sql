-- Supervision of live calls (QUA-03): who listened to whom, when, in which mode and why; acd/supervision.py.
CREATE TABLE supervisions (
    supervision_id uuid PRIMARY KEY,
    node           text NOT NULL,
    person         text NOT NULL CHECK (person <> ''),
    role           text NOT NULL,
    seat           text NOT NULL,                                            -- the telephone that listens
    channel        text NOT NULL,                                            -- its uniqueid
    target         text NOT NULL CHECK (target IN ('call', 'agent', 'queue')),
    whom           text NOT NULL CHECK (whom <> ''),                         -- which one
    agent          text NOT NULL DEFAULT '',                                 -- whom permission was asked for
    reason         text NOT NULL CHECK (reason <> ''),
    may            smallint NOT NULL CHECK (may BETWEEN 1 AND 3),            -- 1: listen, 2: and whisper, 3: everything
    mode           text NOT NULL CHECK (mode IN ('monitor', 'caller', 'agent', 'whisper', 'barge', 'take_over')),
    asked_at       timestamptz NOT NULL DEFAULT now(),
    started_at     timestamptz,
    ended_at       timestamptz,
    ended          text NOT NULL DEFAULT '' CHECK (ended IN ('', 'hung_up', 'not_answered', 'lost')),
    CHECK ((ended_at IS NULL) = (ended = ''))
);
CREATE UNIQUE INDEX supervisions_by_channel ON supervisions (node, channel);
CREATE UNIQUE INDEX supervisions_open ON supervisions (node, seat) WHERE ended_at IS NULL;        -- one telephone listens once
CREATE INDEX supervisions_by_time ON supervisions (asked_at);

-- What was done from when on: a mode, or a call that was heard (call_id).
CREATE TABLE supervision_events (
    supervision_id uuid NOT NULL REFERENCES supervisions,
    at             timestamptz NOT NULL,
    mode           text NOT NULL DEFAULT '',
    call_id        text NOT NULL DEFAULT '',
    PRIMARY KEY (supervision_id, at, mode, call_id),
    CHECK ((mode = '') <> (call_id = ''))
);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON supervisions, supervision_events FROM hotline;
    END IF;
END
$$;
