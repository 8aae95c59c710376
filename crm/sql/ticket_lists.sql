-- Lists of tickets. A line is never the whole ticket.

-- name: plan_each
-- What is given decides which index serves best: a plan for each question.
SET LOCAL plan_cache_mode = force_custom_plan

-- name: listed
-- $1 states, $2 unit that leads or units below it, $3 acceptor, $4 nature, $5 category (a leaf), $6 class of categories,
-- $7 due before, $8 urgent, $9 before this id, $10 how many, $11 green channel. NULL: any.
SELECT t.ticket_id, t.channel, t.version, t.state, t.nature, t.category, t.urgent, t.leader_event, t.made_at, t.due_at, t.lead_unit,
       t.co_units, t.accept_agent, t.hidden <> '{}' AS confidential, left(t.content, 120) AS piece
FROM tickets AS t
WHERE ($1::text[] IS NULL OR t.state = ANY ($1))
  AND ($2::text IS NULL OR t.lead_unit IN (SELECT code FROM units WHERE path @> ARRAY[$2]))
  AND ($3::text IS NULL OR t.accept_agent = $3)
  AND ($4::text IS NULL OR t.nature = $4)
  AND ($5::text IS NULL OR t.category = $5)
  AND ($6::text IS NULL OR t.category LIKE $6 || '.%')
  AND ($7::timestamptz IS NULL OR t.due_at < $7)
  AND ($8::boolean IS NULL OR t.urgent = $8)
  AND ($9::bigint IS NULL OR t.ticket_id < $9)
  AND ($11::boolean IS NULL OR t.green_channel = $11)
ORDER BY t.ticket_id DESC LIMIT $10

-- name: listed_for_unit
-- The same of what the unit of hotline.unit may see.
SELECT t.ticket_id, t.channel, t.version, t.state, t.nature, t.category, t.urgent, t.leader_event, t.made_at, t.due_at, t.lead_unit,
       t.co_units, '' AS accept_agent, t.hidden <> '{}' AS confidential, left(t.content, 120) AS piece
FROM unit_tickets AS t
WHERE t.ticket_id IN (SELECT k.ticket_id FROM unit_ticket_tasks AS k)
  AND ($1::text[] IS NULL OR t.state = ANY ($1))
  AND ($2::text IS NULL OR t.lead_unit IN (SELECT code FROM units WHERE path @> ARRAY[$2]))
  AND $3::text IS NULL
  AND ($4::text IS NULL OR t.nature = $4)
  AND ($5::text IS NULL OR t.category = $5)
  AND ($6::text IS NULL OR t.category LIKE $6 || '.%')
  AND ($7::timestamptz IS NULL OR t.due_at < $7)
  AND ($8::boolean IS NULL OR t.urgent = $8)
  AND ($9::bigint IS NULL OR t.ticket_id < $9)
  AND ($11::boolean IS NULL OR t.green_channel = $11)
ORDER BY t.ticket_id DESC LIMIT $10

-- name: of_unit
-- What a unit and those below it have to do, by due time, unless it is accused (SEC-02). $1 the unit, $2 how many, $3 after how many.
WITH below AS MATERIALIZED (
    SELECT coalesce(array_agg(code), ARRAY[$1::text]) AS codes FROM units WHERE path @> ARRAY[$1::text]
), above AS MATERIALIZED (
    SELECT coalesce((SELECT path FROM units WHERE code = $1), ARRAY[$1::text]) AS codes
), open AS MATERIALIZED (
    SELECT DISTINCT k.ticket_id FROM ticket_tasks AS k WHERE k.ended_at IS NULL AND k.unit = ANY ((SELECT codes FROM below)::text[])
)
SELECT t.ticket_id, t.channel, t.version, t.state, t.nature, t.category, t.urgent, t.leader_event, t.made_at, t.due_at, t.lead_unit,
       t.co_units, '' AS accept_agent, t.hidden <> '{}' AS confidential, left(t.content, 120) AS piece
FROM open JOIN tickets AS t ON t.ticket_id = open.ticket_id
WHERE NOT (t.accused_unit <> '' AND (t.nature IS NOT DISTINCT FROM 'report' OR t.misconduct)
           AND t.accused_unit = ANY ((SELECT codes FROM above)::text[]))
ORDER BY t.due_at NULLS LAST, t.ticket_id LIMIT $2 OFFSET $3

-- name: to_dispatch
-- Urgent ones and those of the leaders' day first, then the oldest (TKT-23, TKT-24); until when each is to be gone (DSP-06).
WITH first AS MATERIALIZED (
    SELECT t.ticket_id FROM tickets AS t
    WHERE t.state = ANY ($1::text[])
      AND t.state NOT IN ('answered', 'rejected', 'withdrawn', 'merged', 'closed', 'archived')
    ORDER BY (t.urgent OR t.leader_event) DESC, t.made_at, t.ticket_id LIMIT $2 OFFSET $3
)
SELECT t.ticket_id, t.channel, t.version, t.state, t.nature, t.category, t.urgent, t.leader_event, t.made_at, c.due_at, t.lead_unit,
       t.co_units, t.accept_agent, t.hidden <> '{}' AS confidential, left(t.content, 120) AS piece
FROM first JOIN tickets AS t ON t.ticket_id = first.ticket_id LEFT JOIN LATERAL (
    SELECT due_at FROM ticket_clocks AS c WHERE c.ticket_id = t.ticket_id AND c.kind = 'dispatch' AND c.stopped_at IS NULL
    ORDER BY c.round DESC LIMIT 1
) AS c ON true
ORDER BY (t.urgent OR t.leader_event) DESC, t.made_at, t.ticket_id

-- name: to_call_back
-- The longest waiting first (CBK-03).
WITH first AS MATERIALIZED (
    SELECT t.ticket_id FROM tickets AS t
    WHERE t.state = ANY ($1::text[])
      AND t.state NOT IN ('answered', 'rejected', 'withdrawn', 'merged', 'closed', 'archived')
    ORDER BY t.urgent DESC, t.replied_at, t.ticket_id LIMIT $2 OFFSET $3
)
SELECT t.ticket_id, t.channel, t.version, t.state, t.nature, t.category, t.urgent, t.leader_event, t.made_at, c.due_at, t.lead_unit,
       t.co_units, t.accept_agent, t.hidden <> '{}' AS confidential, left(t.content, 120) AS piece
FROM first JOIN tickets AS t ON t.ticket_id = first.ticket_id LEFT JOIN LATERAL (
    SELECT due_at FROM ticket_clocks AS c WHERE c.ticket_id = t.ticket_id AND c.kind = 'callback' AND c.stopped_at IS NULL
    ORDER BY c.round DESC LIMIT 1
) AS c ON true
ORDER BY t.urgent DESC, t.replied_at, t.ticket_id

-- name: to_correct
-- What came back to the acceptor $1 (DSP-02), the oldest first.
WITH first AS MATERIALIZED (
    SELECT t.ticket_id FROM tickets AS t
    WHERE t.accept_agent = $1 AND t.state IN ('returned_to_acceptor', 'draft', 'accepted')
      AND t.state NOT IN ('answered', 'rejected', 'withdrawn', 'merged', 'closed', 'archived')
    ORDER BY t.state = 'returned_to_acceptor' DESC, t.ticket_id LIMIT $2 OFFSET $3
)
SELECT t.ticket_id, t.channel, t.version, t.state, t.nature, t.category, t.urgent, t.leader_event, t.made_at, c.due_at, t.lead_unit,
       t.co_units, t.accept_agent, t.hidden <> '{}' AS confidential, left(t.content, 120) AS piece
FROM first JOIN tickets AS t ON t.ticket_id = first.ticket_id LEFT JOIN LATERAL (
    SELECT due_at FROM ticket_clocks AS c WHERE c.ticket_id = t.ticket_id AND c.kind = 'correct' AND c.stopped_at IS NULL
    ORDER BY c.round DESC LIMIT 1
) AS c ON true
ORDER BY t.state = 'returned_to_acceptor' DESC, t.ticket_id

-- name: adrift
-- GEN-23: open, and nobody has it, or no clock runs for it, or nothing was done since $1, so that nothing seems to be next.
-- A ticket that was merged or hangs under another goes with that one. Who left the directory has nothing any more.
SELECT t.ticket_id, t.channel, t.state, t.made_at, t.updated_at, array_remove(ARRAY[
    CASE WHEN lacks.owner THEN 'owner' END, CASE WHEN lacks.deadline THEN 'deadline' END,
    CASE WHEN t.updated_at < $1 THEN 'next_action' END
], NULL) AS lacks
FROM tickets AS t, LATERAL (
    SELECT
        t.state IN ('dispatched', 'received', 'in_progress', 'return_requested', 'extension_requested', 'extension_second_review',
                    'reply_proposed', 'committed', 'redo')
            AND (NOT EXISTS (SELECT FROM ticket_tasks AS k WHERE k.ticket_id = t.ticket_id AND k.ended_at IS NULL)
                 OR EXISTS (SELECT FROM units AS u WHERE u.code = t.lead_unit AND u.removed_at IS NOT NULL))
        OR t.state IN ('draft', 'accepted', 'returned_to_acceptor') AND t.accept_agent = '' AS owner,
        t.state NOT IN ('draft', 'reported', 'countersign')
            AND NOT EXISTS (SELECT FROM ticket_clocks AS c WHERE c.ticket_id = t.ticket_id AND c.stopped_at IS NULL) AS deadline
) AS lacks
WHERE t.state NOT IN ('answered', 'rejected', 'withdrawn', 'merged', 'closed', 'archived')
  AND (lacks.owner OR lacks.deadline OR t.updated_at < $1)
  AND NOT EXISTS (SELECT FROM message_intake AS i WHERE i.ticket_id = t.ticket_id AND i.state = 'set_aside')
ORDER BY t.ticket_id LIMIT $2 OFFSET $3
