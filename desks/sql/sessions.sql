-- Only while the account still has the password that was judged ($6: its hash); whoever changes it ends what is kept here (SEC-13).
-- name: keep
WITH judged AS (SELECT username FROM accounts WHERE username = $2 AND password_hash = $6 FOR SHARE)
INSERT INTO web_sessions (token_hash, username, role, made_at, expires_at)
SELECT $1, username, $3, $4::timestamptz, $5::timestamptz FROM judged
RETURNING true

-- The account as it is now, and the role of the directory of agents: both count from one look to the next. Nobody, when the
-- account is disabled or over, or the agent is none any more (SEC-17).
-- name: find
SELECT web_sessions.username, web_sessions.role, accounts.username IS NOT NULL AS has_account,
       least(web_sessions.expires_at, accounts.valid_until) AS expires_at, coalesce(accounts.roles, '{}') AS roles,
       agents.role AS directory_role, coalesce(accounts.unit, '') AS unit, coalesce(accounts.agent, '') AS agent,
       coalesce(accounts.organisation, 'government') AS organisation, coalesce(accounts.granted, '{}') AS granted,
       coalesce(accounts.must_change, false) AS must_change
FROM web_sessions
LEFT JOIN accounts ON accounts.username = web_sessions.username
LEFT JOIN agents ON agents.agent = coalesce(nullif(accounts.agent, ''), web_sessions.username)
WHERE token_hash = $1 AND expires_at > $2 AND coalesce(agents.active, true)
  AND accounts.disabled_at IS NULL AND coalesce(accounts.valid_until > $2, true)

-- name: switch
UPDATE web_sessions SET role = $2 WHERE token_hash = $1

-- name: end
DELETE FROM web_sessions WHERE token_hash = $1

-- name: clean
DELETE FROM web_sessions WHERE expires_at <= $1

-- name: ping
SELECT 1
