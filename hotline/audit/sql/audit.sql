-- name: write
INSERT INTO audit_log (actor, action, subject, detail) VALUES ($1, $2, $3, $4::jsonb)

-- One process seals at a time; the next begins where this one ended.
-- name: one_at_a_time
SELECT pg_try_advisory_xact_lock(hashtext('audit seals'))

-- name: head
SELECT number, hash FROM audit_seals ORDER BY number DESC LIMIT 1

-- name: unsealed
SELECT entry_id, at, actor, action, subject, detail::text AS detail
FROM audit_unsealed JOIN audit_log USING (entry_id) ORDER BY entry_id LIMIT $1

-- name: seal
WITH sealed AS (
    INSERT INTO audit_seals (number, entry_id, hash)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
)
DELETE FROM audit_unsealed WHERE entry_id = ANY ($2::bigint[])

-- name: waiting
SELECT count(*) FROM audit_unsealed

-- name: range
-- The seals of the lines of a time; NULL: no limit.
SELECT min(number) AS first, max(number) AS last FROM audit_seals JOIN audit_log USING (entry_id)
WHERE ($1::timestamptz IS NULL OR at >= $1) AND ($2::timestamptz IS NULL OR at < $2)

-- name: seal_of
SELECT hash FROM audit_seals WHERE number = $1

-- name: links
SELECT number, seals.entry_id, hash, log.entry_id IS NOT NULL AS is_there, at, actor, action, subject, detail::text AS detail
FROM audit_seals AS seals LEFT JOIN audit_log AS log ON log.entry_id = seals.entry_id
WHERE number BETWEEN $1 AND $2 ORDER BY number

-- name: strangers
-- Lines that came in past the door: neither sealed nor waiting for their seal.
SELECT entry_id FROM audit_log AS log
WHERE NOT EXISTS (SELECT FROM audit_seals AS seals WHERE seals.entry_id = log.entry_id)
  AND NOT EXISTS (SELECT FROM audit_unsealed AS waiting WHERE waiting.entry_id = log.entry_id)
  AND ($1::timestamptz IS NULL OR at >= $1) AND ($2::timestamptz IS NULL OR at < $2)
ORDER BY entry_id LIMIT 10000

-- name: lost
-- Lines that went away before they had their seal.
SELECT waiting.entry_id FROM audit_unsealed AS waiting
WHERE NOT EXISTS (SELECT FROM audit_log AS log WHERE log.entry_id = waiting.entry_id) ORDER BY 1 LIMIT 10000

-- name: entries
-- The newest first, before $6 (NULL: from the newest on); each filter may be NULL.
SELECT entry_id, at, actor, action, subject, detail::text AS detail FROM audit_log
WHERE ($1::text IS NULL OR actor = $1) AND ($2::text IS NULL OR subject = $2) AND ($3::text IS NULL OR action = $3)
  AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5) AND ($6::bigint IS NULL OR entry_id < $6)
ORDER BY entry_id DESC LIMIT $7
