-- Supervision of live calls.

-- name: agent
-- The agent, its mentor while it is a trainee, its telephone, and the call that it is in on this node.
SELECT agent, CASE WHEN trainee AND (trainee_until IS NULL OR trainee_until >= $3::date) THEN mentor ELSE '' END AS mentor,
       coalesce((SELECT seat FROM agent_sessions AS session WHERE session.agent = agents.agent AND until IS NULL), '') AS seat,
       coalesce((SELECT call_id FROM agent_states AS state
                 WHERE state.node = $2 AND state.agent = agents.agent AND state.state IN ('talking', 'holding')), '') AS call_id
FROM agents WHERE agent = $1 AND active

-- name: in_call
-- Who talks in a call; no row: the call is none, or over.
SELECT coalesce(state.agent, '') AS agent
FROM (SELECT $2::text AS call_id) AS asked
LEFT JOIN agent_states AS state ON state.node = $1 AND state.call_id = asked.call_id AND state.state IN ('talking', 'holding')
WHERE state.agent IS NOT NULL OR EXISTS (SELECT FROM calls WHERE node = $1 AND call_id = $2 AND ended_at IS NULL)
ORDER BY state.since DESC NULLS LAST LIMIT 1

-- name: seat_of
SELECT seat FROM agent_sessions WHERE agent = $1 AND until IS NULL

-- name: interface
-- The telephone of a seat that can be reached, that in the browser before the other.
SELECT interface FROM queue_members
WHERE node = $1 AND interface IN ('PJSIP/' || $2, 'PJSIP/' || $2 || '@browser') AND status IN (1, 2, 3, 6, 7, 8)
ORDER BY interface DESC LIMIT 1

-- name: open_at
SELECT supervision_id, channel FROM supervisions WHERE node = $1 AND seat = $2 AND ended_at IS NULL

-- name: add
INSERT INTO supervisions (supervision_id, node, person, role, seat, channel, target, whom, agent, reason, may, mode)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: get
SELECT supervision_id, node, person, role, seat, channel, target, whom, agent, reason, may, mode, asked_at, started_at, ended_at, ended
FROM supervisions WHERE supervision_id = $1

-- name: lock
SELECT supervision_id, node, person, role, seat, channel, target, whom, agent, reason, may, mode, asked_at, started_at, ended_at, ended
FROM supervisions WHERE supervision_id = $1 FOR UPDATE

-- name: lock_channel
SELECT supervision_id, node, person, role, seat, channel, target, whom, agent, reason, may, mode, asked_at, started_at, ended_at, ended
FROM supervisions WHERE node = $1 AND channel = $2 FOR UPDATE

-- name: save
UPDATE supervisions SET mode = $2, started_at = $3, ended_at = $4, ended = $5 WHERE supervision_id = $1

-- name: event
INSERT INTO supervision_events (supervision_id, at, mode, call_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
RETURNING at

-- name: events
SELECT at, mode, call_id FROM supervision_events WHERE supervision_id = $1 ORDER BY at

-- name: mode_told
-- Whether the telephone has told, since an order, that it is in this mode; the step is enough, read or not.
SELECT split_part(detail, 'mode=', 2) FROM acd_steps
WHERE node = $1 AND uniqueid = $2 AND step = 'supervise:mode' AND number > $3 ORDER BY number DESC LIMIT 1

-- name: last_step
SELECT coalesce(max(number), 0) FROM acd_steps WHERE node = $1 AND uniqueid = $2 AND step <> 'supervise:hears'

-- name: listed
SELECT supervision_id, node, person, role, seat, channel, target, whom, agent, reason, may, mode, asked_at, started_at, ended_at, ended
FROM supervisions WHERE ($1::boolean IS FALSE OR ended_at IS NULL) AND asked_at >= $2 AND asked_at < $3
ORDER BY asked_at DESC LIMIT $4

-- name: to_look_after
SELECT supervision_id, channel FROM supervisions
WHERE node = $1 AND ended_at IS NULL AND asked_at < now() - interval '60 seconds' ORDER BY asked_at
