-- Whom a matter is for: what speaks for which unit, what was suggested and chosen.

-- name: candidates
-- $1 codes that something else names, $2 categories that fit (C1, C1.03, C1/路灯), $3 territory, $4 every part of the text that may
-- be a keyword, in small letters, $5 the day. Of keywords those in the text.
WITH said AS (
    SELECT k.code, array_agg(k.word) AS keywords
    FROM (SELECT code, unnest(keywords) AS word FROM units WHERE removed_at IS NULL) AS k
    JOIN unnest($4::text[]) AS part ON part = lower(k.word COLLATE "C")
    GROUP BY k.code
)
SELECT u.code, name, name_en, territories, is_territorial, categories, path, coalesce(said.keywords, '{}') AS keywords
FROM units AS u LEFT JOIN said ON said.code = u.code
WHERE removed_at IS NULL AND coalesce(active_from <= $5, true) AND coalesce(active_to >= $5, true) AND (
    u.code = ANY ($1::text[]) OR categories && $2::text[] OR said.code IS NOT NULL
    OR (is_territorial AND EXISTS (SELECT FROM unnest(territories) AS t WHERE starts_with($3, t)))
)
ORDER BY u.code

-- name: rules
-- Those that hold on the day for the category ($1 categories that fit, $2 the day); the rest of the conditions is looked at outside.
SELECT rule_id, category, term, territory, words, unit, origin FROM dispatch_rules
WHERE ended_at IS NULL AND valid_from <= $2 AND coalesce(valid_to >= $2, true) AND (category = '' OR category = ANY ($1::text[]))
ORDER BY made_at DESC LIMIT 1000

-- name: past
-- Of the newest tickets of this leaf: which units got them and did not return them. $1 leaf, $2 territory, $3 words, $4 how many,
-- $5 not this ticket.
SELECT lead_unit AS unit, count(*)::int AS tickets,
       count(*) FILTER (WHERE $2 <> '' AND (starts_with(territory, $2) OR (territory <> '' AND starts_with($2, territory))))::int AS near,
       count(*) FILTER (WHERE EXISTS (SELECT FROM unnest($3::text[]) AS word WHERE strpos(content, word) > 0))::int AS alike
FROM (
    SELECT ticket_id, lead_unit, territory, content FROM tickets
    WHERE category = $1 AND $1 <> '' AND ticket_id <> $5 ORDER BY ticket_id DESC LIMIT $4
) AS recent
WHERE lead_unit <> '' AND NOT EXISTS (
    SELECT FROM ticket_requests AS r
    WHERE r.ticket_id = recent.ticket_id AND r.kind = 'return' AND r.unit = recent.lead_unit AND r.approved
)
GROUP BY lead_unit ORDER BY tickets DESC, lead_unit LIMIT 30

-- name: returned
-- Of the same tickets: how many each unit returned, and it was right.
SELECT r.unit, count(*)::int AS tickets
FROM (SELECT ticket_id FROM tickets WHERE category = $1 AND $1 <> '' AND ticket_id <> $3 ORDER BY ticket_id DESC LIMIT $2) AS recent
JOIN ticket_requests AS r ON r.ticket_id = recent.ticket_id AND r.kind = 'return' AND r.approved
GROUP BY r.unit

-- name: terms
-- Subject terms in a text, by themselves or as they are said.
SELECT term FROM subject_terms
WHERE removed_at IS NULL AND (strpos($1, lower(term)) > 0 OR EXISTS (SELECT FROM unnest(words) AS w WHERE strpos($1, lower(w)) > 0))
ORDER BY term LIMIT 20

-- name: matter
SELECT ticket_id, category, territory, lower(content || ' ' || event_place || ' ' || demand) AS text, subject_terms AS terms, accused_unit
FROM tickets WHERE ticket_id = $1

-- name: note
INSERT INTO dispatch_suggestions (ticket_id, at, by, category, suggested, chosen, rank) VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)
ON CONFLICT (ticket_id, at) DO NOTHING

-- name: accuracy
-- $1 to $2. Suggested: dispatches for which there was a suggestion. KPI-25, DSP-14: returns that were right, of dispatches.
SELECT s.dispatches, s.suggested, s.first, s.first_three,
       (SELECT count(*) FROM ticket_tasks AS t WHERE t.kind = 'lead' AND t.given_at >= $1 AND t.given_at < $2)::int AS dispatched,
       (SELECT count(*) FROM ticket_requests AS r
        WHERE r.kind = 'return' AND r.approved AND r.decided_at >= $1 AND r.decided_at < $2)::int AS returned
FROM (
    SELECT count(*)::int AS dispatches, count(*) FILTER (WHERE jsonb_array_length(suggested) > 0)::int AS suggested,
           count(*) FILTER (WHERE rank = 1)::int AS first, count(*) FILTER (WHERE rank <= 3)::int AS first_three
    FROM dispatch_suggestions WHERE at >= $1 AND at < $2
) AS s

-- name: add_rule
INSERT INTO dispatch_rules (rule_id, category, term, territory, words, unit, valid_from, valid_to, origin, ticket_id, note, made_by, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- name: rule
SELECT rule_id, category, term, territory, words, unit, valid_from, valid_to, origin, ticket_id, note, made_by, made_at, ended_by, ended_at
FROM dispatch_rules WHERE rule_id = $1

-- name: rules_listed
-- $1 also those that have ended, $2 of this unit ('': any).
SELECT rule_id, category, term, territory, words, unit, valid_from, valid_to, origin, ticket_id, note, made_by, made_at, ended_by, ended_at,
       count(*) OVER ()::int AS total
FROM dispatch_rules WHERE ($1 OR ended_at IS NULL) AND ($2 = '' OR unit = $2)
ORDER BY made_at DESC, rule_id LIMIT $3 OFFSET $4

-- name: end_rule
UPDATE dispatch_rules SET ended_at = $2, ended_by = $3 WHERE rule_id = $1 AND ended_at IS NULL RETURNING true

-- name: agreed
-- What consultations agreed about just these conditions and holds.
SELECT rule_id, unit FROM dispatch_rules
WHERE ended_at IS NULL AND origin = 'consultation' AND (category, term, territory, words) = ($1, $2, $3, $4) FOR UPDATE
