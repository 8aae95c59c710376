-- name: keep
INSERT INTO web_sessions (token_hash, username, role, made_at, expires_at) VALUES ($1, $2, $3, $4, $5)

-- An agent has the role of its row, from one look to the next, and none when it is no agent any more.
-- name: find
SELECT username, coalesce(agents.role, web_sessions.role) AS role, expires_at
FROM web_sessions LEFT JOIN agents ON agents.agent = web_sessions.username
WHERE token_hash = $1 AND expires_at > $2 AND coalesce(agents.active, true)

-- name: role_of
SELECT CASE WHEN active THEN role END AS role FROM agents WHERE agent = $1

-- name: end
DELETE FROM web_sessions WHERE token_hash = $1

-- name: clean
DELETE FROM web_sessions WHERE expires_at <= $1

-- name: log
INSERT INTO audit_log (actor, action, subject, detail) VALUES ($1, $2, $3, $4::jsonb)
