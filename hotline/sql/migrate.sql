-- name: one_at_a_time
SELECT pg_advisory_lock(hashtext('schema_migrations'))

-- name: next_may
SELECT pg_advisory_unlock(hashtext('schema_migrations'))

-- name: create_ledger
CREATE TABLE IF NOT EXISTS schema_migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    digest     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: digest_of
SELECT digest FROM schema_migrations WHERE number = $1

-- name: record
INSERT INTO schema_migrations (number, name, digest) VALUES ($1, $2, $3)

-- name: newest
SELECT coalesce(max(number), 0) FROM schema_migrations
