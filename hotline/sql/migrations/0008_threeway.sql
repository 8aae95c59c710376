-- Three-way calls with undertaking units (TWC-15): one row each, as acd/threeway_state.py describes it.
CREATE TABLE threeways (
    threeway_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node              text NOT NULL,
    call_id           text NOT NULL,
    caller_channel    text NOT NULL,                      -- unique ids of the channels
    agent             text NOT NULL CHECK (agent <> ''),
    agent_channel     text NOT NULL,
    unit_channel      text NOT NULL DEFAULT '',
    unit              text NOT NULL,                      -- its code and name then: a unit may go from the directory
    unit_name         text NOT NULL DEFAULT '',
    consent           boolean NOT NULL,                   -- TWC-04
    question          text NOT NULL DEFAULT '',
    contact_number    text NOT NULL DEFAULT '',
    numbers           jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(numbers) = 'array'),
    attempts          jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(attempts) = 'array' AND jsonb_array_length(attempts) <= 2),
    begun_at          timestamptz NOT NULL,
    connected_at      timestamptz,                        -- agent and unit
    joined_at         timestamptz,                        -- citizen and unit
    ended_at          timestamptz,
    caller_is         text NOT NULL CHECK (caller_is IN ('waiting', 'room', 'queue', 'agent', 'gone')),
    agent_is          text NOT NULL CHECK (agent_is IN ('dialling', 'room', 'caller', 'gone')),
    unit_is           text NOT NULL CHECK (unit_is IN ('away', 'room', 'gone')),
    disposition       text NOT NULL DEFAULT ''
                      CHECK (disposition IN ('', 'declined', 'wrong_unit', 'not_competent', 'machine', 'fax', 'cancelled')),
    outcome           text CHECK (outcome IN ('answered', 'not_competent', 'declined', 'unreachable', 'caller_left', 'no_consent',
                                              'failed', 'cancelled')),
    "left"            text[] NOT NULL DEFAULT '{}',       -- the end order: who left, first first
    further_questions text NOT NULL DEFAULT '',           -- TWC-11
    asked             text NOT NULL DEFAULT '',           -- an order whose effect has not been seen
    asked_at          timestamptz,
    heard             jsonb NOT NULL DEFAULT '{}',        -- number of the last step of each channel
    CHECK ((outcome IS NULL) = (ended_at IS NULL)),
    CHECK (consent OR outcome = 'no_consent')
);
CREATE UNIQUE INDEX threeways_open ON threeways (node, call_id) WHERE ended_at IS NULL;
CREATE INDEX threeways_by_call ON threeways (node, call_id);
CREATE INDEX threeways_by_agent ON threeways (agent, begun_at);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON threeways FROM hotline;
    END IF;
END
$$;
