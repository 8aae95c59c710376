-- Facts to roll-ups. Times are UTC; $1 and $2 bound an interval where nothing else is said.

-- name: one_at_a_time
SELECT pg_try_advisory_lock(hashtext('rollups'))

-- name: next_may
SELECT pg_advisory_unlock(hashtext('rollups'))

-- name: plan
-- A plan for these very times: it looks at their partitions and no others.
SET LOCAL plan_cache_mode = force_custom_plan

-- name: first_mark
SELECT min(quarter) FROM dirty_quarters WHERE quarter >= $1 AND quarter < $2

-- name: marks
SELECT quarter, node, version FROM dirty_quarters WHERE quarter >= $1 AND quarter < $2 ORDER BY quarter, node

-- name: facts
-- The requests of each cell: what ami_bridge/figures/tally.py counts.
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

-- name: plan_to_write
-- Many keys at once, whatever the statistics say of a table that was empty a moment ago.
SET LOCAL enable_nestloop = off

-- name: forget_cells
-- $3: level; $4 and $5: beginnings and nodes, none of them outside of the interval.
DELETE FROM rollups USING unnest($4::timestamptz[], $5::text[]) AS old (start, node)
WHERE level = $3 AND rollups.start >= $1 AND rollups.start < $2 AND rollups.start = old.start AND rollups.node = old.node

-- name: forget_call_cells
DELETE FROM call_rollups USING unnest($4::timestamptz[], $5::text[]) AS old (start, node)
WHERE level = $3 AND call_rollups.start >= $1 AND call_rollups.start < $2 AND call_rollups.start = old.start
  AND call_rollups.node = old.node

-- name: clear
-- A mark that is changed, or being changed, since it was seen stays: its quarter-hour is rolled up again.
WITH seen AS (
    SELECT * FROM unnest($3::timestamptz[], $4::text[], $5::bigint[]) AS mark (quarter, node, version)
), free AS (
    SELECT dirty.ctid FROM dirty_quarters AS dirty JOIN seen USING (quarter, node, version)
    WHERE quarter >= $1 AND quarter < $2
    FOR UPDATE OF dirty SKIP LOCKED
), cleared AS (
    DELETE FROM dirty_quarters WHERE ctid IN (SELECT ctid FROM free) RETURNING 1
)
SELECT count(*) FROM cleared
