-- name: any_sealed
SELECT EXISTS (SELECT FROM recordings WHERE state = 'stored' AND key_id <> '')

-- name: by_key
SELECT key_id, count(*) AS recordings FROM recordings WHERE state = 'stored' GROUP BY key_id ORDER BY key_id

-- name: to_rewrap
SELECT count(*) FROM recordings WHERE state = 'stored' AND key_id <> $1 AND (storage <> 'local' OR node = $2)

-- name: next_to_rewrap
SELECT recording_id, storage, object, object_bytes, object_sha256, key_id, wrapped_key, manifest
FROM recordings
WHERE state = 'stored' AND key_id <> $1 AND (storage <> 'local' OR node = $2) AND recording_id > $3
ORDER BY recording_id LIMIT 1 FOR UPDATE

-- name: rewrapped
UPDATE recordings SET key_id = $2, wrapped_key = $3 WHERE recording_id = $1

-- name: to_verify
SELECT count(*) AS recordings, coalesce(sum(object_bytes), 0)::bigint AS bytes
FROM recordings
WHERE state = 'stored' AND (storage <> 'local' OR node = $1) AND ($2::timestamptz IS NULL OR sealed_at >= $2)

-- name: next_to_verify
SELECT recording_id, storage, object, object_bytes, object_sha256, key_id, wrapped_key, manifest
FROM recordings
WHERE state = 'stored' AND (storage <> 'local' OR node = $1) AND ($2::timestamptz IS NULL OR sealed_at >= $2) AND recording_id > $3
ORDER BY recording_id LIMIT $4

-- name: again
SELECT recording_id, storage, object, object_bytes, object_sha256, key_id, wrapped_key, manifest
FROM recordings
WHERE recording_id = $1 AND state = 'stored'

-- name: rows_of_objects
SELECT given.object, r.state
FROM unnest($2::text[]) AS given (object)
LEFT JOIN LATERAL (
    SELECT state FROM recordings
    WHERE object = given.object AND storage = $1 AND (storage <> 'local' OR node = $3)
    UNION ALL
    SELECT state FROM recordings
    WHERE state = 'taken_in' AND file = regexp_replace(given.object, '\.opus$', '.wav')
    LIMIT 1
) AS r ON true

-- name: restore
-- Of an object whose row was lost; one that is there, also one that is deleted, stays.
INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256, voices, quality, manifest, storage, object,
    object_bytes, object_sha256, key_id, wrapped_key, sealed_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, convert_from($9, 'UTF8')::jsonb, $10, convert_from($11, 'UTF8')::jsonb, $12, $13, $14, $15, $16, $17,
    $18, 'stored')
ON CONFLICT (node, file) DO NOTHING RETURNING recording_id
