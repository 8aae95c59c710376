-- name: failed
SELECT q.id AS job_id, q.entrypoint, q.attempts, q.updated AS failed_at, r.recording_id, r.call_id, r.kind, r.file,
       (SELECT l.traceback ->> 'exception_message' FROM pgqueuer_log l
        WHERE l.job_id = q.id AND l.traceback IS NOT NULL ORDER BY l.created DESC, l.id DESC LIMIT 1) AS why
FROM pgqueuer q LEFT JOIN recordings r ON r.recording_id = convert_from(q.payload, 'UTF8')::bigint
WHERE q.status = 'failed' AND q.entrypoint ~ '^(process|transcribe)(:|$)'
ORDER BY q.id LIMIT $1

-- name: retry
-- Of several that failed for one recording, one; none when another waits or runs.
WITH chosen AS (
    SELECT DISTINCT ON (dedupe_key) id FROM pgqueuer q
    WHERE status = 'failed' AND entrypoint ~ '^(process|transcribe)(:|$)'
      AND ($1::bigint[] IS NULL OR convert_from(payload, 'UTF8')::bigint = ANY ($1))
      AND NOT EXISTS (SELECT FROM pgqueuer o WHERE o.dedupe_key = q.dedupe_key AND o.status IN ('queued', 'picked'))
    ORDER BY dedupe_key, id DESC
), again AS (
    UPDATE pgqueuer SET status = 'queued', execute_after = now(), updated = now(), attempts = 0, queue_manager_id = NULL, slot = NULL
    WHERE id IN (SELECT id FROM chosen) RETURNING id, entrypoint, priority
), logged AS (
    INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority) SELECT id, 'queued', entrypoint, priority FROM again
)
SELECT count(*) FROM again

-- name: counts
SELECT entrypoint, status::text, count(*) AS jobs, min(created) AS oldest FROM pgqueuer
WHERE entrypoint ~ '^(process|transcribe)(:|$)' GROUP BY 1, 2 ORDER BY 1, 2

-- name: backlog
-- What waits on the disk of each node.
SELECT node, count(*) AS recordings, extract(epoch FROM now() - min(stored_at))::bigint AS oldest_seconds,
       count(*) FILTER (WHERE quality = 'damaged') AS damaged
FROM recordings WHERE state = 'taken_in' GROUP BY node ORDER BY node

-- name: backlog_of
SELECT count(*) AS to_do, coalesce(extract(epoch FROM now() - min(stored_at))::bigint, 0) AS to_do_oldest_seconds,
       (SELECT count(*) FROM pgqueuer WHERE entrypoint = $2 AND status = 'failed') AS failed
FROM recordings WHERE state = 'taken_in' AND node = $1

-- name: forgotten
-- Taken in, and nobody is to process it: its job was lost, or it is older than jobs are.
SELECT recording_id, kind FROM recordings r
WHERE state = 'taken_in' AND node = $1
  AND NOT EXISTS (SELECT FROM pgqueuer q WHERE q.entrypoint = $2 AND q.dedupe_key = 'process:' || r.recording_id)
ORDER BY recording_id LIMIT $3

-- name: deadly
-- The jobs that the next release will hold.
SELECT id, payload FROM pgqueuer WHERE entrypoint = $1 AND status = 'picked' AND attempts + $2 >= $3 ORDER BY id

-- name: release
-- The jobs that a worker left behind; whoever asks knows that it is gone. A job that was left so often ends its workers: it is held.
WITH released AS (
    UPDATE pgqueuer SET status = CASE WHEN attempts + $2 >= $3 THEN 'failed' ELSE 'queued' END::pgqueuer_status,
        attempts = attempts + $2, updated = now(), execute_after = now(), queue_manager_id = NULL, slot = NULL
    WHERE entrypoint = $1 AND status = 'picked' RETURNING id, status, entrypoint, priority
), logged AS (
    INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority) SELECT id, status, entrypoint, priority FROM released
)
SELECT count(*) FROM released

-- name: put_back
-- Not the job's fault: it is done later, as if it had not been tried.
UPDATE pgqueuer SET status = 'queued', execute_after = now() + $2::interval, updated = now(), queue_manager_id = NULL, slot = NULL
WHERE id = $1 AND status = 'picked'

-- name: trim
-- What became of jobs is kept for a while; it is asked for only when one failed.
DELETE FROM pgqueuer_log WHERE created < now() - interval '30 days'
  AND NOT EXISTS (SELECT FROM pgqueuer q WHERE q.id = pgqueuer_log.job_id)

-- name: recording
SELECT recording_id, node, call_id, kind, file, length_ms, channels, sha256, state, quality FROM recordings WHERE recording_id = $1

-- name: store
UPDATE recordings SET state = 'stored', quality = $2, manifest = convert_from($3, 'UTF8')::jsonb, peaks = $4, storage = $5, object = $6,
    object_bytes = $7, object_sha256 = $8, key_id = $9, wrapped_key = $10, sealed_at = $11
WHERE recording_id = $1 AND state = 'taken_in' RETURNING recording_id

-- name: mark_damaged
UPDATE recordings SET quality = 'damaged' WHERE recording_id = $1 AND state = 'taken_in'

-- name: ask_for_transcript
INSERT INTO transcripts (recording_id, state, made_at) VALUES ($1, $2, $3) ON CONFLICT (recording_id) DO NOTHING
RETURNING recording_id

-- name: notify
SELECT pg_notify('recordings', $1)
