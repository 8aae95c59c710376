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
       o.profile_version, o.facts, o.why, o.extension, o.next_step,
       CASE WHEN o.kind = 'dispatch' AND EXISTS (
           SELECT FROM cutoff_suspensions AS s WHERE o.due_at >= s.begins AND o.due_at < s.ends) THEN NULL ELSE o.next_fire_at END
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

-- name: to_fire
-- What is to be fired by now, the oldest first; a clock or a ticket that somebody works on is left for the next round: nobody waits.
SELECT c.ticket_id, c.kind, c.round, c.unit, c.started_at, c.due_at, c.profile_version, c.extension, c.next_step, c.next_fire_at
FROM ticket_clocks AS c JOIN tickets AS t USING (ticket_id)
WHERE c.next_fire_at <= $1
ORDER BY c.next_fire_at LIMIT $2
FOR UPDATE OF c SKIP LOCKED FOR KEY SHARE OF t SKIP LOCKED

-- name: fire
-- Each step once, whoever fires it; and a line of electronic supervision for each (SUP-16).
WITH o AS MATERIALIZED (
    SELECT * FROM unnest($2::bigint[], $3::text[], $4::smallint[], $5::smallint[], $6::smallint[], $7::timestamptz[],
                         $8::timestamptz[], $9::text[], $10::smallint[], $11::text[], $12::text[])
        AS o (ticket_id, kind, round, extension, step, was_due, due_at, mode, level, addressee, demand)
), fired AS (
    INSERT INTO escalations (ticket_id, kind, round, extension, step, was_due, fired_at, due_at, mode, level, addressee)
    SELECT ticket_id, kind, round, extension, step, was_due, $1, due_at, mode, level, addressee FROM o
    ON CONFLICT DO NOTHING RETURNING ticket_id, kind, round, extension, step
), told AS (
    INSERT INTO ticket_supervisions (supervision_id, ticket_id, at, mode, kind, level, by, addressee, demand)
    SELECT gen_random_uuid(), ticket_id, $1, o.mode, 'plan', o.level, 'plan', o.addressee, o.demand
    FROM fired JOIN o USING (ticket_id, kind, round, extension, step)
)
SELECT count(*) FROM fired

-- name: fired_up_to
UPDATE ticket_clocks AS c SET next_step = o.next_step, next_fire_at = o.next_fire_at
FROM unnest($1::bigint[], $2::text[], $3::smallint[], $4::smallint[], $5::timestamptz[])
    AS o (ticket_id, kind, round, next_step, next_fire_at)
WHERE c.ticket_id = o.ticket_id AND c.kind = o.kind AND c.round = o.round

-- name: as_staff
SELECT set_config('hotline.viewer', 'staff', true)

-- name: overdue_callers_begin
-- Who has an overdue ticket at a unit goes ahead, if the city wants it (IVR-32). The tickets are found first: what row security lets
-- through cannot be estimated, and the planner would read every identity.
WITH late AS MATERIALIZED (
    SELECT array_agg(DISTINCT c.ticket_id) AS ids FROM ticket_clocks AS c
    WHERE c.stopped_at IS NULL AND c.paused_at IS NULL AND c.due_at < $1 AND c.kind IN ('handle', 'promise')
)
INSERT INTO overdue_callers (number)
SELECT DISTINCT i.calling_number
FROM ticket_identities AS i
WHERE i.ticket_id = ANY ((SELECT ids FROM late)::bigint[]) AND i.calling_number <> ''
    AND NOT EXISTS (SELECT FROM overdue_callers AS known WHERE known.number = i.calling_number)
ON CONFLICT DO NOTHING

-- name: overdue_callers_end
DELETE FROM overdue_callers AS known WHERE NOT EXISTS (
    SELECT FROM ticket_identities AS i JOIN ticket_clocks AS c USING (ticket_id)
    WHERE i.calling_number = known.number AND i.calling_number <> '' AND c.stopped_at IS NULL AND c.paused_at IS NULL
        AND c.due_at < $1 AND c.kind IN ('handle', 'promise'))

-- name: calendar_newest
SELECT version, digest, open, done_to, recomputed, moved, done_at FROM calendar_versions ORDER BY version DESC LIMIT 1

-- name: calendar_newest_locked
SELECT version, digest, open, done_to, recomputed, moved, done_at FROM calendar_versions ORDER BY version DESC LIMIT 1 FOR UPDATE

-- name: calendar_one_at_a_time
SELECT pg_advisory_xact_lock(hashtext('calendar_versions'))

-- name: calendar_add
-- The first calendar that the database knows has nothing to change.
INSERT INTO calendar_versions (version, digest, days, seen_at, open, done_at)
SELECT coalesce(max(version), 0) + 1, $1, $2::jsonb, $3::timestamptz, (SELECT count(*) FROM ticket_clocks WHERE stopped_at IS NULL),
       CASE WHEN count(*) = 0 THEN $3::timestamptz END
FROM calendar_versions RETURNING version

-- name: calendar_tickets
SELECT DISTINCT ticket_id FROM ticket_clocks WHERE stopped_at IS NULL AND ticket_id > $1 ORDER BY ticket_id LIMIT $2

-- name: lock_tickets
SELECT ticket_id FROM tickets WHERE ticket_id = ANY($1::bigint[]) ORDER BY ticket_id FOR UPDATE

-- name: open_of_tickets
SELECT ticket_id, kind, round, unit, started_at, due_at, paused_at, stopped_at, stopped_with, met, excluded, profile_version,
       facts::text, why::text, extension, next_step, next_fire_at
FROM ticket_clocks WHERE ticket_id = ANY($1::bigint[]) AND stopped_at IS NULL ORDER BY ticket_id, kind, round FOR UPDATE

-- name: move
WITH o AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS o (
        ticket_id bigint, kind text, round smallint, due_at timestamptz, why jsonb, next_fire_at timestamptz, next_step smallint)
), logged AS (
    INSERT INTO clock_log (ticket_id, at, kind, round, verb, old_due, new_due, why, by)
    SELECT o.ticket_id, $2, o.kind, o.round, 'calendar', c.due_at, o.due_at, o.why, 'calendar'
    FROM o JOIN ticket_clocks AS c USING (ticket_id, kind, round)
), shown AS (
    UPDATE tickets AS t SET due_at = o.due_at FROM o
    WHERE t.ticket_id = o.ticket_id AND (o.kind = 'promise' OR o.kind = 'handle' AND NOT EXISTS (
        SELECT FROM ticket_clocks AS p WHERE p.ticket_id = o.ticket_id AND p.kind = 'promise' AND p.stopped_at IS NULL))
)
UPDATE ticket_clocks AS c SET due_at = o.due_at, why = o.why, next_fire_at = o.next_fire_at, next_step = o.next_step
FROM o WHERE c.ticket_id = o.ticket_id AND c.kind = o.kind AND c.round = o.round

-- name: calendar_progress
UPDATE calendar_versions SET done_to = $2, recomputed = recomputed + $3, moved = moved + $4, done_at = $5 WHERE version = $1

-- name: suspend
INSERT INTO cutoff_suspensions (suspension_id, begins, ends, reason, made_by, made_at, tickets) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: suspend_clocks
WITH marked AS (
    UPDATE ticket_clocks SET excluded = true, next_fire_at = NULL
    WHERE kind = 'dispatch' AND due_at >= $1 AND due_at < $2 AND NOT excluded RETURNING ticket_id)
SELECT count(*) FROM marked

-- name: suspensions
SELECT suspension_id, begins, ends, reason, made_by, made_at, tickets, count(*) OVER () AS total
FROM cutoff_suspensions ORDER BY begins DESC, suspension_id LIMIT $1 OFFSET $2

-- name: falling_due
-- $1 by when, $2 unit and those below it ('': all), $3 kind ('': all), $4 only those overdue at $5, $6 the unit that asks ('': staff),
-- which sees what it may (SEC-02).
SELECT c.ticket_id, t.channel, t.state, t.urgent, c.kind, c.round, c.unit, c.started_at, c.due_at, c.paused_at, c.stopped_at,
       c.stopped_with, c.met, c.excluded, c.profile_version, '{}' AS facts, '[]' AS why, c.extension, c.next_step, c.next_fire_at,
       count(*) OVER () AS total
FROM ticket_clocks AS c JOIN tickets AS t USING (ticket_id)
WHERE c.stopped_at IS NULL AND c.due_at <= $1 AND ($3 = '' OR c.kind = $3)
    AND ($2 = '' OR c.unit = $2 OR c.unit IN (SELECT code FROM units WHERE path @> ARRAY[$2::text]))
    AND (NOT $4 OR c.due_at < $5 AND c.paused_at IS NULL)
    AND ($6 = '' OR c.unit <> '' AND (c.unit = $6 OR c.unit IN (SELECT code FROM units WHERE path @> ARRAY[$6::text]))
         AND EXISTS (SELECT FROM unit_tickets AS seen WHERE seen.ticket_id = c.ticket_id))
ORDER BY c.due_at, c.ticket_id, c.kind, c.round LIMIT $7 OFFSET $8

-- name: suspended
UPDATE cutoff_suspensions SET tickets = $2 WHERE suspension_id = $1
