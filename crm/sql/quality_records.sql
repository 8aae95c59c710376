-- What people write down: errors, complaints about staff, suggestions, mystery calls. crm/quality/records.py.

-- name: add_error
INSERT INTO quality_errors (error_id, agent, kind, at, ticket, recording_id, note, noted_by, noted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: errors
SELECT error_id, agent, kind, at, ticket, recording_id, note, noted_by, noted_at, withdrawn_at, withdrawn_by, why,
       count(*) OVER () AS total
FROM quality_errors WHERE at >= $1 AND at < $2 AND ($3 = '' OR agent = $3) AND ($4 = '' OR kind = $4)
ORDER BY at DESC, error_id LIMIT $5 OFFSET $6

-- name: withdraw_error
UPDATE quality_errors SET withdrawn_at = $2, withdrawn_by = $3, why = $4 WHERE error_id = $1 AND withdrawn_at IS NULL RETURNING agent

-- name: is_error
SELECT EXISTS (SELECT FROM quality_errors WHERE error_id = $1)

-- name: is_recording
SELECT EXISTS (SELECT FROM recordings WHERE recording_id = $1)

-- name: add_complaint
INSERT INTO staff_complaints (complaint_id, agent, about, step, at, ticket, text, logged_by, logged_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: complaint
SELECT complaint_id, agent, about, step, at, ticket, text, logged_by, logged_at, state, checked_by, checked_at, conclusion
FROM staff_complaints WHERE complaint_id = $1 FOR UPDATE

-- name: complaints
SELECT complaint_id, agent, about, step, at, ticket, text, logged_by, logged_at, state, checked_by, checked_at, conclusion,
       count(*) OVER () AS total
FROM staff_complaints WHERE at >= $1 AND at < $2 AND ($3 = '' OR agent = $3) AND ($4 = '' OR state = $4)
ORDER BY at DESC, complaint_id LIMIT $5 OFFSET $6

-- name: check_complaint
UPDATE staff_complaints SET state = $2, agent = $3, conclusion = $4, checked_by = $5, checked_at = $6 WHERE complaint_id = $1

-- name: complaint_rate
-- KPI-04: complaints of the time that are valid, over calls with an agent.
SELECT count(*) AS logged, count(*) FILTER (WHERE state = 'valid') AS valid, count(*) FILTER (WHERE state = 'open') AS open,
       (SELECT count(*) FROM calls WHERE connected_at >= $1 AND connected_at < $2) AS calls
FROM staff_complaints WHERE at >= $1 AND at < $2

-- name: add_suggestion
INSERT INTO quality_suggestions (suggestion_id, text, by, unit, made_at) VALUES ($1, $2, $3, $4, $5)

-- name: suggestion
SELECT suggestion_id, text, by, unit, made_at, state, answer, answered_by, answered_at
FROM quality_suggestions WHERE suggestion_id = $1 FOR UPDATE

-- name: suggestions
SELECT suggestion_id, text, by, unit, made_at, state, answer, answered_by, answered_at, count(*) OVER () AS total
FROM quality_suggestions WHERE ($1 = '' OR by = $1) AND ($2 = '' OR state = $2)
ORDER BY made_at DESC, suggestion_id LIMIT $3 OFFSET $4

-- name: answer_suggestion
UPDATE quality_suggestions SET state = $2, answer = $3, answered_by = $4, answered_at = $5 WHERE suggestion_id = $1

-- name: add_mystery
INSERT INTO mystery_calls (mystery_id, line, at, attempts, passed, note, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: mysteries
SELECT mystery_id, line, at, attempts, passed, note, made_by, made_at, count(*) OVER () AS total
FROM mystery_calls WHERE at >= $1 AND at < $2 AND ($3 = '' OR line = $3) ORDER BY at DESC, mystery_id LIMIT $4 OFFSET $5

-- name: by_line
SELECT line, count(*)::integer AS tests, count(*) FILTER (WHERE passed)::integer AS passed,
       avg(jsonb_array_length(attempts))::double precision AS attempts,
       avg((attempts -> -1 ->> 'ring_seconds')::double precision) AS ring_seconds,
       avg((attempts -> -1 ->> 'menu_seconds')::double precision) AS menu_seconds,
       avg((attempts -> -1 ->> 'wait_seconds')::double precision) AS wait_seconds,
       avg((attempts -> -1 ->> 'solve_seconds')::double precision) AS solve_seconds
FROM mystery_calls WHERE at >= $1 AND at < $2 GROUP BY line ORDER BY line
