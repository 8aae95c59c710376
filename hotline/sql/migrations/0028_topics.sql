-- What transcripts are found by, what the day is about, and when one thing is suddenly heard of everywhere (REP-11).

ALTER TABLE transcripts ADD COLUMN words_at timestamptz;  -- when its words were put into the index
CREATE INDEX transcripts_without_words ON transcripts (recording_id)
    WHERE state = 'done' AND (words_at IS NULL OR words_at < made_at);

CREATE TABLE transcript_words (
    recording_id bigint PRIMARY KEY REFERENCES transcripts,
    at           timestamptz NOT NULL,                    -- when the call began
    words        tsvector NOT NULL,                       -- of both sides; without long numbers (SEC-03)
    said         text[] NOT NULL DEFAULT '{}',            -- the citizen's words, as people know them: what hot words are counted of
    terms        text[] NOT NULL DEFAULT '{}'             -- subject terms that the citizen's words stand for
);
CREATE INDEX transcript_words_by_word ON transcript_words USING gin (words) WITH (fastupdate = off);
CREATE INDEX transcript_words_by_time ON transcript_words (at);

-- In how many calls of a day a citizen said a word.
CREATE TABLE hot_words (
    day   date NOT NULL,
    word  text NOT NULL CHECK (word <> ''),
    calls integer NOT NULL CHECK (calls >= 0),
    PRIMARY KEY (day, word)
);

CREATE TABLE surges (
    surge_id      uuid PRIMARY KEY,
    topic         text NOT NULL CHECK (topic ~ '^[cs]:.'),       -- c:LEAF or s:SUBJECT TERM
    place         text NOT NULL DEFAULT '',                      -- empty: everywhere
    state         text NOT NULL DEFAULT 'raised' CHECK (state IN ('raised', 'confirmed', 'dismissed')),
    raised_at     timestamptz NOT NULL,
    last_at       timestamptz NOT NULL CHECK (last_at >= raised_at),   -- when it was last beyond its limit
    ended_at      timestamptz CHECK (ended_at >= raised_at),
    contacts      integer NOT NULL,                              -- in the last hour, or at the place on this day: the most so far
    baseline      real NOT NULL,                                 -- what is usual at this hour of the week
    limit_value   real NOT NULL,
    decided_by    text,
    decided_at    timestamptz,
    note          text NOT NULL DEFAULT '',
    master_ticket bigint REFERENCES tickets (ticket_id),
    announcement  uuid,
    CHECK ((state = 'raised') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
);
CREATE UNIQUE INDEX surges_open ON surges (topic, place) WHERE ended_at IS NULL;
CREATE INDEX surges_by_time ON surges (raised_at);

-- The calls and tickets behind it.
CREATE TABLE surge_contacts (
    surge_id     uuid NOT NULL REFERENCES surges,
    contact      text NOT NULL,                                  -- call:NODE:ID, or ticket:ID where there was no call
    at           timestamptz NOT NULL,
    node         text NOT NULL DEFAULT '',
    call_id      text NOT NULL DEFAULT '',
    ticket_id    bigint,
    recording_id bigint,
    PRIMARY KEY (surge_id, contact)
);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON surges, surge_contacts FROM hotline;
    END IF;
END
$$;
