-- The words of tickets, and finding tickets by them.

-- name: ensure
SELECT ensure_ticket_words($1)

-- name: beside
-- What a ticket is found by beside its own fields: the units that have or had it, with those above, and what they answered.
SELECT coalesce((SELECT array_agg(DISTINCT above.code) FROM ticket_tasks AS k, LATERAL (
                     SELECT unnest(u.path) FROM units AS u WHERE u.code = k.unit UNION SELECT k.unit) AS above (code)
                 WHERE k.ticket_id = $1), '{}') AS units,
       coalesce((SELECT array_agg(concat_ws(' ', r.result, r.analysis, r.present_state)) FROM ticket_replies AS r
                 WHERE r.ticket_id = $1 AND r.state = 'sent'), '{}') AS replies

-- name: put
INSERT INTO ticket_words AS known (ticket_id, words) VALUES ($1, array_to_tsvector($2::text[]))
ON CONFLICT (ticket_id) DO UPDATE SET words = excluded.words WHERE known.words <> excluded.words

-- name: plan_anew
-- A plan for these very words: it knows which partitions are meant and how frequent the words are.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)

-- name: newest
-- The newest $2 tickets before $1, read one by one: a frequent word is among them soon enough.
SELECT t.ticket_id, t.channel, t.state, t.category, t.made_at, t.lead_unit, t.subject_terms, t.content
FROM (SELECT ticket_id, words FROM ticket_words WHERE ticket_id < $1 ORDER BY ticket_id DESC LIMIT $2) AS w,
     LATERAL (SELECT * FROM tickets WHERE ticket_id = w.ticket_id AND ($4::text[] IS NULL OR state = ANY ($4)) OFFSET 0) AS t
WHERE w.words @@ $3::tsquery
LIMIT $5

-- name: floor
-- Where the newest $2 tickets before $1 end.
SELECT min(ticket_id) FROM (SELECT ticket_id FROM ticket_words WHERE ticket_id < $1 ORDER BY ticket_id DESC LIMIT $2) AS w

-- name: within
-- From $1 until before $2, by the index: for words that are not frequent. What was found is in order, and is looked up in order.
WITH found AS MATERIALIZED (
    SELECT ticket_id FROM ticket_words WHERE words @@ $3::tsquery AND ticket_id >= $1 AND ticket_id < $2 ORDER BY ticket_id DESC
)
SELECT t.ticket_id, t.channel, t.state, t.category, t.made_at, t.lead_unit, t.subject_terms, t.content
FROM found AS w,
     LATERAL (SELECT * FROM tickets WHERE ticket_id = w.ticket_id AND ($4::text[] IS NULL OR state = ANY ($4)) OFFSET 0) AS t
LIMIT $5

-- name: within_units
-- As within, for a unit: what it may see of its own (unit_tickets).
WITH found AS MATERIALIZED (
    SELECT ticket_id FROM ticket_words WHERE words @@ $3::tsquery AND ticket_id >= $1 AND ticket_id < $2 ORDER BY ticket_id DESC
)
SELECT t.ticket_id, t.channel, t.state, t.category, t.made_at, t.lead_unit, t.subject_terms, t.content
FROM found AS w,
     LATERAL (SELECT * FROM unit_tickets WHERE ticket_id = w.ticket_id AND ($4::text[] IS NULL OR state = ANY ($4)) OFFSET 0) AS t
LIMIT $5

-- name: oldest
SELECT min(ticket_id) FROM ticket_words

-- name: compared
-- The newest $3 tickets that ended with a result, of this class ('': any), and which of the words $2 each has (LIF-08, TKT-16). Not
-- those with somebody to protect: nobody else is told of them (SEC-02, SEC-04, TKT-13).
SELECT t.ticket_id, w.shared
FROM (
    SELECT ticket_id FROM tickets
    WHERE ($1::text = '' OR category = $1) AND state IN ('answered', 'closed', 'archived') AND ticket_id <> $4
      AND hidden = '{}' AND nature IS DISTINCT FROM 'report' AND NOT misconduct
    ORDER BY ticket_id DESC LIMIT $3
) AS t, LATERAL (
    SELECT ARRAY(SELECT unnest(tsvector_to_array(words)) INTERSECT SELECT unnest($2::text[])) AS shared
    FROM ticket_words WHERE ticket_id = t.ticket_id OFFSET 0
) AS w

-- name: ended
SELECT ticket_id, channel, state, category, made_at, lead_unit, content, answer FROM tickets WHERE ticket_id = ANY ($1::bigint[])

-- name: results
-- The newest reply that was sent, of each ticket.
SELECT DISTINCT ON (ticket_id) ticket_id, unit, result, policy FROM ticket_replies
WHERE ticket_id = ANY ($1::bigint[]) AND state = 'sent' ORDER BY ticket_id, at DESC
