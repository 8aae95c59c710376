-- What was said: one transcript for each recording, in turns that begin at a millisecond of it.

CREATE TABLE transcripts (
    recording_id bigint PRIMARY KEY REFERENCES recordings,
    state        text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'no_model', 'failed')),
    why          text NOT NULL DEFAULT '',                -- it failed
    engine       text NOT NULL DEFAULT '',
    model        text NOT NULL DEFAULT '',
    text         text NOT NULL DEFAULT '',                -- all turns, a line each
    confidence   real NOT NULL DEFAULT 0 CHECK (confidence BETWEEN 0 AND 1),
    seconds      real NOT NULL DEFAULT 0,                 -- of sound
    done_seconds real NOT NULL DEFAULT 0,                 -- how far it is
    asked_at     timestamptz NOT NULL DEFAULT now(),
    begun_at     timestamptz,
    made_at      timestamptz,
    CHECK (state <> 'done' OR made_at IS NOT NULL)
);
CREATE INDEX transcripts_open ON transcripts (asked_at) WHERE state <> 'done';
CREATE INDEX transcripts_made ON transcripts (made_at) WHERE state = 'done';

CREATE TABLE transcript_turns (
    recording_id bigint NOT NULL REFERENCES transcripts,
    number       integer NOT NULL CHECK (number >= 1),
    track        text NOT NULL CHECK (track IN ('left', 'right')),
    from_ms      integer NOT NULL CHECK (from_ms >= 0),
    to_ms        integer NOT NULL CHECK (to_ms >= from_ms),
    text         text NOT NULL,
    confidence   real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    words        jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(words) = 'array'),   -- [[from_ms, to_ms, confidence, "text"], …]
    PRIMARY KEY (recording_id, number)
);
