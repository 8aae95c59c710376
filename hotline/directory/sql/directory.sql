-- Each put_* takes the whole file as a JSON array and returns one row per entry that was new (added) or differed; remove_* goes
-- before it and returns one row per entry that the file does not have.

-- name: remove_hotlines
DELETE FROM other_hotlines
WHERE code::text NOT IN (SELECT f.code FROM jsonb_to_recordset($1::jsonb) AS f (code text)) RETURNING true

-- name: put_hotlines
INSERT INTO other_hotlines AS known (code, position, number, name, prompts, hours)
SELECT * FROM jsonb_to_recordset($1::jsonb) AS f (code text, key smallint, number text, name text, prompts text, hours jsonb)
ON CONFLICT (code) DO UPDATE SET
    position = excluded.position, number = excluded.number, name = excluded.name, prompts = excluded.prompts, hours = excluded.hours
WHERE (known.position, known.number, known.name, known.prompts, known.hours)
      IS DISTINCT FROM (excluded.position, excluded.number, excluded.name, excluded.prompts, excluded.hours)
RETURNING xmax = 0 AS added

-- name: get_hotlines
SELECT code::text, position AS key, number::text, name, prompts::text, hours::text FROM other_hotlines ORDER BY position

-- name: remove_callers
DELETE FROM caller_groups
WHERE number::text NOT IN (SELECT f.number FROM jsonb_to_recordset($1::jsonb) AS f (number text)) RETURNING true

-- name: put_callers
INSERT INTO caller_groups AS known (number, "group")
SELECT * FROM jsonb_to_recordset($1::jsonb) AS f (number text, "group" text)
ON CONFLICT (number) DO UPDATE SET "group" = excluded."group" WHERE known."group" <> excluded."group"
RETURNING xmax = 0 AS added

-- name: get_callers
SELECT number::text, "group" FROM caller_groups ORDER BY number

-- What has an entry_id is the knowledge base's, and no file's.
-- name: remove_articles
DELETE FROM spoken_articles
WHERE entry_id IS NULL AND code::text NOT IN (SELECT f.code FROM jsonb_to_recordset($1::jsonb) AS f (code text)) RETURNING true

-- name: put_articles
INSERT INTO spoken_articles AS known (code, parent, position, title, text, prompts, document)
SELECT f.code, nullif(f.parent, ''), f.key, f.title, f.text, f.prompts, nullif(f.document, '')
FROM jsonb_to_recordset($1::jsonb)
     AS f (code text, parent text, key smallint, title text, text text, prompts text, document text)
ON CONFLICT (code) DO UPDATE SET
    parent = excluded.parent, position = excluded.position, title = excluded.title, text = excluded.text,
    prompts = excluded.prompts, document = excluded.document
WHERE known.entry_id IS NULL AND (known.parent, known.position, known.title, known.text, known.prompts, known.document)
      IS DISTINCT FROM (excluded.parent, excluded.position, excluded.title, excluded.text, excluded.prompts, excluded.document)
RETURNING xmax = 0 AS added

-- name: get_articles
SELECT code::text, coalesce(parent::text, '') AS parent, position AS key, title, text, prompts::text,
       coalesce(document, '') AS document
FROM spoken_articles WHERE entry_id IS NULL ORDER BY coalesce(parent::text, ''), position

-- name: articles_of_knowledge
SELECT code::text FROM spoken_articles
WHERE entry_id IS NOT NULL AND code::text IN (SELECT f.code FROM jsonb_to_recordset($1::jsonb) AS f (code text)) ORDER BY code

-- name: remove_announcements
DELETE FROM announcements AS known
WHERE entry_id IS NULL AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset($1::jsonb)
         AS f (prompts text, starts_at timestamptz, ends_at timestamptz, reason text, person text)
    WHERE (f.prompts, f.starts_at, f.ends_at, f.reason, f.person)
        = (known.prompts::text, known.starts_at, known.ends_at, known.reason, known.person)
) RETURNING true

-- name: put_announcements
INSERT INTO announcements (prompts, starts_at, ends_at, reason, person)
SELECT f.prompts, f.starts_at, f.ends_at, f.reason, f.person
FROM jsonb_to_recordset($1::jsonb)
     AS f (prompts text, starts_at timestamptz, ends_at timestamptz, reason text, person text)
WHERE NOT EXISTS (
    SELECT FROM announcements AS known
    WHERE (f.prompts, f.starts_at, f.ends_at, f.reason, f.person)
        = (known.prompts::text, known.starts_at, known.ends_at, known.reason, known.person)
) RETURNING true AS added

-- name: get_announcements
SELECT prompts::text, starts_at, ends_at, reason, person FROM announcements
WHERE entry_id IS NULL ORDER BY starts_at, announcement_id

-- name: stop_announcements
-- $1: the names of one announcement's prompts, or '' for all that are played now or later. One that has not begun never does.
UPDATE announcements SET ends_at = greatest(starts_at, now())
WHERE ends_at > now() AND ($1::text = '' OR prompts::text = $1::text)
RETURNING prompts::text

-- name: remove_ticket_answers
DELETE FROM ticket_answers
WHERE ticket_no::text NOT IN (SELECT f.ticket_no FROM jsonb_to_recordset($1::jsonb) AS f (ticket_no text)) RETURNING true

-- name: put_ticket_answers
-- A query_code_hash of null leaves the code as it is; an empty one takes it away.
INSERT INTO ticket_answers AS known (ticket_no, caller_number, query_code_hash, confidential, state, result, updated_at)
SELECT f.ticket_no, f.caller_number, nullif(coalesce(f.query_code_hash, there.query_code_hash), ''), f.confidential, f.state, f.result,
       f.updated_at
FROM jsonb_to_recordset($1::jsonb)
     AS f (ticket_no text, caller_number text, query_code_hash text, confidential boolean, state text, result text,
           updated_at timestamptz)
LEFT JOIN ticket_answers AS there ON there.ticket_no = f.ticket_no
ON CONFLICT (ticket_no) DO UPDATE SET
    caller_number = excluded.caller_number, query_code_hash = excluded.query_code_hash, confidential = excluded.confidential,
    state = excluded.state, result = excluded.result, updated_at = excluded.updated_at
WHERE (known.caller_number, known.query_code_hash, known.confidential, known.state, known.result, known.updated_at)
      IS DISTINCT FROM (excluded.caller_number, excluded.query_code_hash, excluded.confidential, excluded.state, excluded.result,
                        excluded.updated_at)
RETURNING xmax = 0 AS added

-- name: codes_of_tickets
SELECT ticket_no::text, query_code_hash FROM ticket_answers WHERE query_code_hash IS NOT NULL

-- name: get_ticket_answers
SELECT ticket_no::text, caller_number::text, confidential, state::text, nullif(result::text, '') AS result, updated_at
FROM ticket_answers ORDER BY ticket_no

-- Units and their people are ended, not removed: tickets name them.
-- name: remove_units
UPDATE units SET removed_at = now()
WHERE removed_at IS NULL AND code NOT IN (SELECT f.code FROM jsonb_to_recordset($1::jsonb) AS f (code text)) RETURNING true

-- name: put_units
-- A unit's telephones are one value: who reads a unit reads them with it, in their order.
INSERT INTO units AS known (code, name, name_en, parent, keywords, categories, competence, numbers, level, is_territorial, territories,
                            handling_section, responsible_leader, unit_group, active_from, active_to)
SELECT f.code, f.name, f.name_en, nullif(f.parent, ''), f.keywords, f.categories, f.competence, f.numbers, f.level, f.territorial,
       f.territories, f.handling_section, f.responsible_leader, f."group", f.active_from, f.active_to
FROM jsonb_to_recordset($1::jsonb)
     AS f (code text, name text, name_en text, parent text, keywords text[], categories text[], competence text, numbers jsonb,
           level text, territorial boolean, territories text[], handling_section text, responsible_leader text, "group" text,
           active_from date, active_to date)
ON CONFLICT (code) DO UPDATE SET
    name = excluded.name, name_en = excluded.name_en, parent = excluded.parent, keywords = excluded.keywords,
    categories = excluded.categories, competence = excluded.competence, numbers = excluded.numbers, level = excluded.level,
    is_territorial = excluded.is_territorial, territories = excluded.territories, handling_section = excluded.handling_section,
    responsible_leader = excluded.responsible_leader, unit_group = excluded.unit_group, active_from = excluded.active_from,
    active_to = excluded.active_to, removed_at = NULL
WHERE (known.name, known.name_en, known.parent, known.keywords, known.categories, known.competence, known.numbers, known.level,
       known.is_territorial, known.territories, known.handling_section, known.responsible_leader, known.unit_group,
       known.active_from, known.active_to, known.removed_at)
      IS DISTINCT FROM (excluded.name, excluded.name_en, excluded.parent, excluded.keywords, excluded.categories,
                        excluded.competence, excluded.numbers, excluded.level, excluded.is_territorial, excluded.territories,
                        excluded.handling_section, excluded.responsible_leader, excluded.unit_group, excluded.active_from,
                        excluded.active_to, NULL::timestamptz)
RETURNING xmax = 0 AS added

-- name: get_units
SELECT code, name, name_en, coalesce(parent, '') AS parent, keywords, categories, competence, numbers::text, level,
       is_territorial AS territorial, territories, handling_section, responsible_leader, unit_group AS "group", active_from, active_to
FROM units WHERE removed_at IS NULL ORDER BY code

-- name: remove_unit_staff
UPDATE unit_staff AS known SET removed_at = now()
WHERE removed_at IS NULL AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset($1::jsonb) AS f (unit text, name text) WHERE (f.unit, f.name) = (known.unit, known.name)
) RETURNING true

-- name: put_unit_staff
INSERT INTO unit_staff AS known (unit, name, role, deputy, position, duty, number, username)
SELECT * FROM jsonb_to_recordset($1::jsonb)
     AS f (unit text, name text, role text, deputy text, "position" text, duty text, number text, username text)
ON CONFLICT (unit, name) DO UPDATE SET
    role = excluded.role, deputy = excluded.deputy, position = excluded.position, duty = excluded.duty, number = excluded.number,
    username = excluded.username, removed_at = NULL
WHERE (known.role, known.deputy, known.position, known.duty, known.number, known.username, known.removed_at)
      IS DISTINCT FROM (excluded.role, excluded.deputy, excluded.position, excluded.duty, excluded.number, excluded.username,
                        NULL::timestamptz)
RETURNING xmax = 0 AS added

-- name: get_unit_staff
SELECT unit, name, role, deputy, position, duty, number, username FROM unit_staff WHERE removed_at IS NULL ORDER BY unit, name

-- name: remove_subject_terms
UPDATE subject_terms SET removed_at = now()
WHERE removed_at IS NULL AND term NOT IN (SELECT f.term FROM jsonb_to_recordset($1::jsonb) AS f (term text)) RETURNING true

-- name: put_subject_terms
INSERT INTO subject_terms AS known (term, words)
SELECT * FROM jsonb_to_recordset($1::jsonb) AS f (term text, words text[])
ON CONFLICT (term) DO UPDATE SET words = excluded.words, removed_at = NULL
WHERE (known.words, known.removed_at) IS DISTINCT FROM (excluded.words, NULL::timestamptz)
RETURNING xmax = 0 AS added

-- name: get_subject_terms
SELECT term, words FROM subject_terms WHERE removed_at IS NULL ORDER BY term

-- Agents are not removed: what they did stays theirs.
-- name: remove_agents
UPDATE agents SET active = false, origin = 'directory'
WHERE active AND agent NOT IN (SELECT f.agent FROM jsonb_to_recordset($1::jsonb) AS f (agent text)) RETURNING true

-- name: put_agents
INSERT INTO agents AS known
    (agent, name, name_en, role, skills, sub_centre, team, trainee, trainee_until, mentor, active, origin)
SELECT f.agent, f.name, f.name_en, f.role, f.skills, f.sub_centre, f.team, f.trainee, f.trainee_until, f.mentor, true, 'directory'
FROM jsonb_to_recordset($1::jsonb)
     AS f (agent text, name text, name_en text, role text, skills jsonb, sub_centre text, team text, trainee boolean,
           trainee_until date, mentor text)
ON CONFLICT (agent) DO UPDATE SET
    name = excluded.name, name_en = excluded.name_en, role = excluded.role, skills = excluded.skills,
    sub_centre = excluded.sub_centre, team = excluded.team, trainee = excluded.trainee, trainee_until = excluded.trainee_until,
    mentor = excluded.mentor, active = true, origin = 'directory'
WHERE (known.name, known.name_en, known.role, known.skills, known.sub_centre, known.team, known.trainee, known.trainee_until,
       known.mentor, known.active, known.origin)
      IS DISTINCT FROM (excluded.name, excluded.name_en, excluded.role, excluded.skills, excluded.sub_centre, excluded.team,
                        excluded.trainee, excluded.trainee_until, excluded.mentor, true, 'directory')
RETURNING xmax = 0 AS added

-- name: get_agents
SELECT agent, name, name_en, role, skills::text, sub_centre, team, trainee, trainee_until, mentor
FROM agents WHERE active ORDER BY agent

-- name: remove_shifts
DELETE FROM shift_plan AS known
WHERE NOT EXISTS (
    SELECT FROM jsonb_to_recordset($1::jsonb) AS f (agent text, begins timestamptz)
    WHERE (f.agent, f.begins) = (known.agent, known.begins)
) RETURNING true

-- name: put_shifts
INSERT INTO shift_plan AS known (agent, begins, ends)
SELECT f.agent, f.begins, f.ends FROM jsonb_to_recordset($1::jsonb) AS f (agent text, begins timestamptz, ends timestamptz)
ON CONFLICT (agent, begins) DO UPDATE SET ends = excluded.ends WHERE known.ends <> excluded.ends
RETURNING xmax = 0 AS added

-- name: get_shifts
SELECT agent, begins, ends FROM shift_plan ORDER BY begins, agent

-- name: note
INSERT INTO audit_log (actor, action, subject, detail) VALUES ($1, $2, $3, $4::jsonb)
