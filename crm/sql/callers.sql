-- Persons who call, their numbers, and who is the same. All of it within viewer.staff.

-- name: lock_number
-- One intake at a time for a number: two calls at once do not make two persons of one.
SELECT pg_advisory_xact_lock(hashtextextended('caller:' || $1, 0))

-- name: at_numbers
-- Persons at any of these numbers, each as the one that it was merged into, with every name it goes by there; the latest first.
WITH RECURSIVE found AS (
    SELECT c.caller_id, c.merged_into, n.last_seen, c.name AS named FROM caller_numbers n JOIN callers c USING (caller_id)
    WHERE n.number::text = ANY ($1::text[]) AND n.ended_at IS NULL
    UNION
    SELECT c.caller_id, c.merged_into, f.last_seen, f.named FROM found f JOIN callers c ON c.caller_id = f.merged_into
)
SELECT c.caller_id, array_remove(array_agg(f.named) || c.name, '') AS names, max(f.last_seen) AS last_seen
FROM found f JOIN callers c USING (caller_id) WHERE f.merged_into IS NULL
GROUP BY c.caller_id ORDER BY last_seen DESC, c.caller_id LIMIT 50

-- name: root
-- The person that this one was merged into, or itself.
WITH RECURSIVE up AS (
    SELECT caller_id, merged_into FROM callers WHERE caller_id = $1
    UNION ALL
    SELECT c.caller_id, c.merged_into FROM up JOIN callers c ON c.caller_id = up.merged_into
)
SELECT caller_id FROM up WHERE merged_into IS NULL

-- name: group
-- A person and all that were merged into it.
WITH RECURSIVE down AS (
    SELECT caller_id FROM callers WHERE caller_id = $1
    UNION ALL
    SELECT c.caller_id FROM down JOIN callers c ON c.merged_into = down.caller_id
)
SELECT array_agg(caller_id) FROM down

-- name: add
INSERT INTO callers (caller_id, name, title, workplace, home_address, special_group, made_at, made_by, updated_at, updated_by)
VALUES ($1, $2, $3, $4, $5, $6, $8, $7, $8, $7)

-- name: complete
-- What was not known so far; what is known stays.
UPDATE callers SET
    name = CASE WHEN name = '' THEN $2 ELSE name END,
    title = CASE WHEN title = '' THEN $3 ELSE title END,
    workplace = CASE WHEN workplace = '' THEN $4 ELSE workplace END,
    home_address = CASE WHEN home_address = '' THEN $5 ELSE home_address END,
    special_group = CASE WHEN special_group = '' THEN $6 ELSE special_group END,
    version = version + 1, updated_by = $7, updated_at = $8
WHERE caller_id = $1
  AND ((name = '' AND $2 <> '') OR (title = '' AND $3 <> '') OR (workplace = '' AND $4 <> '') OR (home_address = '' AND $5 <> '')
       OR (special_group = '' AND $6 <> ''))

-- name: seen
INSERT INTO caller_numbers (number, caller_id, first_seen, last_seen) VALUES ($1, $2, $3, $3)
ON CONFLICT (number, caller_id) DO UPDATE SET last_seen = greatest(caller_numbers.last_seen, excluded.last_seen), ended_at = NULL

-- name: end_number
UPDATE caller_numbers SET ended_at = $3 WHERE caller_id = ANY ($1::uuid[]) AND number = $2 AND ended_at IS NULL

-- name: get
SELECT caller_id, version, name, title, workplace, home_address, special_group, note, merged_into, made_at, updated_at
FROM callers WHERE caller_id = $1

-- name: lock
SELECT caller_id, version, name, title, workplace, home_address, special_group, note, merged_into, made_at, updated_at
FROM callers WHERE caller_id = ANY ($1::uuid[]) ORDER BY caller_id FOR UPDATE

-- name: numbers_of
SELECT number::text AS number, min(first_seen) AS first_seen, max(last_seen) AS last_seen FROM caller_numbers
WHERE caller_id = ANY ($1::uuid[]) AND ended_at IS NULL GROUP BY number ORDER BY last_seen DESC, number LIMIT 100

-- name: merges_of
SELECT merge_id, gone, at, by, reason FROM caller_merges
WHERE kept = ANY ($1::uuid[]) AND undone_at IS NULL ORDER BY at DESC LIMIT 100

-- name: by_name
-- Whose name begins so; $2 is the least text after all of those.
SELECT caller_id, name, title, workplace, home_address, special_group, updated_at FROM callers
WHERE name >= $1 AND name < $2 AND name <> '' AND merged_into IS NULL ORDER BY name, caller_id LIMIT $3 OFFSET $4

-- name: by_number
WITH RECURSIVE found AS (
    SELECT c.caller_id, c.merged_into FROM caller_numbers n JOIN callers c USING (caller_id)
    WHERE n.number::text = $1 AND n.ended_at IS NULL
    UNION
    SELECT c.caller_id, c.merged_into FROM found f JOIN callers c ON c.caller_id = f.merged_into
)
SELECT caller_id, name, title, workplace, home_address, special_group, updated_at
FROM callers WHERE caller_id IN (SELECT caller_id FROM found) AND merged_into IS NULL
ORDER BY name, caller_id LIMIT $2 OFFSET $3

-- name: edit
UPDATE callers SET version = version + 1, name = $2, title = $3, workplace = $4, home_address = $5, special_group = $6, note = $7,
    updated_by = $8, updated_at = $9
WHERE caller_id = $1 RETURNING version

-- name: merge
INSERT INTO caller_merges (merge_id, kept, gone, at, by, reason) VALUES ($1, $2, $3, $4, $5, $6)

-- name: go_into
UPDATE callers SET merged_into = $2, version = version + 1, updated_by = $3, updated_at = $4 WHERE caller_id = $1

-- name: open_merge
SELECT merge_id, kept, gone FROM caller_merges WHERE merge_id = $1 AND undone_at IS NULL FOR UPDATE

-- name: undo_merge
UPDATE caller_merges SET undone_at = $2, undone_by = $3 WHERE merge_id = $1

-- name: tickets_of
-- Of these persons, the newest first.
SELECT t.ticket_id, t.channel, t.state, t.made_at, t.nature, t.category, t.due_at, t.hidden, left(t.content, 80) AS content
FROM ticket_identities i JOIN tickets t USING (ticket_id)
WHERE i.caller_id = ANY ($1::uuid[]) ORDER BY i.ticket_id DESC LIMIT $2 OFFSET $3
