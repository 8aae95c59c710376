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

-- How many faxes were asked for within the day before this one: by the same caller, or to the same number.
-- name: before
SELECT greatest(
    count(*) FILTER (WHERE other.number = job.number),
    count(*) FILTER (WHERE other_call.caller_number = job_call.caller_number AND job_call.caller_number <> '')
)
FROM fax_jobs job
JOIN fax_jobs other ON (other.asked_at, other.job_id) < (job.asked_at, job.job_id) AND other.asked_at > job.asked_at - interval '1 day'
LEFT JOIN calls job_call ON (job_call.node, job_call.call_id) = (job.node, job.call_id)
LEFT JOIN calls other_call ON (other_call.node, other_call.call_id) = (other.node, other.call_id)
WHERE job.job_id = $1

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
