-- What a bridge stores. $1 is its node everywhere; rows come as JSON, named as the columns are.

-- name: store_position
-- Locks the node's row until the commit; returns the version of the commit before.
INSERT INTO bridge_positions AS known (node, segment, cel_file, cel_offset, queue_log_file, queue_log_offset)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (node) DO UPDATE SET
    segment = excluded.segment, cel_file = excluded.cel_file, cel_offset = excluded.cel_offset,
    queue_log_file = excluded.queue_log_file, queue_log_offset = excluded.queue_log_offset, updated_at = now()
RETURNING version

-- name: position
SELECT segment, cel_file, cel_offset, queue_log_file, queue_log_offset, updated_at FROM bridge_positions WHERE node = $1

-- name: ensure_month
SELECT ensure_months($1, $1)

-- name: known_calls
SELECT call_id, started_at, ended_at, repaired FROM calls WHERE node = $1 AND call_id = ANY ($2::text[])

-- name: store_calls
-- Which calls may be replaced was decided before; what an open call has learned stays.
INSERT INTO calls AS known (
    node, call_id, caller_number, caller_name, dialled, started_at, answered_at, menu_path, queue, queued_at, agent,
    connected_at, ended_at, hangup_cause, hung_up_by, disposition, source, repaired, flow, tags, steps, version
)
SELECT $1, call_id, caller_number, caller_name, dialled, started_at, answered_at, menu_path, queue, queued_at, agent,
       connected_at, ended_at, hangup_cause, hung_up_by, disposition, source, repaired, flow, tags, steps, $2::bigint
FROM json_to_recordset($3::json) AS fresh (
    call_id text, caller_number text, caller_name text, dialled text, started_at timestamptz, answered_at timestamptz,
    menu_path text, queue text, queued_at timestamptz, agent text, connected_at timestamptz, ended_at timestamptz,
    hangup_cause integer, hung_up_by text, disposition text, source text, repaired boolean, flow text, tags text[], steps jsonb
)
ON CONFLICT (node, call_id) DO UPDATE SET
    caller_number = excluded.caller_number,
    caller_name   = excluded.caller_name,
    dialled       = excluded.dialled,
    started_at    = excluded.started_at,
    answered_at   = coalesce(excluded.answered_at, known.answered_at),
    menu_path     = CASE WHEN length(excluded.menu_path) >= length(known.menu_path) THEN excluded.menu_path ELSE known.menu_path END,
    queue         = coalesce(excluded.queue, known.queue),
    queued_at     = CASE WHEN excluded.ended_at IS NULL THEN coalesce(excluded.queued_at, known.queued_at) ELSE excluded.queued_at END,
    agent         = coalesce(excluded.agent, known.agent),
    connected_at  = coalesce(excluded.connected_at, known.connected_at),
    ended_at      = excluded.ended_at,
    hangup_cause  = excluded.hangup_cause,
    hung_up_by    = excluded.hung_up_by,
    disposition   = excluded.disposition,
    source        = excluded.source,
    repaired      = excluded.repaired,
    flow          = coalesce(excluded.flow, known.flow),
    tags          = ARRAY(SELECT DISTINCT unnest(known.tags || excluded.tags) AS tag ORDER BY tag),
    steps         = CASE WHEN jsonb_array_length(excluded.steps) >= jsonb_array_length(known.steps) THEN excluded.steps ELSE known.steps END,
    updated_at    = now(),
    version       = excluded.version
WHERE (known.caller_number, known.caller_name, known.dialled, known.started_at, known.answered_at, known.menu_path, known.queue,
       known.queued_at, known.agent, known.connected_at, known.ended_at, known.hangup_cause, known.hung_up_by,
       known.disposition, known.source, known.repaired, known.flow, known.tags, known.steps)
      IS DISTINCT FROM
      (excluded.caller_number, excluded.caller_name, excluded.dialled, excluded.started_at, excluded.answered_at,
       excluded.menu_path, excluded.queue, excluded.queued_at, excluded.agent, excluded.connected_at, excluded.ended_at,
       excluded.hangup_cause, excluded.hung_up_by, excluded.disposition, excluded.source, excluded.repaired,
       excluded.flow, excluded.tags, excluded.steps)
RETURNING call_id, started_at

-- name: store_requests
-- $4: the calls whose requests these are, $5: no request of theirs is older. Returns what changed.
WITH fresh AS MATERIALIZED (
    SELECT f.*, exclusion_of(f.requested_at, f.queue, $1) AS reason
    FROM json_to_recordset($3::json) AS f (
        call_id text, number smallint, kind text, caller text, queue text, first_queue text, skill text, requested_at timestamptz,
        ended_at timestamptz, outcome text, wait_us bigint, agent text, hops smallint, repaired boolean, source text, precision_us bigint
    )
), gone AS (
    UPDATE requests AS known SET void = true, version = $2::bigint
    WHERE node = $1 AND call_id = ANY ($4::text[]) AND requested_at >= $5 AND NOT void AND NOT EXISTS (
        SELECT FROM fresh
        WHERE (fresh.call_id, fresh.number, fresh.requested_at) = (known.call_id, known.number, known.requested_at)
    )
    RETURNING call_id, requested_at
), stored AS (
    INSERT INTO requests AS known (
        node, call_id, number, kind, caller, queue, first_queue, skill, requested_at, ended_at, outcome, wait_us, agent, hops,
        repaired, source, precision_us, excluded, void, version
    )
    SELECT $1, call_id, number, kind, caller, queue, first_queue, skill, requested_at, ended_at, outcome, wait_us, agent, hops,
           repaired, source, precision_us, reason, false, $2::bigint
    FROM fresh
    ON CONFLICT (requested_at, node, call_id, number) DO UPDATE SET
        kind         = excluded.kind,
        caller       = excluded.caller,
        queue        = excluded.queue,
        first_queue  = excluded.first_queue,
        skill        = excluded.skill,
        ended_at     = excluded.ended_at,
        outcome      = excluded.outcome,
        wait_us      = excluded.wait_us,
        agent        = excluded.agent,
        hops         = excluded.hops,
        repaired     = excluded.repaired,
        source       = excluded.source,
        precision_us = excluded.precision_us,
        excluded     = excluded.excluded,
        void         = false,
        version      = excluded.version
    WHERE (known.void OR known.outcome = 'waiting' OR excluded.outcome <> 'waiting' OR excluded.hops > known.hops)
      AND (known.kind, known.caller, known.queue, known.first_queue, known.skill, known.ended_at, known.outcome, known.wait_us,
           known.agent, known.hops, known.repaired, known.source, known.precision_us, known.excluded, known.void)
          IS DISTINCT FROM
          (excluded.kind, excluded.caller, excluded.queue, excluded.first_queue, excluded.skill, excluded.ended_at,
           excluded.outcome, excluded.wait_us, excluded.agent, excluded.hops, excluded.repaired, excluded.source,
           excluded.precision_us, excluded.excluded, false)
    RETURNING call_id, requested_at
)
SELECT call_id, requested_at FROM gone UNION ALL SELECT call_id, requested_at FROM stored

-- name: store_turns
-- As store_requests; returns how many rows changed.
WITH fresh AS MATERIALIZED (
    SELECT * FROM json_to_recordset($3::json) AS f (
        call_id text, number smallint, agent text, queue text, rang_at timestamptz, result text, connected_at timestamptz,
        ended_at timestamptz, ring_us bigint, talk_us bigint, hold_us bigint, wrapup_us bigint, ended_by text, repaired boolean
    )
), gone AS (
    UPDATE agent_turns AS known SET void = true, version = $2::bigint
    WHERE node = $1 AND call_id = ANY ($4::text[]) AND rang_at >= $5 AND NOT void AND NOT EXISTS (
        SELECT FROM fresh WHERE (fresh.call_id, fresh.number, fresh.rang_at) = (known.call_id, known.number, known.rang_at)
    )
    RETURNING 1
), stored AS (
    INSERT INTO agent_turns AS known (
        node, call_id, number, agent, queue, rang_at, result, connected_at, ended_at, ring_us, talk_us, hold_us, wrapup_us,
        ended_by, repaired, void, version
    )
    SELECT $1, call_id, number, agent, queue, rang_at, result, connected_at, ended_at, ring_us, talk_us, hold_us, wrapup_us,
           ended_by, repaired, false, $2::bigint
    FROM fresh
    ON CONFLICT (rang_at, node, call_id, number) DO UPDATE SET
        agent        = excluded.agent,
        queue        = excluded.queue,
        result       = excluded.result,
        connected_at = excluded.connected_at,
        ended_at     = excluded.ended_at,
        ring_us      = excluded.ring_us,
        talk_us      = excluded.talk_us,
        hold_us      = excluded.hold_us,
        wrapup_us    = excluded.wrapup_us,
        ended_by     = excluded.ended_by,
        repaired     = excluded.repaired,
        void         = false,
        version      = excluded.version
    WHERE (known.void OR known.result = 'ringing' OR excluded.result <> 'ringing')
      AND (known.agent, known.queue, known.result, known.connected_at, known.ended_at, known.ring_us, known.talk_us, known.hold_us,
           known.wrapup_us, known.ended_by, known.repaired, known.void)
          IS DISTINCT FROM
          (excluded.agent, excluded.queue, excluded.result, excluded.connected_at, excluded.ended_at, excluded.ring_us,
           excluded.talk_us, excluded.hold_us, excluded.wrapup_us, excluded.ended_by, excluded.repaired, false)
    RETURNING 1
)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM stored)

-- name: mark
-- The quarter-hours of these times have changed (taken in order, so that two writers cannot block each other).
INSERT INTO dirty_quarters AS known (quarter, node, version)
SELECT DISTINCT date_bin('15 minutes', changed, 'epoch') AS quarter, $1, $2::bigint FROM unnest($3::timestamptz[]) AS changed
ORDER BY quarter
ON CONFLICT (quarter, node) DO UPDATE SET version = greatest(known.version + 1, excluded.version)

-- name: store_gap
INSERT INTO gaps AS known (gap_id, node, from_at, to_at, cause) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (gap_id) DO UPDATE SET to_at = excluded.to_at, cause = excluded.cause
WHERE excluded.to_at IS NOT NULL AND (known.to_at, known.cause) IS DISTINCT FROM (excluded.to_at, excluded.cause)
RETURNING true

-- name: store_agents
WITH stored AS (
    INSERT INTO agent_states AS known (node, agent, state, since, paused, pause_reason, call_id, queues, at, channel, version)
    SELECT $1, agent, state, since, paused, pause_reason, call_id, queues, at, channel, $2::bigint
    FROM json_to_recordset($3::json) AS fresh (
        agent text, state text, since timestamptz, paused boolean, pause_reason text, call_id text, queues text[], at timestamptz,
        channel text
    )
    ON CONFLICT (node, agent) DO UPDATE SET
        state = excluded.state, since = excluded.since, paused = excluded.paused, pause_reason = excluded.pause_reason,
        call_id = excluded.call_id, queues = excluded.queues, at = excluded.at, channel = excluded.channel,
        version = excluded.version
    WHERE (known.state, known.since, known.paused, known.pause_reason, known.call_id, known.queues, known.channel)
          IS DISTINCT FROM
          (excluded.state, excluded.since, excluded.paused, excluded.pause_reason, excluded.call_id, excluded.queues,
           excluded.channel)
    RETURNING 1
)
SELECT count(*) FROM stored

-- name: store_listing
-- $3: when all queues were listed, $4: [queue, interface] of every member, $5: the agents that have any; others are offline.
WITH listed AS MATERIALIZED (
    SELECT one ->> 0 AS queue, one ->> 1 AS interface FROM json_array_elements($4::json) AS one
), gone AS (
    DELETE FROM queue_members AS known
    WHERE node = $1 AND NOT EXISTS (SELECT FROM listed WHERE (listed.queue, listed.interface) = (known.queue, known.interface))
    RETURNING 1
), offline AS (
    UPDATE agent_states AS known
    SET state = 'offline', since = $3, paused = false, pause_reason = '', call_id = NULL, channel = '', queues = '{}', at = $3,
        version = $2::bigint
    WHERE node = $1 AND state <> 'offline' AND agent <> ALL ($5::text[])
    RETURNING 1
), noted AS (
    INSERT INTO queue_listings (node, listed_at) VALUES ($1, $3)
    ON CONFLICT (node) DO UPDATE SET listed_at = excluded.listed_at
    RETURNING 1
)
SELECT (SELECT count(*) FROM noted)

-- name: store_members
WITH fresh AS MATERIALIZED (
    SELECT * FROM json_to_recordset($3::json) AS f (
        queue text, interface text, agent text, penalty integer, paused boolean, pause_reason text, status smallint,
        paused_at timestamptz, at timestamptz, is_gone boolean
    )
), gone AS (
    DELETE FROM queue_members AS known USING fresh
    WHERE node = $1 AND (known.queue, known.interface) = (fresh.queue, fresh.interface) AND fresh.is_gone
    RETURNING 1
), stored AS (
    INSERT INTO queue_members AS known
        (node, queue, interface, agent, penalty, paused, pause_reason, status, paused_at, at, version)
    SELECT $1, queue, interface, agent, penalty, paused, pause_reason, status, paused_at, at, $2::bigint FROM fresh WHERE NOT is_gone
    ON CONFLICT (node, queue, interface) DO UPDATE SET
        agent = excluded.agent, penalty = excluded.penalty, paused = excluded.paused, pause_reason = excluded.pause_reason,
        status = excluded.status, paused_at = excluded.paused_at, at = excluded.at, version = excluded.version
    WHERE (known.agent, known.penalty, known.paused, known.pause_reason, known.status, known.paused_at)
          IS DISTINCT FROM
          (excluded.agent, excluded.penalty, excluded.paused, excluded.pause_reason, excluded.status, excluded.paused_at)
    RETURNING 1
)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM stored)

-- name: store_steps
WITH stored AS (
    INSERT INTO acd_steps (node, uniqueid, number, call_id, at, step, detail, version)
    SELECT $1, uniqueid, number, call_id, at, step, detail, $2::bigint
    FROM json_to_recordset($3::json) AS fresh (
        uniqueid text, number integer, call_id text, at timestamptz, step text, detail text
    )
    ON CONFLICT (node, uniqueid, number) DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM stored

-- name: store_status
INSERT INTO bridge_status (
    node, at, connected, connected_since, event_lag_ms, journal_segment, journal_bytes, journal_failing_since, backlog, calls_open,
    events, unwanted, undecodable, oversized, conservation_violations, gaps_open, rss_bytes, refused, version
)
SELECT $1, at, connected, connected_since, event_lag_ms, journal_segment, journal_bytes, journal_failing_since, $3::bigint, calls_open,
       events, unwanted, undecodable, oversized, conservation_violations, gaps_open, rss_bytes, refused, $4::bigint
FROM json_to_recordset($2::json) AS fresh (
    at timestamptz, connected boolean, connected_since timestamptz, event_lag_ms bigint, journal_segment bigint, journal_bytes bigint,
    journal_failing_since timestamptz, calls_open bigint, events bigint, unwanted bigint, undecodable bigint, oversized bigint,
    conservation_violations bigint, gaps_open bigint, rss_bytes bigint, refused bigint
)
ON CONFLICT (node) DO UPDATE SET
    at = excluded.at, connected = excluded.connected, connected_since = excluded.connected_since,
    event_lag_ms = excluded.event_lag_ms, journal_segment = excluded.journal_segment, journal_bytes = excluded.journal_bytes,
    journal_failing_since = excluded.journal_failing_since, backlog = excluded.backlog, calls_open = excluded.calls_open,
    events = excluded.events, unwanted = excluded.unwanted, undecodable = excluded.undecodable, oversized = excluded.oversized,
    conservation_violations = excluded.conservation_violations, gaps_open = excluded.gaps_open, rss_bytes = excluded.rss_bytes,
    refused = excluded.refused, version = excluded.version

-- name: next_version
WITH counted AS (UPDATE bridge_positions SET version = $2::bigint WHERE node = $1 RETURNING node, version)
SELECT pg_notify('figures', node || ' ' || version) FROM counted
