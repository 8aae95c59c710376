-- The taxonomy, a version for each import, and places.

-- name: lock_taxonomy
SELECT pg_advisory_xact_lock(hashtext('taxonomy'))

-- name: newest_version
SELECT version, valid_from FROM taxonomy_versions ORDER BY version DESC LIMIT 1

-- name: add_version
INSERT INTO taxonomy_versions (version, valid_from, made_by, file) VALUES ($1, $2, $3, $4)

-- name: add_items
INSERT INTO taxonomy_items (version, code, parent, scheme, zh, en, active, valid_from, valid_to, units, profiles, words)
SELECT $1, f.* FROM jsonb_to_recordset($2::jsonb)
    AS f (code text, parent text, scheme text, zh text, en text, active boolean, valid_from date, valid_to date, units text[],
          profiles text[], words text[])

-- name: items_of
SELECT code, parent, zh, en, active, valid_from, valid_to, units, profiles, words, scheme
FROM taxonomy_items WHERE version = $1
ORDER BY scheme <> 'content', code

-- name: get_places
SELECT code, name, kind, territory, unit, words, note FROM places ORDER BY territory, code

-- name: remove_places
DELETE FROM places WHERE code NOT IN (SELECT f.code FROM jsonb_to_recordset($1::jsonb) AS f (code text)) RETURNING true

-- name: put_places
INSERT INTO places AS known (code, name, kind, territory, unit, words, note)
SELECT * FROM jsonb_to_recordset($1::jsonb)
    AS f (code text, name text, kind text, territory text, unit text, words text[], note text)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, kind = excluded.kind, territory = excluded.territory, unit = excluded.unit,
    words = excluded.words, note = excluded.note
WHERE (known.name, known.kind, known.territory, known.unit, known.words, known.note)
      IS DISTINCT FROM (excluded.name, excluded.kind, excluded.territory, excluded.unit, excluded.words, excluded.note)
RETURNING xmax = 0 AS added

-- name: unknown_units
SELECT code FROM unnest($1::text[]) AS code WHERE NOT EXISTS (SELECT FROM units AS u WHERE u.code = code.code AND u.removed_at IS NULL)
