-- Who heard what of which recording, when and why (QUA-02, SEC-12); what of it is to be heard by few; and whose it is.

-- Requests of one listener for one recording within some minutes are one play. Its number is the mark in a file that is taken away.
CREATE TABLE recording_plays (
    play_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recording_id bigint NOT NULL REFERENCES recordings,
    kind         text NOT NULL CHECK (kind IN ('listened', 'downloaded')),
    listener     text NOT NULL CHECK (listener <> ''),
    role         text NOT NULL,
    reason       text NOT NULL DEFAULT '',
    side         text NOT NULL DEFAULT '' CHECK (side IN ('', 'left', 'right')),
    began_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    requests     integer NOT NULL DEFAULT 1,
    asked        int4multirange NOT NULL DEFAULT '{}',    -- milliseconds
    sent         int4multirange NOT NULL DEFAULT '{}'     -- of those, what left before the listener broke off
);
CREATE INDEX recording_plays_by_recording ON recording_plays (recording_id, play_id);
CREATE INDEX recording_plays_by_listener ON recording_plays (listener, play_id);

CREATE TABLE recording_masks (
    mask_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recording_id bigint NOT NULL REFERENCES recordings,
    from_ms      integer NOT NULL CHECK (from_ms >= 0),
    to_ms        integer NOT NULL CHECK (to_ms > from_ms),
    reason       text NOT NULL CHECK (reason <> ''),
    set_by       text NOT NULL,
    set_at       timestamptz NOT NULL,
    lifted_by    text NOT NULL DEFAULT '',
    lifted_at    timestamptz,
    lift_reason  text NOT NULL DEFAULT '',
    CHECK ((lifted_at IS NULL) = (lifted_by = ''))
);
CREATE INDEX recording_masks_by_recording ON recording_masks (recording_id, from_ms);

CREATE INDEX recordings_newest ON recordings ((coalesce(started_at, stored_at)), recording_id);
CREATE INDEX recordings_of_call ON recordings (call_id);
CREATE INDEX recordings_by_voice ON recordings USING gin (voices jsonb_path_ops);

-- The tickets that a recording belongs to: opened from its call or message, told in it, called back about (IVR-13).
CREATE VIEW recording_tickets WITH (security_barrier = true) AS
SELECT r.recording_id, t.ticket_id FROM recordings AS r JOIN tickets AS t ON t.node = r.node AND t.call_id = r.call_id
WHERE t.call_id <> ''
UNION
SELECT r.recording_id, c.ticket_id FROM recordings AS r JOIN ticket_contacts AS c ON c.node = r.node AND c.call_id = r.call_id
WHERE c.call_id <> ''
UNION
SELECT r.recording_id, b.ticket_id FROM recordings AS r JOIN ticket_callbacks AS b ON b.node = r.node AND b.call_id = r.call_id
WHERE b.call_id <> '';

-- What the unit of hotline.unit may hear: of tickets that it, or a unit below it, works on or has answered; nothing of a call that
-- has to do with a confidential ticket, its own or another's: a voice tells who somebody is (SEC-02, SEC-08, CNF-31).
CREATE VIEW unit_recordings WITH (security_barrier = true) AS
SELECT rt.recording_id, rt.ticket_id FROM recording_tickets AS rt JOIN unit_tickets AS u ON u.ticket_id = rt.ticket_id
WHERE EXISTS (SELECT FROM unit_ticket_tasks AS k WHERE k.ticket_id = rt.ticket_id AND k.ended_by IN ('', 'replied', 'redo'))
  AND NOT EXISTS (
      SELECT FROM recording_tickets AS o JOIN tickets AS t ON t.ticket_id = o.ticket_id
      WHERE o.recording_id = rt.recording_id
        AND (t.hidden <> '{}' OR t.anonymous OR t.accused_unit <> '' OR t.nature IS NOT DISTINCT FROM 'report' OR t.misconduct));

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hotline') THEN
        REVOKE DELETE ON recording_plays, recording_masks FROM hotline;
        REVOKE INSERT, UPDATE, DELETE ON recording_tickets, unit_recordings FROM hotline;
    END IF;
END
$$;
