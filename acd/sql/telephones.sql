-- Who orders something from a telephone, and about which of their calls.

-- name: person_at
-- Who works at seat $1; or whose seat it is, when they work nowhere.
SELECT agents.agent, agents.role, session.seat IS NOT NULL AS is_logged_in
FROM agents LEFT JOIN agent_sessions AS session ON session.agent = agents.agent AND session.until IS NULL
WHERE active AND (session.seat = $1 OR (agents.agent = $1 AND session.seat IS NULL))
ORDER BY session.seat = $1 DESC NULLS LAST LIMIT 1

-- name: owner_of
SELECT agent, role, false AS is_logged_in FROM agents WHERE agent = $1 AND active

-- name: threeway_of
SELECT threeway_id FROM threeways WHERE agent = $1 AND ended_at IS NULL ORDER BY threeway_id DESC LIMIT 1

-- name: entry_of
SELECT entry_id FROM callback_entries WHERE agent = $1 AND state = 'claimed'
