-- Agents, their sessions, and the members that queues have because of them.

-- What is done to agents, and what puts the members right, never run at the same time.
-- name: order_begins
SELECT pg_advisory_xact_lock_shared(hashtext('acd members'))

-- name: correction_begins
SELECT pg_advisory_xact_lock(hashtext('acd members'))

-- name: seed
-- $1: [{agent, skills}] of the settings. Who is kept by the directory stays as the directory says.
INSERT INTO agents AS known (agent, skills, origin)
SELECT agent, skills, 'settings' FROM jsonb_to_recordset($1::jsonb) AS f (agent text, skills jsonb)
ON CONFLICT (agent) DO UPDATE SET skills = excluded.skills, active = true
WHERE known.origin = 'settings' AND (known.skills <> excluded.skills OR NOT known.active)

-- name: seed_ends
-- Agents of settings that are no longer theirs.
UPDATE agents SET active = false WHERE origin = 'settings' AND active AND agent <> ALL ($1::text[])

-- name: seed_sessions
-- From the first start each agent works at the seat of the same number, paused if Asterisk has it so.
WITH opened AS (
    INSERT INTO agent_sessions (agent, seat, opened_by, opened_how, paused, pause_reason)
    SELECT agent, agent, 'system', 'telephone', coalesce(held.paused, false), coalesce(held.reason, '')
    FROM agents
    LEFT JOIN LATERAL (
        SELECT bool_and(paused) AS paused, CASE WHEN bool_and(paused) THEN max(pause_reason) ELSE '' END AS reason
        FROM queue_members WHERE queue_members.agent = agents.agent
    ) AS held ON true
    WHERE active AND agent = ANY ($1::text[])
      AND NOT EXISTS (SELECT FROM agent_sessions AS any_of WHERE any_of.agent = agents.agent)
      AND NOT EXISTS (SELECT FROM agent_sessions AS there WHERE there.seat = agents.agent AND there.until IS NULL)
    RETURNING agent, seat
)
INSERT INTO agent_events (agent, what, seat, why, who) SELECT agent, 'log_in', seat, 'telephone', 'system' FROM opened

-- name: close_impossible
-- Sessions at seats that are no more ($1: those there are), and of agents who are no longer any.
WITH closed AS (
    UPDATE agent_sessions AS session
    SET until = now(), closed_by = 'system', closed_how = CASE WHEN active THEN 'seat_gone' ELSE 'inactive' END, ordered_at = now()
    FROM agents
    WHERE agents.agent = session.agent AND until IS NULL AND (NOT active OR seat <> ALL ($1::text[]))
    RETURNING session.agent, seat, closed_how
)
INSERT INTO agent_events (agent, what, seat, why, who) SELECT agent, 'log_out', seat, closed_how, 'system' FROM closed

-- name: policy_agents
SELECT agent AS number, skills::text, sub_centre, trainee AND (trainee_until IS NULL OR trainee_until >= $1::date) AS trainee, mentor
FROM agents WHERE active AND ($2::text[] IS NULL OR agent = ANY ($2::text[]))

-- name: at_work
SELECT agent, seat, ordered_at, paused, pause_reason FROM agent_sessions
WHERE until IS NULL AND ($1::text[] IS NULL OR agent = ANY ($1::text[])) ORDER BY agent

-- name: present
SELECT queue, interface, agent, penalty, paused, pause_reason, status, paused_at FROM queue_members
WHERE node = $1 AND ($2::text[] IS NULL OR agent = ANY ($2::text[]))

-- name: nodes
SELECT node FROM queue_listings ORDER BY node

-- name: listed
-- When the queues of a node were last listed, if that is since its bridge has had its link.
SELECT listed_at FROM queue_listings JOIN bridge_status USING (node)
WHERE node = $1 AND connected AND listed_at >= connected_since

-- name: moving
-- Telephones about which something was asked or told a moment ago: what is seen of them may be older.
SELECT DISTINCT parameters ->> 'interface' FROM commands
WHERE node = $1 AND asked_at > now() - interval '2 seconds' AND parameters ? 'interface'
UNION
SELECT interface FROM queue_members WHERE node = $1 AND paused_at > now() - interval '2 seconds'

-- name: adopt
WITH known AS (
    UPDATE agent_sessions SET paused = $2, pause_reason = $3, ordered_at = $4, ready_at = CASE WHEN $2 THEN ready_at ELSE $4 END
    WHERE agent = $1 AND until IS NULL AND ordered_at < $4
    RETURNING agent, seat
)
INSERT INTO agent_events (agent, at, what, seat, why, who)
SELECT agent, $4, CASE WHEN $2 THEN 'pause' ELSE 'ready' END, seat, $3, 'asterisk' FROM known

-- name: whose_seat
SELECT agent FROM agent_sessions WHERE seat = $1 AND until IS NULL

-- Locked first, read then: what another order has done meanwhile is seen.
-- name: lock
SELECT FROM agents WHERE agent = ANY ($1::text[]) ORDER BY agent FOR UPDATE

-- name: locked
SELECT agents.agent, agents.active, agents.mentor, session.session_id, session.seat, session.opened_how,
       coalesce(session.paused, false) AS paused, coalesce(session.pause_reason, '') AS pause_reason,
       (SELECT state FROM agent_states AS seen WHERE seen.agent = agents.agent
        ORDER BY array_position(ARRAY['talking', 'holding', 'ringing', 'elsewhere', 'wrap_up', 'paused', 'ready', 'offline'], state)
        LIMIT 1) AS seen
FROM agents LEFT JOIN agent_sessions AS session ON session.agent = agents.agent AND session.until IS NULL
WHERE agents.agent = ANY ($1::text[]) ORDER BY agents.agent

-- name: open
INSERT INTO agent_sessions (agent, seat, opened_by, opened_how, paused, pause_reason) VALUES ($1, $2, $3, $4, $5, $6)

-- name: close
UPDATE agent_sessions SET until = now(), closed_by = $2, closed_how = $3, ordered_at = clock_timestamp()
WHERE agent = $1 AND until IS NULL

-- name: set_pause
UPDATE agent_sessions SET paused = $2, pause_reason = $3, ordered_at = clock_timestamp(),
       ready_at = CASE WHEN $2 THEN ready_at ELSE clock_timestamp() END
WHERE agent = $1 AND until IS NULL

-- name: note
INSERT INTO agent_events (agent, what, seat, why, who) VALUES ($1, $2, $3, $4, $5)

-- name: wrong_pins
SELECT count(*) FROM agent_events WHERE agent = $1 AND what = 'wrong_pin' AND at > now() - interval '15 minutes'

-- name: set_skills
UPDATE agents SET skills = $2::jsonb, origin = 'directory' WHERE agent = $1

-- name: list
-- Agents $1 (NULL: all that are active), as they are; of the nodes' words the most active. shift: the plan's nearest.
SELECT agents.agent, name, name_en, role, skills::text, sub_centre, team, trainee, trainee_until, mentor,
       seat, session.since AS logged_in_since, coalesce(session.paused, false) AS paused,
       coalesce(session.pause_reason, '') AS pause_reason, seen.state AS seen, seen.since, seen.call_id, seen.channel, seen.node,
       shift.begins, shift.ends
FROM agents
LEFT JOIN agent_sessions AS session ON session.agent = agents.agent AND session.until IS NULL
LEFT JOIN LATERAL (
    SELECT state, since, call_id, channel, node FROM agent_states WHERE agent_states.agent = agents.agent
    ORDER BY array_position(ARRAY['talking', 'holding', 'ringing', 'elsewhere', 'wrap_up', 'paused', 'ready', 'offline'], state)
    LIMIT 1
) AS seen ON true
LEFT JOIN LATERAL (
    SELECT begins, ends FROM shift_plan
    WHERE shift_plan.agent = agents.agent AND begins <= now() AND (ends > now() OR (session.since < ends AND ends > now() - interval '1 day'))
    ORDER BY begins DESC LIMIT 1
) AS shift ON true
WHERE CASE WHEN $1::text[] IS NULL THEN active ELSE agents.agent = ANY ($1::text[]) END
ORDER BY agents.agent

-- name: over
-- Sessions that outlast their shift by $1 seconds, when no other shift has begun, and not in a call.
SELECT session.agent FROM agent_sessions AS session
JOIN LATERAL (
    SELECT ends FROM shift_plan WHERE shift_plan.agent = session.agent AND begins <= now() ORDER BY ends DESC LIMIT 1
) AS last ON last.ends > session.since AND last.ends + make_interval(secs => $1) <= now()
WHERE until IS NULL AND NOT EXISTS (
    SELECT FROM agent_states AS seen WHERE seen.agent = session.agent AND state IN ('ringing', 'talking', 'holding')
)

-- name: turns_position
SELECT version FROM acd_positions WHERE reader = 'missed' AND node = $1

-- name: turns_newer
-- Agents who did not answer, of whom something was told since version $2, and up to which version it was.
SELECT array_agg(DISTINCT agent) FILTER (WHERE result = 'ring_no_answer' AND NOT void) AS agents, max(version) AS version
FROM agent_turns WHERE node = $1 AND version > $2

-- name: turns_read
INSERT INTO acd_positions AS known (reader, node, version) VALUES ('missed', $1, $2)
ON CONFLICT (reader, node) DO UPDATE SET version = greatest(known.version, excluded.version)

-- name: missed
-- Of these agents: calls not answered, one after another, since they were last ready.
SELECT session.agent, count(*) AS missed FROM agent_sessions AS session
JOIN agent_turns AS turn ON turn.agent = session.agent AND NOT turn.void AND turn.result = 'ring_no_answer'
     AND turn.rang_at > session.ready_at
WHERE session.until IS NULL AND NOT session.paused AND session.agent = ANY ($1::text[])
  AND NOT EXISTS (
      SELECT FROM agent_turns AS answered
      WHERE answered.agent = session.agent AND NOT answered.void AND answered.result = 'answered' AND answered.rang_at > turn.rang_at
  )
GROUP BY session.agent ORDER BY session.agent
