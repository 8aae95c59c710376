-- The work list of the morning (IVR-08 to IVR-11, TIM-02): one row for each message that the ticket system has seen, and one draft
-- ticket for each that says anything. crm/messages.

CREATE TABLE message_intake (
    message_id   bigint PRIMARY KEY REFERENCES messages,
    recording_id bigint NOT NULL REFERENCES recordings,
    state        text NOT NULL CHECK (state IN ('refused', 'open', 'set_aside', 'done')),
    ticket_id    bigint REFERENCES tickets,               -- NULL: none was made (yet)
    own_version  integer NOT NULL DEFAULT 0,              -- the draft as the intake left it: a newer one is somebody's work
    problem      text NOT NULL DEFAULT '',                -- why no draft could be made; it is tried again at next_at
    tries        integer NOT NULL DEFAULT 0,
    next_at      timestamptz,
    taken_at     timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,                    -- TIM-01, TIM-02: as of a form completed when it was left
    heard_at     timestamptz,                             -- when its transcript was looked through
    is_urgent    boolean NOT NULL DEFAULT false,
    urgent       jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(urgent) = 'array'),            -- crm/messages/urgent.py, Found
    suggestions  jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(suggestions) = 'object'),      -- crm/messages/suggesting.py
    kept         boolean NOT NULL DEFAULT false,          -- brought back by a person: no rule sets it aside again
    claimed_by   text NOT NULL DEFAULT '',
    claimed_at   timestamptz,
    ended_by     text NOT NULL DEFAULT '',                -- who set it aside, or was done with it
    ended_at     timestamptz,
    reason       text NOT NULL DEFAULT '',                -- empty, silent, fax, nothing_said, or a person's words
    CHECK ((claimed_by <> '') = (claimed_at IS NOT NULL)),
    CHECK (state <> 'refused' OR next_at IS NOT NULL),
    CHECK (state <> 'open' OR ticket_id IS NOT NULL)
);
CREATE INDEX message_intake_waiting ON message_intake (is_urgent DESC, due_at) WHERE state IN ('refused', 'open');
CREATE INDEX message_intake_unheard ON message_intake (recording_id) WHERE heard_at IS NULL AND state IN ('refused', 'open');
CREATE INDEX message_intake_ended ON message_intake (state, ended_at DESC) WHERE state IN ('set_aside', 'done');
CREATE INDEX message_intake_by_ticket ON message_intake (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX messages_by_number ON messages (caller_number, left_at);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON message_intake FROM hotline;
    END IF;
END
$$;
