-- name: ask
WITH asked AS (
    INSERT INTO commands (command_id, node, action, parameters, asked_by, reason, deadline)
    VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
)
SELECT pg_notify('commands', $2)

-- name: outcome
SELECT state, answer, extract(epoch FROM now() - deadline)::float8 AS late_seconds FROM commands WHERE command_id = $1

-- Those of a process that is no more: what it did not hear of is not known.
-- name: orphans
WITH settled AS (
    UPDATE commands SET state = 'unknown', answer = $2, settled_at = now() WHERE node = $1 AND state = 'sent' RETURNING *
)
INSERT INTO audit_log (actor, action, subject, detail)
SELECT asked_by, 'command.' || action,
       coalesce(parameters ->> 'interface', parameters ->> 'channel', parameters ->> 'caller', parameters ->> 'conference', ''),
       jsonb_build_object('command_id', command_id, 'node', node, 'parameters', parameters, 'reason', reason,
                          'outcome', state, 'answer', answer)
FROM settled

-- Marked, but not by a transaction that this process saw succeed, so never sent by it; or sending failed before the first byte.
-- name: release
UPDATE commands SET state = 'waiting', sent_at = NULL WHERE node = $1 AND state = 'sent' AND NOT command_id = ANY ($2::uuid[])

-- name: expire
WITH settled AS (
    UPDATE commands SET state = 'expired', settled_at = now()
    WHERE node = $1 AND state = 'waiting' AND deadline <= now()
    RETURNING *
)
INSERT INTO audit_log (actor, action, subject, detail)
SELECT asked_by, 'command.' || action,
       coalesce(parameters ->> 'interface', parameters ->> 'channel', parameters ->> 'caller', parameters ->> 'conference', ''),
       jsonb_build_object('command_id', command_id, 'node', node, 'parameters', parameters, 'reason', reason,
                          'outcome', state, 'answer', answer)
FROM settled

-- name: take
UPDATE commands SET state = 'sent', sent_at = now()
WHERE command_id IN (
    SELECT command_id FROM commands WHERE node = $1 AND state = 'waiting' AND deadline > now()
    ORDER BY asked_at, command_id LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING command_id, action, parameters, asked_at, extract(epoch FROM deadline - clock_timestamp())::float8 AS seconds_left

-- $2: the state that it has, $3: its outcome, $5: whether anything was sent
-- name: settle
WITH settled AS (
    UPDATE commands SET state = $3, answer = $4, settled_at = now(), sent_at = CASE WHEN $5 THEN sent_at END
    WHERE command_id = $1 AND state = $2
    RETURNING *
)
INSERT INTO audit_log (actor, action, subject, detail)
SELECT asked_by, 'command.' || action,
       coalesce(parameters ->> 'interface', parameters ->> 'channel', parameters ->> 'caller', parameters ->> 'conference', ''),
       jsonb_build_object('command_id', command_id, 'node', node, 'parameters', parameters, 'reason', reason,
                          'outcome', state, 'answer', answer)
FROM settled

-- name: unknown
SELECT command_id, action, parameters FROM commands
WHERE node = $1 AND state = 'unknown' AND asked_at > now() - interval '1 hour'
ORDER BY asked_at, command_id
