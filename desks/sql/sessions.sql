-- name: keep
INSERT INTO web_sessions (token_hash, username, role, made_at, expires_at) VALUES ($1, $2, $3, $4, $5)

-- name: find
SELECT username, role, expires_at FROM web_sessions WHERE token_hash = $1 AND expires_at > $2

-- name: end
DELETE FROM web_sessions WHERE token_hash = $1

-- name: clean
DELETE FROM web_sessions WHERE expires_at <= $1

-- name: log
INSERT INTO audit_log (actor, action, subject, detail) VALUES ($1, $2, $3, $4::jsonb)
