-- For how long recordings are kept (ARC-09), and who has said that they are needed for longer.

-- name: one_at_a_time
-- A hold is set before a recording goes, or after it has gone; never while.
SELECT pg_advisory_xact_lock(hashtext('recordings:retention'))

-- name: aged
-- The oldest after ($4, $5) that are $6 years old at $1; years by class: $3, else $2; $8: only this one.
WITH aged AS (
    SELECT r.recording_id, r.node, r.call_id, r.kind, r.file, r.storage, r.object, coalesce(r.started_at, r.stored_at) AS at
    FROM recordings AS r
    WHERE r.state <> 'deleted'
      AND (coalesce(r.started_at, r.stored_at), r.recording_id) > ($4::timestamptz, $5::bigint)
      AND coalesce(r.started_at, r.stored_at) <= $1::timestamptz - make_interval(years => $6::int)
      AND ($8::bigint IS NULL OR r.recording_id = $8)
    ORDER BY coalesce(r.started_at, r.stored_at), r.recording_id
    LIMIT $7
)
SELECT a.*, a.at + make_interval(years => coalesce(k.years, $2::int)) AS goes_at, coalesce(k.tickets, '{}') AS tickets,
       coalesce(k.is_open, false) OR EXISTS (
           SELECT FROM messages AS m JOIN message_intake AS i ON i.message_id = m.message_id
           WHERE m.node = a.node AND m.call_id = a.call_id AND m.recording_id = a.recording_id AND i.state IN ('refused', 'open')
       ) AS is_open,
       EXISTS (
           SELECT FROM legal_holds AS h
           WHERE h.lifted_at IS NULL
             AND (h.recording_id = a.recording_id OR (h.call_id <> '' AND h.node = a.node AND h.call_id = a.call_id)
                  OR h.ticket_id = ANY (k.tickets))
       ) AS is_held
FROM aged AS a
LEFT JOIN LATERAL (
    SELECT max(coalesce(f.years, $2::int)) AS years, array_agg(t.ticket_id ORDER BY t.ticket_id) AS tickets,
           bool_or(t.state NOT IN ('answered', 'rejected', 'withdrawn', 'merged', 'closed', 'archived')) AS is_open
    FROM tickets_of_recording(a.recording_id) AS of (ticket_id)
    JOIN tickets AS t ON t.ticket_id = of.ticket_id
    LEFT JOIN LATERAL (
        SELECT rule.years::int AS years FROM jsonb_each_text($3::jsonb) AS rule (class, years)
        WHERE t.category = rule.class OR starts_with(t.category, rule.class || '.')
        ORDER BY length(rule.class) DESC LIMIT 1
    ) AS f ON true
) AS k ON true
ORDER BY a.at, a.recording_id

-- name: place_of
SELECT coalesce(started_at, stored_at) AS at FROM recordings WHERE recording_id = $1

-- name: mark
-- From now on nobody can open it: the key goes first; the name stays until the object is gone.
UPDATE recordings SET state = 'deleted', deleted_at = $2, object = $3, wrapped_key = NULL, key_id = '', peaks = NULL
WHERE recording_id = $1 AND state <> 'deleted'

-- name: forget_text
-- What had not been indexed yet never will be.
UPDATE transcripts SET text = '', words_at = greatest(made_at, now()), state = CASE state WHEN 'done' THEN 'done' ELSE 'failed' END,
    why = CASE state WHEN 'done' THEN '' ELSE 'deleted' END
WHERE recording_id = $1

-- name: forget_turns
DELETE FROM transcript_turns WHERE recording_id = $1

-- name: forget_words
DELETE FROM transcript_words WHERE recording_id = $1

-- name: forget_snippets
-- The kinds of urgent words stay, the words go.
UPDATE message_intake SET suggestions = '{}', urgent = coalesce((
    SELECT jsonb_agg(jsonb_build_object('kind', found ->> 'kind', 'word', '', 'around', '') ORDER BY place)
    FROM jsonb_array_elements(urgent) WITH ORDINALITY AS one (found, place)), '[]')
WHERE recording_id = $1

-- name: forget_phrases
UPDATE quality_findings SET detail = detail - 'phrase' WHERE recording_id = $1 AND detail ? 'phrase'

-- name: to_clear
SELECT recording_id, node, file, storage, object, quality FROM recordings
WHERE state = 'deleted' AND object <> '' AND (node = $1 OR storage = 's3') AND recording_id > $2 ORDER BY recording_id LIMIT $3

-- name: cleared
UPDATE recordings SET object = '' WHERE recording_id = $1

-- name: set_hold
INSERT INTO legal_holds (hold_id, recording_id, node, call_id, ticket_id, reason, set_by, set_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: recording_state
SELECT state FROM recordings WHERE recording_id = $1

-- name: is_call
SELECT EXISTS (SELECT FROM calls WHERE node = $1 AND call_id = $2) OR EXISTS (SELECT FROM recordings WHERE node = $1 AND call_id = $2)

-- name: is_ticket
SELECT EXISTS (SELECT FROM tickets WHERE ticket_id = $1)

-- name: hold
SELECT * FROM legal_holds WHERE hold_id = $1 FOR UPDATE

-- name: lift_hold
UPDATE legal_holds SET lifted_by = $2, lifted_at = $3, lifted_why = $4 WHERE hold_id = $1

-- name: holds
SELECT hold_id, recording_id, node, call_id, ticket_id, reason, set_by, set_at, lifted_by, lifted_at, lifted_why, count(*) OVER () AS total
FROM legal_holds
WHERE $1 OR lifted_at IS NULL
ORDER BY set_at DESC, hold_id LIMIT $2 OFFSET $3
