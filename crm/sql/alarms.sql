-- Alarms about tickets: crm/alarms.py.

-- name: due
-- At $1; $2: before which a dispatch is due that is at risk.
SELECT 'ticket_not_received' AS kind, 'unit:' || unit AS subject, count(*)::double precision AS tickets
FROM ticket_clocks WHERE stopped_at IS NULL AND paused_at IS NULL AND kind = 'receive' AND due_at < $1 GROUP BY unit
UNION ALL
SELECT 'dispatch_at_risk', 'tickets', count(*)
FROM ticket_clocks WHERE stopped_at IS NULL AND paused_at IS NULL AND kind = 'dispatch' AND NOT excluded AND due_at < $2
HAVING count(*) > 0

-- name: keep
-- Of the kinds $1 those alarms are on that $3, $4, $5 say; all others are over. One open alarm per kind and subject, whoever raises it.
WITH wanted AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::double precision[]) AS w (kind, subject, value)
), over AS (
    UPDATE alarms AS a SET cleared_at = greatest(raised_at, $2)
    WHERE cleared_at IS NULL AND kind = ANY ($1::text[])
      AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.kind = a.kind AND w.subject = a.subject)
    RETURNING alarm_id
), raised AS (
    INSERT INTO alarms (alarm_id, kind, subject, raised_at, value, limit_value)
    SELECT gen_random_uuid(), kind, subject, $2, value, 0 FROM wanted
    ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING
    RETURNING alarm_id
)
SELECT pg_notify('alarms', alarm_id::text) FROM (TABLE over UNION ALL TABLE raised) AS told
