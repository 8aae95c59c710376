-- Three-way calls.

-- name: begin
INSERT INTO threeways (node, call_id, caller_channel, agent, agent_channel, unit, unit_name, consent, question, contact_number,
                       numbers, begun_at, caller_is, agent_is, unit_is, ended_at, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, 'waiting', 'dialling', 'away',
        CASE WHEN NOT $8 THEN $12::timestamptz END, CASE WHEN NOT $8 THEN 'no_consent' END)
ON CONFLICT (node, call_id) WHERE ended_at IS NULL DO NOTHING
RETURNING threeway_id

-- name: get
SELECT threeway_id, node, call_id, caller_channel, agent, agent_channel, unit_channel, unit, unit_name, consent, question,
       contact_number, numbers::text, attempts::text, begun_at, connected_at, joined_at, ended_at, caller_is, agent_is, unit_is,
       disposition, outcome, "left", further_questions, asked, asked_at, heard::text
FROM threeways WHERE threeway_id = $1

-- The book of who has the call is always locked first.
-- name: lock_hand
SELECT hand.citizen FROM threeways AS t JOIN control_calls AS hand ON hand.node = t.node AND hand.citizen = t.caller_channel
WHERE threeway_id = $1 FOR UPDATE OF hand

-- name: lock
SELECT threeway_id FROM threeways WHERE threeway_id = $1 FOR UPDATE

-- name: newest
SELECT threeway_id FROM threeways WHERE node = $1 AND call_id = $2 ORDER BY threeway_id DESC LIMIT 1

-- name: save
UPDATE threeways
SET agent = $2, agent_channel = $3, unit_channel = $4, attempts = $5::jsonb, connected_at = $6, joined_at = $7, ended_at = $8,
    caller_is = $9, agent_is = $10, unit_is = $11, disposition = $12, outcome = $13, "left" = $14, asked = $15, asked_at = $16,
    heard = $17::jsonb
WHERE threeway_id = $1

-- name: note
UPDATE threeways
SET question = coalesce($2, question), contact_number = coalesce($3, contact_number),
    further_questions = coalesce($4, further_questions)
WHERE threeway_id = $1

-- name: draft
SELECT draft_id FROM ticket_drafts WHERE node = $1 AND call_id = $2 AND threeway_id = $3

-- name: caller
SELECT caller_number FROM calls WHERE node = $1 AND call_id = $2
UNION ALL
SELECT number FROM outbound_calls WHERE node = $1 AND call_id = $2
UNION ALL
SELECT split_part(detail, 'number=', 2) FROM acd_steps WHERE node = $1 AND uniqueid = $2 AND step = 'call:unit'
LIMIT 1

-- name: telephone
-- Where an agent can be rung now: the browser before the telephone.
SELECT interface FROM queue_members WHERE node = $1 AND agent = $2 AND status NOT IN (4, 5) ORDER BY interface DESC LIMIT 1

-- name: of_agents_channel
SELECT threeway_id FROM threeways WHERE node = $1 AND agent_channel = $2 AND ended_at IS NULL

-- name: stale
-- Open, and nothing was told for a while though the call is over, or though it should have begun.
SELECT t.threeway_id FROM threeways AS t LEFT JOIN calls AS c USING (node, call_id) LEFT JOIN outbound_calls AS o USING (node, call_id)
WHERE t.node = $1 AND t.ended_at IS NULL
  AND (coalesce(c.ended_at, o.ended_at) < now() - make_interval(secs => $2) OR (t.heard = '{}' AND t.begun_at < now() - make_interval(secs => $2)))

-- name: raise
WITH raised AS (
    INSERT INTO alarms (alarm_id, kind, subject, raised_at, detail) VALUES (gen_random_uuid(), $1, $2, $3, $4::jsonb)
    ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING
    RETURNING alarm_id
)
SELECT pg_notify('alarms', alarm_id::text) FROM raised

-- name: clear
WITH cleared AS (
    UPDATE alarms SET cleared_at = greatest(raised_at, $3) WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL
    RETURNING alarm_id
)
SELECT pg_notify('alarms', alarm_id::text) FROM cleared
