-- Three-way calls that began from $1 until before $2, counted. Not dialled: no consent, or an end before the first attempt.

-- name: total
SELECT count(*) AS threeways,
       count(DISTINCT (node, call_id)) AS calls,
       count(DISTINCT (node, call_id)) FILTER (WHERE outcome = 'answered') AS answered_calls,
       count(*) FILTER (WHERE NOT consent) AS without_consent,
       count(*) FILTER (WHERE ended_at IS NULL) AS still_open
FROM threeways WHERE begun_at >= $1 AND begun_at < $2

-- name: outcomes
SELECT outcome, count(*) FROM threeways
WHERE begun_at >= $1 AND begun_at < $2 AND outcome IS NOT NULL
GROUP BY outcome ORDER BY outcome

-- name: by_agent
SELECT agent, count(*) FILTER (WHERE jsonb_array_length(attempts) > 0) AS dialled,
       count(*) FILTER (WHERE disposition = 'wrong_unit') AS wrong_units,
       count(DISTINCT (node, call_id)) FILTER (WHERE outcome = 'answered') AS answered_calls
FROM threeways WHERE begun_at >= $1 AND begun_at < $2
GROUP BY agent ORDER BY agent

-- name: by_unit
-- Reached: somebody answered, no machine. Not counted as out of reach: agent or citizen gave up before both attempts had ended.
SELECT unit, (array_agg(unit_name ORDER BY begun_at DESC))[1] AS unit_name, count(*) AS dialled,
       count(*) FILTER (WHERE connected_at IS NOT NULL AND outcome IS DISTINCT FROM 'unreachable') AS reached,
       count(*) FILTER (WHERE outcome = 'unreachable') AS out_of_reach,
       count(*) FILTER (WHERE disposition = 'wrong_unit') AS wrong_units
FROM threeways WHERE begun_at >= $1 AND begun_at < $2 AND jsonb_array_length(attempts) > 0
GROUP BY unit ORDER BY unit

-- name: attempts
SELECT unit, coalesce(nullif(attempt ->> 'result', ''), 'OPEN') AS result, count(*)
FROM threeways, jsonb_array_elements(attempts) AS attempt
WHERE begun_at >= $1 AND begun_at < $2
GROUP BY 1, 2 ORDER BY 1, 2
