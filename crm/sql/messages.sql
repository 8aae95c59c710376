-- Messages that become drafts, and the morning's work list: crm/messages.

-- name: newest
SELECT coalesce(max(message_id), 0) FROM message_intake

-- name: unseen
-- Messages after $1 that the intake has not seen, the oldest first. Those that were processed, or stored before $2: a silent one is
-- known then, and becomes no ticket. What citizens say to a survey is an answer, and no matter of theirs.
SELECT m.message_id FROM messages AS m JOIN recordings AS r USING (recording_id)
WHERE m.message_id > $1 AND m.kind <> 'survey' AND (r.state <> 'taken_in' OR r.quality <> '' OR r.stored_at <= $2)
  AND NOT EXISTS (SELECT FROM message_intake AS i WHERE i.message_id = m.message_id)
ORDER BY m.message_id LIMIT $3

-- name: message
SELECT m.message_id, m.recording_id, m.node, m.call_id, m.caller_number, m.left_at, m.kind, r.quality
FROM messages AS m JOIN recordings AS r USING (recording_id) WHERE m.message_id = $1

-- name: begin
-- Of two who begin one waits here for the other; nothing: the other has it.
INSERT INTO message_intake (message_id, recording_id, state, taken_at, due_at, next_at) VALUES ($1, $2, 'refused', $3, $4, $3)
ON CONFLICT (message_id) DO NOTHING RETURNING message_id, claimed_by, kept, tries

-- name: begin_again
SELECT message_id, claimed_by, kept, tries FROM message_intake WHERE message_id = $1 AND state = 'refused' FOR UPDATE SKIP LOCKED

-- name: opened
UPDATE message_intake SET state = 'open', ticket_id = $2, own_version = $3, problem = '', next_at = NULL, suggestions = $4::jsonb
WHERE message_id = $1

-- name: refused
-- $3 why, $4 now; again after a while that grows to an hour. The row may be new: the transaction that made it was undone.
INSERT INTO message_intake AS i (message_id, recording_id, state, taken_at, due_at, problem, tries, next_at)
VALUES ($1, $2, 'refused', $4, $5, $3, 1, $4::timestamptz + interval '5 seconds')
ON CONFLICT (message_id) DO UPDATE
SET problem = $3, tries = i.tries + 1, next_at = $4::timestamptz + least(interval '1 hour', interval '5 seconds' * power(2, least(i.tries, 12)))
WHERE i.state = 'refused'

-- name: to_try
SELECT message_id FROM message_intake WHERE state = 'refused' AND next_at <= $1 ORDER BY next_at, message_id LIMIT $2

-- name: to_hear
SELECT i.message_id FROM message_intake AS i JOIN transcripts AS t USING (recording_id)
WHERE i.heard_at IS NULL AND i.state IN ('refused', 'open') AND t.state = 'done' ORDER BY i.message_id LIMIT $1

-- name: hear
SELECT i.message_id, i.state, i.ticket_id, i.own_version, i.kept, i.claimed_by, m.caller_number, m.left_at, m.kind, r.quality,
       t.text, t.confidence, coalesce(jsonb_path_exists(r.manifest, '$.speech[*].spans[*]'), true) AS has_speech
FROM message_intake AS i JOIN messages AS m USING (message_id) JOIN recordings AS r ON r.recording_id = i.recording_id
JOIN transcripts AS t ON t.recording_id = i.recording_id
WHERE i.message_id = $1 AND i.heard_at IS NULL AND i.state IN ('refused', 'open') AND t.state = 'done' FOR UPDATE OF i SKIP LOCKED

-- name: heard
UPDATE message_intake SET heard_at = $2, own_version = $3, is_urgent = $4, urgent = $5::jsonb, suggestions = $6::jsonb WHERE message_id = $1

-- name: set_aside
-- $2 by whom, $3 why, $4 when.
UPDATE message_intake SET state = 'set_aside', ended_by = $2, ended_at = $4, reason = $3, next_at = NULL, problem = '',
                          claimed_by = '', claimed_at = NULL
WHERE message_id = $1

-- name: silent
-- Those that were found empty, silent or a fax's tone after their draft was made, if nobody has worked on it: $1 by whom, $2 when.
UPDATE message_intake AS i SET state = 'set_aside', reason = r.quality, ended_by = $1, ended_at = $2, next_at = NULL, problem = ''
FROM recordings AS r
WHERE r.recording_id = i.recording_id AND i.state IN ('refused', 'open') AND i.claimed_by = '' AND NOT i.kept AND NOT i.is_urgent
  AND r.quality IN ('empty', 'silent', 'fax')
  AND NOT EXISTS (SELECT FROM tickets AS t WHERE t.ticket_id = i.ticket_id AND t.version <> i.own_version)

-- name: settle
-- Whatever became of the draft, it waits no more.
UPDATE message_intake AS i SET state = 'done', ended_at = t.updated_at,
    ended_by = coalesce(nullif(i.claimed_by, ''), nullif(t.accept_agent, ''), t.made_by)
FROM tickets AS t WHERE t.ticket_id = i.ticket_id AND i.state = 'open' AND t.state <> 'draft'

-- name: alarms
-- One for each urgent message that nobody has taken on; all others are over. At $1.
WITH wanted AS (
    SELECT 'urgent_message' AS kind, 'message:' || message_id AS subject, jsonb_array_length(urgent)::double precision AS value
    FROM message_intake WHERE is_urgent AND state IN ('refused', 'open') AND claimed_by = ''
), over AS (
    UPDATE alarms AS a SET cleared_at = greatest(raised_at, $1)
    WHERE cleared_at IS NULL AND kind = 'urgent_message' AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.subject = a.subject)
    RETURNING alarm_id
), raised AS (
    INSERT INTO alarms (alarm_id, kind, subject, raised_at, value, limit_value)
    SELECT gen_random_uuid(), kind, subject, $1, value, 0 FROM wanted
    ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING
    RETURNING alarm_id
)
SELECT pg_notify('alarms', alarm_id::text) FROM (TABLE over UNION ALL TABLE raised) AS told

-- name: leaves
-- Leaves of version $1 that the city $2 has on the day $3, with those of their words that stand in the text $4 (small letters).
SELECT i.code, i.zh, i.en, said.words
FROM taxonomy_items AS i, LATERAL (
    SELECT array_agg(DISTINCT w ORDER BY w) AS words, sum(length(w)) AS points
    FROM unnest(i.words || i.zh) AS w WHERE length(w) > 1 AND strpos($4, lower(w)) > 0
) AS said
WHERE i.version = $1 AND i.scheme = 'content' AND i.parent <> '' AND (i.profiles = '{}' OR $2 = ANY (i.profiles)) AND i.active
  AND coalesce(i.valid_from <= $3, true) AND coalesce(i.valid_to >= $3, true) AND said.words IS NOT NULL
ORDER BY said.points DESC, i.code LIMIT 3

-- name: same_number
-- Other messages of this number that wait, or were left within a week before; the newest first.
SELECT m.message_id FROM messages AS m LEFT JOIN message_intake AS i USING (message_id)
WHERE m.caller_number = $1 AND $1 <> '' AND m.message_id <> $2 AND m.kind <> 'survey'
  AND m.left_at > $3::timestamptz - interval '7 days' AND m.left_at <= $3 AND coalesce(i.state <> 'set_aside', true)
ORDER BY m.left_at DESC LIMIT 10

-- name: lock
SELECT i.message_id, i.state, i.ticket_id, i.own_version, i.claimed_by
FROM message_intake AS i WHERE i.message_id = $1 FOR UPDATE

-- name: claim
UPDATE message_intake SET claimed_by = $2, claimed_at = CASE WHEN $2 <> '' THEN $3::timestamptz END WHERE message_id = $1

-- name: own
UPDATE message_intake SET own_version = $2 WHERE message_id = $1

-- name: bring_back
UPDATE message_intake SET state = CASE WHEN ticket_id IS NULL THEN 'refused' ELSE 'open' END, next_at = CASE WHEN ticket_id IS NULL THEN $2::timestamptz END,
                          kept = true, reason = '', ended_by = '', ended_at = NULL
WHERE message_id = $1

-- name: done
UPDATE message_intake SET state = 'done', ended_by = $2, ended_at = $3, next_at = NULL WHERE message_id = $1

-- name: waiting
-- Urgent first, then the oldest. $1 urgent ones alone, $2 whose ('' nobody's), $3 kind, $4 transcribed or not, $5 overdue at; each NULL: any.
SELECT i.message_id, i.recording_id, i.state, i.ticket_id, k.channel, k.version, i.problem, i.due_at, i.is_urgent, i.urgent, i.suggestions,
       i.claimed_by, i.claimed_at, i.ended_by, i.ended_at, i.reason, m.caller_number, m.left_at, m.kind, m.reason AS why,
       r.length_ms, r.quality, coalesce(t.state, 'waiting') AS transcript, left(coalesce(t.text, ''), 20000) AS text,
       coalesce(t.confidence, 0) AS confidence, count(*) OVER ()::int AS total
FROM message_intake AS i JOIN messages AS m USING (message_id) JOIN recordings AS r ON r.recording_id = i.recording_id
LEFT JOIN transcripts AS t ON t.recording_id = i.recording_id LEFT JOIN tickets AS k ON k.ticket_id = i.ticket_id
WHERE i.state IN ('refused', 'open') AND coalesce(k.state = 'draft', true)
  AND ($1::boolean IS NULL OR i.is_urgent = $1) AND ($2::text IS NULL OR i.claimed_by = $2) AND ($3::text IS NULL OR m.kind = $3)
  AND ($4::boolean IS NULL OR (t.state IS NOT DISTINCT FROM 'done') = $4) AND ($5::timestamptz IS NULL OR i.due_at < $5)
ORDER BY i.is_urgent DESC, m.left_at, m.message_id LIMIT $6 OFFSET $7

-- name: ended
-- Those in state $1, the newest first; $2 to $5 as above.
SELECT i.message_id, i.recording_id, i.state, i.ticket_id, k.channel, k.version, i.problem, i.due_at, i.is_urgent, i.urgent, i.suggestions,
       i.claimed_by, i.claimed_at, i.ended_by, i.ended_at, i.reason, m.caller_number, m.left_at, m.kind, m.reason AS why,
       r.length_ms, r.quality, coalesce(t.state, 'waiting') AS transcript, left(coalesce(t.text, ''), 20000) AS text,
       coalesce(t.confidence, 0) AS confidence, count(*) OVER ()::int AS total
FROM message_intake AS i JOIN messages AS m USING (message_id) JOIN recordings AS r ON r.recording_id = i.recording_id
LEFT JOIN transcripts AS t ON t.recording_id = i.recording_id LEFT JOIN tickets AS k ON k.ticket_id = i.ticket_id
WHERE i.state = $1 AND ($2::boolean IS NULL OR i.is_urgent = $2) AND ($3::text IS NULL OR i.ended_by = $3)
  AND ($4::text IS NULL OR m.kind = $4) AND ($5::boolean IS NULL OR (t.state IS NOT DISTINCT FROM 'done') = $5)
ORDER BY i.ended_at DESC, i.message_id DESC LIMIT $6 OFFSET $7

-- name: one
SELECT i.message_id, i.recording_id, i.state, i.ticket_id, k.channel, k.version, i.problem, i.due_at, i.is_urgent, i.urgent, i.suggestions,
       i.claimed_by, i.claimed_at, i.ended_by, i.ended_at, i.reason, m.caller_number, m.left_at, m.kind, m.reason AS why,
       r.length_ms, r.quality, coalesce(t.state, 'waiting') AS transcript, left(coalesce(t.text, ''), 20000) AS text,
       coalesce(t.confidence, 0) AS confidence
FROM message_intake AS i JOIN messages AS m USING (message_id) JOIN recordings AS r ON r.recording_id = i.recording_id
LEFT JOIN transcripts AS t ON t.recording_id = i.recording_id LEFT JOIN tickets AS k ON k.ticket_id = i.ticket_id
WHERE i.message_id = $1

-- name: counts
SELECT count(*) AS waiting, count(*) FILTER (WHERE i.is_urgent) AS urgent, count(*) FILTER (WHERE i.due_at < $1) AS overdue,
       count(*) FILTER (WHERE t.state IS DISTINCT FROM 'done') AS not_transcribed, count(*) FILTER (WHERE i.claimed_by = '') AS unclaimed,
       (SELECT count(*) FROM message_intake AS aside WHERE aside.state = 'set_aside') AS set_aside
FROM message_intake AS i LEFT JOIN transcripts AS t ON t.recording_id = i.recording_id LEFT JOIN tickets AS k ON k.ticket_id = i.ticket_id
WHERE i.state IN ('refused', 'open') AND coalesce(k.state = 'draft', true)
