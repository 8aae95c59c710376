-- name: sending
SELECT job_id, number, document, attempts FROM fax_jobs
WHERE node = $1 AND finished_at IS NULL AND state = 'sending'

-- The oldest job that has not been tried, or not for so many seconds.
-- name: due
SELECT job_id, number, document, attempts FROM fax_jobs
WHERE node = $1 AND finished_at IS NULL AND state = 'waiting'
  AND NOT EXISTS (
    SELECT FROM audit_log
    WHERE subject = 'fax:' || job_id AND at > now() - make_interval(secs => $2)
  )
ORDER BY asked_at, job_id
LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: begin
UPDATE fax_jobs SET state = 'sending', attempts = attempts + 1 WHERE job_id = $1

-- $2: the attempt, $3: whether it was sent, $4: how often a job is tried, $5: what came of it
-- name: settle
UPDATE fax_jobs SET
    state = CASE WHEN $3 THEN 'sent' WHEN attempts >= $4 THEN 'failed' ELSE 'waiting' END,
    finished_at = CASE WHEN $3 OR attempts >= $4 THEN now() END,
    result = $5
WHERE job_id = $1 AND attempts = $2 AND state = 'sending'
RETURNING state

-- name: log
INSERT INTO audit_log (actor, action, subject, detail) VALUES ('fax', 'fax_attempt', $1, $2)
