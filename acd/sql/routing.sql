-- What is known of a caller, and of who waits.

-- name: caller
-- $1: the number as Asterisk has it; $2: its normal form; $3: this call; $4, $5: minutes for the same agent, and to keep a place.
WITH mine AS (
    SELECT r.node, r.call_id, r.agent, r.outcome, r.requested_at, r.ended_at, r.wait_us, c.ended_at AS gone_at
    FROM requests r LEFT JOIN calls c USING (node, call_id)
    WHERE r.caller = $1 AND $1 <> '' AND r.call_id <> $3 AND NOT r.void AND r.requested_at > now() - interval '6 hours'
), talked AS (
    SELECT agent FROM mine
    WHERE outcome = 'answered' AND gone_at > now() - $4 * interval '1 minute' ORDER BY gone_at DESC LIMIT 1
), latest AS (
    SELECT * FROM mine ORDER BY requested_at DESC LIMIT 1
)
SELECT coalesce((SELECT "group" FROM caller_groups WHERE number::text = $2), '') AS "group",
       EXISTS (SELECT FROM overdue_callers WHERE number::text = $2) AS overdue,
       EXISTS (
           SELECT FROM caller_blocks WHERE number = $2 AND lifted_at IS NULL AND from_at <= now() AND until_at > now()
       ) AS blocked,
       coalesce((SELECT agent FROM talked), '') AS agent,
       EXISTS (SELECT FROM agent_states s JOIN talked USING (agent) WHERE s.state = 'ready' AND NOT s.paused) AS is_ready,
       coalesce((
           SELECT l.wait_us / 1e6 + coalesce((
               SELECT sum(k.kept_seconds) FROM call_routes k WHERE k.node = l.node AND k.call_id = l.call_id
           ), 0)
           FROM latest l
           WHERE l.outcome IN ('abandoned', 'short_abandoned') AND l.ended_at > now() - $5 * interval '1 minute'
       ), 0)::float8 AS kept_seconds

-- name: waiting
-- Who waits on node $1 now, but for call $2: the queue, for how long in total, with what priority.
SELECT r.queue, k.priority,
       extract(epoch FROM clock_timestamp() - r.requested_at)::float8 + k.kept_seconds AS seconds
FROM requests r CROSS JOIN LATERAL (
    SELECT coalesce(max(priority), 0)::integer AS priority, coalesce(sum(kept_seconds), 0)::float8 AS kept_seconds
    FROM call_routes k WHERE k.node = r.node AND k.call_id = r.call_id AND k.at > r.requested_at - interval '5 seconds'
) k
WHERE r.node = $1 AND r.call_id <> $2 AND r.outcome = 'waiting' AND NOT r.void AND r.requested_at > now() - interval '6 hours'

-- name: note
INSERT INTO call_routes (node, call_id, asked_queue, queue, priority, kept_seconds, place, first_agent, why)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
