-- Surges of one topic (REP-11).

-- name: counts
-- Contacts by topic from $1 until before $2: tickets by class and subject term, and what was said in calls; a call counts once for
-- a topic. $3: an id that no ticket of the time is below.
WITH heard AS (
    SELECT topic, CASE WHEN t.call_id <> '' THEN 'call:' || t.node || ':' || t.call_id ELSE 'ticket:' || t.ticket_id END AS contact
    FROM tickets AS t, LATERAL (SELECT 'c:' || t.category WHERE t.category <> ''
                                UNION ALL SELECT 's:' || unnest(t.subject_terms)) AS about (topic)
    WHERE t.ticket_id >= $3 AND t.made_at >= $1 AND t.made_at < $2
    UNION
    SELECT 's:' || term, 'call:' || r.node || ':' || r.call_id
    FROM transcript_words AS w JOIN recordings AS r USING (recording_id), unnest(w.terms) AS term
    WHERE w.at >= $1 AND w.at < $2
)
SELECT topic, count(*)::int AS contacts FROM heard GROUP BY topic

-- name: at_places
-- The same class at the same place, since $1; $2: an id that no ticket of the time is below.
SELECT 'c:' || category AS topic, left(btrim(event_place), 100) AS place,
       count(DISTINCT CASE WHEN call_id <> '' THEN 'call:' || node || ':' || call_id ELSE 'ticket:' || ticket_id END)::int AS contacts
FROM tickets
WHERE ticket_id >= $2 AND made_at >= $1 AND category <> '' AND btrim(event_place) <> ''
GROUP BY 1, 2 HAVING count(*) >= $3

-- name: keep
-- A surge that goes on keeps its most; a new one begins. Says which are new.
INSERT INTO surges AS s (surge_id, topic, place, raised_at, last_at, contacts, baseline, limit_value)
VALUES (gen_random_uuid(), $1, $2, $3, $3, $4, $5, $6)
ON CONFLICT (topic, place) WHERE ended_at IS NULL
DO UPDATE SET last_at = greatest(s.last_at, excluded.last_at), contacts = greatest(s.contacts, excluded.contacts)
RETURNING surge_id, (xmax = 0) AS is_new, state

-- name: behind
-- The contacts behind a surge, from $4 on: each once; $5 as in counts.
INSERT INTO surge_contacts (surge_id, contact, at, node, call_id, ticket_id, recording_id)
SELECT $1, contact, min(at), min(node), min(call_id), min(ticket_id), min(recording_id)
FROM (
    SELECT CASE WHEN t.call_id <> '' THEN 'call:' || t.node || ':' || t.call_id ELSE 'ticket:' || t.ticket_id END AS contact,
           t.made_at AS at, t.node, t.call_id, t.ticket_id, NULL::bigint AS recording_id
    FROM tickets AS t
    WHERE t.ticket_id >= $5 AND t.made_at >= $4 AND ($3 = '' OR left(btrim(t.event_place), 100) = $3)
      AND ('c:' || t.category = $2 OR substr($2, 1, 2) = 's:' AND substr($2, 3) = ANY (t.subject_terms))
    UNION ALL
    SELECT 'call:' || r.node || ':' || r.call_id, w.at, r.node, r.call_id, NULL, r.recording_id
    FROM transcript_words AS w JOIN recordings AS r USING (recording_id)
    WHERE w.at >= $4 AND $3 = '' AND substr($2, 1, 2) = 's:' AND substr($2, 3) = ANY (w.terms)
) AS heard
GROUP BY contact
ON CONFLICT (surge_id, contact) DO UPDATE
SET ticket_id = coalesce(surge_contacts.ticket_id, excluded.ticket_id),
    recording_id = coalesce(surge_contacts.recording_id, excluded.recording_id)

-- name: over
-- What has not been beyond its limit since $1.
UPDATE surges SET ended_at = greatest(last_at, raised_at) WHERE ended_at IS NULL AND last_at < $1

-- name: open
SELECT surge_id, topic, place, state, contacts, baseline, limit_value FROM surges WHERE ended_at IS NULL ORDER BY raised_at

-- name: list
SELECT s.*, coalesce(i.zh, '') AS name_zh, coalesce(i.en, '') AS name_en
FROM surges AS s LEFT JOIN taxonomy_items AS i
  ON substr(s.topic, 1, 2) = 'c:' AND i.code = substr(s.topic, 3) AND i.version = (SELECT max(version) FROM taxonomy_versions)
WHERE (NOT $1 OR s.ended_at IS NULL) AND ($2 = '' OR s.state = $2)
ORDER BY s.raised_at DESC, s.surge_id LIMIT $3 OFFSET $4

-- name: one
SELECT s.*, coalesce(i.zh, '') AS name_zh, coalesce(i.en, '') AS name_en
FROM surges AS s LEFT JOIN taxonomy_items AS i
  ON substr(s.topic, 1, 2) = 'c:' AND i.code = substr(s.topic, 3) AND i.version = (SELECT max(version) FROM taxonomy_versions)
WHERE s.surge_id = $1

-- name: lock
SELECT state, topic, place, contacts, master_ticket, announcement FROM surges WHERE surge_id = $1 FOR UPDATE

-- name: contacts
SELECT c.contact, c.at, c.node, c.call_id, c.ticket_id, c.recording_id, t.channel
FROM surge_contacts AS c LEFT JOIN tickets AS t USING (ticket_id)
WHERE c.surge_id = $1 ORDER BY c.at, c.contact LIMIT $2 OFFSET $3

-- name: decide
UPDATE surges SET state = $2, decided_by = $3, decided_at = $4, note = $5, master_ticket = $6, announcement = $7
WHERE surge_id = $1

-- name: reopen
UPDATE surges SET state = 'raised', decided_by = NULL, decided_at = NULL, note = '' WHERE surge_id = $1
