-- name: calls
SELECT call_id, connected_at, ended_at FROM calls WHERE node = $1 AND call_id = ANY ($2::text[])

-- name: stored_files
SELECT file FROM recordings WHERE kind = 'message' AND file = ANY ($1::text[])

-- name: stored_of_call
SELECT recording_id, file, sha256, CASE WHEN state <> 'taken_in' THEN stored_at END AS taken_away_at
FROM recordings WHERE node = $1 AND call_id = $2 AND kind = $3 ORDER BY recording_id

-- name: paused
-- A pause that nobody has ended yet ends with the call: the same whenever it is asked.
SELECT p.paused_at, least(coalesce(p.resumed_at, c.ended_at), p.paused_at + interval '1 day') AS until
FROM recording_pauses AS p LEFT JOIN calls AS c USING (node, call_id)
WHERE node = $1 AND call_id = $2 ORDER BY pause_id

-- name: insert_recording
INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256, voices)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb)
ON CONFLICT (node, file) DO NOTHING

-- name: recording_of_file
SELECT recording_id, call_id, sha256 FROM recordings WHERE node = $1 AND file = $2

-- name: insert_message
INSERT INTO messages (node, call_id, caller_number, left_at, reason, kind, recording_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (node, call_id, recording_id) DO NOTHING
