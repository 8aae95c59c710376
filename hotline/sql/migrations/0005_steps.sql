-- What the dialplan tells whoever answers calls (acd): each step of a three-way call, a supervision, a hand-over, once. The bridge
-- writes them as it writes calls: from the journal, at least once, repaired from the event log after a gap.
CREATE TABLE acd_steps (
    node     text NOT NULL,
    uniqueid text NOT NULL,                                       -- of the channel that took the step
    number   integer NOT NULL CHECK (number >= 1),                -- counted by that channel
    call_id  text NOT NULL,                                       -- the channel's linkedid then
    at       timestamptz NOT NULL,
    step     text NOT NULL CHECK (step ~ '^[a-z_]+:[a-z_]+$'),    -- area:what
    detail   text NOT NULL DEFAULT '',
    version  bigint NOT NULL,                                     -- of the node's commit that wrote it
    PRIMARY KEY (node, uniqueid, number)
);
CREATE INDEX acd_steps_by_version ON acd_steps (node, version);
CREATE INDEX acd_steps_by_call ON acd_steps (node, call_id);

-- How far each reader has come: it moves in the transaction that does what the steps ask for.
CREATE TABLE acd_positions (
    reader  text NOT NULL,
    node    text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (reader, node)
);

ALTER TABLE agent_states ADD COLUMN channel text NOT NULL DEFAULT '';   -- uniqueid of the agent's leg in call_id

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON acd_steps FROM hotline;
    END IF;
END
$$;
