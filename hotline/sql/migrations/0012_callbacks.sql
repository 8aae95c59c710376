-- The call-back list: one open entry per number, of those who asked to be called back and of those who gave up waiting.
-- callback_requests are what callers did; an entry is what is to be done about it.
CREATE TABLE callback_entries (
    entry_id      uuid PRIMARY KEY,
    node          text NOT NULL,
    number        telephone_number NOT NULL CHECK (number <> ''),
    queue         text NOT NULL,
    waiting_since timestamptz NOT NULL,                           -- of the earliest of its requests: the place in the list
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'claimed', 'calling', 'settled')),
    tries         smallint NOT NULL DEFAULT 0 CHECK (tries >= 0),
    not_before    timestamptz,                                    -- of the next try; NULL: at once
    agent         text,                                           -- who has claimed it, or called last
    claimed_until timestamptz,                                    -- a claim that is not confirmed by then is given back
    outbound_id   uuid,                                           -- the call that is being made, or was last
    result        text NOT NULL DEFAULT '' CHECK (result IN ('', 'answered', 'busy', 'no_answer', 'failed', 'answered_meanwhile',
                                                             'expired', 'withdrawn')),
    made_at       timestamptz NOT NULL DEFAULT now(),
    settled_at    timestamptz,
    settled_by    text,
    note          text NOT NULL DEFAULT '',
    CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CHECK ((state = 'claimed') = (claimed_until IS NOT NULL)),
    CHECK (state NOT IN ('claimed', 'calling') OR agent IS NOT NULL)
);
CREATE UNIQUE INDEX callback_entries_open ON callback_entries (number) WHERE settled_at IS NULL;
CREATE UNIQUE INDEX callback_entries_of_agent ON callback_entries (agent) WHERE state IN ('claimed', 'calling');
CREATE INDEX callback_entries_by_wait ON callback_entries (node, waiting_since) WHERE settled_at IS NULL;
CREATE INDEX callback_entries_by_outbound ON callback_entries (outbound_id) WHERE outbound_id IS NOT NULL;

DROP INDEX callback_requests_waiting;
ALTER TABLE callback_requests
    ADD COLUMN kind text NOT NULL DEFAULT 'asked' CHECK (kind IN ('asked', 'missed')),
    ADD COLUMN entry_id uuid REFERENCES callback_entries,         -- NULL: not taken into the list yet
    DROP COLUMN state;
CREATE INDEX callback_requests_new ON callback_requests (node, waiting_since) WHERE entry_id IS NULL;
CREATE INDEX callback_requests_by_entry ON callback_requests (entry_id);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON callback_entries, callback_requests FROM hotline;
    END IF;
END
$$;
