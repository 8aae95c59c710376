-- Whoever logs in as $1: the account, if there is one, and what the directory of agents says of the number.
-- name: known
SELECT accounts.*, accounts.username IS NOT NULL AS has_account,
       agents.role AS directory_role, coalesce(agents.active, true) AS is_active
FROM (SELECT $1::text AS wanted) AS asked
LEFT JOIN accounts ON accounts.username = wanted
LEFT JOIN agents ON agents.agent = coalesce(nullif(accounts.agent, ''), wanted)

-- name: get
SELECT * FROM accounts WHERE username = $1

-- name: lock
SELECT * FROM accounts WHERE username = $1 FOR UPDATE

-- name: unit
SELECT EXISTS (SELECT FROM units WHERE code = $1 AND coalesce(active_to >= (now() AT TIME ZONE 'Asia/Shanghai')::date, true))

-- name: list
SELECT *, count(*) OVER () AS total FROM accounts
WHERE $1 = '' OR strpos(lower(username || ' ' || name || ' ' || unit || ' ' || agent), lower($1)) > 0
ORDER BY username LIMIT $2 OFFSET $3

-- name: add
INSERT INTO accounts (username, name, password_hash, roles, unit, agent, organisation, granted, must_change, valid_until, made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (username) DO NOTHING RETURNING *

-- name: change
UPDATE accounts SET name = $2, roles = $3, unit = $4, agent = $5, organisation = $6, granted = $7, valid_until = $8
WHERE username = $1 RETURNING *

-- name: disable
UPDATE accounts SET disabled_at = coalesce(disabled_at, now()) WHERE username = $1 RETURNING *

-- name: enable
UPDATE accounts SET disabled_at = NULL, failed_logins = 0 WHERE username = $1 RETURNING *

-- name: set_password
UPDATE accounts SET password_hash = $2, must_change = $3, changed_at = now(), failed_logins = 0 WHERE username = $1 RETURNING *

-- Only while the password is the one that was judged ($3).
-- name: replace_password
UPDATE accounts SET password_hash = $2, must_change = false, changed_at = now(), failed_logins = 0
WHERE username = $1 AND password_hash = $3 RETURNING *

-- name: failed
UPDATE accounts SET failed_logins = failed_logins + 1 WHERE username = $1

-- name: came
UPDATE accounts SET failed_logins = 0, last_login_at = now() WHERE username = $1

-- Of everybody's sessions under this name, but for one ('': none).
-- name: end_sessions
DELETE FROM web_sessions WHERE username = $1 AND token_hash <> $2

-- Every process that remembers sessions looks at those of this name again.
-- name: tell
SELECT pg_notify('accounts', $1)
