-- Recordings as people see them (IVR-13, QUA-02): lists, one, plays, masks. Units look through unit_recordings (hotline.unit).

-- name: plan_anew
-- Conditions that are not given cost nothing then.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)

-- name: listed
SELECT r.recording_id, r.node, r.call_id, r.kind, coalesce(r.started_at, r.stored_at) AS at, r.started_at, r.length_ms, r.state,
       r.quality, r.deleted_at, coalesce(t.state, '') AS transcript, coalesce(m.caller_number, c.caller_number, '') AS caller,
       coalesce(c.agent, '') AS agent,
       ARRAY(SELECT k.ticket_id FROM recording_tickets AS k WHERE k.recording_id = r.recording_id
                AND ($11 = '' OR k.ticket_id IN (SELECT u.ticket_id FROM unit_recordings AS u WHERE u.recording_id = r.recording_id))
             ORDER BY 1) AS tickets
FROM recordings AS r
LEFT JOIN transcripts AS t ON t.recording_id = r.recording_id
LEFT JOIN messages AS m ON m.recording_id = r.recording_id
LEFT JOIN calls AS c ON c.node = r.node AND c.call_id = r.call_id
WHERE ($1::timestamptz IS NULL OR coalesce(r.started_at, r.stored_at) >= $1)
  AND ($2::timestamptz IS NULL OR coalesce(r.started_at, r.stored_at) < $2)
  AND ($3 = '' OR r.call_id = $3)
  AND ($4::bigint IS NULL OR r.recording_id = ANY (ARRAY(SELECT k.recording_id FROM recording_tickets AS k WHERE k.ticket_id = $4)))
  AND ($5 = '' OR EXISTS (SELECT FROM agent_turns AS a WHERE a.node = r.node AND a.call_id = r.call_id AND a.agent = $5
                            AND a.result = 'answered' AND NOT a.void)
       OR r.voices @> jsonb_build_array(jsonb_build_object('name', $5::text)))
  AND ($6 = '' OR r.kind = $6)
  AND ($7 = '' OR r.quality = $7)
  AND ($8::bigint IS NULL OR r.length_ms >= $8) AND ($9::bigint IS NULL OR r.length_ms <= $9)
  AND ($10::bigint IS NULL OR (coalesce(r.started_at, r.stored_at), r.recording_id)
       < (SELECT coalesce(b.started_at, b.stored_at), b.recording_id FROM recordings AS b WHERE b.recording_id = $10))
  AND ($11 = '' OR r.recording_id IN (SELECT u.recording_id FROM unit_recordings AS u WHERE $4 IS NULL OR u.ticket_id = $4))
  AND ($12 = '' OR (r.kind = 'conversation' AND $13 <> '' AND (
           r.voices @> jsonb_build_array(jsonb_build_object('name', $13::text))
           OR EXISTS (SELECT FROM agent_turns AS a WHERE a.node = r.node AND a.call_id = r.call_id AND a.agent = $13
                        AND a.result = 'answered' AND NOT a.void)))
       OR (r.kind = 'message' AND EXISTS (
           SELECT FROM recording_tickets AS k JOIN tickets AS o ON o.ticket_id = k.ticket_id
           WHERE k.recording_id = r.recording_id AND o.accept_agent = $12)))
ORDER BY coalesce(r.started_at, r.stored_at) DESC, r.recording_id DESC LIMIT $14

-- name: one
-- $2: the agent number, $3: the user name of who asks.
SELECT r.recording_id, r.node, r.call_id, r.kind, r.file, coalesce(r.started_at, r.stored_at) AS at, r.started_at, r.length_ms, r.channels,
       r.sha256, r.state, r.quality, r.voices::text AS voices, r.manifest::text AS manifest, r.storage, r.object, r.object_bytes, r.object_sha256,
       r.key_id, r.wrapped_key, r.deleted_at, coalesce(t.state, '') AS transcript, coalesce(m.caller_number, c.caller_number, '') AS caller,
       coalesce(c.agent, '') AS agent,
       ARRAY(SELECT k.ticket_id FROM recording_tickets AS k WHERE k.recording_id = r.recording_id ORDER BY 1) AS tickets,
       $2 <> '' AND (r.voices @> jsonb_build_array(jsonb_build_object('name', $2::text))
           OR EXISTS (SELECT FROM agent_turns AS a WHERE a.node = r.node AND a.call_id = r.call_id AND a.agent = $2
                        AND a.result = 'answered' AND NOT a.void)) AS took_part,
       EXISTS (SELECT FROM recording_tickets AS k JOIN tickets AS o ON o.ticket_id = k.ticket_id
               WHERE k.recording_id = r.recording_id AND o.accept_agent = $3) AS has_ticket,
       EXISTS (SELECT FROM unit_recordings AS u WHERE u.recording_id = r.recording_id) AS of_unit
FROM recordings AS r
LEFT JOIN transcripts AS t ON t.recording_id = r.recording_id
LEFT JOIN messages AS m ON m.recording_id = r.recording_id
LEFT JOIN calls AS c ON c.node = r.node AND c.call_id = r.call_id
WHERE r.recording_id = $1

-- name: plain_to_unit
SELECT DISTINCT ticket_id FROM unit_recordings WHERE recording_id = $1 ORDER BY 1

-- name: peaks
SELECT peaks FROM recordings WHERE recording_id = $1

-- name: masks
SELECT mask_id, from_ms, to_ms, reason, set_by, set_at, lifted_by, lifted_at, lift_reason
FROM recording_masks WHERE recording_id = $1 ORDER BY from_ms, mask_id

-- name: mask
INSERT INTO recording_masks (recording_id, from_ms, to_ms, reason, set_by, set_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING mask_id

-- name: lift
UPDATE recording_masks SET lifted_by = $3, lifted_at = $4, lift_reason = $5
WHERE recording_id = $1 AND mask_id = $2 AND lifted_at IS NULL
RETURNING mask_id

-- name: mask_known
SELECT set_by FROM recording_masks WHERE recording_id = $1 AND mask_id = $2

-- name: one_at_a_time
-- Requests that a player makes at once are one play, too.
SELECT pg_advisory_xact_lock(hashtextextended('play:' || $1::text || ':' || $2, 0))

-- name: go_on
-- $1: recording, $2: listener, $3: role, $4: reason, $5: side, $6: now, $7 and $8: milliseconds, $9: since when it goes on.
UPDATE recording_plays SET last_at = $6, requests = requests + 1, asked = asked + int4multirange(int4range($7, $8))
WHERE play_id = (SELECT max(play_id) FROM recording_plays WHERE recording_id = $1 AND listener = $2 AND kind = 'listened')
  AND role = $3 AND reason = $4 AND side = $5 AND last_at >= $9
RETURNING play_id

-- name: play
INSERT INTO recording_plays (recording_id, kind, listener, role, reason, side, began_at, last_at, asked)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, int4multirange(int4range($8, $9)))
RETURNING play_id

-- name: sent
UPDATE recording_plays SET sent = sent + int4multirange(int4range($2, $3)), last_at = greatest(last_at, $4) WHERE play_id = $1

-- name: plays
SELECT play_id, kind, listener, role, reason, side, began_at, last_at, requests,
       ARRAY(SELECT ARRAY[lower(s), upper(s)] FROM unnest(asked) AS s) AS asked,
       ARRAY(SELECT ARRAY[lower(s), upper(s)] FROM unnest(sent) AS s) AS sent
FROM recording_plays WHERE recording_id = $1 AND ($2::bigint IS NULL OR play_id < $2) ORDER BY play_id DESC LIMIT $3

-- name: of_ticket
-- Recordings of a ticket's calls, for evidence (CAL-09).
SELECT recording_id FROM recording_tickets WHERE ticket_id = $1 ORDER BY 1
