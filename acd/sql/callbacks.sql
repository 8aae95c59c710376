-- The call-back list.

-- name: store
INSERT INTO callback_requests (request_id, node, call_id, number, queue, asked_at, waiting_since)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (request_id) DO NOTHING

-- name: store_missed
INSERT INTO callback_requests (request_id, node, call_id, number, queue, asked_at, waiting_since, kind)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'missed')
ON CONFLICT (request_id) DO NOTHING

-- How far a node's requests have been read, and how far there are any.
-- name: positions
SELECT coalesce((SELECT version FROM acd_positions WHERE reader = 'callbacks' AND node = $1), 0) AS known,
       coalesce((SELECT version FROM bridge_positions WHERE node = $1), 0) AS newest

-- Locks the reader's place until the commit; nothing when another process was faster.
-- name: move
INSERT INTO acd_positions AS known (reader, node, version) VALUES ('callbacks', $1, $2)
ON CONFLICT (reader, node) DO UPDATE SET version = excluded.version WHERE known.version < excluded.version
RETURNING version

-- name: news
SELECT call_id, number, caller, queue, requested_at, ended_at, outcome FROM requests
WHERE node = $1 AND version > $2 AND version <= $3 AND NOT void AND kind = 'caller' AND outcome IN ('abandoned', 'answered')
  AND requested_at > $4
ORDER BY requested_at

-- name: unlisted
SELECT request_id, number, queue, waiting_since FROM callback_requests
WHERE node = $1 AND entry_id IS NULL
ORDER BY waiting_since, asked_at, request_id LIMIT 500
FOR UPDATE SKIP LOCKED

-- One open entry per number, as old as the earliest of its requests.
-- name: enter
INSERT INTO callback_entries AS known (entry_id, node, number, queue, waiting_since) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (number) WHERE settled_at IS NULL DO UPDATE SET waiting_since = least(known.waiting_since, excluded.waiting_since)
RETURNING entry_id

-- name: list_request
UPDATE callback_requests SET entry_id = $2 WHERE request_id = $1

-- Who was answered after the newest of an entry's requests needs no call.
-- name: answered_meanwhile
UPDATE callback_entries AS entry SET
    state = 'settled', result = 'answered_meanwhile', settled_at = now(), settled_by = 'system', claimed_until = NULL
WHERE number = $1 AND state IN ('waiting', 'claimed')
  AND $2 > (SELECT max(asked_at) FROM callback_requests WHERE callback_requests.entry_id = entry.entry_id)

-- name: give_back
UPDATE callback_entries SET state = 'waiting', claimed_until = NULL WHERE state = 'claimed' AND claimed_until <= $1

-- name: expire
UPDATE callback_entries SET state = 'settled', result = 'expired', settled_at = now(), settled_by = 'system'
WHERE state = 'waiting' AND waiting_since < $1

-- name: entries
SELECT entry_id, node, number, queue, waiting_since, state, tries, not_before, agent, outbound_id, result, made_at, settled_at,
       settled_by, note,
       (SELECT array_agg(DISTINCT kind ORDER BY kind) FROM callback_requests WHERE callback_requests.entry_id = entry.entry_id) AS kinds
FROM callback_entries AS entry
WHERE ($1::text IS NULL OR queue = $1) AND (settled_at IS NULL) = $2
ORDER BY CASE WHEN $2 THEN waiting_since END, settled_at DESC, made_at, entry_id
LIMIT $3 OFFSET $4

-- name: entry
SELECT entry_id, node, number, queue, waiting_since, state, tries, not_before, agent, outbound_id, result, made_at, settled_at,
       settled_by, note,
       (SELECT array_agg(DISTINCT kind ORDER BY kind) FROM callback_requests WHERE callback_requests.entry_id = entry.entry_id) AS kinds
FROM callback_entries AS entry WHERE entry_id = $1 FOR UPDATE

-- name: queues_of
SELECT queues FROM agent_states WHERE node = $1 AND agent = $2

-- Who takes twice at once takes one after the other.
-- name: lock_agent
SELECT pg_advisory_xact_lock(hashtext('callbacks of ' || $1))

-- What the agent has claimed and not yet called.
-- name: claimed_by
SELECT entry_id FROM callback_entries WHERE agent = $1 AND state IN ('claimed', 'calling')

-- Who waits longest, of these queues; not while that number is in a call, nor ahead of a caller on the line who waits longer.
-- name: next
SELECT entry_id FROM callback_entries AS entry
WHERE node = $1 AND queue = ANY ($2::text[]) AND state = 'waiting' AND (not_before IS NULL OR not_before <= $3)
  AND NOT EXISTS (
      SELECT FROM calls
      WHERE calls.caller_number = entry.number AND calls.ended_at IS NULL AND calls.started_at > $3 - interval '12 hours'
  )
  AND NOT EXISTS (
      SELECT FROM requests AS waiting
      WHERE waiting.queue = entry.queue AND waiting.outcome = 'waiting' AND NOT waiting.void
        AND waiting.requested_at < entry.waiting_since AND waiting.requested_at > $3 - interval '1 day'
  )
ORDER BY waiting_since, made_at, entry_id LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: claim
UPDATE callback_entries SET state = 'claimed', agent = $2, claimed_until = $3 WHERE entry_id = $1

-- name: release
UPDATE callback_entries SET state = 'waiting', claimed_until = NULL WHERE entry_id = $1

-- name: call
UPDATE callback_entries SET state = 'calling', claimed_until = NULL, tries = tries + 1, outbound_id = $2 WHERE entry_id = $1

-- name: of_outbound
SELECT entry_id, tries FROM callback_entries WHERE outbound_id = $1 AND state = 'calling' FOR UPDATE

-- name: again
UPDATE callback_entries SET state = 'waiting', result = $2, not_before = $3 WHERE entry_id = $1

-- name: not_dialled
UPDATE callback_entries SET state = 'waiting', tries = tries - 1 WHERE entry_id = $1

-- name: settle
UPDATE callback_entries SET state = 'settled', result = $2, settled_at = now(), settled_by = $3, note = $4, claimed_until = NULL
WHERE entry_id = $1
