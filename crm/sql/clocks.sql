-- Clocks of tickets: crm/clocks.

-- name: of_ticket
SELECT ticket_id, kind, round, unit, started_at, due_at, paused_at, stopped_at, stopped_with, met, excluded, profile_version,
       facts::text, why::text, extension, next_step, next_fire_at
FROM ticket_clocks WHERE ticket_id = $1 ORDER BY kind, round

-- name: of_ticket_locked
SELECT ticket_id, kind, round, unit, started_at, due_at, paused_at, stopped_at, stopped_with, met, excluded, profile_version,
       facts::text, why::text, extension, next_step, next_fire_at
FROM ticket_clocks WHERE ticket_id = $1 ORDER BY kind, round FOR UPDATE

-- name: save
INSERT INTO ticket_clocks (ticket_id, kind, round, unit, started_at, due_at, paused_at, stopped_at, stopped_with, met, excluded,
                           profile_version, facts, why, extension, next_step, next_fire_at)
SELECT $1, o.kind, o.round, o.unit, o.started_at, o.due_at, o.paused_at, o.stopped_at, o.stopped_with, o.met,
       o.excluded OR (o.kind = 'dispatch' AND EXISTS (
           SELECT FROM cutoff_suspensions AS s WHERE o.due_at >= s.begins AND o.due_at < s.ends)),
       o.profile_version, o.facts, o.why, o.extension, o.next_step, o.next_fire_at
FROM jsonb_to_recordset($2::jsonb) AS o (
    kind text, round smallint, unit text, started_at timestamptz, due_at timestamptz, paused_at timestamptz, stopped_at timestamptz,
    stopped_with text, met boolean, excluded boolean, profile_version integer, facts jsonb, why jsonb, extension smallint,
    next_step smallint, next_fire_at timestamptz)
ON CONFLICT (ticket_id, kind, round) DO UPDATE SET
    unit = excluded.unit, started_at = excluded.started_at, due_at = excluded.due_at, paused_at = excluded.paused_at,
    stopped_at = excluded.stopped_at, stopped_with = excluded.stopped_with, met = excluded.met, excluded = excluded.excluded,
    profile_version = excluded.profile_version, facts = excluded.facts, why = excluded.why, extension = excluded.extension,
    next_step = excluded.next_step, next_fire_at = excluded.next_fire_at

-- name: log
INSERT INTO clock_log (ticket_id, at, kind, round, verb, old_due, new_due, why, by)
SELECT $1, $2, o.kind, o.round, o.verb, o.old_due, o.new_due, o.why, $4
FROM jsonb_to_recordset($3::jsonb) AS o (
    kind text, round smallint, verb text, old_due timestamptz, new_due timestamptz, why jsonb)

-- name: log_of_ticket
SELECT at, kind, round, verb, old_due, new_due, why::text, by FROM clock_log WHERE ticket_id = $1 ORDER BY at, kind, round LIMIT $2

-- name: escalations_of_ticket
SELECT kind, round, extension, step, was_due, fired_at, due_at, mode, level, addressee
FROM escalations WHERE ticket_id = $1 ORDER BY fired_at, step LIMIT $2
