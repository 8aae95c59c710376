-- The tree of undertaking units, and who is there.

-- name: above
-- The units above this one, the nearest first.
SELECT u.code FROM units AS u JOIN units AS below ON u.code = ANY (below.path)
WHERE below.code = $1 AND u.code <> $1 ORDER BY cardinality(u.path) DESC

-- name: below
SELECT code FROM units WHERE path @> ARRAY[$1::text]

-- name: is_below
SELECT EXISTS (SELECT FROM units WHERE code = $1 AND code <> $2 AND $2 = ANY (path))

-- name: with_above
SELECT DISTINCT unnest(path) FROM units WHERE code = ANY ($1::text[])

-- name: active
-- $1 codes (NULL: all), $2 the day.
SELECT code FROM units
WHERE ($1::text[] IS NULL OR code = ANY ($1)) AND removed_at IS NULL
  AND coalesce(active_from <= $2, true) AND coalesce(active_to >= $2, true)

-- name: tree
-- Open tickets of the unit and of those below it. $1 the unit that it begins with ('': all), $2 with those that have ended.
WITH open AS (
    SELECT t.unit, count(DISTINCT t.ticket_id) AS tickets FROM ticket_tasks AS t WHERE t.ended_at IS NULL GROUP BY t.unit
)
SELECT u.code, u.name, u.name_en, coalesce(u.parent, '') AS parent, u.level, u.unit_group, u.is_territorial, u.territories,
       cardinality(u.path) AS depth, u.removed_at IS NULL AS active, coalesce(o.tickets, 0)::int AS open_tickets,
       coalesce((SELECT sum(b.tickets) FROM open AS b JOIN units AS d ON d.code = b.unit WHERE d.path @> ARRAY[u.code]), 0)::int
           AS open_tickets_below
FROM units AS u LEFT JOIN open AS o ON o.unit = u.code
WHERE ($1 = '' OR u.path @> ARRAY[$1]) AND (u.removed_at IS NULL OR $2)
ORDER BY u.path

-- name: profile
SELECT code, name, name_en, coalesce(parent, '') AS parent, level, is_territorial, territories, keywords, categories, competence,
       handling_section, responsible_leader, unit_group, active_from, active_to, path
FROM units WHERE code = $1 AND removed_at IS NULL

-- name: staff
-- Who answers first: contact persons and clerks before leaders, A before B.
SELECT unit, name, role, deputy, position, duty, number, username FROM unit_staff WHERE unit = $1 AND removed_at IS NULL
ORDER BY array_position('{contact,clerk,leader,head}', role), array_position('{A,B,""}'::text[], deputy), name

-- name: first_receiver
-- The unit that got it first and did not prove that it was not its matter (LIF-19).
SELECT t.unit FROM ticket_tasks AS t
WHERE t.ticket_id = $1 AND t.kind = 'lead' AND t.ended_by NOT IN ('returned', 'recalled')
ORDER BY t.given_at LIMIT 1

-- name: returns_of_month
-- RET-04, RET-08, RET-09: of the interval $1 to $2, counted at the decision; what is undecided at its asking.
SELECT r.unit, coalesce(u.name, r.unit) AS name, count(*)::int AS asked,
       count(*) FILTER (WHERE r.approved)::int AS approved, count(*) FILTER (WHERE NOT r.approved)::int AS refused,
       count(*) FILTER (WHERE r.approved IS NULL)::int AS undecided, count(*) FILTER (WHERE r.late)::int AS late,
       (SELECT count(*) FROM ticket_tasks AS t WHERE t.unit = r.unit AND t.kind = 'lead' AND t.given_at >= $1 AND t.given_at < $2)::int
           AS dispatched
FROM ticket_requests AS r LEFT JOIN units AS u ON u.code = r.unit
WHERE r.kind = 'return' AND coalesce(r.decided_at, r.asked_at) >= $1 AND coalesce(r.decided_at, r.asked_at) < $2
  AND ($3::text[] IS NULL OR r.unit = ANY ($3))
GROUP BY r.unit, u.name ORDER BY approved DESC, refused DESC, r.unit

-- name: returns_listed
SELECT r.ticket_id, r.unit, coalesce(u.name, r.unit) AS name, r.asked_at, r.reason, r.suggested, r.late, r.decided_at, r.approved, r.opinion
FROM ticket_requests AS r LEFT JOIN units AS u ON u.code = r.unit
WHERE r.kind = 'return' AND coalesce(r.decided_at, r.asked_at) >= $1 AND coalesce(r.decided_at, r.asked_at) < $2
  AND ($3::text[] IS NULL OR r.unit = ANY ($3))
ORDER BY r.unit, r.asked_at, r.ticket_id LIMIT $4
