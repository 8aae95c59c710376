-- What was answered to a request with an idempotency key. A status of 0: it was begun, and nobody knows yet what became of it.

-- name: alone
-- Until this transaction ends, nobody else does anything under this key.
SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 12345))

-- name: known
SELECT digest, status, answer, made_at < now() - interval '15 seconds' AS is_old FROM idempotency_keys WHERE actor = $1 AND key = $2

-- name: begin
INSERT INTO idempotency_keys (actor, key, digest, status, answer) VALUES ($1, $2, $3, 0, '') ON CONFLICT DO NOTHING RETURNING 1

-- name: keep
INSERT INTO idempotency_keys (actor, key, digest, status, answer) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (actor, key) DO UPDATE SET status = excluded.status, answer = excluded.answer
WHERE idempotency_keys.digest = excluded.digest

-- name: forget
-- Nothing was done: who asks again may.
DELETE FROM idempotency_keys WHERE actor = $1 AND key = $2 AND status = 0

-- name: clean
DELETE FROM idempotency_keys WHERE made_at < now() - interval '24 hours'
