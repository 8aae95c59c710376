-- name: one_at_a_time
SELECT pg_advisory_xact_lock(hashtext('settings in force'))

-- name: last
SELECT detail ->> 'settings' AS settings FROM audit_log WHERE action = 'settings.in_force' ORDER BY entry_id DESC LIMIT 1
