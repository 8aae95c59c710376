-- Columns are in the order of the fields of ami_bridge/figures/live_rows.py. $1 of those that load, $3 of newer ones:
-- not older than this. An exclusion may change those of a month at once; live are those of a day, and whoever waits.

-- name: versions
SELECT node, version FROM bridge_positions

-- name: all_requests
SELECT node, call_id, number, kind, queue, skill, requested_at, ended_at, outcome, wait_us, repaired, excluded::text, void
FROM requests WHERE requested_at >= $1 AND NOT void ORDER BY requested_at

-- name: all_turns
SELECT node, call_id, number, agent, rang_at, result, talk_us, hold_us, wrapup_us, void
FROM agent_turns WHERE rang_at >= $1 AND NOT void ORDER BY rang_at

-- name: all_calls
SELECT node, call_id, started_at, connected_at, disposition FROM calls WHERE direction = 'inbound' AND started_at >= $1 ORDER BY started_at

-- name: all_agents
SELECT node, agent, state, since, paused, pause_reason, queues FROM agent_states WHERE $1::timestamptz IS NOT NULL

-- name: newer_requests
SELECT node, call_id, number, kind, queue, skill, requested_at, ended_at, outcome, wait_us, repaired, excluded::text, void
FROM requests WHERE node = $1 AND version > $2 AND (requested_at >= $3 OR outcome = 'waiting')

-- name: newer_turns
SELECT node, call_id, number, agent, rang_at, result, talk_us, hold_us, wrapup_us, void
FROM agent_turns WHERE node = $1 AND version > $2 AND rang_at >= $3

-- name: newer_calls
SELECT node, call_id, started_at, connected_at, disposition
FROM calls WHERE node = $1 AND version > $2 AND direction = 'inbound' AND started_at >= $3

-- name: newer_agents
SELECT node, agent, state, since, paused, pause_reason, queues FROM agent_states
WHERE node = $1 AND version > $2 AND $3::timestamptz IS NOT NULL

-- name: bridges
SELECT node, at, connected, connected_since, event_lag_ms, journal_segment, journal_bytes, journal_failing_since, backlog, calls_open,
       events, unwanted, undecodable, oversized, conservation_violations, gaps_open, rss_bytes, refused
FROM bridge_status WHERE $1::timestamptz IS NOT NULL

-- name: gaps
SELECT gap_id::text, node, from_at, to_at, cause FROM gaps WHERE to_at IS NULL OR to_at > $1
