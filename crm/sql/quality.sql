-- What was found in calls, of everybody, of an agent, of today; sheets and samples. crm/quality.

-- name: findings
-- $1, $2: from, to; $3 agent, $4 check, $5 severity, $6 what a person said of it: each empty for any; $7, $8: how many, after how many.
SELECT f.finding_id, f.recording_id, q.node, q.call_id, f.code, f.agent, f.severity, f.at, f.from_ms, f.to_ms, f.detail, f.rules,
       f.judged, f.judged_by, f.judged_at, f.note, count(*) OVER () AS total
FROM quality_findings f JOIN quality_checks q USING (recording_id)
WHERE f.superseded_at IS NULL AND f.at >= $1 AND f.at < $2 AND ($3 = '' OR f.agent = $3) AND ($4 = '' OR f.code = $4)
  AND ($5 = '' OR f.severity = $5) AND ($6 = '' OR f.judged = CASE $6 WHEN 'open' THEN '' ELSE $6 END)
ORDER BY f.at DESC, f.finding_id DESC LIMIT $7 OFFSET $8

-- name: judge
UPDATE quality_findings SET judged = $2, judged_by = $3, judged_at = $4, note = $5
WHERE finding_id = $1 AND superseded_at IS NULL RETURNING recording_id

-- name: checked_call
SELECT q.recording_id, q.node, q.call_id, q.agent, q.started_at, q.length_ms, q.rules, q.checked_at, q.words_of, q.outcomes, q.is_wanted
FROM quality_checks q WHERE q.recording_id = $1

-- name: findings_of_call
SELECT f.finding_id, f.recording_id, q.node, q.call_id, f.code, f.agent, f.severity, f.at, f.from_ms, f.to_ms, f.detail, f.rules,
       f.judged, f.judged_by, f.judged_at, f.note
FROM quality_findings f JOIN quality_checks q USING (recording_id)
WHERE f.recording_id = $1 AND f.superseded_at IS NULL ORDER BY f.from_ms, f.finding_id

-- name: agents_in
-- Every agent who can be heard in a recording.
SELECT agent FROM quality_checks WHERE recording_id = $1 AND agent <> ''
UNION
SELECT v ->> 'name' FROM recordings r, jsonb_array_elements(r.manifest -> 'voices') AS v
WHERE r.recording_id = $1 AND v ->> 'who' IN ('agent', 'colleague') AND v ->> 'name' <> ''

-- name: calls_of
SELECT count(*) AS calls, count(*) FILTER (WHERE words_of IS NULL) AS without_words FROM quality_checks
WHERE started_at >= $1 AND started_at < $2 AND ($3 = '' OR agent = $3)

-- name: findings_by_code
SELECT code, count(*) AS found, count(*) FILTER (WHERE judged = 'confirmed') AS confirmed,
       count(*) FILTER (WHERE judged = 'dismissed') AS dismissed
FROM quality_findings WHERE superseded_at IS NULL AND at >= $1 AND at < $2 AND ($3 = '' OR agent = $3)
GROUP BY code ORDER BY found DESC, code

-- name: weeks_of
-- By week of Shanghai. Dismissed findings do not count; scores of calibrations are nobody's.
WITH weeks AS (
    SELECT date_trunc('week', started_at AT TIME ZONE 'Asia/Shanghai')::date AS week, count(*) AS calls
    FROM quality_checks WHERE started_at >= $1 AND started_at < $2 AND agent = $3 GROUP BY 1
), found AS (
    SELECT date_trunc('week', at AT TIME ZONE 'Asia/Shanghai')::date AS week, count(*) AS findings
    FROM quality_findings
    WHERE superseded_at IS NULL AND judged <> 'dismissed' AND at >= $1 AND at < $2 AND agent = $3 GROUP BY 1
), scored AS (
    SELECT date_trunc('week', submitted_at AT TIME ZONE 'Asia/Shanghai')::date AS week, count(*) AS scores, avg(total / most) AS share
    FROM quality_scores
    WHERE state = 'submitted' AND calibration_id IS NULL AND submitted_at >= $1 AND submitted_at < $2 AND agent = $3 GROUP BY 1
)
SELECT week, coalesce(calls, 0) AS calls, coalesce(findings, 0) AS findings, coalesce(scores, 0) AS scores, share
FROM weeks FULL JOIN found USING (week) FULL JOIN scored USING (week) ORDER BY week

-- name: standing_of
SELECT (SELECT count(*) FROM quality_scores
        WHERE state = 'submitted' AND calibration_id IS NULL AND submitted_at >= $1 AND submitted_at < $2 AND agent = $3) AS scores,
       (SELECT avg(total / most) FROM quality_scores
        WHERE state = 'submitted' AND calibration_id IS NULL AND submitted_at >= $1 AND submitted_at < $2 AND agent = $3) AS share,
       (SELECT count(*) FROM quality_appeals WHERE agent = $3 AND state = 'open') AS open_appeals,
       (SELECT count(*) FROM staff_complaints WHERE agent = $3 AND state = 'valid' AND at >= $1 AND at < $2) AS valid_complaints

-- name: errors_by_kind
SELECT kind, count(*) AS errors FROM quality_errors
WHERE withdrawn_at IS NULL AND at >= $1 AND at < $2 AND agent = $3 GROUP BY kind ORDER BY kind

-- name: today
SELECT (SELECT count(*) FROM recordings WHERE kind = 'conversation' AND started_at >= $1) AS recorded,
       (SELECT count(*) FROM quality_checks WHERE started_at >= $1) AS checked,
       (SELECT count(*) FROM quality_checks WHERE started_at >= $1 AND words_of IS NOT NULL) AS words_checked,
       (SELECT count(*) FROM quality_findings WHERE superseded_at IS NULL AND at >= $1) AS findings,
       (SELECT count(*) FROM quality_findings WHERE superseded_at IS NULL AND at >= $1 AND severity = 'serious') AS serious,
       (SELECT count(*) FROM quality_findings WHERE superseded_at IS NULL AND at >= $1 AND judged = '') AS not_judged,
       (SELECT count(*) FROM quality_scores WHERE state = 'submitted' AND submitted_at >= $1) AS scores,
       (SELECT count(*) FROM quality_appeals WHERE state = 'open') AS open_appeals,
       (SELECT count(*) FROM quality_samples s
        WHERE NOT EXISTS (SELECT FROM quality_scores k WHERE k.sample_id = s.sample_id AND k.state = 'submitted')) AS open_samples,
       (SELECT count(*) FROM survey_ratings WHERE rated_at >= $1 AND rating <> 'not_rated') AS rated,
       (SELECT count(*) FROM survey_ratings WHERE rated_at >= $1 AND rating IN ('very_satisfied', 'satisfied')) AS satisfied

-- name: sheets
SELECT DISTINCT ON (sheet) sheet, version, content, made_at, made_by FROM quality_sheets ORDER BY sheet, version DESC

-- name: sheet
SELECT sheet, version, content, made_at, made_by FROM quality_sheets
WHERE sheet = $1 AND ($2 = 0 OR version = $2) ORDER BY version DESC LIMIT 1

-- name: sheets_one_at_a_time
SELECT pg_advisory_xact_lock(hashtext('quality_sheets'))

-- name: add_sheet
INSERT INTO quality_sheets (sheet, version, content, made_at, made_by)
SELECT $1, 1 + coalesce(max(version), 0), $2, $3, $4 FROM quality_sheets WHERE sheet = $1
RETURNING sheet, version, content, made_at, made_by

-- name: add_plan
INSERT INTO quality_plans (plan_id, name, sheet, rule, seed, made_at, made_by) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: plans
SELECT plan_id, name, sheet, rule, seed, made_at, made_by, ended_at, ended_by, count(*) OVER () AS total,
       (SELECT max(week) FROM quality_draws d WHERE d.plan_id = p.plan_id) AS last_week
FROM quality_plans p WHERE $1 OR ended_at IS NULL ORDER BY made_at DESC, plan_id LIMIT $2 OFFSET $3

-- name: plan
SELECT plan_id, name, sheet, rule, seed, made_at, made_by, ended_at, ended_by FROM quality_plans WHERE plan_id = $1 FOR UPDATE

-- name: end_plan
UPDATE quality_plans SET ended_at = $2, ended_by = $3 WHERE plan_id = $1

-- name: plans_due
-- Weeks since the plan was made, of the last four, that are over by $1 (a Monday's date) and were not drawn; nothing of them is still
-- to be stored, or two days have passed ($2: today).
SELECT p.plan_id, w.week::date AS week FROM quality_plans p
CROSS JOIN generate_series($1::date - 28, $1::date - 7, interval '7 days') AS w (week)
WHERE p.ended_at IS NULL AND w.week::date + 7 > (p.made_at AT TIME ZONE 'Asia/Shanghai')::date
  AND NOT EXISTS (SELECT FROM quality_draws d WHERE d.plan_id = p.plan_id AND d.week = w.week::date)
  AND ($2::date >= w.week::date + 9 OR NOT EXISTS (
      SELECT FROM recordings r WHERE r.state = 'taken_in' AND r.kind = 'conversation'
        AND r.started_at >= w.week::timestamp AT TIME ZONE 'Asia/Shanghai'
        AND r.started_at < (w.week + interval '7 days')::timestamp AT TIME ZONE 'Asia/Shanghai'))
ORDER BY p.plan_id, w.week

-- name: draw_of
SELECT plan_id, week, seed, calls, drawn, drawn_at, drawn_by FROM quality_draws WHERE plan_id = $1 AND week = $2

-- name: candidates
-- Calls of the week from $2 to $3 that the plan $1 does not have. $4: today.
SELECT q.recording_id, q.agent, q.length_ms / 1000.0::double precision AS seconds, coalesce(c.direction, 'inbound') AS direction,
       coalesce((SELECT rating FROM survey_ratings s WHERE s.node = q.node AND s.call_id = q.call_id
                 ORDER BY s.rated_at DESC LIMIT 1), 'not_rated') AS rating,
       array(SELECT DISTINCT code FROM quality_findings f
             WHERE f.recording_id = q.recording_id AND f.superseded_at IS NULL AND f.judged <> 'dismissed') AS findings,
       coalesce(a.trainee AND (a.trainee_until IS NULL OR a.trainee_until >= $4::date), false) AS is_trainee
FROM quality_checks q JOIN recordings r USING (recording_id)
LEFT JOIN calls c ON c.node = q.node AND c.call_id = q.call_id LEFT JOIN agents a ON a.agent = q.agent
WHERE q.started_at >= $2 AND q.started_at < $3 AND r.state = 'stored' AND q.agent <> ''
  AND NOT EXISTS (SELECT FROM quality_samples s WHERE s.plan_id = $1 AND s.recording_id = q.recording_id)

-- name: keep_draw
INSERT INTO quality_draws (plan_id, week, seed, calls, drawn, drawn_at, drawn_by) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: keep_samples
INSERT INTO quality_samples (sample_id, plan_id, week, recording_id, agent)
SELECT gen_random_uuid(), $1, $2, s.recording_id, s.agent FROM unnest($3::bigint[], $4::text[]) AS s (recording_id, agent)

-- name: samples
-- $1: of this plan, or NULL; $2: also those that were scored; $3: whose calls the asker may not score; $4, $5: page.
SELECT s.sample_id, s.plan_id, p.name AS plan, p.sheet, s.week, s.recording_id, s.agent, q.node, q.call_id, q.started_at, q.length_ms,
       coalesce(k.state, 'open') AS state, coalesce(k.scorer, '') AS scorer, k.score_id, count(*) OVER () AS total
FROM quality_samples s JOIN quality_plans p USING (plan_id) JOIN quality_checks q USING (recording_id)
LEFT JOIN quality_scores k ON k.sample_id = s.sample_id
WHERE ($1::uuid IS NULL OR s.plan_id = $1) AND ($2 OR k.state IS DISTINCT FROM 'submitted') AND ($3 = '' OR s.agent <> $3)
ORDER BY s.week DESC, s.agent, s.recording_id LIMIT $4 OFFSET $5

-- name: sample
SELECT s.sample_id, s.recording_id, s.agent, p.sheet FROM quality_samples s JOIN quality_plans p USING (plan_id) WHERE s.sample_id = $1

-- name: replies
-- Returned results of units (QUA-08). $3: with warnings alone; $4: as many by chance with this seed, or all with an empty one.
SELECT r.reply_id, r.ticket_id, t.channel, r.unit, r.at, r.kind, r.is_true, r.solvable, r.outcome, r.citizen_told, r.warnings,
       r.state, coalesce(k.verdict, '') AS verdict, coalesce(k.note, '') AS note, coalesce(k.checked_by, '') AS checked_by, k.checked_at,
       count(*) OVER () AS total
FROM ticket_replies r JOIN tickets t USING (ticket_id) LEFT JOIN quality_reply_checks k USING (reply_id)
WHERE r.at >= $1 AND r.at < $2 AND (NOT $3 OR cardinality(r.warnings) > 0)
ORDER BY CASE WHEN $4 = '' THEN '' ELSE md5(r.reply_id::text || $4) END, r.at DESC, r.reply_id LIMIT $5 OFFSET $6

-- name: check_reply
INSERT INTO quality_reply_checks (reply_id, verdict, note, checked_by, checked_at)
SELECT reply_id, $2, $3, $4, $5 FROM ticket_replies WHERE reply_id = $1
ON CONFLICT (reply_id) DO UPDATE SET verdict = excluded.verdict, note = excluded.note, checked_by = excluded.checked_by,
    checked_at = excluded.checked_at
RETURNING reply_id
