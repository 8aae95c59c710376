-- Following the steps.

-- name: position
SELECT version FROM acd_positions WHERE reader = $1 AND node = $2

-- Whole commits, more than $3 steps where there are so many.
-- name: newer
SELECT node, call_id, uniqueid, number, at, step, detail, version FROM acd_steps
WHERE node = $1 AND version > $2 AND version <= coalesce(
    (SELECT version FROM acd_steps WHERE node = $1 AND version > $2 ORDER BY version OFFSET $3::integer LIMIT 1), 9223372036854775807)
ORDER BY version, at, uniqueid, number

-- Locks the reader's place until the commit; nothing when it is already there.
-- name: move
INSERT INTO acd_positions AS known (reader, node, version) VALUES ($1, $2, $3)
ON CONFLICT (reader, node) DO UPDATE SET version = excluded.version WHERE known.version < excluded.version
RETURNING version
