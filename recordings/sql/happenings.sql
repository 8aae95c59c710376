-- What happened to a call that was recorded (recordings/happenings.py).

-- name: recording
SELECT node, call_id, kind, started_at, length_ms, voices, sha256 FROM recordings WHERE recording_id = $1

-- name: steps
SELECT at, uniqueid, number, step, detail FROM acd_steps WHERE node = $1 AND call_id = $2

-- Supervisors who heard the call; their modes with the times of each, and when they turned to which call.
-- name: supervised
SELECT s.supervision_id, s.person, e.at, e.mode, e.call_id, s.ended_at
FROM supervisions AS s JOIN supervision_events AS e USING (supervision_id)
WHERE s.supervision_id IN (
    SELECT supervision_id FROM supervisions WHERE node = $1 AND target = 'call' AND whom = $2 AND asked_at >= $3 AND asked_at < $4
    UNION
    SELECT heard.supervision_id FROM supervision_events AS heard JOIN supervisions AS of USING (supervision_id)
    WHERE of.node = $1 AND heard.call_id = $2 AND of.asked_at < $4
)
ORDER BY s.supervision_id, e.at, e.mode, e.call_id

-- name: pauses
SELECT paused_at, resumed_at, paused_by, reason FROM recording_pauses WHERE node = $1 AND call_id = $2

-- Who worked at these telephones at these times.
-- name: agents_at
SELECT asked.seat, asked.at, session.agent
FROM unnest($1::text[], $2::timestamptz[]) AS asked (seat, at)
JOIN agent_sessions AS session ON session.seat = asked.seat AND session.since <= asked.at AND (session.until IS NULL OR session.until > asked.at)

-- name: units_of
SELECT unit_channel AS channel, unit AS name FROM threeways WHERE node = $1 AND call_id = $2 AND unit_channel <> ''

-- name: supervisors_of
SELECT channel, person AS name FROM supervisions WHERE node = $1 AND channel = ANY ($2::text[])
