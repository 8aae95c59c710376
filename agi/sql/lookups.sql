-- name: directory_version
-- Changes with every transaction that changed the directory.
SELECT coalesce(string_agg(part || ':' || changed_by::text, ',' ORDER BY part), '') FROM directory_versions

-- name: hotlines
SELECT code::text, position, number::text, prompts::text, hours::text FROM other_hotlines ORDER BY position

-- name: caller_groups
SELECT number::text, "group" FROM caller_groups

-- name: announcements
SELECT prompts::text, starts_at, ends_at FROM announcements WHERE ends_at > now() ORDER BY starts_at DESC, announcement_id DESC

-- name: place_of_knowledge
-- $1: the code where the caller is, '' at the root; $2: what was typed there ('' nothing, '0' back, a key, or a code).
WITH target AS (
    SELECT CASE
        WHEN $2::text = '' THEN $1::text
        WHEN $2::text = '0' THEN coalesce((SELECT parent::text FROM spoken_articles WHERE code = $1::text), '')
        WHEN length($2::text) = 1 THEN (
            SELECT code::text FROM spoken_articles
            WHERE coalesce(parent::text, '') = $1::text AND position = $2::text::smallint
        )
        ELSE $2::text
    END AS code
)
SELECT target.code, coalesce(here.prompts::text, '') AS prompts, coalesce(here.document, '') AS document,
       ARRAY(SELECT position FROM spoken_articles WHERE coalesce(parent::text, '') = target.code ORDER BY position) AS keys,
       ARRAY(SELECT code::text FROM spoken_articles WHERE coalesce(parent::text, '') = target.code ORDER BY position) AS children
FROM target LEFT JOIN spoken_articles AS here ON here.code = target.code
WHERE target.code = '' OR here.code IS NOT NULL

-- name: ticket
SELECT caller_number::text, query_code_hash, confidential, state::text, result::text, updated_at
FROM ticket_answers WHERE ticket_no = $1::text

-- name: count_try
-- A try counts as failed until it is known to be right. No row: too many failed within a day, from this number (a withheld
-- one is nobody's) or on this ticket.
INSERT INTO ticket_query_failures (caller_number, ticket_no)
SELECT $1::text, $2::text
WHERE $3 > (SELECT count(*) FROM ticket_query_failures WHERE ticket_no = $2::text AND failed_at > now() - interval '24 hours')
  AND ($1::text = '' OR $3 > (
      SELECT count(*) FROM ticket_query_failures WHERE caller_number = $1::text AND failed_at > now() - interval '24 hours'
  ))
RETURNING failure_id

-- name: forget_try
DELETE FROM ticket_query_failures WHERE failure_id = $1

-- name: note_ticket_query
INSERT INTO audit_log (actor, action, subject, detail)
VALUES ($1, 'ticket.query', $2, jsonb_build_object('call_id', $3::text, 'by', $4::text, 'answer', $5::text))

-- name: waited
-- How long callers waited whose waiting ended within the last half hour: connected, or gave up.
SELECT count(*) AS callers,
       extract(epoch FROM avg(coalesce(connected_at, ended_at) - queued_at))::float8 AS seconds
FROM calls
WHERE queued_at > now() - interval '3 hours' AND direction = 'inbound'
  AND (connected_at IS NOT NULL OR disposition = 'abandoned')
  AND coalesce(connected_at, ended_at) > now() - interval '30 minutes'
  AND coalesce(connected_at, ended_at) >= queued_at
