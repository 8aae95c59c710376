-- name: gaps
-- Those that touch the time from $1 up to $2, of node $3 (NULL: all), the latest first.
SELECT gap_id, node, from_at, to_at, cause FROM gaps
WHERE (from_at IS NULL OR from_at < $2) AND (to_at IS NULL OR to_at > $1) AND ($3::text IS NULL OR node = $3)
ORDER BY from_at DESC NULLS LAST, gap_id

-- name: alarms
-- Those that were on between $1 and $2, or are now; the latest first.
SELECT alarm_id, kind, subject, raised_at, cleared_at, value, limit_value, detail, seen_by, seen_at FROM alarms
WHERE (raised_at < $2 AND (cleared_at IS NULL OR cleared_at > $1)) OR cleared_at IS NULL
ORDER BY raised_at DESC, alarm_id LIMIT 1000

-- name: alarm
SELECT FROM alarms WHERE alarm_id = $1

-- name: exclusion
SELECT from_at, to_at, reason, person, confirmed_by, withdrawn_by FROM exclusions WHERE exclusion_id = $1

-- name: commands
-- Outcomes of the commands of the last 30 days.
SELECT node, action, state, count(*) AS commands FROM commands WHERE asked_at > $1 GROUP BY 1, 2, 3

-- name: recordings_to_do
-- Every node that ever recorded: the transitions from some to none must be seen.
SELECT n.node, count(r.node) AS recordings, coalesce(extract(epoch FROM now() - min(r.stored_at)), 0)::float8 AS oldest_seconds
FROM bridge_status n LEFT JOIN recordings r ON r.node = n.node AND r.state = 'taken_in' GROUP BY n.node

-- name: recordings_failed
SELECT job, count(q.id) AS jobs FROM (VALUES ('process'), ('transcribe')) AS known (job)
LEFT JOIN pgqueuer q ON split_part(q.entrypoint, ':', 1) = job AND q.status = 'failed' GROUP BY job
