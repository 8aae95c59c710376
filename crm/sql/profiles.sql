-- Versions of the profile (CFG-08): crm/profiles/store.py.

-- name: version_of
SELECT max(version) FROM profile_versions WHERE digest = $1

-- name: newest
SELECT version, name, digest, rules::text, valid_from, made_by FROM profile_versions ORDER BY version DESC LIMIT 1

-- name: rules_of
SELECT version, rules::text FROM profile_versions WHERE version = ANY($1::integer[])

-- name: one_at_a_time
SELECT pg_advisory_xact_lock(hashtext('profile_versions'))

-- name: add
INSERT INTO profile_versions (version, name, digest, rules, valid_from, made_by, changed)
SELECT coalesce(max(version), 0) + 1, $1, $2, $3::jsonb, $4, $5, $6::jsonb FROM profile_versions
RETURNING version

-- name: listed
SELECT version, name, valid_from, made_by, changed::text, rules::text, count(*) OVER () AS total
FROM profile_versions ORDER BY version DESC LIMIT $1 OFFSET $2
