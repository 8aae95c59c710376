-- The knowledge base: entries and versions, search, the telephone menu, reports, misses, reviews.

-- name: any
SELECT EXISTS (SELECT FROM knowledge_entries)

-- name: lock
SELECT * FROM knowledge_entries WHERE entry_id = $1 FOR UPDATE

-- name: get
SELECT e.*, coalesce(u.name, '') AS owner_name, coalesce(g.used, 0) AS used,
       EXISTS (SELECT FROM spoken_articles WHERE entry_id = e.entry_id)
       OR EXISTS (SELECT FROM announcements WHERE entry_id = e.entry_id AND ends_at > $2) AS spoken,
       (SELECT count(*) FROM knowledge_reports AS r WHERE r.entry_id = e.entry_id AND r.settled_at IS NULL) AS open_reports
FROM knowledge_entries AS e LEFT JOIN units AS u ON u.code = e.owner_unit LEFT JOIN knowledge_usage AS g ON g.entry_id = e.entry_id
WHERE e.entry_id = $1

-- name: add
INSERT INTO knowledge_entries
    (entry_id, state, version, newest, owner_unit, ticket_id, editor, made_at, changed_at, heading_words, words,
     kind, topic, title, body, answer, binding, category, subject_terms, author, code, folder, key, prompts, document,
     for_agents, for_ivr, for_web, secret, valid_from, valid_to, review_on, steps)
SELECT $1, 'draft', 1, 1, $2, $3, $4, $5, $5, $6::tsvector, array_to_tsvector($7::text[]),
       c.kind, c.topic, c.title, c.body, c.answer, c.binding, c.category, c.subject_terms, c.author, c.code, c.folder, c.key, c.prompts,
       c.document, c.for_agents, c.for_ivr, c.for_web, c.secret, c.valid_from, c.valid_to, c.review_on, c.steps
FROM jsonb_populate_record(NULL::knowledge_entries, $8::jsonb) AS c

-- name: show
-- Make the row what a version says: of a draft at once, of what is in force when it is released.
UPDATE knowledge_entries AS e SET
    version = $2, heading_words = $3::tsvector, words = array_to_tsvector($4::text[]),
    kind = c.kind, topic = c.topic, title = c.title, body = c.body, answer = c.answer, binding = c.binding, category = c.category,
    subject_terms = c.subject_terms, author = c.author, code = c.code, folder = c.folder, key = c.key, prompts = c.prompts,
    document = c.document, for_agents = c.for_agents, for_ivr = c.for_ivr, for_web = c.for_web, secret = c.secret,
    valid_from = c.valid_from, valid_to = c.valid_to, review_on = c.review_on, steps = c.steps
FROM jsonb_populate_record(NULL::knowledge_entries, $5::jsonb) AS c
WHERE e.entry_id = $1

-- name: written
UPDATE knowledge_entries SET newest = $2, editor = $3, changed_at = $4 WHERE entry_id = $1

-- name: set_state
UPDATE knowledge_entries SET state = $2, changed_at = $3,
    released_at = CASE WHEN $2 = 'released' THEN $3 ELSE released_at END,
    released_by = CASE WHEN $2 = 'released' THEN $4 ELSE released_by END
WHERE entry_id = $1

-- name: set_review
UPDATE knowledge_entries SET review_on = $2, changed_at = $3 WHERE entry_id = $1

-- name: keep_version
INSERT INTO knowledge_versions (entry_id, version, at, by, why, restored, content) VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb)

-- name: versions
SELECT version, at, by, why, restored, content::text AS content FROM knowledge_versions WHERE entry_id = $1 ORDER BY version DESC

-- name: version
SELECT content::text FROM knowledge_versions WHERE entry_id = $1 AND version = $2

-- name: note
INSERT INTO knowledge_events (entry_id, at, by, action, version, why) VALUES ($1, $2, $3, $4, $5, $6)

-- name: events
SELECT at, by, action, version, why FROM knowledge_events WHERE entry_id = $1 ORDER BY at DESC

-- name: code_taken
SELECT entry_id FROM knowledge_entries WHERE code = $1 AND code <> '' AND state = 'released' AND entry_id <> $2

-- name: use
INSERT INTO knowledge_usage AS known (entry_id, used, last_used_at) VALUES ($1, 1, $2)
ON CONFLICT (entry_id) DO UPDATE SET used = known.used + 1, last_used_at = excluded.last_used_at

-- name: plan_anew
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true)

-- name: search
-- $1 every word, $2 any word, $3 now, $4 audience, $5 with secret ones, $6 category, $7 term, $8 topic, $9 owner, $10 limit, $11 offset.
-- Of what is found by its title or terms five hundred are looked at, and as many found by their text. Announcements come first
-- (KBA-03), then the title counts more than the terms, and those more than the text; then what is used more.
WITH found AS MATERIALIZED (
    (SELECT entry_id FROM knowledge_entries WHERE state = 'released' AND kind = 'announcement' AND words @@ $1::tsquery)
    UNION
    (SELECT entry_id FROM knowledge_entries WHERE state = 'released' AND heading_words @@ $1::tsquery LIMIT 500)
    UNION
    (SELECT entry_id FROM knowledge_entries WHERE state = 'released' AND words @@ $1::tsquery LIMIT 500)
), fit AS MATERIALIZED (
    SELECT e.entry_id, e.kind = 'announcement' AS is_announcement, ts_rank('{0,0,0.4,1}', e.heading_words, $2::tsquery) AS score,
           coalesce(g.used, 0) AS used
    FROM found AS f, LATERAL (SELECT * FROM knowledge_entries WHERE entry_id = f.entry_id OFFSET 0) AS e   -- by key, each
         LEFT JOIN knowledge_usage AS g ON g.entry_id = e.entry_id
    WHERE (e.valid_from <= $3) IS NOT FALSE AND (e.valid_to > $3) IS NOT FALSE
      AND CASE $4 WHEN 'ivr' THEN e.for_ivr WHEN 'web' THEN e.for_web ELSE e.for_agents END AND ($5 OR NOT e.secret)
      AND ($6 = '' OR e.category = $6 OR starts_with(e.category, $6 || '.')) AND ($7 = '' OR $7 = ANY (e.subject_terms))
      AND ($8 = '' OR e.topic = $8) AND ($9 = '' OR e.owner_unit = $9)
), page AS (
    SELECT *, count(*) OVER () AS total FROM fit
    ORDER BY is_announcement DESC, score DESC, used DESC, entry_id LIMIT $10 OFFSET $11
)
SELECT e.entry_id, e.version, e.kind, e.topic, e.title, e.body, e.answer, e.binding, e.category, e.subject_terms, e.owner_unit,
       coalesce(u.name, '') AS owner_name, e.author, e.valid_to, e.changed_at, p.used, p.total
FROM page AS p JOIN knowledge_entries AS e USING (entry_id) LEFT JOIN units AS u ON u.code = e.owner_unit
ORDER BY p.is_announcement DESC, p.score DESC, p.used DESC, e.entry_id

-- name: browse
-- The same without words.
WITH fit AS MATERIALIZED (
    SELECT e.entry_id, e.kind = 'announcement' AS is_announcement, coalesce(g.used, 0) AS used
    FROM knowledge_entries AS e LEFT JOIN knowledge_usage AS g USING (entry_id)
    WHERE e.state = 'released' AND (e.valid_from <= $1) IS NOT FALSE AND (e.valid_to > $1) IS NOT FALSE
      AND CASE $2 WHEN 'ivr' THEN e.for_ivr WHEN 'web' THEN e.for_web ELSE e.for_agents END AND ($3 OR NOT e.secret)
      AND ($4 = '' OR e.category = $4 OR starts_with(e.category, $4 || '.')) AND ($5 = '' OR $5 = ANY (e.subject_terms))
      AND ($6 = '' OR e.topic = $6) AND ($7 = '' OR e.owner_unit = $7)
), page AS (
    SELECT *, count(*) OVER () AS total FROM fit ORDER BY is_announcement DESC, used DESC, entry_id LIMIT $8 OFFSET $9
)
SELECT e.entry_id, e.version, e.kind, e.topic, e.title, e.body, e.answer, e.binding, e.category, e.subject_terms, e.owner_unit,
       coalesce(u.name, '') AS owner_name, e.author, e.valid_to, e.changed_at, p.used, p.total
FROM page AS p JOIN knowledge_entries AS e USING (entry_id) LEFT JOIN units AS u ON u.code = e.owner_unit
ORDER BY p.is_announcement DESC, p.used DESC, e.entry_id

-- name: miss
INSERT INTO knowledge_misses AS known (text, first_at, last_at, last_by) VALUES ($1, $2, $2, $3)
ON CONFLICT (text) DO UPDATE SET missed = known.missed + 1, last_at = excluded.last_at, last_by = excluded.last_by,
    settled_at = NULL, settled_by = ''

-- name: misses
SELECT text, missed, first_at, last_at, count(*) OVER () AS total FROM knowledge_misses WHERE settled_at IS NULL
ORDER BY missed DESC, last_at DESC, text LIMIT $1 OFFSET $2

-- name: settle_miss
UPDATE knowledge_misses SET settled_at = $2, settled_by = $3 WHERE text = $1 AND settled_at IS NULL RETURNING true

-- name: known_words
-- What can be meant: terms and their other words, and titles of entries in force.
SELECT word FROM (
    SELECT term AS word FROM subject_terms WHERE removed_at IS NULL
    UNION SELECT unnest(words) FROM subject_terms WHERE removed_at IS NULL
    UNION SELECT unnest(subject_terms) FROM knowledge_entries WHERE state = 'released' AND ($1 OR NOT secret)
) AS known WHERE word ~ $2 LIMIT 2000

-- name: own_words
SELECT DISTINCT word FROM (
    SELECT term AS word FROM subject_terms
    UNION ALL SELECT unnest(words) FROM subject_terms
    UNION ALL SELECT name FROM units
    UNION ALL SELECT name FROM places
    UNION ALL SELECT zh FROM taxonomy_items
    UNION ALL SELECT unnest(words) FROM taxonomy_items
) AS own WHERE length(word) BETWEEN 2 AND 3

-- name: listed
-- For who writes and releases: $1 whose ('{}': everybody's), $2 state ('': any), $3 only what waits to be released, limit, offset.
SELECT e.entry_id, e.state, e.version, e.newest, e.kind, e.topic, e.title, e.owner_unit, coalesce(u.name, '') AS owner_name, e.editor,
       e.changed_at, e.valid_to, e.review_on, count(*) OVER () AS total
FROM knowledge_entries AS e LEFT JOIN units AS u ON u.code = e.owner_unit
WHERE ($1::text[] = '{}' OR e.owner_unit = ANY ($1)) AND ($2 = '' OR e.state = $2)
  AND (NOT $3 OR e.state = 'draft' OR (e.state = 'released' AND e.newest > e.version))
ORDER BY e.changed_at DESC, e.entry_id LIMIT $4 OFFSET $5

-- name: reviews
-- In force, and to be looked through, or over, until the day $2. $1 whose ('{}': everybody's).
SELECT e.entry_id, e.state, e.version, e.newest, e.kind, e.topic, e.title, e.owner_unit, coalesce(u.name, '') AS owner_name, e.editor,
       e.changed_at, e.valid_to, e.review_on, count(*) OVER () AS total
FROM knowledge_entries AS e LEFT JOIN units AS u ON u.code = e.owner_unit
WHERE e.state = 'released' AND least(e.review_on, (e.valid_to AT TIME ZONE 'Asia/Shanghai')::date) <= $2
  AND ($1::text[] = '{}' OR e.owner_unit = ANY ($1))
ORDER BY least(e.review_on, (e.valid_to AT TIME ZONE 'Asia/Shanghai')::date), e.entry_id LIMIT $3 OFFSET $4

-- name: due_by_owner
SELECT owner_unit, count(*) AS entries FROM knowledge_entries
WHERE state = 'released' AND least(review_on, (valid_to AT TIME ZONE 'Asia/Shanghai')::date) <= $1 GROUP BY owner_unit

-- name: open_reminders
SELECT subject FROM alarms WHERE kind = 'knowledge_review' AND cleared_at IS NULL

-- name: report
INSERT INTO knowledge_reports (report_id, entry_id, version, at, by, kind, text) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: reports
SELECT r.report_id, r.entry_id, r.version, r.at, r.by, r.kind, r.text, e.title, e.owner_unit, count(*) OVER () AS total
FROM knowledge_reports AS r JOIN knowledge_entries AS e USING (entry_id)
WHERE r.settled_at IS NULL AND ($1::text[] = '{}' OR e.owner_unit = ANY ($1))
ORDER BY r.at, r.report_id LIMIT $2 OFFSET $3

-- name: report_of
SELECT e.owner_unit, e.entry_id, r.settled_at FROM knowledge_reports AS r JOIN knowledge_entries AS e USING (entry_id)
WHERE r.report_id = $1 FOR UPDATE OF r

-- name: settle_report
UPDATE knowledge_reports SET settled_at = $2, settled_by = $3, note = $4 WHERE report_id = $1

-- name: menu_row
SELECT code::text, entry_id, EXISTS (SELECT FROM spoken_articles AS below WHERE below.parent = a.code) AS has_children
FROM spoken_articles AS a WHERE entry_id = $1

-- name: menu_problem
-- Why the place cannot be had: $1 code, $2 folder, $3 key, $4 entry.
SELECT CASE
    WHEN EXISTS (SELECT FROM spoken_articles WHERE code::text = $1 AND entry_id IS DISTINCT FROM $4) THEN 'menu_place_taken'
    WHEN EXISTS (SELECT FROM spoken_articles WHERE coalesce(parent::text, '') = $2 AND position = $3 AND code::text <> $1
                 AND entry_id IS DISTINCT FROM $4)
        THEN 'menu_place_taken'
    WHEN $2 = $1 OR ($2 <> '' AND NOT EXISTS (SELECT FROM spoken_articles WHERE code::text = $2)) THEN 'unknown_menu_folder'
    ELSE ''
END

-- name: speak
INSERT INTO spoken_articles AS known (code, parent, position, title, text, prompts, document, entry_id)
VALUES ($1::text, nullif($2::text, ''), $3, $4, $5, $6::text, nullif($7, ''), $8)
ON CONFLICT (entry_id) DO UPDATE SET code = excluded.code, parent = excluded.parent, position = excluded.position,
    title = excluded.title, text = excluded.text, prompts = excluded.prompts, document = excluded.document

-- name: be_silent
DELETE FROM spoken_articles WHERE entry_id = $1

-- name: announce
INSERT INTO announcements AS known (prompts, starts_at, ends_at, reason, person, entry_id) VALUES ($1::text, $2, $3, $4, $5, $6)
ON CONFLICT (entry_id) DO UPDATE SET prompts = excluded.prompts, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    reason = excluded.reason, person = excluded.person
WHERE (known.prompts, known.starts_at, known.ends_at, known.reason) IS DISTINCT FROM
      (excluded.prompts, excluded.starts_at, excluded.ends_at, excluded.reason)

-- name: stop_announcing
DELETE FROM announcements WHERE entry_id = $1

-- name: out_of_step
-- Entries that are spoken and should not be, or may have to be: their time has come or gone, or recordings have come.
SELECT e.entry_id FROM knowledge_entries AS e LEFT JOIN spoken_articles AS a USING (entry_id)
WHERE e.kind <> 'announcement' AND e.code <> ''
  AND (a.entry_id IS NOT NULL) <> (e.state = 'released' AND e.for_ivr AND (e.valid_from <= $1) IS NOT FALSE
                                   AND (e.valid_to > $1) IS NOT FALSE)
UNION ALL
SELECT e.entry_id FROM knowledge_entries AS e LEFT JOIN announcements AS a USING (entry_id)
WHERE e.kind = 'announcement' AND e.for_ivr AND e.state = 'released' AND e.prompts <> '{}' AND e.valid_to > $1 AND a.entry_id IS NULL

-- name: remind
WITH raised AS (
    INSERT INTO alarms (alarm_id, kind, subject, raised_at, value, limit_value)
    VALUES (gen_random_uuid(), 'knowledge_review', $1, $2, $3, 0)
    ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING
    RETURNING alarm_id
)
SELECT pg_notify('alarms', alarm_id::text) FROM raised

-- name: end_reminder
WITH cleared AS (
    UPDATE alarms SET cleared_at = greatest(raised_at, $2) WHERE kind = 'knowledge_review' AND subject = $1 AND cleared_at IS NULL
    RETURNING alarm_id
)
SELECT pg_notify('alarms', alarm_id::text) FROM cleared

-- name: result_of
-- A ticket and the newest reply that was sent.
SELECT t.state, t.publishable, t.hidden, t.category, t.subject_terms, t.content, t.demand, t.answer, t.lead_unit,
       coalesce(r.unit, '') AS unit, coalesce(r.result, '') AS result, coalesce(r.policy, '') AS policy
FROM tickets AS t LEFT JOIN LATERAL (
    SELECT unit, result, policy FROM ticket_replies WHERE ticket_id = t.ticket_id AND state = 'sent' ORDER BY at DESC LIMIT 1
) AS r ON true
WHERE t.ticket_id = $1
