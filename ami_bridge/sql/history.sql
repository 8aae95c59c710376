-- Figures of any interval: from $1 up to $2, of one queue, skill, node ($3 to $5) or, where that is NULL, of all.

-- name: dirty
SELECT DISTINCT quarter FROM dirty_quarters
WHERE quarter >= $1 AND quarter < $2 AND ($3::text IS NULL OR node = $3) ORDER BY quarter

-- name: plan
-- A plan for these very times: it looks at their partitions and no others.
SET LOCAL plan_cache_mode = force_custom_plan

-- name: cells
-- $1 to $3: levels, beginnings and ends of spans.
SELECT cell.queue, cell.kind, cell.excluded, array_agg(cell.tally) AS tallies
FROM unnest($1::smallint[], $2::timestamptz[], $3::timestamptz[]) AS span (level, since, until)
CROSS JOIN LATERAL (
    SELECT queue, kind, excluded, tally FROM rollups
    WHERE level = span.level AND start >= span.since AND start < span.until
      AND ($4::text IS NULL OR queue = $4) AND ($5::text IS NULL OR skill = $5) AND ($6::text IS NULL OR node = $6)
    OFFSET 0
) AS cell
GROUP BY 1, 2, 3

-- name: call_cells
SELECT coalesce(sum(cell.calls), 0)::bigint AS calls, coalesce(sum(cell.answered), 0)::bigint AS answered,
       coalesce(sum(cell.ivr_hangups), 0)::bigint AS ivr_hangups
FROM unnest($1::smallint[], $2::timestamptz[], $3::timestamptz[]) AS span (level, since, until)
CROSS JOIN LATERAL (
    SELECT calls, answered, ivr_hangups FROM call_rollups
    WHERE level = span.level AND start >= span.since AND start < span.until AND ($4::text IS NULL OR node = $4)
    OFFSET 0
) AS cell

-- name: facts
SELECT queue, kind, coalesce(excluded::text, '') AS excluded,
       array_agg(outcome) AS outcomes, array_agg(wait_us) AS waits, array_agg(repaired) AS repaired
FROM requests
WHERE requested_at >= $1 AND requested_at < $2 AND NOT void
  AND ($3::text IS NULL OR queue = $3) AND ($4::text IS NULL OR skill = $4) AND ($5::text IS NULL OR node = $5)
GROUP BY 1, 2, 3

-- name: calls
-- $4 and $5: no request of these calls is older or younger.
SELECT count(*) AS calls, count(connected_at) AS answered,
       count(*) FILTER (WHERE disposition = 'ivr_hangup' AND NOT EXISTS (
           SELECT FROM requests
           WHERE requests.node = calls.node AND requests.call_id = calls.call_id AND NOT void
             AND requested_at >= $4 AND requested_at < $5
       )) AS ivr_hangups
FROM calls
WHERE direction = 'inbound' AND started_at >= $1 AND started_at < $2 AND ($3::text IS NULL OR node = $3)

-- name: lines
-- The requests in the order of their starts, after the one of $8 to $11; $6: outcomes, $7: how many. Nothing reaches beyond $12.
SELECT node, call_id, number, kind, caller, queue, first_queue, requested_at, ended_at, outcome, agent, hops, repaired, source,
       precision_us, excluded::text AS excluded,
       EXISTS (
           SELECT FROM calls
           WHERE calls.node = requests.node AND calls.call_id = requests.call_id AND connected_at IS NOT NULL
       ) AS call_is_answered,
       kind = 'caller' AND (number = 1 OR NOT EXISTS (
           SELECT FROM requests AS other
           WHERE other.node = requests.node AND other.call_id = requests.call_id AND other.kind = 'caller' AND NOT other.void
             AND other.number < requests.number AND other.requested_at >= $12 AND other.requested_at < $2
       )) AS is_first_of_call
FROM requests
WHERE requested_at >= $1 AND requested_at < $2 AND NOT void AND outcome = ANY ($6::text[])
  AND ($3::text IS NULL OR queue = $3) AND ($4::text IS NULL OR skill = $4) AND ($5::text IS NULL OR node = $5)
  AND ($8::timestamptz IS NULL OR (requested_at, node, call_id, number) > ($8, $9::text, $10::text, $11::smallint))
ORDER BY requests.requested_at, requests.node, requests.call_id, requests.number
LIMIT $7
