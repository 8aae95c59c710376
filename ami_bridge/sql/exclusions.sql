-- Time ranges that the net figures leave out.

-- name: lock
-- No bridge commits while exclusions change, so each request is marked by the one or by the other.
LOCK TABLE bridge_positions IN SHARE ROW EXCLUSIVE MODE

-- name: propose
INSERT INTO exclusions (exclusion_id, from_at, to_at, queue, node, reason, person, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: get
SELECT exclusion_id, from_at, to_at, queue, node, reason, person, note, set_at, confirmed_by, confirmed_at, withdrawn_by, withdrawn_at
FROM exclusions WHERE exclusion_id = $1 FOR UPDATE

-- name: confirm
UPDATE exclusions SET confirmed_by = $2, confirmed_at = now() WHERE exclusion_id = $1

-- name: withdraw
UPDATE exclusions SET withdrawn_by = $2, withdrawn_at = now() WHERE exclusion_id = $1

-- name: end
UPDATE exclusions SET to_at = $2 WHERE exclusion_id = $1

-- name: overlapping
-- Those that touch the interval from $1 up to $2, withdrawn ones too, the latest first.
SELECT exclusion_id, from_at, to_at, queue, node, reason, person, note, set_at, confirmed_by, confirmed_at, withdrawn_by, withdrawn_at
FROM exclusions WHERE from_at < $2 AND (to_at IS NULL OR to_at > $1) ORDER BY from_at DESC, exclusion_id

-- name: next_versions
UPDATE bridge_positions SET version = version + 1 WHERE $1::text IS NULL OR node = $1

-- name: mark_requests
-- The requests that started from $1 up to $2 (NULL: no end), of queue $3 and node $4 (NULL: all), after the exclusions as they are
-- now; their quarter-hours are dirty. Returns how many changed.
WITH changed AS (
    UPDATE requests SET
        excluded = exclusion_of(requested_at, queue, node),
        version = coalesce((SELECT known.version FROM bridge_positions AS known WHERE known.node = requests.node), requests.version)
    WHERE requested_at >= $1 AND requested_at < coalesce($2, 'infinity'::timestamptz) AND NOT void
      AND ($3::text IS NULL OR queue = $3) AND ($4::text IS NULL OR node = $4)
      AND excluded IS DISTINCT FROM exclusion_of(requested_at, queue, node)
    RETURNING requested_at, node, version
), marked AS (
    INSERT INTO dirty_quarters AS known (quarter, node, version)
    SELECT date_bin('15 minutes', requested_at, 'epoch') AS quarter, node, max(version) FROM changed GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (quarter, node) DO UPDATE SET version = greatest(known.version + 1, excluded.version)
)
SELECT count(*) FROM changed

-- name: wake
SELECT pg_notify('figures', node || ' ' || version) FROM bridge_positions WHERE $1::text IS NULL OR node = $1

-- name: audit
INSERT INTO audit_log (actor, action, subject, detail) VALUES ($1, $2, $3, $4::jsonb)
