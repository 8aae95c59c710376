-- name: open
SELECT kind, subject FROM alarms WHERE cleared_at IS NULL

-- One open alarm per kind and subject, whoever raises it.
-- name: raise
WITH raised AS (
    INSERT INTO alarms (alarm_id, kind, subject, raised_at, value, limit_value) VALUES ($1, $2, $3, $4, $5, $6)
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

-- name: see
WITH seen AS (
    UPDATE alarms SET seen_by = $2, seen_at = now() WHERE alarm_id = $1 AND seen_at IS NULL RETURNING alarm_id, kind, subject
), logged AS (
    INSERT INTO audit_log (actor, action, subject, detail)
    SELECT $2, 'alarm.seen', 'alarm:' || alarm_id, jsonb_build_object('kind', kind, 'of', subject) FROM seen
)
SELECT pg_notify('alarms', alarm_id::text) FROM seen
