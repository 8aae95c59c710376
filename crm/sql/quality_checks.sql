-- The automatic checks: what is to be checked, what a check looks at, what it found. crm/quality/checking.py.

-- name: newest_rules
SELECT version, digest, rules FROM quality_rules ORDER BY version DESC LIMIT 1

-- name: rules_one_at_a_time
SELECT pg_advisory_xact_lock(hashtext('quality_rules'))

-- name: add_rules
INSERT INTO quality_rules (digest, rules, made_at, made_by) VALUES ($1, $2, $3, $4) RETURNING version

-- name: fresh
-- What came since $1: stored, transcribed, flagged; and what is wanted again. $2: how many.
SELECT recording_id FROM (
    (SELECT r.recording_id FROM recordings r
     WHERE r.sealed_at >= $1 AND r.state = 'stored' AND r.kind = 'conversation'
       AND NOT EXISTS (SELECT FROM quality_checks q WHERE q.recording_id = r.recording_id) LIMIT $2)
    UNION
    (SELECT t.recording_id FROM transcripts t JOIN recordings r USING (recording_id)
     WHERE t.state = 'done' AND t.made_at >= $1 AND r.state = 'stored' AND r.kind = 'conversation'
       AND NOT EXISTS (SELECT FROM quality_checks q WHERE q.recording_id = t.recording_id AND q.words_of IS NOT DISTINCT FROM t.made_at)
     LIMIT $2)
    UNION
    (SELECT q.recording_id FROM quality_flags f JOIN quality_checks q USING (node, call_id)
     WHERE f.at >= $1 AND NOT EXISTS (SELECT FROM quality_findings g WHERE g.recording_id = q.recording_id AND g.code = f.kind) LIMIT $2)
    UNION
    (SELECT recording_id FROM quality_checks WHERE is_wanted LIMIT $2)
) AS one ORDER BY recording_id LIMIT $2

-- name: all_after
-- Of all recordings beyond $1 the next $2 that were not checked as they are now.
SELECT r.recording_id FROM recordings r
LEFT JOIN quality_checks q USING (recording_id)
LEFT JOIN transcripts t ON t.recording_id = r.recording_id AND t.state = 'done'
WHERE r.recording_id > $1 AND r.state = 'stored' AND r.kind = 'conversation'
  AND (q.recording_id IS NULL OR (t.made_at IS NOT NULL AND q.words_of IS DISTINCT FROM t.made_at))
ORDER BY r.recording_id LIMIT $2

-- name: alone
SELECT pg_advisory_xact_lock(hashtext('quality_checks'), ($1::bigint % 2147483647)::integer)

-- name: call
SELECT r.recording_id, r.node, r.call_id, r.manifest, r.length_ms, coalesce(r.started_at, c.started_at, r.stored_at) AS started_at,
       r.started_at AS begins_at, coalesce(c.agent, '') AS agent, t.made_at AS words_of,
       coalesce((SELECT rating FROM survey_ratings s WHERE s.node = r.node AND s.call_id = r.call_id
                 ORDER BY s.rated_at DESC LIMIT 1), '') AS rating,
       EXISTS (SELECT FROM control_calls k WHERE k.node = r.node AND k.call_id = r.call_id AND k.silent_since IS NOT NULL) AS said_silent
FROM recordings r
LEFT JOIN calls c USING (node, call_id)
LEFT JOIN transcripts t ON t.recording_id = r.recording_id AND t.state = 'done'
WHERE r.recording_id = $1 AND r.state = 'stored' AND r.kind = 'conversation'

-- name: turns
SELECT track, from_ms, to_ms, text, confidence, words FROM transcript_turns WHERE recording_id = $1 ORDER BY number

-- name: asked_for_agent
-- The wish of the caller that was answered, within a day of $3.
SELECT wait_us, coalesce(agent, '') AS agent FROM requests
WHERE node = $1 AND call_id = $2 AND kind = 'caller' AND outcome = 'answered' AND NOT void
  AND requested_at BETWEEN $3::timestamptz - interval '1 day' AND $3::timestamptz + interval '1 day'
ORDER BY number LIMIT 1

-- name: agents_turns
SELECT agent, ring_us, ended_at, ended_by FROM agent_turns
WHERE node = $1 AND call_id = $2 AND result = 'answered' AND NOT void
  AND rang_at BETWEEN $3::timestamptz - interval '1 day' AND $3::timestamptz + interval '1 day'
ORDER BY number

-- name: flags
SELECT agent, at FROM quality_flags WHERE node = $1 AND call_id = $2 AND kind = 'agent_hung_up_first' ORDER BY flag_id

-- name: dispositions
SELECT DISTINCT agent, disposition FROM call_dispositions WHERE node = $1 AND call_id = $2

-- name: threeways
SELECT agent, begun_at, consent, jsonb_array_length(attempts) > 0 OR connected_at IS NOT NULL AS was_dialled
FROM threeways WHERE node = $1 AND call_id = $2 ORDER BY threeway_id

-- name: keep_check
INSERT INTO quality_checks (recording_id, node, call_id, agent, started_at, length_ms, rules, checked_at, words_of, outcomes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (recording_id) DO UPDATE SET agent = excluded.agent, started_at = excluded.started_at, length_ms = excluded.length_ms,
    rules = excluded.rules, checked_at = excluded.checked_at, words_of = excluded.words_of, outcomes = excluded.outcomes,
    is_wanted = false

-- name: standing
SELECT finding_id, code, agent, from_ms FROM quality_findings WHERE recording_id = $1 AND superseded_at IS NULL

-- name: supersede
UPDATE quality_findings SET superseded_at = $2 WHERE finding_id = ANY ($1::bigint[])

-- name: found_again
UPDATE quality_findings SET severity = $2, at = $3, to_ms = $4, detail = $5, rules = $6 WHERE finding_id = $1

-- name: found
INSERT INTO quality_findings (recording_id, code, agent, severity, at, from_ms, to_ms, detail, rules, found_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: want
-- Those between $1 and $2 that were checked by other rules than $3.
WITH wanted AS (
    UPDATE quality_checks SET is_wanted = true
    WHERE started_at >= $1 AND started_at < $2 AND rules <> $3 AND NOT is_wanted RETURNING recording_id
)
SELECT count(*) FROM wanted
