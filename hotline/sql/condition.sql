-- Whether the tables fit the program, and what is wrong in them.

-- name: ledger
SELECT number, name, digest FROM schema_migrations ORDER BY number

-- name: alarms
SELECT kind, subject, raised_at, value, limit_value FROM alarms WHERE cleared_at IS NULL ORDER BY raised_at
