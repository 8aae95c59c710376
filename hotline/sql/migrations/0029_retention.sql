-- For how long recordings are kept (ARC-09): until their time is over, unless somebody has said that they are needed.

CREATE TABLE legal_holds (
    hold_id      uuid PRIMARY KEY,
    recording_id bigint REFERENCES recordings,            -- of one recording,
    node         text NOT NULL DEFAULT '',                -- or of all of a call,
    call_id      text NOT NULL DEFAULT '',
    ticket_id    bigint REFERENCES tickets,               -- or of all calls of a ticket
    reason       text NOT NULL CHECK (reason <> ''),
    set_by       text NOT NULL CHECK (set_by <> ''),
    set_at       timestamptz NOT NULL,
    lifted_by    text NOT NULL DEFAULT '',
    lifted_at    timestamptz,
    lifted_why   text NOT NULL DEFAULT '',
    CHECK (num_nonnulls(recording_id, ticket_id, nullif(call_id, '')) = 1),
    CHECK ((node = '') = (call_id = '')),
    CHECK ((lifted_at IS NULL) = (lifted_by = ''))
);
CREATE INDEX legal_holds_by_recording ON legal_holds (recording_id) WHERE lifted_at IS NULL AND recording_id IS NOT NULL;
CREATE INDEX legal_holds_by_call ON legal_holds (node, call_id) WHERE lifted_at IS NULL AND call_id <> '';
CREATE INDEX legal_holds_by_ticket ON legal_holds (ticket_id) WHERE lifted_at IS NULL AND ticket_id IS NOT NULL;
CREATE INDEX legal_holds_by_time ON legal_holds (set_at);

CREATE INDEX recordings_by_object ON recordings (object) WHERE object <> '';
CREATE INDEX recordings_to_delete ON recordings (recording_id) WHERE state = 'deleted' AND object <> '';   -- the row is marked, the object there
CREATE INDEX ticket_contacts_by_call ON ticket_contacts (node, call_id) WHERE call_id <> '';
CREATE INDEX ticket_callbacks_by_call ON ticket_callbacks (node, call_id) WHERE call_id <> '';

-- The tickets that a recording belongs to, and those that they were merged into: numbers alone, so whoever the viewer is.
CREATE FUNCTION tickets_of_recording(recording bigint) RETURNS SETOF bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH RECURSIVE found (ticket_id) AS (
        SELECT k.ticket_id
        FROM (
            SELECT ticket_id FROM recording_tickets WHERE recording_id = recording
            UNION ALL
            SELECT i.ticket_id
            FROM recordings AS r
            JOIN messages AS m ON m.node = r.node AND m.call_id = r.call_id AND m.recording_id = r.recording_id
            JOIN message_intake AS i ON i.message_id = m.message_id
            WHERE r.recording_id = recording AND i.ticket_id IS NOT NULL
        ) AS k
        UNION
        SELECT t.merged_into FROM found JOIN tickets AS t ON t.ticket_id = found.ticket_id WHERE t.merged_into IS NOT NULL
    )
    SELECT ticket_id FROM found
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON legal_holds FROM hotline;
    END IF;
END
$$;
