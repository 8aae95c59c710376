-- The book of call control (acd/control.py), calls to outside, dispositions, flags, malicious callers.

-- name: working
SELECT state, call_id, channel FROM agent_states WHERE node = $1 AND agent = $2

-- name: of_agent
SELECT citizen FROM control_calls AS known
WHERE node = $1 AND agent = $2 AND place NOT IN ('over', 'queue', 'sent', 'parked')
  AND NOT EXISTS (SELECT FROM calls WHERE calls.node = $1 AND calls.call_id = known.call_id AND calls.ended_at IS NOT NULL)
ORDER BY changed_at DESC LIMIT 1

-- name: of_leg
SELECT citizen FROM control_calls
WHERE node = $1 AND agent = $2 AND leg = $3 AND place NOT IN ('over', 'queue', 'sent', 'parked') ORDER BY changed_at DESC LIMIT 1

-- name: begin
INSERT INTO control_calls (node, citizen, call_id, agent, leg, place, changed_at) VALUES ($1, $2, $3, $4, $5, $6, now())
ON CONFLICT (node, citizen) DO NOTHING

-- name: locked
SELECT node, citizen, call_id, agent, leg, place, colleague, colleague_leg, slot, result, emergency, searching_since, silent_since
FROM control_calls WHERE node = $1 AND citizen = $2 FOR UPDATE

-- name: save
WITH saved AS (
    UPDATE control_calls SET
        agent = $3, leg = $4, place = $5, colleague = $6, colleague_leg = $7, slot = $8, result = $9, emergency = $10,
        searching_since = $11, silent_since = $12, changed_at = clock_timestamp()
    WHERE node = $1 AND citizen = $2
)
SELECT pg_notify('control', $1 || ' ' || $2)

-- name: citizen_of
SELECT citizen FROM control_calls WHERE node = $1 AND call_id = $2 ORDER BY changed_at DESC LIMIT 1

-- Whom to dial for an agent: the seat, and what the agent does now.
-- name: seat_of
SELECT s.seat, coalesce(a.state, 'offline') AS state
FROM agent_sessions AS s LEFT JOIN agent_states AS a ON a.agent = s.agent AND a.node = $1
WHERE s.agent = $2 AND s.until IS NULL

-- name: telephone_of
SELECT interface FROM queue_members WHERE node = $1 AND agent = $2 AND status NOT IN (4, 5) ORDER BY interface DESC LIMIT 1

-- name: agent_at
SELECT agent FROM agent_sessions WHERE seat = $1 AND until IS NULL

-- name: is_agent
SELECT true FROM agents WHERE agent = $1 AND active

-- Places that nobody waits in: one whose call is gone, or that was left long ago without a word, is free.
-- name: free_slots
WITH gone AS (
    UPDATE control_calls AS known SET place = 'over', slot = '', changed_at = clock_timestamp()
    WHERE node = $1 AND place = 'parked'
      AND (changed_at < now() - make_interval(secs => $3)
           OR EXISTS (SELECT FROM calls WHERE calls.node = $1 AND calls.call_id = known.call_id AND calls.ended_at IS NOT NULL))
    RETURNING citizen
)
SELECT slot FROM unnest($2::text[]) AS offered (slot)
WHERE NOT EXISTS (
    SELECT FROM control_calls AS known WHERE node = $1 AND place = 'parked' AND known.slot = offered.slot
      AND known.citizen NOT IN (SELECT citizen FROM gone)
)
ORDER BY slot LIMIT 1

-- name: in_threeway
SELECT EXISTS (SELECT FROM threeways WHERE node = $1 AND call_id = $2 AND ended_at IS NULL)

-- name: one_at_a_time
SELECT pg_advisory_xact_lock(hashtext('control.park'))

-- name: parked
SELECT slot, call_id, citizen, changed_at FROM control_calls WHERE node = $1 AND place = 'parked' ORDER BY slot

-- name: caller_of
SELECT caller_number FROM calls WHERE node = $1 AND call_id = $2
UNION ALL
SELECT number FROM outbound_calls WHERE node = $1 AND call_id = $2
LIMIT 1

-- name: dispose
INSERT INTO call_dispositions (node, call_id, agent, disposition, said_by, said_at) VALUES ($1, $2, $3, $4, $5, $6)

-- Calls that ended since, with what the rule of hanging up first has to know of each agent's part.
-- name: ended_calls
SELECT t.call_id, t.number, t.agent, t.ended_by, t.ended_at,
       array(SELECT disposition FROM call_dispositions AS d WHERE d.node = t.node AND d.call_id = t.call_id AND d.agent = t.agent)
           AS dispositions,
       EXISTS (
           SELECT FROM acd_steps AS s
           WHERE s.node = t.node AND s.call_id = t.call_id AND s.at >= t.ended_at - interval '1 second'
             AND (s.step IN ('control:lost', 'threeway:requeued') OR (s.step = 'control:party_left' AND s.detail ~ 'left=0?[2-9]'))
       ) AS went_on
FROM calls AS c JOIN agent_turns AS t ON t.node = c.node AND t.call_id = c.call_id
WHERE c.node = $1 AND c.version > $2 AND c.version <= $3 AND c.ended_at IS NOT NULL AND t.result = 'answered' AND t.ended_by = 'agent' AND NOT t.void
ORDER BY c.version

-- name: newest_call
SELECT coalesce(max(version), 0) FROM calls WHERE node = $1

-- name: position
SELECT version FROM acd_positions WHERE reader = 'control' AND node = $1

-- name: move
INSERT INTO acd_positions (reader, node, version) VALUES ('control', $1, $2)
ON CONFLICT (reader, node) DO UPDATE SET version = excluded.version

-- name: flag
INSERT INTO quality_flags (node, call_id, number, agent, kind, at) VALUES ($1, $2, $3, $4, 'agent_hung_up_first', $5)
ON CONFLICT DO NOTHING

-- name: marks_of
SELECT marked_at FROM malicious_marks WHERE number = $1 AND reset_at IS NULL AND marked_at >= $2 AND (node, call_id) <> ($3, $4)

-- name: lock_number
SELECT pg_advisory_xact_lock(hashtext('malicious ' || $1))

-- A call has one mark: one that was reset counts again, as it was made last.
-- name: mark
INSERT INTO malicious_marks (number, node, call_id, agent, level, note, marked_by, marked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (node, call_id) DO UPDATE SET
    number = excluded.number, agent = excluded.agent, level = excluded.level, note = excluded.note,
    marked_by = excluded.marked_by, marked_at = excluded.marked_at, reset_by = NULL, reset_at = NULL

-- name: mark_of_call
SELECT level FROM malicious_marks WHERE node = $1 AND call_id = $2 AND reset_at IS NULL

-- name: reset
WITH reset AS (
    UPDATE malicious_marks SET reset_by = $2, reset_at = $3 WHERE number = $1 AND reset_at IS NULL RETURNING true
)
SELECT count(*) FROM reset

-- The third and every later one is reported when the call is over: an alarm that the shift leader sees.
-- name: report
WITH reported AS (
    UPDATE malicious_marks AS m SET reported_at = clock_timestamp()
    FROM calls AS c
    WHERE m.node = $1 AND c.node = m.node AND c.call_id = m.call_id AND c.ended_at IS NOT NULL
      AND m.level >= 3 AND m.reported_at IS NULL AND m.reset_at IS NULL
    RETURNING m.*
), raised AS (
    INSERT INTO alarms (alarm_id, kind, subject, raised_at, value, limit_value, detail)
    SELECT gen_random_uuid(), 'malicious_caller', number, reported_at, level, 3,
           jsonb_build_object('call_id', call_id, 'agent', agent, 'note', note)
    FROM reported
    ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING
    RETURNING alarm_id
), told AS (SELECT pg_notify('alarms', alarm_id::text) FROM raised)
SELECT (SELECT count(*) FROM reported) + 0 * (SELECT count(*) FROM told)

-- name: clear_report
WITH cleared AS (
    UPDATE alarms SET cleared_at = greatest(raised_at, clock_timestamp())
    WHERE kind = 'malicious_caller' AND subject = $1 AND cleared_at IS NULL RETURNING alarm_id
)
SELECT pg_notify('alarms', alarm_id::text) FROM cleared

-- name: block
INSERT INTO caller_blocks (number, from_at, until_at, reason, set_by) VALUES ($1, $2, $3, $4, $5) RETURNING block_id

-- name: unblock
WITH lifted AS (
    UPDATE caller_blocks SET lifted_at = $2, lifted_by = $3 WHERE number = $1 AND lifted_at IS NULL AND until_at > $2 RETURNING true
)
SELECT count(*) FROM lifted

-- name: order_outbound
INSERT INTO outbound_calls (outbound_id, node, agent, number, purpose, ticket, ordered_by, ordered_at, call_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (number) WHERE ended_at IS NULL DO NOTHING RETURNING true

-- name: outbound
SELECT outbound_id, node, agent, number, purpose, ticket, ordered_by, ordered_at, call_id, dialled_at, answered_at, ended_at, result
FROM outbound_calls WHERE outbound_id = $1

-- name: outbound_of_call
SELECT outbound_id FROM outbound_calls WHERE node = $1 AND call_id = $2 AND ended_at IS NULL

-- name: outbound_told
WITH told AS (
    UPDATE outbound_calls SET
        dialled_at = coalesce(dialled_at, $2), answered_at = coalesce(answered_at, $3),
        ended_at = coalesce(ended_at, $4), result = CASE WHEN ended_at IS NULL AND $4 IS NOT NULL THEN $5 ELSE result END
    WHERE outbound_id = $1
    RETURNING outbound_id, node
)
SELECT pg_notify('control', node || ' ' || outbound_id) FROM told

-- name: outbound_listed
SELECT outbound_id, node, agent, number, purpose, ticket, ordered_by, ordered_at, call_id, dialled_at, answered_at, ended_at, result
FROM outbound_calls WHERE ($1 = '' OR agent = $1) AND ($2 = '' OR ticket = $2) ORDER BY ordered_at DESC LIMIT $3

-- A call to outside of which nothing more can come: it was never dialled; whoever has it has put the telephone down and nothing was
-- told of it (Asterisk died over it); or nobody hears of it any more.
-- name: outbound_lost
SELECT o.outbound_id, o.call_id FROM outbound_calls AS o
WHERE o.node = $1 AND o.ended_at IS NULL AND o.ordered_at < now() - interval '1 minute'
  AND ((o.dialled_at IS NULL AND o.ordered_at < now() - interval '3 minutes') OR o.ordered_at < now() - interval '6 hours'
       OR EXISTS (
           SELECT FROM agent_states AS s
           WHERE s.node = o.node AND s.state IN ('ready', 'paused') AND s.since > o.dialled_at AND s.since < now() - interval '30 seconds'
             AND s.agent = coalesce((SELECT agent FROM control_calls AS known WHERE known.node = o.node AND known.call_id = o.call_id
                                     ORDER BY changed_at DESC LIMIT 1), o.agent)
       ))

-- name: hands_of
SELECT node, citizen, call_id, agent, leg, place, colleague, colleague_leg, slot, result, emergency, searching_since, silent_since
FROM control_calls WHERE node = $1 AND call_id = $2 AND place <> 'over' FOR UPDATE
