-- name: store_call
-- A row never goes backwards: an ended call is not opened again, and what AMI saw whole is not replaced by a repair.
INSERT INTO calls AS known (
    node, call_id, caller_number, caller_name, dialled, started_at, answered_at, menu_path, queue, queued_at, agent,
    connected_at, ended_at, hangup_cause, hung_up_by, disposition, source, repaired, flow, tags, steps
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
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
    updated_at    = now()
WHERE (known.ended_at IS NULL OR (excluded.ended_at IS NOT NULL AND (known.repaired OR NOT excluded.repaired)))
  AND (known.caller_number, known.caller_name, known.dialled, known.started_at, known.answered_at, known.menu_path, known.queue,
       known.queued_at, known.agent, known.connected_at, known.ended_at, known.hangup_cause, known.hung_up_by,
       known.disposition, known.source, known.repaired, known.flow, known.tags, known.steps)
      IS DISTINCT FROM
      (excluded.caller_number, excluded.caller_name, excluded.dialled, excluded.started_at, excluded.answered_at,
       excluded.menu_path, excluded.queue, excluded.queued_at, excluded.agent, excluded.connected_at, excluded.ended_at,
       excluded.hangup_cause, excluded.hung_up_by, excluded.disposition, excluded.source, excluded.repaired,
       excluded.flow, excluded.tags, excluded.steps)

-- name: store_position
INSERT INTO bridge_positions (node, segment, cel_file, cel_offset) VALUES ($1, $2, $3, $4)
ON CONFLICT (node) DO UPDATE SET
    segment = excluded.segment, cel_file = excluded.cel_file, cel_offset = excluded.cel_offset, updated_at = now()

-- name: position
SELECT segment, cel_file, cel_offset FROM bridge_positions WHERE node = $1

-- name: open_calls
SELECT call_id FROM calls WHERE node = $1 AND ended_at IS NULL
