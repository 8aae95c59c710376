-- Pauses of recordings (acd/pauses.py).

-- One order or step at a time for a call: whoever joins while it is paused is seen by the one or the other.
-- name: lock
SELECT pg_advisory_xact_lock(hashtext('recording ' || $1 || ' ' || $2))

-- name: begin
INSERT INTO recording_pauses (node, call_id, agent, reason, paused_by, paused_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (node, call_id) WHERE resumed_at IS NULL DO NOTHING
RETURNING pause_id, call_id, agent, reason, paused_by, paused_at, resumed_at

-- name: open_of_call
SELECT pause_id FROM recording_pauses WHERE node = $1 AND call_id = $2 AND resumed_at IS NULL

-- name: locked
SELECT call_id FROM recording_pauses WHERE pause_id = $1 AND resumed_at IS NULL FOR UPDATE

-- name: end
UPDATE recording_pauses SET resumed_by = $2, resumed_at = greatest($3, paused_at) WHERE pause_id = $1 AND resumed_at IS NULL
RETURNING pause_id, call_id, agent, reason, paused_by, paused_at, resumed_at

-- name: recorders
SELECT DISTINCT uniqueid FROM acd_steps WHERE node = $1 AND detail = $2 AND step = 'record:on' ORDER BY uniqueid

-- name: close_ended
WITH over AS (
    SELECT p.pause_id, c.ended_at FROM recording_pauses AS p JOIN calls AS c USING (node, call_id)
    WHERE p.node = $1 AND p.resumed_at IS NULL AND c.ended_at IS NOT NULL
    UNION ALL
    SELECT p.pause_id, o.ended_at FROM recording_pauses AS p JOIN outbound_calls AS o USING (node, call_id)
    WHERE p.node = $1 AND p.resumed_at IS NULL AND o.ended_at IS NOT NULL
)
UPDATE recording_pauses AS p SET resumed_at = greatest(over.ended_at, p.paused_at) FROM over WHERE p.pause_id = over.pause_id

-- Too long, or the agent who paused it has the call no more.
-- name: due
SELECT p.pause_id FROM recording_pauses AS p
WHERE p.node = $1 AND p.resumed_at IS NULL
  AND (p.paused_at < now() - make_interval(secs => $2)
       OR NOT EXISTS (
           SELECT FROM agent_states AS s
           WHERE s.node = p.node AND s.agent = p.agent AND s.call_id = p.call_id AND s.state IN ('talking', 'holding')
           UNION ALL
           SELECT FROM control_calls AS k
           WHERE k.node = p.node AND k.call_id = p.call_id AND k.agent = p.agent AND k.place NOT IN ('over', 'queue', 'sent', 'parked')
       ))
ORDER BY p.pause_id
