-- Attendance and the shift plan.

-- name: is_known
SELECT true FROM agents WHERE agent = $1

-- name: history
SELECT at, what, seat, why, who FROM agent_events
WHERE agent = $1 AND at >= $2 AND at < $3 ORDER BY at DESC, event_id DESC LIMIT 1000

-- name: plan
SELECT agent, begins, ends FROM shift_plan
WHERE begins < $2 AND ends > $1 AND ($3::text IS NULL OR agent = $3) ORDER BY agent, begins LIMIT 5000

-- name: unplan
DELETE FROM shift_plan WHERE agent = $1 AND begins >= $2 AND begins < $3

-- name: add
INSERT INTO shift_plan (agent, begins, ends) VALUES ($1, $2, $3)
ON CONFLICT (agent, begins) DO UPDATE SET ends = excluded.ends
