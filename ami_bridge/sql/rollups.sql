-- Facts to roll-ups. Times are UTC; $1 and $2 bound an interval where nothing else is said.

-- name: one_at_a_time
SELECT pg_try_advisory_lock(hashtext('rollups'))

-- name: next_may
SELECT pg_advisory_unlock(hashtext('rollups'))

-- name: first_mark
SELECT min(quarter) FROM dirty_quarters WHERE quarter >= $1 AND quarter < $2

-- name: marks
SELECT quarter, node, version FROM dirty_quarters WHERE quarter >= $1 AND quarter < $2 ORDER BY quarter, node

-- name: facts
-- The requests of each cell: what ami_bridge/tally.py counts.
SELECT date_bin('15 minutes', requested_at, 'epoch') AS start, node, queue, skill, kind, coalesce(excluded::text, '') AS excluded,
       array_agg(outcome) AS outcomes, array_agg(wait_us) AS waits, array_agg(repaired) AS repaired
FROM requests
WHERE requested_at >= $1 AND requested_at < $2 AND NOT void
GROUP BY 1, 2, 3, 4, 5, 6

-- name: calls
-- $3 and $4: no request of these calls is older or younger.
SELECT date_bin('15 minutes', started_at, 'epoch') AS start, node, count(*) AS calls, count(connected_at) AS answered,
       count(*) FILTER (WHERE disposition = 'ivr_hangup' AND NOT EXISTS (
           SELECT FROM requests
           WHERE requests.node = calls.node AND requests.call_id = calls.call_id AND NOT void
             AND requested_at >= $3 AND requested_at < $4
       )) AS ivr_hangups
FROM calls
WHERE direction = 'inbound' AND started_at >= $1 AND started_at < $2
GROUP BY 1, 2

-- name: cells
SELECT start, node, queue, skill, kind, excluded, tally FROM rollups WHERE level = $3 AND start >= $1 AND start < $2

-- name: call_cells
SELECT start, node, calls, answered, ivr_hangups FROM call_rollups WHERE level = $3 AND start >= $1 AND start < $2

-- name: forget_cells
-- $1: level; $2 and $3: beginnings and nodes.
DELETE FROM rollups USING unnest($2::timestamptz[], $3::text[]) AS old (start, node)
WHERE rollups.level = $1 AND rollups.start = old.start AND rollups.node = old.node

-- name: forget_call_cells
DELETE FROM call_rollups USING unnest($2::timestamptz[], $3::text[]) AS old (start, node)
WHERE call_rollups.level = $1 AND call_rollups.start = old.start AND call_rollups.node = old.node

-- name: clear
-- A mark that is changed, or being changed, since it was seen stays: its quarter-hour is rolled up again.
WITH seen AS (
    SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::bigint[]) AS mark (quarter, node, version)
), free AS (
    SELECT quarter, node FROM dirty_quarters AS dirty JOIN seen USING (quarter, node, version) FOR UPDATE OF dirty SKIP LOCKED
), cleared AS (
    DELETE FROM dirty_quarters USING free
    WHERE dirty_quarters.quarter = free.quarter AND dirty_quarters.node = free.node
    RETURNING 1
)
SELECT count(*) FROM cleared
