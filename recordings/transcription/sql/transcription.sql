-- name: begin
-- Nothing for a recording that is transcribed, or of which no transcript is wanted.
UPDATE transcripts t SET state = 'running', why = '', begun_at = now(), done_seconds = 0, seconds = r.length_ms / 1000.0
FROM recordings r
WHERE t.recording_id = $1 AND r.recording_id = $1 AND t.state <> 'done' AND r.state <> 'deleted'
RETURNING r.recording_id, r.state, r.file, r.channels, r.length_ms, r.quality, r.storage, r.object, r.object_bytes, r.object_sha256,
    r.key_id, r.wrapped_key

-- name: progress
UPDATE transcripts SET done_seconds = $2 WHERE recording_id = $1 AND state = 'running'

-- name: settle
-- One that somebody else has done meanwhile stays done.
UPDATE transcripts SET state = $2, why = $3, done_seconds = 0 WHERE recording_id = $1 AND state <> 'done' RETURNING recording_id

-- name: give_up
UPDATE transcripts SET state = 'failed', done_seconds = 0 WHERE recording_id = $1 AND state NOT IN ('done', 'no_model')
RETURNING recording_id

-- name: finish
-- Nothing when the recording was deleted meanwhile: what was said in it goes with it.
UPDATE transcripts SET state = 'done', why = '', engine = $2, model = $3, text = $4, confidence = $5, done_seconds = seconds, made_at = now()
WHERE recording_id = $1 AND state <> 'done'
  AND EXISTS (SELECT FROM recordings r WHERE r.recording_id = $1 AND r.state <> 'deleted' FOR SHARE)
RETURNING recording_id

-- name: insert_turns
INSERT INTO transcript_turns (recording_id, number, track, from_ms, to_ms, text, confidence, words)
SELECT $1, t.number, t.track, t.from_ms, t.to_ms, t.text, t.confidence, t.words::jsonb
FROM unnest($2::int[], $3::text[], $4::int[], $5::int[], $6::text[], $7::real[], $8::text[])
    AS t (number, track, from_ms, to_ms, text, confidence, words)

-- name: notify
SELECT pg_notify('recordings', 'transcribed:' || $1::bigint)

-- name: left_over
-- Waits for a model; or has no job that would do it, because it was lost or a worker was killed.
SELECT t.recording_id, r.kind FROM transcripts t JOIN recordings r USING (recording_id)
WHERE (t.state = 'no_model' OR (t.state IN ('waiting', 'running') AND t.asked_at < now() - interval '1 minute'))
  AND r.state = 'stored' AND (r.node = $1 OR r.storage = 's3')
  AND NOT EXISTS (SELECT FROM pgqueuer q WHERE q.dedupe_key = 'transcribe:' || t.recording_id)
ORDER BY r.kind = 'message' DESC, t.recording_id
LIMIT $2 FOR UPDATE OF t SKIP LOCKED

-- name: wait_again
UPDATE transcripts SET state = 'waiting', why = '' WHERE recording_id = ANY ($1) AND state = 'no_model'

-- name: any_left_over
SELECT EXISTS (SELECT FROM transcripts WHERE state = 'no_model')

-- name: backlog
SELECT r.kind, t.state, count(*) AS recordings, sum(r.length_ms / 1000.0 - t.done_seconds)::float8 AS seconds,
       min(t.asked_at) AS oldest
FROM transcripts t JOIN recordings r USING (recording_id)
WHERE t.state <> 'done' AND r.state <> 'deleted' GROUP BY 1, 2 ORDER BY 1 DESC, 2

-- name: speed
-- Seconds of sound for a second of work, over what was done last; null: nothing was.
SELECT (sum(seconds) / nullif(sum(extract(epoch FROM made_at - begun_at)), 0))::float8 AS speed
FROM (SELECT seconds, made_at, begun_at FROM transcripts WHERE state = 'done' AND engine <> '' AND begun_at IS NOT NULL AND seconds > 0
      ORDER BY made_at DESC LIMIT 100) AS last

-- name: done_today
SELECT count(*) AS recordings, coalesce(sum(seconds), 0)::float8 AS seconds FROM transcripts
WHERE state = 'done' AND made_at > now() - interval '1 day'
